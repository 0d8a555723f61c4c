"""A client of the raw MT5 protocol written from its description alone: it shares nothing with the product."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB


def shared_secret(password: str) -> bytes:
    """H: what both sides derive from the password."""
    return hashlib.md5(hashlib.md5(password.encode("utf-16-le")).digest() + b"WebAPI").digest()


class KeyStream:
    """The block-wise chain of one direction."""

    def __init__(self, key: bytes, vector: bytes) -> None:
        self._aes = Cipher(AES(key), ECB()).encryptor()
        self._state = vector

    def xor(self, packet: bytes) -> bytes:
        """Encrypt or decrypt one packet. What is left of its last block is thrown away."""
        out = bytearray()
        for start in range(0, len(packet), 16):
            self._state = self._aes.update(self._state)
            out += bytes(a ^ b for a, b in zip(packet[start : start + 16], self._state, strict=False))
        return bytes(out)


@dataclass
class Answer:
    """A message from the server."""

    command: str
    params: dict[str, str] = field(default_factory=dict)
    json: Any = None
    packets: int = 1

    @property
    def retcode(self) -> int:
        return int(self.params["RETCODE"].split()[0])


class RawClient:
    """One connection over plain TCP."""

    def __init__(self, port: int, timeout: float = 5) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.pings: list[str] = []
        self.serial = 0
        self._outgoing: KeyStream | None = None
        self._incoming: KeyStream | None = None
        self.socket.sendall(b"MT5WEBAPI")

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def sign_in(self, login: int, password: str, method: str = "AES256OFB") -> Answer:
        """Do the handshake and, when the server agrees, switch the cipher on."""
        started = self.ask("AUTH_START", VERSION=3950, AGENT="Test", LOGIN=login, TYPE="MANAGER", CRYPT_METHOD=method)
        secret, challenge = shared_secret(password), os.urandom(16)
        proof = hashlib.md5(secret + bytes.fromhex(started.params["SRV_RAND"])).hexdigest()
        answered = self.ask("AUTH_ANSWER", SRV_RAND_ANSWER=proof, CLI_RAND=challenge.hex())
        if answered.retcode:
            return answered
        assert answered.params["CLI_RAND_ANSWER"] == hashlib.md5(secret + challenge).hexdigest()
        if method != "NONE":
            block, vectors, rand = secret, [], bytes.fromhex(answered.params["CRYPT_RAND"])
            assert len(rand) == 256
            for start in range(0, 256, 16):
                block = hashlib.md5(rand[start : start + 16] + block).digest()
                vectors.append(block)
            self._outgoing = KeyStream(vectors[0] + vectors[1], vectors[2])
            self._incoming = KeyStream(vectors[0] + vectors[1], vectors[3])
        return answered

    def ask(self, command: str, body: Any = None, **params: object) -> Answer:
        """Send a command and wait for its answer."""
        self.send(command, body, **params)
        return self.receive()

    def send(self, command: str, body: Any = None, **params: object) -> None:
        """Send a command."""
        text = command + "|" + "".join(f"{name}={self.escape(str(value))}|" for name, value in params.items()) + "\r\n"
        self.send_text(text + ("" if body is None else json.dumps(body)))

    def send_text(self, text: str) -> None:
        """Send any text as the next message."""
        self.serial = (self.serial + 1) % 0x4000
        packet = text.encode("utf-16-le")
        if self._outgoing:
            packet = self._outgoing.xor(packet)
        self.socket.sendall(f"{len(packet):04x}{self.serial:04x}0".encode() + packet)

    def send_ping(self) -> None:
        """An empty packet."""
        self.socket.sendall(b"000000640")

    @staticmethod
    def escape(value: str) -> str:
        for letter in ("\\", "=", "|", "\n"):
            value = value.replace(letter, "\\" + letter)
        return value

    def receive(self) -> Answer:
        """The answer to the last message sent; pings on the way are noted."""
        body, packets = b"", 0
        while True:
            header = self._exactly(9).decode()
            length, serial, flag = int(header[:4], 16), int(header[4:8], 16), header[8]
            if length == 0:
                self.pings.append(header)
                continue
            packet = self._exactly(length)
            body += self._incoming.xor(packet) if self._incoming else packet
            packets += 1
            assert serial == self.serial
            if flag == "0":
                break
        line, _, rest = body.decode("utf-16-le").partition("\r\n")
        command, *parts = line.split("|")
        params = dict(part.split("=", 1) for part in parts if part)
        return Answer(command, params, json.loads(rest) if rest.strip() else None, packets)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError("The server has closed the connection.")
            data += part
        return data
