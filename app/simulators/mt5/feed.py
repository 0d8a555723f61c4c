"""The Manager API's view of a trade server: what a pumping manager connection loads, and every event after it.

The vendor's wire protocol is unknown. This feed carries the same content as lines of JSON over the control port, for
a stand-in of the vendor's package; what reaches its sinks, and in which order, is as the real one tells it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from app.simulators.mt5.catalogue import group_record
from app.simulators.mt5.config import ManagerConfig
from app.simulators.mt5.margin import refresh
from app.simulators.mt5.records import wire
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import Event, TradeServer

Line = dict[str, Any]

RIGHT_MANAGER, RIGHT_ACCOUNTS, RIGHT_ONLINE, RIGHT_TRADES = 1, 25, 28, 29
_NEEDS = {
    "deal": (RIGHT_TRADES,),
    "position": (RIGHT_TRADES,),
    "order": (RIGHT_TRADES,),
    "account": (RIGHT_TRADES, RIGHT_ACCOUNTS),
    "user": (RIGHT_ACCOUNTS,),
}
_WAITING_MAX = 200_000


class Listening:
    """One pumping connection: its manager and the lines that wait for it. None ends it."""

    def __init__(self, manager: ManagerConfig) -> None:
        self.manager = manager
        self.lines: asyncio.Queue[Line | None] = asyncio.Queue(_WAITING_MAX)

    def put(self, line: Line | None) -> None:
        """Add a line. Whoever does not read for very long loses the connection, as on the real server."""
        if self.lines.full():
            while not self.lines.empty():
                self.lines.get_nowait()
            line = None
        self.lines.put_nowait(line)


class Feed:
    """All pumping connections of a trade server."""

    def __init__(self, server: TradeServer) -> None:
        self._server = server
        self._all: set[Listening] = set()
        self._unsubscribe: Callable[[], None] | None = None
        self.is_cut = False

    def __len__(self) -> int:
        return len(self._all)

    def open(self, login: int, password: str) -> Listening:
        """Sign a manager in and load what it may see; from here on it misses nothing until it is cut."""
        manager = self._server.managers.get(login)
        if self.is_cut:
            raise Refusal(Retcode.NO_CONNECTION)
        if manager is None or manager.password != password:
            raise Refusal(Retcode.INVALID_ACCOUNT)
        if not manager.is_enabled:
            raise Refusal(Retcode.ACCOUNT_DISABLED)
        if not manager.may(RIGHT_MANAGER):
            raise Refusal(Retcode.NO_MANAGER_CONFIGURATION)
        listening = Listening(manager)
        for line in self._state(manager):
            listening.put(line)
        if self._unsubscribe is None:
            self._unsubscribe = self._server.subscribe(self)
        self._all.add(listening)
        return listening

    def close(self, listening: Listening) -> None:
        """Forget a connection."""
        self._all.discard(listening)
        if not self._all and self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def cut(self, is_cut: bool) -> None:
        """Cut every connection and take no new one, or take them again. What happens meanwhile is never told."""
        self.is_cut = is_cut
        if is_cut:
            for listening in list(self._all):
                listening.put(None)
                self.close(listening)

    def __call__(self, event: Event) -> None:
        """Pass an event on to those who may see it."""
        line = {"event": event.type, "record": event.record}
        for listening in self._all:
            if self._may_see(listening.manager, event):
                listening.put(line)

    def _may_see(self, manager: ManagerConfig, event: Event) -> bool:
        kind = event.type.partition(".")[0]
        if event.type in ("user.login", "user.logout") and not manager.may(RIGHT_ONLINE):
            return False
        if not all(manager.may(right) for right in _NEEDS.get(kind, ())):
            return False
        group = event.record.get("Group") or self._group_of(int(event.record.get("Login", 0)))
        return not group or self._server.sees(manager, group)

    def _group_of(self, login: int) -> str:
        user = self._server.users.get(login) or self._server.archive.get(login)
        return user.group if user is not None else ""

    def _state(self, manager: ManagerConfig) -> Iterator[Line]:
        server = self._server
        yield {"manager": {"Login": manager.login, "Rights": manager.rights}, "time_msc": server.time.msc()}
        for group in server.groups.values():
            if server.sees(manager, group.name):
                yield {"state": "group", "record": group_record(group)}
        logins = server.logins_in("*", manager)
        for login in logins if manager.may(RIGHT_ACCOUNTS) else ():
            user = server.users[login]
            yield {"state": "user", "record": wire(user, server.currency_digits(user))}
        for login in logins if manager.may(RIGHT_TRADES) else ():
            for order in server.orders_of(login):
                yield {"state": "order", "record": wire(order)}
            for position in server.positions_of(login):
                yield {"state": "position", "record": wire(refresh(server, position))}
        yield {"loaded": True}
