"""The mutual challenge of the Web API and the cipher of its raw variant."""

from __future__ import annotations

import hmac
from hashlib import md5

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

_BLOCK = 16


def password_digest(password: str) -> bytes:
    """What both sides know: MD5 over the binary MD5 of the UTF-16 password and the word WebAPI."""
    inner = md5(password.encode("utf-16-le"), usedforsecurity=False).digest()
    return md5(inner + b"WebAPI", usedforsecurity=False).digest()


def answer_to(digest: bytes, challenge: bytes) -> str:
    """The proof, in lower-case hex, that the sender knows the password behind `digest`."""
    return md5(digest + challenge, usedforsecurity=False).hexdigest()


def is_answer(digest: bytes, challenge: bytes, given: str) -> bool:
    """Whether `given`, in upper or lower case, answers the challenge."""
    return hmac.compare_digest(answer_to(digest, challenge).encode(), given.lower().encode())


def chain(digest: bytes, crypt_rand: bytes) -> list[bytes]:
    """The sixteen blocks that key and both streams are cut from."""
    blocks, block = [], digest
    for start in range(0, 256, _BLOCK):
        block = md5(crypt_rand[start : start + _BLOCK] + block, usedforsecurity=False).digest()
        blocks.append(block)
    return blocks


class CipherStream:
    """One direction of AES256OFB. Every packet begins with a fresh block; the chain goes on across packets."""

    def __init__(self, key: bytes, start: bytes) -> None:
        # The platform defines this mode; nothing secret rests on it here.
        self._encryptor = Cipher(AES(key), modes.ECB()).encryptor()
        self._state = start

    def apply(self, body: bytes) -> bytes:
        """Encrypt or decrypt the body of the next packet. An empty body uses no key stream."""
        stream = bytearray()
        while len(stream) < len(body):
            self._state = self._encryptor.update(self._state)
            stream += self._state
        size = len(body)
        return (int.from_bytes(body, "big") ^ int.from_bytes(stream[:size], "big")).to_bytes(size, "big")


def cipher_streams(digest: bytes, crypt_rand: bytes) -> tuple[CipherStream, CipherStream]:
    """The streams of one connection: client to server, server to client."""
    blocks = chain(digest, crypt_rand)
    key = blocks[0] + blocks[1]
    return CipherStream(key, blocks[2]), CipherStream(key, blocks[3])
