"""The bridge: signs and posts what happens on the trade server, in order, until it is acknowledged.

The format is described in docs/protocols/mt5-bridge.md.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import deque
from hashlib import sha256
from typing import Any

import aiohttp
import msgspec

from app.kit import clock
from app.kit.ids import new_id
from app.simulators.mt5.config import PushConfig
from app.simulators.mt5.log import log
from app.simulators.mt5.state import Event

SIGNATURE_HEADER = "X-Kontor-Signature"
_BATCH_MAX = 200
_QUEUE_MAX = 100_000
_RETRY_FIRST_SECONDS, _RETRY_LAST_SECONDS, _REFUSED_SECONDS = 0.1, 2.0, 5.0
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError, KeyError, TypeError, ValueError)
_TIMEOUT = aiohttp.ClientTimeout(total=10)


class Numbered(msgspec.Struct, frozen=True):
    """An event with its place in the sequence."""

    seq: int
    type: str
    at: int
    record: dict[str, Any]


def sign(secret: str, stamp: int, nonce: str, body: bytes) -> str:
    """The signature header's value for a body sent at `stamp`; each attempt needs a nonce of its own."""
    digest = hmac.new(secret.encode(), f"{stamp}.{nonce}.".encode() + body, sha256).hexdigest()
    return f"t={stamp},n={nonce},v1={digest}"


class Bridge:
    """One trade server's events on their way to one address."""

    def __init__(self, config: PushConfig | None, heartbeat_seconds: float) -> None:
        self._config = config
        self._heartbeat_seconds = heartbeat_seconds
        self._wake = asyncio.Event()
        self._pending: deque[Numbered] = deque()
        self.epoch = str(new_id())
        self.seq = 0
        self.acked = 0
        self.attempts = 0
        self.last_error = ""
        self.is_paused = False
        self.is_disconnected = False
        self.events_to_lose = 0
        self.batches_to_repeat = 0

    def __call__(self, event: Event) -> None:
        """Take an event. While the link to the trade server is down it is lost."""
        if self.is_disconnected:
            return
        self._add(event.type, event.at_ms, event.record)

    def _add(self, kind: str, at_ms: int, record: dict[str, Any]) -> None:
        if len(self._pending) >= _QUEUE_MAX:
            self._pending.clear()
            kind, record = "bridge.overflow", {}
        self.seq += 1
        if self.events_to_lose:
            self.events_to_lose -= 1  # Numbered but never sent: a hole that the receiver must notice.
            return
        self._pending.append(Numbered(self.seq, kind, at_ms, record))
        self._wake.set()

    def note(self, kind: str) -> None:
        """Queue an event about the bridge itself."""
        if self._config is not None:
            self._add(kind, _now_ms(), {})

    @property
    def has_address(self) -> bool:
        """Whether there is anybody to tell."""
        return self._config is not None

    def configure(self, config: PushConfig) -> None:
        """Post to another address from now on."""
        is_new = self._config is None
        self._config = config
        if is_new:
            self.note("bridge.connect")
            self.note("bridge.sync")
        self._wake.set()

    def pause(self, is_paused: bool) -> None:
        """Hold everything back, as a broken network would; nothing is lost."""
        self.is_paused = is_paused
        self._wake.set()

    def disconnect(self, is_disconnected: bool) -> None:
        """Cut or restore the link between bridge and trade server: what happens meanwhile is never told."""
        if is_disconnected and not self.is_disconnected:
            self.note("bridge.disconnect")
        elif self.is_disconnected and not is_disconnected:
            self.note("bridge.connect")
            self.note("bridge.sync")
        self.is_disconnected = is_disconnected

    def dump(self) -> dict[str, Any]:
        """The journal: what a restarted bridge goes on from."""
        return {
            "epoch": self.epoch,
            "seq": self.seq,
            "acked": self.acked,
            "pending": msgspec.to_builtins(list(self._pending)),
            "config": msgspec.to_builtins(self._config),
        }

    def restore(self, saved: dict[str, Any], *, is_complete: bool) -> None:
        """Continue a journal. One that was not closed properly may lack events, so its numbers are not used again."""
        if self._config is None and saved.get("config"):
            self._config = msgspec.convert(saved["config"], PushConfig)
        if is_complete:
            self.epoch, self.seq, self.acked = saved["epoch"], saved["seq"], saved["acked"]
            self._pending = deque(msgspec.convert(saved["pending"], list[Numbered]))

    def status(self) -> dict[str, Any]:
        """How far the receiver is."""
        return {
            "url": self._config.url if self._config else "",
            "bridge": self._config.bridge if self._config else "",
            "epoch": self.epoch,
            "seq": self.seq,
            "acked": self.acked,
            "pending": len(self._pending),
            "attempts": self.attempts,
            "last_error": self.last_error,
            "is_paused": self.is_paused,
            "is_disconnected": self.is_disconnected,
        }

    async def run(self) -> None:
        """Post until cancelled."""
        retry = _RETRY_FIRST_SECONDS
        async with aiohttp.ClientSession(timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=1)) as http:
            while True:
                await self._wait()
                if self._config is None or self.is_paused or not self._pending:
                    continue
                pause = await self._post(http, self._config)
                if pause is None:
                    retry = _RETRY_FIRST_SECONDS
                    continue
                await asyncio.sleep(pause or retry)
                retry = min(retry * 2, _RETRY_LAST_SECONDS)

    async def _wait(self) -> None:
        if self._pending and self._config is not None and not self.is_paused:
            return
        self._wake.clear()
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                await self._wake.wait()
        except TimeoutError:
            if not self._pending:
                self._add("bridge.heartbeat", _now_ms(), {"Connected": "0" if self.is_disconnected else "1"})

    async def _post(self, http: aiohttp.ClientSession, config: PushConfig) -> float | None:
        """Send what waits. None when it was acknowledged, else how long to wait (0: as the last failures suggest)."""
        batch = [self._pending[index] for index in range(min(len(self._pending), _BATCH_MAX))]
        body = msgspec.json.encode(
            {
                "bridge": config.bridge,
                "epoch": self.epoch,
                "seq": batch[-1].seq,
                "sent_at": _now_ms(),
                "events": batch,
            }
        )
        headers = {
            **config.headers,
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(config.secret, int(clock.now().timestamp()), secrets.token_hex(16), body),
        }
        self.attempts += 1
        try:
            async with http.post(config.url, data=body, headers=headers, allow_redirects=False) as response:
                text = await response.read()
                if response.status != 200:
                    return self._failed(f"status {response.status}", response.status in (401, 403))
                ack = int(msgspec.json.decode(text)["ack"])
        except _FAILURES as error:
            return self._failed(f"{type(error).__name__}: {error}", False)
        if not batch[0].seq <= ack <= batch[-1].seq:
            return self._failed(f"acknowledged {ack}", False)
        self.acked, self.last_error = ack, ""
        if self.batches_to_repeat:
            self.batches_to_repeat -= 1  # As if the acknowledgement had been lost on its way.
            return None
        while self._pending and self._pending[0].seq <= ack:
            self._pending.popleft()
        return None

    def _failed(self, error: str, is_refused: bool) -> float:
        if error != self.last_error:
            log("bridge.not_delivered", error=error, pending=len(self._pending))
        self.last_error = error
        return _REFUSED_SECONDS if is_refused else 0.0


def _now_ms() -> int:
    return int(clock.now().timestamp() * 1000)
