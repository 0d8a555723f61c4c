"""The MT5 Web API's proof that both sides know the password, without sending it.

MD5 is the protocol's choice; it is safe here only because the exchange runs inside TLS.
"""

from __future__ import annotations

import hashlib
import hmac


def password_digest(password: str) -> bytes:
    """The 16 bytes that stand for a password in every later answer."""
    inner = hashlib.md5(password.encode("utf-16-le"), usedforsecurity=False).digest()
    return hashlib.md5(inner + b"WebAPI", usedforsecurity=False).digest()


def answer_to(digest: bytes, challenge_hex: str) -> str:
    """The answer to a challenge of 32 hex digits, in lower case. Raises ValueError when it is no hexadecimal text."""
    return hashlib.md5(digest + bytes.fromhex(challenge_hex), usedforsecurity=False).hexdigest()


def is_right_answer(digest: bytes, challenge_hex: str, answer_hex: str) -> bool:
    """Whether the other side knows the password too. Takes the same time whatever the answer is."""
    return hmac.compare_digest(answer_to(digest, challenge_hex).encode(), answer_hex.strip().lower().encode())
