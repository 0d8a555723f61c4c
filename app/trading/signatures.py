"""Whether a bridge's message is really from our bridge, and how often somebody may get that wrong.

A signature covers the sender's second, a nonce and the body. It is good for a minute, and each nonce for one message.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import OrderedDict, deque
from typing import Final
from uuid import UUID

import redis
import structlog

from app.core import redis as core_redis
from app.core.redis import key
from app.kit import clock

log = structlog.get_logger()

SIGNATURE_AGE_S: Final = 60
NONCES_KEPT_S: Final = 300
_SIGNATURE = re.compile(r"t=(\d{1,12}),n=([0-9A-Za-z_-]{16,64}),v1=([0-9a-f]{64})")


def sign(secret: str, stamp: int, nonce: str, body: bytes) -> str:
    """The signature header's value for a body sent at `stamp`."""
    digest = hmac.new(secret.encode(), f"{stamp}.{nonce}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},n={nonce},v1={digest}"


def signed_nonce(secret: str, signature: str, body: bytes) -> str | None:
    """The nonce of a body that was signed with the secret within the last minute; None for any other body. Takes the
    same time whatever the digest is."""
    found = _SIGNATURE.fullmatch(signature)
    if found is None or abs(clock.now().timestamp() - int(found[1])) > SIGNATURE_AGE_S:
        return None
    wanted = sign(secret, int(found[1]), found[2], body).rpartition("=")[2]
    return found[2] if hmac.compare_digest(wanted, found[3]) else None


def take_nonce(platform_id: UUID, nonce: str) -> bool:
    """Whether the nonce is seen for the first time in five minutes, by any process of this instance.

    Without Redis every nonce passes: an event that is heard twice is stored once all the same.
    """
    try:
        return bool(core_redis.client().set(key("bridge-nonce", platform_id, nonce), 1, nx=True, ex=NONCES_KEPT_S))
    except redis.RedisError as error:
        log.warning("bridge.nonce_unchecked", platform=str(platform_id), error=str(error))
        return True


class Mistakes:
    """Refused messages of the last minute, by address. Whoever makes too many is not even read for a while."""

    def __init__(self, limit: int = 30, seconds: float = 60, addresses_max: int = 10_000) -> None:
        self._limit = limit
        self._seconds = seconds
        self._addresses_max = addresses_max
        self._by_address: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, address: str) -> None:
        """Note one mistake. The addresses that were silent longest are forgotten when there are too many."""
        with self._lock:
            self._by_address.setdefault(address, deque(maxlen=self._limit)).append(time.monotonic())
            self._by_address.move_to_end(address)
            while len(self._by_address) > self._addresses_max:
                self._by_address.popitem(last=False)

    def are_too_many(self, address: str) -> bool:
        """Whether the address is to wait."""
        with self._lock:
            found = self._by_address.get(address)
            return found is not None and len(found) == self._limit and found[0] > time.monotonic() - self._seconds

    def clear(self) -> None:
        """Forget everybody."""
        with self._lock:
            self._by_address.clear()
