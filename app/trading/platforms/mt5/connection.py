"""One authenticated connection to an MT5 access server. The session lives exactly as long as the connection.

HTTP is spoken over our own socket, because a client library that quietly opened a second connection would lose the
session.
One request is on the way at a time. A connection that failed once is closed and never used again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Final

import h11

from app.trading.platforms.base import NotPermitted, OutcomeUnknown, PlatformUnavailable, Trouble
from app.trading.platforms.mt5 import codec, handshake, retcodes
from app.trading.platforms.mt5.codec import Answer, Unreadable

VERSION: Final = "3950"
AGENT: Final = "Kontor"
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
_LONG_BYTES: Final = 256 * 1024


class SessionLost(Exception):
    """The access server answered 403: the session is gone, or the right is missing. Which of them cannot be told
    from one answer."""


class SignInRefused(NotPermitted):
    """The manager login, its password or its address was refused, or the server could not prove that it knows the
    password."""

    usual_trouble = Trouble.CREDENTIALS


class _TooLong(h11.RemoteProtocolError):
    """The answer is larger than we read."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an access server is and how it is believed: a pinned certificate authority, or the system's trust."""

    host: str
    port: int
    login: int
    password: str = field(repr=False)
    ca_pem: str = ""
    server_name: str = ""
    connect_timeout_s: float = 5.0
    request_timeout_s: float = 10.0

    def tls(self) -> ssl.SSLContext:
        """A context that always verifies. With a pinned authority nothing else is trusted."""
        return ssl.create_default_context(cadata=self.ca_pem or None)


