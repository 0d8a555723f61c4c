"""A running environment: its ports, its clockwork, its store and its control port."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from app.simulators.certificates import ensure_certificates, server_context, use_certificate
from app.simulators.ctrader.config import SimConfig
from app.simulators.ctrader.control import control_app
from app.simulators.ctrader.copying import Copying
from app.simulators.ctrader.faults import Faults
from app.simulators.ctrader.link import Face, FrameServer
from app.simulators.ctrader.log import log
from app.simulators.ctrader.manager.face import ManagerFace
from app.simulators.ctrader.openapi.face import OpenAPIFace
from app.simulators.ctrader.openapi.jsonlink import JSONServer
from app.simulators.ctrader.openapi.oauth import oauth_app
from app.simulators.ctrader.openapi.tokens import Tokens
from app.simulators.ctrader.state import Plant
from app.simulators.ctrader.store import Store
from app.simulators.ctrader.watch import Watch
from app.simulators.ctrader.web import web_app
from app.simulators.ctrader.web.desk import Desk
from app.simulators.market import SimClock

_ADVANCE_STEPS_MAX = 48
_ADVANCE_STEP_MIN = timedelta(minutes=1)
_FLUSH_SECONDS = 0.3
_S = TypeVar("_S", bound=FrameServer)


class Simulator:
    """Everything behind one environment's ports. Start and stop it in one event loop."""

    def __init__(self, config: SimConfig) -> None:
        self.config = config
        self.clock = SimClock(config.start, config.speed)
        self.plant = Plant(config, self.clock)
        self.faults = Faults()
        self.watch = Watch(self.plant)
        self.manager_face = ManagerFace(self.plant)
        self.desk = Desk(self.plant, self.faults)
        self.frame_servers: list[FrameServer] = []
        self.tokens = Tokens(self.plant)
        self.openapi_face = OpenAPIFace(self.plant, self.tokens)
        self._manager_server = self._frame_server(FrameServer, "manager", self.manager_face)
        self._openapi_server = self._frame_server(FrameServer, "openapi", self.openapi_face)
        self._json_server = self._frame_server(JSONServer, "openapi", self.openapi_face)
        self._passing = None if config.data_dir else tempfile.TemporaryDirectory(prefix="ctrader-sim-")
        self._folder = Path(config.data_dir or (self._passing.name if self._passing else "."))
        self._store: Store | None = None
        self._tls: ssl.SSLContext
        self._listeners: list[asyncio.Server] = []
        self._runners: list[web.AppRunner] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.ca_file = self._folder / "tls" / "ca.pem"
        self.manager_port = self.web_port = self.control_port = self.oauth_port = 0
        self.openapi_port = self.openapi_plain_port = self.openapi_json_port = 0

    def _frame_server(self, kind: type[_S], name: str, face: Face) -> _S:
        server = kind(
            name,
            face,
            self.faults,
            heartbeat_seconds=self.config.heartbeat_seconds,
            silence_seconds=self.config.silence_seconds,
            lag_seconds=lambda: self.plant.switches.lag_seconds,
        )
        self.frame_servers.append(server)
        return server

    def address(self) -> dict[str, Any]:
        """Where everything is, without secrets."""
        return {
            "name": self.config.name,
            "host": self.config.host,
            "tls_name": self.config.certificate_names[0],
            "ca_file": str(self.ca_file),
            "manager_port": self.manager_port,
            "web_url": f"https://{self.config.host}:{self.web_port}",
            "openapi_port": self.openapi_port,
            "openapi_plain_port": self.openapi_plain_port,
            "openapi_json_url": f"wss://{self.config.host}:{self.openapi_json_port}",
            "oauth_url": f"https://{self.config.host}:{self.oauth_port}",
            "control_url": self.control_url,
            "plant": self.config.plant,
            "environment": self.config.environment,
            "manager_login": self.config.managers[0].login,
        }

    @property
    def control_url(self) -> str:
        """Where the control port answers."""
        return f"http://127.0.0.1:{self.control_port}"

    async def start(self) -> None:
        """Load what was stored, open all ports, and set the clockwork going."""
        config = self.config
        self._folder.mkdir(parents=True, exist_ok=True)
        self.ca_file = await asyncio.to_thread(ensure_certificates, self._folder / "tls", config.certificate_names)
        self._tls = server_context(self.ca_file.parent)
        if config.data_dir:
            self._store = Store(self._folder / "state.sqlite", self.plant)
            self._resume(self._store.load())
        for listener in (self.manager_face, self.openapi_face, Copying(self.plant)):
            self.plant.subscribe(listener)
        self.manager_port = await self._listen(self._manager_server, config.manager_port, self._tls)
        self.web_port = await self._serve(web_app(self.desk), config.host, config.web_port, self._tls)
        self.openapi_port = await self._listen(self._openapi_server, config.openapi_port, self._tls)
        self.openapi_plain_port = await self._listen(self._openapi_server, config.openapi_plain_port, None)
        self.openapi_json_port = await self._serve(
            self._json_server.app(), config.host, config.openapi_json_port, self._tls
        )
        consent = oauth_app(self.tokens, config.token_seconds)
        self.oauth_port = await self._serve(consent, config.host, config.oauth_port, self._tls)
        # Loopback only: whoever reaches this port may do anything.
        self.control_port = await self._serve(control_app(self), "127.0.0.1", config.control_port, None)
        self._spawn(self._keep("watch", self._tick))
        self._spawn(self._keep("spots", self._spots))
        if self._store:
            store = self._store
            self._spawn(self._keep("store", lambda: self._flush_regularly(store)))
        log("started", **self.address())

    def _resume(self, notes: dict[str, Any]) -> None:
        if "clock" in notes:
            self.clock.restore(notes["clock"])
            self.plant.prices.market.replay_shift_days = notes["replay_shift_days"]
            self.plant.last.update(notes["last"])
            self.watch.swap_day = notes["swap_day"]

    def _notes(self) -> dict[str, Any]:
        return {
            "clock": self.clock.dump(),
            "replay_shift_days": self.plant.prices.market.replay_shift_days,
            "last": self.plant.last,
            "swap_day": self.watch.swap_day,
        }

    async def _listen(self, server: FrameServer, port: int, context: ssl.SSLContext | None) -> int:
        listener = await server.listen(self.config.host, port, context)
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def _serve(self, app: web.Application, host: str, port: int, context: ssl.SSLContext | None) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, host, port, ssl_context=context).start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Close everything; what has happened is stored first."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        for server in self.frame_servers:
            await server.stop()
        for runner in self._runners:
            await runner.cleanup()
        if self._store:
            await self._store.flush(self._notes())
            self._store.close()
        if self._passing:
            self._passing.cleanup()
        log("stopped", name=self.config.name)

    def show_certificate(self, kind: str) -> None:
        """Show another certificate to connections that begin from now on."""
        use_certificate(self._tls, self.ca_file.parent, kind)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a part of the clockwork for ever: a failure is logged, and the part begins anew."""
        while True:
            try:
                await work()
            except Exception as error:
                log("failed", name=self.config.name, part=name, error=repr(error))
            await asyncio.sleep(1)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self.config.watch_seconds)
            self.watch.look()

    async def _spots(self) -> None:
        while True:
            await asyncio.sleep(self.config.spot_seconds)
            self.manager_face.push_spots()
            self.openapi_face.push_spots()

    async def _flush_regularly(self, store: Store) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            await store.flush(self._notes())

    async def advance(self, by: timedelta) -> None:
        """Move the clock on in steps, so that stops, stop-outs and swaps happen on the way."""
        steps = max(1, min(_ADVANCE_STEPS_MAX, int(by / _ADVANCE_STEP_MIN)))
        for _ in range(steps):
            self.clock.advance(by / steps)
            self.watch.look()
            await asyncio.sleep(0)

    def drop_all(self) -> None:
        """Break every protobuf connection."""
        for server in self.frame_servers:
            server.drop_all()

    async def restart(self, seconds: float) -> None:
        """Break all connections and take none for a while. Accounts, versions and money stay; tokens do not."""
        self._refuse(True)
        self.desk.forget_tokens()
        self.drop_all()
        await asyncio.sleep(seconds)
        self._refuse(False)

    def _refuse(self, is_down: bool) -> None:
        self.desk.is_down = is_down
        for server in self.frame_servers:
            server.is_down = is_down
