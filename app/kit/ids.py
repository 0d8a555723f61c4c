"""Identifiers made in Python, so that a row is known before it is written."""

from __future__ import annotations

import os
import secrets
import threading
import time
from uuid import UUID

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_lock = threading.Lock()
_last_ms = 0
_counter = 0


def new_id() -> UUID:
    """A uuid of version 7 (RFC 9562): milliseconds first, then a counter: ids of one process sort by creation."""
    global _last_ms, _counter
    with _lock:
        ms = time.time_ns() // 1_000_000
        if ms <= _last_ms:
            _counter += 1
            if _counter > 0xFFF:
                _last_ms, _counter = _last_ms + 1, 0
        else:
            _last_ms, _counter = ms, secrets.randbelow(0x400)
        stamp, counter = _last_ms, _counter
    tail = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return UUID(int=(stamp << 80) | (0x7 << 76) | (counter << 64) | (0b10 << 62) | tail)


def new_token(bits: int = 256) -> str:
    """A secret of `bits` random bits as URL-safe text. Store only its hash."""
    return secrets.token_urlsafe(bits // 8)


def reference(prefix: str) -> str:
    """A short unique text such as `D-7K3M9Q2XW4`: 50 random bits in Crockford's alphabet. Not a secret."""
    return f"{prefix}-" + "".join(secrets.choice(_CROCKFORD) for _ in range(10))
