"""Sealing of secrets: AES-256-GCM under a data key per tenant, itself wrapped by the instance's master key.

The first master key wraps anew; all of them may unwrap, so that a master key can be rotated without a stop.
"""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.config import settings


class CannotUnseal(RuntimeError):
    """No known key opens this: the master key was changed without rotation, or the row was tampered with."""


def seal(key: bytes, plain: bytes, context: bytes) -> bytes:
    """Encrypt under a 32-byte key; `context` must be given again to open it."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Open what `seal` made. Raises CannotUnseal."""
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], context)
    except InvalidTag:
        raise CannotUnseal("The key does not open this secret.") from None


def new_data_key() -> bytes:
    """A fresh 32-byte key."""
    return AESGCM.generate_key(256)


def wrap(data_key: bytes, context: bytes) -> bytes:
    """Seal a data key under the instance's first master key."""
    return seal(_masters()[0], data_key, context)


def unwrap(wrapped: bytes, context: bytes) -> bytes:
    """Open a data key with whichever master key fits. Raises CannotUnseal."""
    for master in _masters():
        try:
            return unseal(master, wrapped, context)
        except CannotUnseal:
            continue
    raise CannotUnseal("No master key of this instance opens the data key.")


def _masters() -> list[bytes]:
    keys = settings().master_keys
    if not keys:
        raise CannotUnseal("KONTOR_MASTER_KEY is empty.")
    return [hashlib.sha256(b"kontor master" + key.encode()).digest() for key in keys]
