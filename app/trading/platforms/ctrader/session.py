"""One authenticated connection to the Manager API. It lives as long as its socket, and fails as a whole.

Requests are answered by the id they were sent with, in any order. What comes without an id is what the platform tells
by itself; it waits here until somebody reads it. A connection that falls silent is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar

import structlog
from google.protobuf.message import Message

from app.kit import clock
from app.kit.ids import new_token
from app.trading.platforms.base import NotPermitted, OutcomeUnknown, PlatformUnavailable, Trouble
from app.trading.platforms.ctrader import errors, units, wire
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.wire import Envelope, MalformedFrame

log = structlog.get_logger()

M = TypeVar("M", bound=Message)

MOST_WAITING_EVENTS: Final = 100_000
_READ_BYTES: Final = 262_144
_TOKEN_BITS: Final = 48


class SignInRefused(NotPermitted):
    """The manager login, its password, the plant or the environment was refused."""

    usual_trouble = Trouble.CREDENTIALS


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the Manager API is and how it is believed: a pinned certificate authority, or the system's trust."""

    host: str
    port: int
    plant: str
    environment: str
    login: int
    password: str = field(repr=False)
    ca_pem: str = field(default="", repr=False)
    server_name: str = ""
    connect_timeout_s: float = 10.0
    request_timeout_s: float = 10.0
    list_timeout_s: float = 30.0
    heartbeat_s: float = 10.0
    silence_s: float = 60.0

    def tls(self) -> ssl.SSLContext:
        """A context that always verifies. With a pinned authority nothing else is trusted."""
        return ssl.create_default_context(cadata=self.ca_pem or None)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the platform told by itself, and when its last byte was here."""

    message: Message
    received_at: datetime


class Session:
    """An open connection. Made by `open_session`."""

    def __init__(
        self,
        endpoint: Endpoint,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_quote: Callable[[pb.ProtoSpotEvent], None],
    ) -> None:
        self._endpoint = endpoint
        self._on_quote = on_quote  # Prices are only of use at once; they do not wait among the events.
        self._reader = reader
        self._writer = writer
        self._token = new_token(_TOKEN_BITS)
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Envelope]] = {}
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()
        self._hello = asyncio.Event()
        self._heard_at = self._spoke_at = self.began_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        self.permissions: frozenset[int] = frozenset()
        self.is_open = True
        self.error = ""
        self.trouble = Trouble.CLOSED
        self.unknown: dict[int, int] = {}  # How often each number that is none of ours has come.
        self.late_answers = 0

    def start(self) -> None:
        """Begin to read and to keep the connection alive."""
        self._tasks = [
            asyncio.create_task(self._read(), name="ctrader-read"),
            asyncio.create_task(self._keep_alive(), name="ctrader-heartbeat"),
        ]

    async def sign_in(self) -> None:
        """Wait for the server's hello, then say who we are. Raises SignInRefused or PlatformUnavailable."""
        endpoint = self._endpoint
        try:
            async with asyncio.timeout(endpoint.connect_timeout_s):
                await self._hello.wait()
        except TimeoutError:
            raise PlatformUnavailable("The server did not say hello.", trouble=Trouble.SLOW) from None
        self._require_open()
        request = pb.ProtoManagerAuthReq(
            plantId=endpoint.plant,
            environmentName=endpoint.environment,
            login=endpoint.login,
            passwordHash=units.secret_of(endpoint.password),
        )
        envelope = await self._ask(request, endpoint.request_timeout_s, None)
        answer = envelope.message
        if isinstance(answer, pb.ProtoErrorRes):
            self._raise_sign_in(answer)
        if not isinstance(answer, pb.ProtoManagerAuthRes):
            raise PlatformUnavailable("Sign-in was answered with something else.", trouble=Trouble.MALFORMED)
        self.permissions = frozenset(answer.permission)

    def _raise_sign_in(self, answer: pb.ProtoErrorRes) -> None:
        error = errors.error_of(answer.errorCode, answer.description)
        if isinstance(error, PlatformUnavailable):
            raise MaintenanceError(error, answer.maintenanceEndTimestamp)
        raise SignInRefused(f"The server refused the manager login with {answer.errorCode}.")

    async def request(
        self, message: Message, answer: type[M], *, timeout_s: float | None = None, send_by: float | None = None
    ) -> M:
        """Send one request and wait for its answer.

        Raises PlatformUnavailable when nothing was written, OutcomeUnknown when it was and no usable answer came, and
        what `errors.error_of` says for an error answer.
        """
        self._require_open()
        envelope = await self._ask(message, timeout_s or self._endpoint.request_timeout_s, send_by)
        found = envelope.message
        if isinstance(found, answer):
            return found
        if isinstance(found, pb.ProtoErrorRes):
            if found.errorCode in errors.UNCERTAIN:
                raise OutcomeUnknown(f"{found.errorCode} {found.description}".strip())
            raise errors.error_of(found.errorCode, found.description)
        raise OutcomeUnknown(f"The request was answered with {envelope.number}.", trouble=Trouble.MALFORMED)

    async def _ask(self, message: Message, timeout_s: float, send_by: float | None) -> Envelope:
        if send_by is not None and asyncio.get_running_loop().time() >= send_by:
            raise PlatformUnavailable("The time to send it has passed.")
        request_id = f"{self._token}-{next(self._numbers)}"
        future: asyncio.Future[Envelope] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = future
        try:
            async with asyncio.timeout(timeout_s):
                self._write(wire.encode(message, request_id))
                await self._writer.drain()
                return await future
        except TimeoutError:
            raise OutcomeUnknown("The request was not answered in time.", trouble=Trouble.SLOW) from None
        except OSError as error:
            self.fail(f"The connection broke: {type(error).__name__}.", Trouble.CLOSED)
            raise OutcomeUnknown(self.error, trouble=self.trouble) from None
        finally:
            self._waiting.pop(request_id, None)

    def _write(self, frame: bytes) -> None:
        self._writer.write(frame)
        self._spoke_at = time.monotonic()

    def _require_open(self) -> None:
        if not self.is_open:
            raise PlatformUnavailable(self.error or "The connection is closed.", trouble=self.trouble)

    async def events(self, most: int) -> list[Event]:
        """Wait for something that the platform tells by itself, and answer what has come so far, oldest first, at most
        `most` of them. An empty list means that the connection is over and everything was read."""
        while not self._events:
            if not self.is_open:
                return []
            self._news.clear()
            await self._news.wait()
        return [self._events.popleft() for _ in range(min(most, len(self._events)))]

    async def _read(self) -> None:
        frames = wire.Frames()
        try:
            while received := await self._reader.read(_READ_BYTES):
                self._heard_at = time.monotonic()
                at = clock.now()
                for content in frames.feed(received):
                    self._take(wire.decode(content), at)
            self.fail("The server closed the connection.", Trouble.CLOSED)
        except MalformedFrame as error:
            oversized = "announced" in str(error)
            self.fail(str(error), Trouble.OVERSIZED if oversized else Trouble.MALFORMED)
        except (OSError, EOFError) as error:
            self.fail(f"The connection broke: {type(error).__name__}.", Trouble.CLOSED)

    def _take(self, envelope: Envelope, at: datetime) -> None:
        message = envelope.message
        if message is None:
            self.unknown[envelope.number] = self.unknown.get(envelope.number, 0) + 1
        elif isinstance(message, pb.ProtoSpotEvent):
            self._on_quote(message)
            return
        elif isinstance(message, pb.ProtoHelloEvent):
            self._hello.set()
        elif _is_event(message):  # It may carry the id of the request that caused it, and is no answer to it.
            self._events.append(Event(message, at))
            self._news.set()
            if len(self._events) > MOST_WAITING_EVENTS:
                self.fail("Events came faster than they were stored.", Trouble.DATABASE)
            return
        if envelope.request_id:
            waiting = self._waiting.get(envelope.request_id)
            if waiting is None or waiting.done():
                self.late_answers += 1  # It came after its time, or twice.
            else:
                waiting.set_result(envelope)

    async def _keep_alive(self) -> None:
        """Say that we are there when nothing else is said, and notice when the server no longer is."""
        heartbeat = wire.encode(pb.ProtoHeartbeatEvent())
        while self.is_open:
            await asyncio.sleep(min(self._endpoint.heartbeat_s, self._endpoint.silence_s) / 4)
            instant = time.monotonic()
            if instant - self._heard_at > self._endpoint.silence_s:
                self.fail("The server fell silent.", Trouble.SLOW)
            elif instant - self._spoke_at >= self._endpoint.heartbeat_s * 0.75:
                with contextlib.suppress(OSError):
                    self._write(heartbeat)

    def fail(self, error: str, trouble: Trouble) -> None:
        """Give the connection up, and whatever waits on it."""
        if not self.is_open:
            return
        self.is_open, self.error, self.trouble = False, error, trouble
        self._writer.close()
        self._hello.set()
        self._news.set()
        for waiting in list(self._waiting.values()):
            if not waiting.done():
                waiting.set_exception(OutcomeUnknown(error, trouble=trouble))

    async def close(self) -> None:
        """Close, and wait until it is."""
        self.fail("The connection was closed by us.", Trouble.CLOSED)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()


