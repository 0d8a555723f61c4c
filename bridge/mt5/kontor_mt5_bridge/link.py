"""The connection to the trade server, over the vendor's package."""

from __future__ import annotations

import importlib
import logging
import os
import random
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kontor_mt5_bridge.config import MT5Config
from kontor_mt5_bridge.queue import EventQueue
from kontor_mt5_bridge.records import POSITION, Values
from kontor_mt5_bridge.sinks import (
    AccountSink,
    ConnectionSink,
    DealSink,
    GroupSink,
    OrderSink,
    PositionSink,
    UserSink,
)

log = logging.getLogger(__name__)

PUMP_MODES = ("USERS", "ORDERS", "POSITIONS", "GROUPS", "SYMBOLS", "TIME", "ACTIVITY")
RECONNECT_LAST_S = 120.0
GIVEN_UP_S = 600.0  # The package reconnects by itself; if it has not in this time, it is connected anew.


class LinkError(Exception):
    """The trade server, or the package, refused something."""


def load_package(data_dir: Path) -> Any:
    """The vendor's package. It keeps files where the process stands, so each bridge stands in a place of its own."""
    place = data_dir / "mt5"
    place.mkdir(parents=True, exist_ok=True)
    os.chdir(place)
    try:
        return importlib.import_module("MT5Manager")
    except ImportError as error:
        raise LinkError(f"The package MT5Manager cannot be loaded: {error}.") from None


def last_error(package: Any) -> str:
    """What went wrong last, in the package's words."""
    found = package.LastError()
    try:
        _, code, text = found
        return f"{getattr(code, 'name', code)} ({int(code)}): {text}"
    except (TypeError, ValueError):
        return str(found)


def is_failure(result: Any) -> bool:
    """The package raises nothing: it answers False, or None where False could be a value."""
    return result is False or result is None


class Link:
    """One manager connection with its subscriptions."""

    def __init__(self, package: Any, config: MT5Config, data_dir: Path, queue: EventQueue, reconnect_s: float) -> None:
        self._package = package
        self._config = config
        self._queue = queue
        self._reconnect_s = reconnect_s
        self._data_dir = data_dir
        self._manager: Any = None
        self._sinks: list[tuple[str, Any]] = []
        self.last_error = ""

    def pump_mode(self) -> Any:
        """What the package is to keep loaded and to tell of. Not everything: mail and news are none of our business."""
        modes = self._package.ManagerAPI.EnPumpModes
        wanted = modes.PUMP_MODE_USERS
        for name in PUMP_MODES[1:]:
            wanted |= getattr(modes, f"PUMP_MODE_{name}")
        return wanted

    def open(self) -> None:
        """Make the manager object and subscribe. Before connecting, or the end of the first load is never told; the
        connection first, because the package accepts no other subscription before it. Raises LinkError."""
        self._manager = self._package.ManagerAPI(str(self._data_dir / "mt5"))
        for name, sink in (
            ("", ConnectionSink(self._queue)),
            ("User", UserSink(self._queue)),
            ("Group", GroupSink(self._queue)),
            ("Order", OrderSink(self._queue)),
            ("Position", PositionSink(self._queue)),
            ("Deal", DealSink(self._queue)),
            ("UserAccount", AccountSink(self._queue)),
        ):
            if is_failure(getattr(self._manager, f"{name}Subscribe")(sink)):
                raise LinkError(f"{name}Subscribe failed: {last_error(self._package)}.")
            self._sinks.append((name, sink))

    def connect(self) -> None:
        """Connect once. Raises LinkError."""
        config = self._config
        result = self._manager.Connect(
            config.server, config.login, config.password, self.pump_mode(), config.timeout_ms
        )
        if is_failure(result):
            raise LinkError(last_error(self._package))

    def run(self, stopping: threading.Event, is_connected: threading.Event) -> None:
        """Stay connected until stopped. `is_connected` follows the package's own events."""
        pause = self._reconnect_s
        while not stopping.is_set():
            try:
                self.connect()
                self.last_error, pause = "", self._reconnect_s
                log.info("Connected to %s as %s.", self._config.server, self._config.login)
                self._watch(stopping, is_connected)
            except LinkError as error:
                self.last_error = str(error)
                log.warning("Not connected to %s: %s", self._config.server, error)
                stopping.wait(pause * random.uniform(0.8, 1.2))
                pause = min(pause * 2, RECONNECT_LAST_S)
            finally:
                self._manager.Disconnect()

    def _watch(self, stopping: threading.Event, is_connected: threading.Event) -> None:
        """Return when stopped, or when the package has not reconnected for long."""
        connected_at = time.monotonic()
        while not stopping.wait(0.5):
            if is_connected.is_set():
                connected_at = time.monotonic()
                self.last_error = ""
            elif time.monotonic() - connected_at > GIVEN_UP_S:
                self.last_error = "The package does not reconnect."
                log.warning("Connecting anew: the package has not reconnected.")
                return

    def close(self) -> None:
        """Take the subscriptions back and let the manager object go."""
        for name, sink in reversed(self._sinks):
            getattr(self._manager, f"{name}Unsubscribe")(sink)
        self._sinks.clear()

    # Reading what the package keeps loaded: nothing here goes to the server.

    def money_digits_of(self, group: str) -> int | None:
        """The decimals of a group's currency, or None when the package does not know the group."""
        found = self._manager.GroupGet(group)
        return None if is_failure(found) else int(found.CurrencyDigits)

    def positions(self) -> Iterable[Values]:
        """Every open position, copied."""
        found = self._manager.PositionGetByGroup("*")
        return [] if is_failure(found) else [POSITION.copy(position) for position in found]

    @property
    def manager(self) -> Any:
        """The vendor's manager object."""
        return self._manager
