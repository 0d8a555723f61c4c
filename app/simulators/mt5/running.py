"""A simulator in a thread of its own, for tests and benchmarks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from app.simulators.mt5.config import SimConfig
from app.simulators.mt5.simulator import Simulator
from app.simulators.mt5.state import TradeServer

_T = TypeVar("_T")


class SimServer:
    """A running simulator as another thread sees it: its ports, and the way into its event loop."""

    def __init__(self, config: SimConfig) -> None:
        self._config = config
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mt5-simulator", daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None
        self.simulator: Simulator

    def start(self) -> SimServer:
        """Start and return when both ports are open."""
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
    def port(self) -> int:
        return self.simulator.port

    @property
    def control_url(self) -> str:
        return self.simulator.control_url

    @property
    def ca_file(self) -> Path:
        return self.simulator.ca_file

    @property
    def manager_login(self) -> int:
        return self._config.managers[0].login

    @property
    def manager_password(self) -> str:
        return self._config.managers[0].password

    def call(self, act: Callable[[TradeServer], _T]) -> _T:
        """Run `act` with the trade server inside the simulator's own thread, and return its result."""

        async def inside() -> _T:
            with self.simulator.clock.hold():
                return act(self.simulator.server)

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
            self._loop.close()

    async def _live(self) -> None:
        self._stop = asyncio.Event()
        self.simulator = Simulator(self._config)
        await self.simulator.start()
        self._ready.set()
        await self._stop.wait()
        await self.simulator.stop()
        await asyncio.sleep(0.05)  # Connections that were just being accepted are closed in the loop's next turns.


@contextmanager
def running_simulator(config: SimConfig | None = None, **settings: Any) -> Iterator[SimServer]:
    """A simulator for the length of the block, from a configuration or from its settings (`seed=7, speed=60`)."""
    running = SimServer(config or SimConfig(**settings)).start()
    try:
        yield running
    finally:
        running.stop()
