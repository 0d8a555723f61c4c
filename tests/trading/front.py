"""A door in front of a trade server that can be in trouble: it passes bytes on, hangs up, shows an expired certificate,
or answers with whatever it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.kit import clock

PASS, CLOSE, EXPIRED, ANSWER = "pass", "close", "expired", "answer"


class Front:
    """Listens on a port of its own. `mode` says what the next connection meets; `knocks` counts them."""

    def __init__(self, target: int, folder: Path) -> None:
        self.mode, self.answer = PASS, b""
        self.speaks_first = False  # Whether an answer waits for a question.
        self.knocks = 0
        self.port = 0
        self.ca_pem = ""
        self._target = target
        self._sound, self._expired = self._contexts(folder)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._open: set[asyncio.WriteTransport] = set()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)

    def _contexts(self, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """A context whose certificate holds, and one whose certificate has expired; both by this door's authority."""
        now, key = clock.now(), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The test's authority")])
        authority = _certificate(name, name, key, key, now - timedelta(days=9), now + timedelta(days=9), is_ca=True)
        self.ca_pem = authority.public_bytes(serialization.Encoding.PEM).decode()
        contexts = []
        for label, until in (("sound", now + timedelta(days=9)), ("expired", now - timedelta(days=1))):
            own = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
            leaf = _certificate(subject, name, own, key, now - timedelta(days=8), until, is_ca=False)
            file = folder / f"{label}.pem"
            private = own.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            file.write_bytes(private + leaf.public_bytes(serialization.Encoding.PEM))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            contexts.append(context)
        return contexts[0], contexts[1]

    def begin(self, mode: str, answer: bytes = b"") -> None:
        """From now on every connection meets this, and those that are open break."""
        self.mode, self.answer = mode, answer
        self._loop.call_soon_threadsafe(self._break_open)

    def _break_open(self) -> None:
        for transport in self._open:
            transport.abort()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._meet, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await self._stop.wait()
        self._break_open()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        plain = writer.transport
        self._open.add(plain)
        with contextlib.suppress(OSError, ssl.SSLError, EOFError, asyncio.CancelledError):
            if self.mode == PASS:
                await self._pass_on(reader, writer)
            elif self.mode != CLOSE:
                await self._answer(reader, writer)
        self._open.discard(plain)
        plain.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        plain = writer.transport
        with contextlib.suppress(AttributeError):  # Python asks the transport of somebody who left in the handshake.
            await writer.start_tls(self._expired if self.mode == EXPIRED else self._sound)
        if writer.transport is None:  # The other side left during the handshake.
            writer._transport = plain
            return
        if not self.speaks_first:
            await reader.readuntil(b"\r\n\r\n")
        writer.write(self.answer)
        await writer.drain()
        await reader.read()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._open.add(back.transport)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._open.discard(back.transport)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while received := await source.read(65536):
        target.write(received)
        await target.drain()
    target.transport.abort()


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    begins: datetime,
    ends: datetime,
    *,
    is_ca: bool,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@contextmanager
def running_front(target: int, folder: Path) -> Iterator[Front]:
    """A door in front of the server on this port, for the length of the block."""
    front = Front(target, folder)
    front._thread.start()
    assert front._ready.wait(20)
    try:
        yield front
    finally:
        front._loop.call_soon_threadsafe(front._stop.set)
        front._thread.join(20)
        front._loop.close()
