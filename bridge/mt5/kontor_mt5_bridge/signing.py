"""The signature of a batch: HMAC-SHA256 over the second, a nonce and the body."""

from __future__ import annotations

import hmac
import secrets
import time
from hashlib import sha256

HEADER = "X-Kontor-Signature"


def sign(secret: str, stamp: int, nonce: str, body: bytes) -> str:
    """The signature header's value for a body sent at `stamp`."""
    digest = hmac.new(secret.encode(), f"{stamp}.{nonce}.".encode() + body, sha256).hexdigest()
    return f"t={stamp},n={nonce},v1={digest}"


def sign_now(secret: str, body: bytes) -> str:
    """The signature for one attempt: no two attempts share a nonce."""
    return sign(secret, int(time.time()), secrets.token_hex(16), body)
