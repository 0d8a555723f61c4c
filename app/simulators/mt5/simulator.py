"""A running trade server: its port, its clockwork, its store, its bridge and its control port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import tempfile
from collections.abc import Callable, Coroutine
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from app.simulators.certificates import ensure_certificates, server_context
from app.simulators.market import Market, SimClock
from app.simulators.mt5 import https, raw
from app.simulators.mt5.config import PushConfig, SimConfig
from app.simulators.mt5.control import control_app
from app.simulators.mt5.faults import Faults
from app.simulators.mt5.feed import Feed
from app.simulators.mt5.gateway import Gateway
from app.simulators.mt5.log import log
from app.simulators.mt5.push import Bridge
from app.simulators.mt5.session import Session
from app.simulators.mt5.state import TradeServer
from app.simulators.mt5.store import Store
from app.simulators.mt5.watch import Watch

_TLS_HELLO = 0x16
_PEEK_SECONDS = 10
_FLUSH_SECONDS = 0.3
_LINE_MAX = 16 * 1024 * 1024
_ADVANCE_STEPS_MAX = 48
_ADVANCE_STEP_MIN = timedelta(minutes=1)


class Simulator:
    """Everything behind one MT5 port. Start and stop it in one event loop."""

    def __init__(self, config: SimConfig) -> None:
        self.config = config
        self.clock = SimClock(config.start, config.speed)
        market = Market(config.seed, begins_at=self.clock.now(), pegs=config.pegs)
        self.server = TradeServer(config, self.clock, market)
        self.faults = Faults()
        self.gateway = Gateway(self.server, self.faults)
        self.bridge = Bridge(config.push, config.heartbeat_seconds)
        self.feed = Feed(self.server)
        self.watch = Watch(self.server)
        self._passing = None if config.data_dir else tempfile.TemporaryDirectory(prefix="mt5-sim-")
        self._folder = Path(config.data_dir or (self._passing.name if self._passing else "."))
        self._store: Store | None = None
        self._tls: ssl.SSLContext
        self._socket: socket.socket | None = None
        self._control: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_down = False
        self.port = 0
        self.control_port = 0
        self.ca_file = self._folder / "tls" / "ca.pem"

    @property
    def control_url(self) -> str:
        """Where the control port answers."""
        return f"http://127.0.0.1:{self.control_port}"

    async def start(self) -> None:
        """Load what was stored, open both ports, and set the clockwork going."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = await asyncio.to_thread(ensure_certificates, self._folder / "tls", self.config.certificate_names)
        self._tls = server_context(self.ca_file.parent)
        if self.config.data_dir:
            self._store = Store(self._folder / "state.sqlite", self.server)
            self._resume(self._store.load())
        self.server.forget_states()
        if self.bridge.has_address:
            self.server.subscribe(self.bridge)
            self.bridge.note("bridge.connect")
            self.bridge.note("bridge.sync")
        self._socket = socket.create_server((self.config.host, self.config.port), backlog=256)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        await self._open_control()
        listener = self._socket
        self._spawn(self._keep("accept", lambda: self._accept(listener)))
        self._spawn(self._keep("watch", self._tick))
        self._spawn(self._keep("bridge", self.bridge.run))
        if self._store:
            store = self._store
            self._spawn(self._keep("store", lambda: self._flush_regularly(store)))
        log("started", server=self.config.name, port=self.port, control_port=self.control_port)

    async def stop(self) -> None:
        """Close everything; what has happened is stored first."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.gateway.drop_all()
        self.feed.cut(True)
        if self._socket:
            self._socket.close()
        if self._control:
            await self._control.cleanup()
        if self._store:
            await self._store.flush({**self._notes(), "bridge": self.bridge.dump(), "closed": True})
            self._store.close()
        if self._passing:
            self._passing.cleanup()
        log("stopped", server=self.config.name)

    def _resume(self, notes: dict[str, Any]) -> None:
        if "clock" in notes:
            self.clock.restore(notes["clock"])
            self.server.market.replay_shift_days = notes["replay_shift_days"]
            self.server.tickets.last.update(notes["tickets"])
            self.server.last_login = max(self.server.last_login, notes["last_login"])
            self.watch.trading_day = date.fromisoformat(notes["trading_day"])
        if "bridge" in notes:
            self.bridge.restore(notes["bridge"], is_complete=bool(notes.get("closed")))

    def _notes(self) -> dict[str, Any]:
        return {
            "clock": self.clock.dump(),
            "replay_shift_days": self.server.market.replay_shift_days,
            "tickets": self.server.tickets.last,
            "last_login": self.server.last_login,
            "trading_day": self.watch.trading_day.isoformat(),
        }

    async def _open_control(self) -> None:
        # Loopback only: whoever reaches this port may do anything.
        self._control = web.AppRunner(control_app(self), access_log=None)
        await self._control.setup()
        site = web.TCPSite(self._control, "127.0.0.1", self.config.control_port)
        await site.start()
        self.control_port = self._control.addresses[0][1]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log("failed", server=self.config.name, error=repr(task.exception()))

    async def _keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a part of the clockwork for ever: a failure is logged, and the part begins anew."""
        while True:
            try:
                await work()
            except Exception as error:
                log("failed", server=self.config.name, part=name, error=repr(error))
            await asyncio.sleep(1)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, address = await loop.sock_accept(listener)
            if self._is_down or self.faults.is_blocking:
                connection.close()
                continue
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._serve(connection, address[0]))

    async def _serve(self, connection: socket.socket, address: str) -> None:
        """Tell the variants apart by the first byte, which stays in the socket, and talk until the connection ends."""
        loop = asyncio.get_running_loop()
        try:
            first = await _peek(loop, connection)
        except (TimeoutError, OSError):
            first = b""
        if not first:
            connection.close()
            return
        is_tls = first[0] == _TLS_HELLO
        reader = asyncio.StreamReader(limit=_LINE_MAX)
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._tls if is_tls else None
            )
        except (OSError, ssl.SSLError, TimeoutError):
            connection.close()
            return
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        session = Session(address, transport.abort)
        self.gateway.sessions.add(session)
        try:
            await (https if is_tls else raw).serve(self.gateway, session, reader, writer)
        except (ConnectionError, ssl.SSLError, ValueError, asyncio.IncompleteReadError) as error:
            log("connection_lost", server=self.config.name, error=repr(error))
        finally:
            self.gateway.sessions.discard(session)
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.config.watch_seconds)
            self.watch.look()

    async def _flush_regularly(self, store: Store) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await store.flush(self._notes())

    def push_to(self, config: PushConfig) -> None:
        """Let the bridge post to this address from now on."""
        if not self.bridge.has_address:
            self.server.subscribe(self.bridge)
        self.bridge.configure(config)

    async def advance(self, by: timedelta) -> None:
        """Move the clock on in steps, so that stops, stop-outs and swaps happen on the way."""
        steps = max(1, min(_ADVANCE_STEPS_MAX, int(by / _ADVANCE_STEP_MIN)))
        for _ in range(steps):
            self.clock.advance(by / steps)
            self.watch.look()
            await asyncio.sleep(0)

    async def restart(self, seconds: float) -> None:
        """Break all connections, take none for a while, and forget the trading states of idle accounts."""
        self._is_down = True
        self.gateway.drop_all()
        self.bridge.disconnect(True)
        self.feed.cut(True)
        await asyncio.sleep(seconds)
        self.server.forget_states()
        self._is_down = False
        self.bridge.disconnect(False)
        self.feed.cut(False)


async def _peek(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> bytes:
    readable: asyncio.Future[None] = loop.create_future()
    loop.add_reader(connection, _settle, readable)
    try:
        async with asyncio.timeout(_PEEK_SECONDS):
            await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