class MaintenanceError(PlatformUnavailable):
    """The server cannot be used before `until`, as far as it says (None: it does not)."""

    def __init__(self, error: PlatformUnavailable, until_msc: int) -> None:
        super().__init__(str(error), trouble=error.trouble)
        self.until = datetime.fromtimestamp(until_msc / 1000, tz=clock.now().tzinfo) if until_msc else None


def _is_event(message: Message) -> bool:
    """Whether it is something that the platform tells by itself."""
    return message.DESCRIPTOR.name.endswith("Event") and not isinstance(message, pb.ProtoHeartbeatEvent)


async def open_session(
    endpoint: Endpoint, tls: ssl.SSLContext, on_quote: Callable[[pb.ProtoSpotEvent], None]
) -> Session:
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
        raise PlatformUnavailable(f"No connection: {type(error).__name__}.", trouble=_trouble_of(error)) from None
    session = Session(endpoint, reader, writer, on_quote)
    session.start()
    try:
        await session.sign_in()
    except OutcomeUnknown as error:
        await session.close()
        raise PlatformUnavailable(str(error), trouble=error.trouble) from None
    except BaseException:
        await session.close()
        raise
    return session


def _trouble_of(error: Exception) -> Trouble:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble.CERTIFICATE_EXPIRED if error.verify_code == 10 else Trouble.CERTIFICATE
    return Trouble.SLOW if isinstance(error, TimeoutError) else Trouble.NETWORK
