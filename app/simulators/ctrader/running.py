"""A simulator in a thread of its own, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from app.simulators.ctrader.config import SimConfig
from app.simulators.ctrader.simulator import Simulator
from app.simulators.ctrader.state import Plant

_SETTLE_SECONDS = 0.05
_T = TypeVar("_T")


class SimServer:
    """A running simulator as another thread sees it: its ports, and the way into its event loop."""

    def __init__(self, config: SimConfig) -> None:
        self._config = config
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="ctrader-simulator", daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self.simulator: Simulator

    def start(self) -> SimServer:
        """Start and return when every port is open."""
        self._thread.start()
        self._ready.wait(30)
        if self._error is not None:
            raise self._error
        return self

    def stop(self) -> None:
        """Stop and wait until everything is closed."""
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)

    @property
    def manager_port(self) -> int:
        return self.simulator.manager_port

    @property
    def web_url(self) -> str:
        """Where WebServices answers; the certificate is valid for `localhost` and `127.0.0.1`."""
        return f"https://127.0.0.1:{self.simulator.web_port}"

    @property
    def openapi_port(self) -> int:
        return self.simulator.openapi_port

    @property
    def openapi_plain_port(self) -> int:
        return self.simulator.openapi_plain_port

    @property
    def openapi_json_port(self) -> int:
        return self.simulator.openapi_json_port

    @property
    def oauth_url(self) -> str:
        return f"https://127.0.0.1:{self.simulator.oauth_port}"

    @property
    def control_url(self) -> str:
        return self.simulator.control_url

    @property
    def config(self) -> SimConfig:
        return self._config

    @property
    def ca_file(self) -> Path:
        return self.simulator.ca_file

    @property
    def manager_login(self) -> int:
        return self._config.managers[0].login

    @property
    def manager_password(self) -> str:
        return self._config.managers[0].password

    def call(self, act: Callable[[Plant], _T]) -> _T:
        """Run `act` with the books inside the simulator's own thread, and return its result."""

        async def inside() -> _T:
            with self.simulator.clock.hold():
                return act(self.simulator.plant)

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(30)

    def restart(self, seconds: float) -> None:
        """Break every connection, take none for `seconds`, and return when the server answers again."""
        asyncio.run_coroutine_threadsafe(self.simulator.restart(seconds), self._loop).result(seconds + 30)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live())
        except BaseException as error:
            self._error = error
        finally:
            self._ready.set()
            self._loop.run_until_complete(_settle())
            self._loop.close()

    async def _live(self) -> None:
        self._stop = asyncio.Event()
        self.simulator = Simulator(self._config)
        await self.simulator.start()
        self._ready.set()
        await self._stop.wait()
        await self.simulator.stop()


async def _settle() -> None:
    """Let what was cancelled end and what was closed close, so that nothing is left to the garbage collector."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.sleep(_SETTLE_SECONDS)


@contextmanager
def running_simulator(config: SimConfig | None = None, **settings: Any) -> Iterator[SimServer]:
    """A simulator for the length of the block, from a configuration or from its settings (`seed=7, speed=60`)."""
    running = SimServer(config or SimConfig(**settings)).start()
    try:
        yield running
    finally:
        running.stop()