class Connection:
    """An open, signed-in connection. Made by `open_connection`; used by one task at a time."""

    def __init__(self, endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=256 * 1024)
        self._cookies: dict[str, str] = {}
        self.used_at = time.monotonic()
        self.is_open = True

    @property
    def is_alive(self) -> bool:
        """Whether it can still be used, as far as this side knows.

        Bytes that nobody asked for, such as an answer that came twice, end it: they would be taken for the next answer.
        """
        return self.is_open and not self._reader.at_eof() and not self._has_unasked()

    def _has_unasked(self) -> bool:
        unread: bytearray = self._reader._buffer  # type: ignore[attr-defined]  # Nothing public tells it.
        return bool(unread) or bool(self._http.trailing_data[0])

    async def call(
        self,
        command: str,
        params: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        *,
        send_by: float | None = None,
    ) -> Answer:
        """Send one command and read its answer.

        Raises PlatformUnavailable when nothing was written, SessionLost on 403, OutcomeUnknown when it was written
        and no usable answer
        came. After OutcomeUnknown and SessionLost the connection is closed.
        """
        if not self.is_alive:
            self.abort()
            raise PlatformUnavailable("The connection is closed.")
        if send_by is not None and asyncio.get_running_loop().time() >= send_by:
            raise PlatformUnavailable("The time to send it has passed.")
        frame = self._frame(command, params, body)
        try:
            async with asyncio.timeout(self._endpoint.request_timeout_s):
                self._writer.write(frame)
                await self._writer.drain()
                status, content = await self._read_answer()
        except (OSError, TimeoutError, h11.ProtocolError, ssl.SSLError, EOFError) as error:
            self.abort()
            why = f"{command} was not answered: {type(error).__name__}."
            raise OutcomeUnknown(why, trouble=_trouble_of(error)) from None
        except asyncio.CancelledError:
            self.abort()  # A half-read answer would be taken for the next command's.
            raise
        self.used_at = time.monotonic()
        if status == 403:
            self.abort()
            raise SessionLost(command)
        if status != 200:
            self.abort()
            trouble = Trouble.MAINTENANCE if status in (502, 503, 504) else Trouble.MALFORMED
            raise OutcomeUnknown(f"{command} was answered with HTTP {status}.", trouble=trouble)
        try:
            if len(content) > _LONG_BYTES:  # The loop has others to serve meanwhile.
                return await asyncio.to_thread(codec.parse_answer, content)
            return codec.parse_answer(content)
        except Unreadable as error:
            self.abort()
            raise OutcomeUnknown(f"{command}: {error}", trouble=Trouble.MALFORMED) from None

    def _frame(self, command: str, params: Mapping[str, object] | None, body: Mapping[str, object] | None) -> bytes:
        target = f"/api/{command}" + (f"?{codec.query(params)}" if params else "")
        headers = [("Host", self._endpoint.server_name or self._endpoint.host), ("Connection", "keep-alive")]
        content = b""
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        if self._cookies:
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self._cookies.items())))
        request = h11.Request(method="GET" if body is None else "POST", target=target, headers=headers)
        frame = self._http.send(request) or b""
        if content:
            frame += self._http.send(h11.Data(data=content)) or b""
        return frame + (self._http.send(h11.EndOfMessage()) or b"")

    async def _read_answer(self) -> tuple[int, bytes]:
        status = 0
        content = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                received = await self._reader.read(65536)
                if not received and self._http.their_state is h11.SEND_RESPONSE:
                    raise EOFError("The connection ended before the answer.")
                self._http.receive_data(received)
            elif isinstance(event, h11.Response):
                status = event.status_code
                if any(name == b"content-length" and int(value) > MAX_ANSWER_BYTES for name, value in event.headers):
                    raise _TooLong("The answer is too long.")
                self._keep_cookies(event)
            elif isinstance(event, h11.Data):
                content += event.data
                if len(content) > MAX_ANSWER_BYTES:
                    raise _TooLong("The answer is too long.")
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError("The connection ended.")
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.abort()  # The server announced that it closes: the answer counts, the session does not live on.
        return status, bytes(content)

    def _keep_cookies(self, response: h11.Response) -> None:
        for name, value in response.headers:
            if name == b"set-cookie":
                try:
                    parsed = SimpleCookie(value.decode("latin-1"))
                except CookieError:
                    continue
                self._cookies.update({key: morsel.value for key, morsel in parsed.items()})

    async def sign_in(self) -> None:
        """Prove to each other that both know the password. Raises SignInRefused or PlatformUnavailable."""
        endpoint = self._endpoint
        digest = handshake.password_digest(endpoint.password)
        start = await self._sign_in_step(
            "auth/start", {"version": VERSION, "agent": AGENT, "login": endpoint.login, "type": "manager"}
        )
        challenge = secrets.token_hex(16)
        try:
            proof = handshake.answer_to(digest, codec.text(start.members, "srv_rand"))
        except ValueError:
            raise SignInRefused("The server's challenge cannot be read.") from None
        done = await self._sign_in_step("auth/answer", {"srv_rand_answer": proof, "cli_rand": challenge})
        if not handshake.is_right_answer(digest, challenge, codec.text(done.members, "cli_rand_answer")):
            self.abort()
            raise SignInRefused("The server does not know the manager's password.")

    async def _sign_in_step(self, command: str, params: Mapping[str, object]) -> Answer:
        try:
            answer = await self.call(command, params)
        except SessionLost:
            raise SignInRefused("The server refused the manager's password.") from None
        except OutcomeUnknown as error:
            raise PlatformUnavailable(str(error), trouble=error.trouble) from None
        if answer.code in retcodes.DONE:
            return answer
        self.abort()
        trouble = retcodes.trouble(answer.code)
        if answer.code in retcodes.SIGN_IN and answer.code != 1018:
            raise SignInRefused(f"The server refused the manager login with {answer.code}.", trouble=trouble)
        raise PlatformUnavailable(f"Sign-in was answered with {answer.code}.", trouble=trouble)

    async def quit(self) -> None:
        """Say good-bye and close."""
        if self.is_open:
            try:
                async with asyncio.timeout(1):
                    await self.call("quit")
            except (SessionLost, OutcomeUnknown, PlatformUnavailable, TimeoutError):
                pass
        await self.close()

    async def close(self) -> None:
        """Close and wait until it is."""
        self.abort()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Close at once. A farewell in TLS would outlive a loop that ends now."""
        self.is_open = False
        self._writer.transport.abort()


async def open_connection(endpoint: Endpoint, tls: ssl.SSLContext) -> Connection:
    """Connect and sign in. Raises PlatformUnavailable or SignInRefused."""
    try:
        async with asyncio.timeout(endpoint.connect_timeout_s):
            reader, writer = await asyncio.open_connection(
                endpoint.host,
                endpoint.port,
                ssl=tls,
                server_hostname=endpoint.server_name or endpoint.host,
                limit=2**20,
            )
    except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError.
        await asyncio.sleep(0)  # The loop closes the failed socket in its next turn, even when it ends right after.
        why = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else type(error).__name__
        raise PlatformUnavailable(f"No connection: {why}.", trouble=_trouble_of(error, is_connecting=True)) from None
    connection = Connection(endpoint, reader, writer)
    try:
        await connection.sign_in()
    except (PlatformUnavailable, SignInRefused):
        await connection.close()
        raise
    except BaseException:
        connection.abort()
        raise
    return connection


_CERTIFICATE_EXPIRED: Final = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED.


def _trouble_of(error: Exception, *, is_connecting: bool = False) -> Trouble:
    """What is the matter when a connection cannot be opened, or breaks before its answer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        is_expired = error.verify_code == _CERTIFICATE_EXPIRED
        return Trouble.CERTIFICATE_EXPIRED if is_expired else Trouble.CERTIFICATE
    if isinstance(error, (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, EOFError, ssl.SSLEOFError)):
        return Trouble.CLOSED
    if isinstance(error, _TooLong):
        return Trouble.OVERSIZED
    if isinstance(error, h11.ProtocolError):
        return Trouble.OVERSIZED if "too long" in str(error).lower() else Trouble.MALFORMED
    if isinstance(error, ssl.SSLError):
        return Trouble.MALFORMED
    if isinstance(error, TimeoutError):
        return Trouble.NETWORK if is_connecting else Trouble.SLOW
    return Trouble.NETWORK
