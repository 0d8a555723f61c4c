"""A server that writes exactly the bytes that a test wants, for what no well-behaved server sends."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from app.simulators.certificates import server_context
from app.simulators.ctrader.running import SimServer
from app.trading.platforms.ctrader import wire
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb

HELLO = bytes.fromhex("0000000508de071200")


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.asked: list[wire.Envelope] = []

    async def receive(self) -> wire.Envelope:
        """The next thing that the client says, heartbeats left out."""
        while True:
            length = int.from_bytes(await self._reader.readexactly(4), "big")
            envelope = wire.decode(await self._reader.readexactly(length))
            if envelope.number != wire.HEARTBEAT:
                self.asked.append(envelope)
                return envelope

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def greet(self, permissions: tuple[int, ...] = (1, 2, 3, 5, 6, 20)) -> None:
        """Say hello and take whoever comes."""
        self.send(HELLO)
        asked = await self.receive()
        self.send(wire.encode(pb.ProtoManagerAuthRes(permission=permissions), asked.request_id))


Script = Callable[[Peer], Awaitable[None]]


@asynccontextmanager
async def serving(plant: SimServer, script: Script) -> AsyncIterator[int]:
    """A server that plays `script` to everybody who connects, under the simulator's certificate."""
    context = server_context(plant.ca_file.parent)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            await script(Peer(reader, writer))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
