"""The registry of requests: number, message, permissions and what is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import Message

from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.enums import Permission
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.link import Link
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Plant
from app.simulators.ctrader.timeline import first_page

_R = TypeVar("_R", bound=Message)
_T = TypeVar("_T")


class Session:
    """A connection's sign-in and subscriptions."""

    def __init__(self) -> None:
        self.manager_login = 0
        self.subscribed: set[int] = set()
        self.symbols: dict[int, bool] = {}
        self.spots: dict[int, tuple[int, int]] = {}


@dataclass(slots=True)
class Call:
    """One request of a signed-in manager."""

    plant: Plant
    link: Link
    session: Session
    manager: ManagerConfig

    def trader(self, trader_id: int) -> Trader:
        """An account that this manager may see."""
        trader = self.plant.trader(trader_id)
        if not self.plant.sees(self.manager, trader):
            raise Refusal("TRADER_NOT_FOUND", f"Trader {trader_id} is not found")
        return trader

    def visible(self) -> set[int]:
        """Every account that this manager may see."""
        return {number for number, trader in self.plant.traders.items() if self.plant.sees(self.manager, trader)}

    def owners(self, trader_id: int) -> set[int] | None:
        """The accounts of a list request: the one that is asked for, or every visible one."""
        return {self.trader(trader_id).trader_id} if trader_id else self.visible()

    def page(self, rows: list[_T], moment: Callable[[_T], int], most: int = 0) -> tuple[list[_T], bool]:
        """The first rows of a list, and whether there are more."""
        chunk = self.plant.config.list_chunk
        if 0 < most <= chunk:
            return rows[:most], len(rows) > most
        return first_page(rows, chunk, moment)


Handler = Callable[[Call, _R], Message | None]


@dataclass(frozen=True, slots=True)
class Registered:
    """How a request is read and carried out. A handler that answers nothing is answered by events."""

    message: type[Message]
    handler: Callable[[Call, Message], Message | None]
    permissions: tuple[Permission, ...]


REQUESTS: dict[int, Registered] = {}


def number_of(message: Message | type[Message]) -> int:
    """The payload number of a message: its first field's default."""
    return int(message.DESCRIPTOR.fields_by_name["payloadType"].default_value)


NAMES: dict[int, str] = {
    int(descriptor.fields_by_name["payloadType"].default_value): name.removeprefix("Proto")
    for name, descriptor in pb.DESCRIPTOR.message_types_by_name.items()
    if "payloadType" in descriptor.fields_by_name and name != "ProtoMessage"
}


def request(
    message: type[_R], *permissions: Permission
) -> Callable[[Callable[[Call, _R], Message | None]], Callable[[Call, _R], Message | None]]:
    """Register a handler for a message."""

    def register(handler: Callable[[Call, _R], Message | None]) -> Callable[[Call, _R], Message | None]:
        REQUESTS[number_of(message)] = Registered(message, handler, permissions)  # type: ignore[arg-type]
        return handler

    return register
