"""Frames over TCP: a length of four bytes, big-endian, and an envelope. Both protobuf faces talk this way."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol, TypeVar

from google.protobuf.message import DecodeError, Message

from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.faults import FaultKind, Faults
from app.simulators.ctrader.log import log
from app.simulators.ctrader.proto.sim_manager_pb2 import ProtoMessage

FRAME_MAX = 15_000_000
HEARTBEAT = 51
_STOP_SECONDS = 5
_BUFFER_MAX = 64 * 1024 * 1024
_M = TypeVar("_M", bound=Message)
_LENGTH = struct.Struct(">I")


def envelope(number: int, payload: bytes, message_id: str | None = None) -> bytes:
    """A frame, length included."""
    message = ProtoMessage(payloadType=number, payload=payload)
    if message_id is not None:
        message.clientMsgId = message_id
    body = message.SerializeToString()
    return _LENGTH.pack(len(body)) + body


def parsed(kind: type[_M], payload: bytes) -> _M:
    """The content of a request; refused when it is malformed or lacks what it must have."""
    try:
        message = kind.FromString(payload)
    except DecodeError:
        raise Refusal("INVALID_REQUEST", "Message cannot be read") from None
    if not message.IsInitialized():
        raise Refusal("INVALID_REQUEST", "Message lacks a required field")
    return message


@dataclass(slots=True)
class Held:
    """A pushed frame that waits until the request being carried out is answered."""

    number: int
    payload: bytes
    is_answer: bool


class Link:
    """One client's connection."""

    def __init__(self, writer: asyncio.StreamWriter, server: FrameServer) -> None:
        self._writer, self._server = writer, server
        self._held: list[Held] | None = None
        self._message_id: str | None = None
        self._is_correlating = False
        self.heard_at = self.told_at = monotonic()
        self.state: Any = None

    def send(self, number: int, payload: bytes, message_id: str | None = None) -> None:
        """Send at once."""
        self.write(self._server.encode(number, payload, message_id))

    def write(self, data: bytes) -> None:
        """Send bytes as they are. A client that does not read is disconnected."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        self.told_at = monotonic()
        self._writer.write(data)
        if transport.get_write_buffer_size() > _BUFFER_MAX:
            transport.abort()

    def push(self, number: int, payload: bytes, *, names: tuple[str, ...], trader_id: int, is_answer: bool) -> None:
        """Tell of an event. `is_answer` says that the request now being carried out is answered by it."""
        faults, face = self._server.faults, self._server.face
        is_answer = is_answer and self._is_correlating
        if not is_answer and faults.take(FaultKind.LOSE_EVENT, face, names, trader_id):
            return
        late = faults.take(FaultKind.HOLD_EVENT, face, names, trader_id)
        if late is not None:
            asyncio.get_running_loop().call_later(late.seconds, self.send, number, payload)
            return
        times = 2 if faults.take(FaultKind.REPEAT_EVENT, face, names, trader_id) else 1
        for _ in range(times):
            if self._held is not None:
                self._held.append(Held(number, payload, is_answer))
            else:
                self._later(number, payload, None)

    def correlate(self) -> None:
        """The events of the request now being carried out are its answer."""
        self._is_correlating = True

    def begin(self, message_id: str | None) -> None:
        """Hold events back while a request is carried out."""
        self._held, self._message_id, self._is_correlating = [], message_id, False

    def finish(self) -> tuple[list[Held], bool]:
        """What was held back, and whether the events among it are the answer."""
        held, self._held = self._held or [], None
        is_correlated, self._is_correlating = self._is_correlating, False
        return held, is_correlated

    def flush(self, held: list[Held], message_id: str | None, *, are_answers_lost: bool = False) -> None:
        """Send what was held back."""
        for item in held:
            if item.is_answer and are_answers_lost:
                continue
            self._later(item.number, item.payload, message_id if item.is_answer else None)

    def _later(self, number: int, payload: bytes, message_id: str | None) -> None:
        lag = self._server.lag_seconds()
        if lag > 0:
            asyncio.get_running_loop().call_later(lag, self.send, number, payload, message_id)
        else:
            self.send(number, payload, message_id)

    def abort(self) -> None:
        """Break the connection."""
        self._writer.transport.abort()

    def close(self) -> None:
        """End the connection after what was written."""
        self._writer.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """A message and its number."""

    number: int
    payload: bytes


@dataclass(slots=True)
class Context:
    """A request: its number, its names for faults, its content and whom it concerns."""

    number: int
    names: tuple[str, ...]
    payload: bytes
    message_id: str | None
    trader_id: int | None = None
    ctid: int = 0


class Face(Protocol):
    """What a protocol does with frames."""

    def connected(self, link: Link) -> None: ...
    def disconnected(self, link: Link) -> None: ...
    def describe(self, link: Link, number: int, payload: bytes, message_id: str | None) -> Context: ...
    def act(self, link: Link, context: Context) -> list[Answer]: ...
    def refuse(self, link: Link, context: Context, refusal: Refusal, maintenance_end_ms: int) -> Answer: ...


class FrameServer:
    """Accepts connections of one face, with the faults that were ordered."""

    def __init__(
        self,
        name: str,
        face: Face,
        faults: Faults,
        *,
        heartbeat_seconds: float,
        silence_seconds: float,
        lag_seconds: Callable[[], float],
    ) -> None:
        self.face, self.faults, self.lag_seconds = name, faults, lag_seconds
        self.handler = face
        self._heartbeat_seconds, self._silence_seconds = heartbeat_seconds, silence_seconds
        self.links: set[Link] = set()
        self.is_down = False
        self.requests = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[Any]] = set()

    def encode(self, number: int, payload: bytes, message_id: str | None) -> bytes:
        return envelope(number, payload, message_id)

    async def listen(self, host: str, port: int, context: ssl.SSLContext | None) -> asyncio.Server:
        """Open a port."""
        return await asyncio.start_server(self._serve, host, port, ssl=context, backlog=256)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.transport.abort()
            return
        link = Link(writer, self)
        self.links.add(link)
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        beating = asyncio.create_task(self._beat(link))
        try:
            self.handler.connected(link)
            await self._read(reader, link)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, TimeoutError, OSError):
            pass
        finally:
            beating.cancel()
            self._serving.discard(serving)
            self.links.discard(link)
            self.handler.disconnected(link)
            with contextlib.suppress(OSError, ssl.SSLError):
                writer.close()

    async def _read(self, reader: asyncio.StreamReader, link: Link) -> None:
        while True:
            (length,) = _LENGTH.unpack(await reader.readexactly(4))
            if not 0 < length <= FRAME_MAX:
                link.abort()
                return
            body = await reader.readexactly(length)
            link.heard_at = monotonic()
            message = ProtoMessage()
            try:
                message.ParseFromString(body)
            except DecodeError:
                link.abort()
                return
            message_id = message.clientMsgId if message.HasField("clientMsgId") else None
            await self.receive(link, message.payloadType, message.payload, message_id)

    async def receive(self, link: Link, number: int, payload: bytes, message_id: str | None) -> None:
        """Carry a request out, in its own task where it is delayed."""
        if number == HEARTBEAT:
            return
        self.requests += 1
        context = self.handler.describe(link, number, payload, message_id)
        delay = self._take(FaultKind.DELAY, context)
        if delay is None:
            await self._perform(link, context)
            return
        self._keep(self._delayed(link, context, delay))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _delayed(self, link: Link, context: Context, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._perform(link, context)

    async def _perform(self, link: Link, context: Context) -> None:
        if self._has(FaultKind.DROP_BEFORE, context):
            link.abort()
            return
        if self._has(FaultKind.LOSE_BEFORE, context):
            return
        refusal = self.faults.take(FaultKind.REFUSE, self.face, context.names, context.trader_id)
        if refusal is not None:
            answer = self.handler.refuse(link, context, Refusal(refusal.code), refusal.maintenance_end_ms)
            link.send(answer.number, answer.payload, context.message_id)
            return
        link.begin(context.message_id)
        try:
            answers = self.handler.act(link, context)
        except Refusal as refused:
            answers = [self.handler.refuse(link, context, refused, 0)]
        except Exception as error:  # A fault of the simulator must not look like a broken network.
            log("request_failed", face=self.face, number=context.number, error=repr(error))
            answers = [self.handler.refuse(link, context, Refusal("UNKNOWN_ERROR"), 0)]
        held, is_correlated = link.finish()
        self._answer(link, context, answers, held, is_correlated=is_correlated)

    def _answer(
        self, link: Link, context: Context, answers: list[Answer], held: list[Held], *, is_correlated: bool
    ) -> None:
        spoiled = self.faults.take(FaultKind.REFUSE_AFTER, self.face, context.names, context.trader_id)
        if spoiled is not None:
            answers = [self.handler.refuse(link, context, Refusal(spoiled.code), spoiled.maintenance_end_ms)]
        if self._has(FaultKind.DROP_AFTER, context):
            link.abort()
            return
        if self._has(FaultKind.LOSE_AFTER, context):
            link.flush(held, context.message_id, are_answers_lost=True)
            return
        delay = self._take(FaultKind.DELAY_AFTER, context)
        if delay is not None:
            if not is_correlated:
                link.flush(held, context.message_id)
                held = []
            self._keep(self._answer_late(link, context, answers, held, delay))
            return
        self._send_answers(link, context, answers, held)

    async def _answer_late(
        self, link: Link, context: Context, answers: list[Answer], held: list[Held], seconds: float
    ) -> None:
        await asyncio.sleep(seconds)
        self._send_answers(link, context, answers, held)

    def _send_answers(self, link: Link, context: Context, answers: list[Answer], held: list[Held]) -> None:
        if self._has(FaultKind.EVENT_FIRST, context):
            link.flush(held, context.message_id)
            held = []
        if self._spoil(link, context, answers):
            return
        for _ in range(2 if self._has(FaultKind.REPEAT_ANSWER, context) else 1):
            for answer in answers:
                link.send(answer.number, answer.payload, context.message_id)
        link.flush(held, context.message_id)

    def _spoil(self, link: Link, context: Context, answers: list[Answer]) -> bool:
        """Send something that is no proper frame, and end the connection."""
        whole = b"".join(self.encode(item.number, item.payload, context.message_id) for item in answers)
        if self._has(FaultKind.HALF_FRAME, context):
            link.write(whole[: max(5, len(whole) // 2)])
        elif self._has(FaultKind.LONG_FRAME, context):
            link.write(_LENGTH.pack(FRAME_MAX + 1) + whole)
        elif self._has(FaultKind.EMPTY_FRAME, context):
            link.write(_LENGTH.pack(0) + whole)
        else:
            return False
        link.close()
        return True

    def _has(self, kind: FaultKind, context: Context) -> bool:
        return self.faults.take(kind, self.face, context.names, context.trader_id) is not None

    def _take(self, kind: FaultKind, context: Context) -> float | None:
        fault = self.faults.take(kind, self.face, context.names, context.trader_id)
        return None if fault is None else fault.seconds

    async def _beat(self, link: Link) -> None:
        step = max(0.05, min(self._heartbeat_seconds, self._silence_seconds) / 4)
        while True:
            await asyncio.sleep(step)
            now = monotonic()
            if now - link.heard_at > self._silence_seconds:
                link.abort()
                return
            if now - link.told_at >= self._heartbeat_seconds:
                link.send(HEARTBEAT, b"")

    def drop_all(self) -> None:
        """Break every connection."""
        for link in list(self.links):
            link.abort()

    async def stop(self) -> None:
        """End everything that is still going on."""
        self.drop_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._serving:  # A broken connection ends its task; cancelling it would be logged as a failure.
            await asyncio.wait(self._serving, timeout=_STOP_SECONDS)
