"""Password hashes: argon2id with the library's defaults, over a keyed digest of the password."""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.config import settings

_hasher = PasswordHasher()
# One hash takes 64 MiB and a whole core for a moment. More at once would only make each of them slower.
_turns = BoundedSemaphore(max(2, os.cpu_count() or 2))


@cache
def _pepper() -> bytes:
    """The key that a stolen database does not contain. It follows from the instance's secret key."""
    return hmac.digest(settings().secret_key.encode(), b"kontor: password pepper 1", hashlib.sha256)


def _peppered(password: str) -> str:
    composed = unicodedata.normalize("NFC", password)  # Keyboards differ in how they write one and the same letter.
    return hmac.new(_pepper(), composed.encode(), hashlib.sha256).hexdigest()


class Hashed(str):
    """The hash of a password in the password's place: for the many logins of a demonstration that share one."""


def hash_password(password: str) -> str:
    """The text to store for this password. `Hashed` is stored as it is."""
    if isinstance(password, Hashed):
        return str(password)
    with _turns:
        return _hasher.hash(_peppered(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password fits. Without a stored hash it takes as long and answers no."""
    with _turns:
        try:
            return _hasher.verify(stored or _nobody(), _peppered(password)) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


@cache
def _nobody() -> str:
    """A hash that no password fits, so that an unknown address costs the same time as a wrong password."""
    return _hasher.hash(os.urandom(32))
