"""The registry of requests, and a connection's rights and rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from google.protobuf.message import Message

from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.link import Link
from app.simulators.ctrader.openapi.tokens import Token, Tokens
from app.simulators.ctrader.proto import sim_openapi_pb2 as pb
from app.simulators.ctrader.records import CtidLink, Trader
from app.simulators.ctrader.state import Plant
from app.simulators.ctrader.timeline import first_page

_R = TypeVar("_R", bound=Message)
_T = TypeVar("_T")
RATE_MAX, HISTORICAL_RATE_MAX = 50, 5


class Bucket:
    """So many requests a second, no more."""

    def __init__(self, most: int) -> None:
        self._most, self._left, self._at = float(most), float(most), monotonic()

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._most)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Session:
    """A connection's application, accounts and subscriptions."""

    def __init__(self) -> None:
        self.client_id = ""
        self.accounts: dict[int, Token] = {}
        self.spots: dict[tuple[int, int], tuple[int, int] | None] = {}
        self.timed: set[tuple[int, int]] = set()
        self.all_requests, self.historical = Bucket(RATE_MAX), Bucket(HISTORICAL_RATE_MAX)


@dataclass(slots=True)
class Call:
    """One request of an authorized application."""

    plant: Plant
    tokens: Tokens
    link: Link
    session: Session

    def account(self, ctid: int) -> tuple[CtidLink, Trader]:
        """An account that was authorized on this connection."""
        token = self.session.accounts.get(ctid)
        if token is None:
            raise Refusal("ACCOUNT_NOT_AUTHORIZED", "Trading account is not authorized")
        if token.is_expired:
            raise Refusal("OA_AUTH_TOKEN_EXPIRED", "Access token is expired")
        link = self.plant.links[ctid]
        return link, self.plant.trader(link.trader_id)

    def require_trading(self, ctid: int) -> None:
        """Refuse a consent that only lets look."""
        if self.session.accounts[ctid].scope != 1:
            raise Refusal("TRADING_NOT_ALLOWED", "The token does not allow trading")

    def page(self, rows: list[_T], moment: Callable[[_T], int], most: int = 0) -> tuple[list[_T], bool]:
        """The first rows of a list, and whether there are more."""
        chunk = self.plant.config.list_chunk
        if 0 < most <= chunk:
            return rows[:most], len(rows) > most
        return first_page(rows, chunk, moment)


@dataclass(frozen=True, slots=True)
class Registered:
    """How a request is read and carried out. A handler that answers nothing is answered by events."""

    message: type[Message]
    handler: Callable[[Call, Message], Message | None]
    is_historical: bool


REQUESTS: dict[int, Registered] = {}


def number_of(message: Message | type[Message]) -> int:
    """The payload number of a message: its first field's default."""
    return int(message.DESCRIPTOR.fields_by_name["payloadType"].default_value)


MESSAGES: dict[int, type[Message]] = {
    int(descriptor.fields_by_name["payloadType"].default_value): getattr(pb, name)
    for name, descriptor in pb.DESCRIPTOR.message_types_by_name.items()
    if "payloadType" in descriptor.fields_by_name
}


def name_of(number: int) -> str:
    """A message's name without its prefix."""
    message = MESSAGES.get(number)
    return message.DESCRIPTOR.name.removeprefix("ProtoOA") if message else ""


def request(
    message: type[_R], *, is_historical: bool = False
) -> Callable[[Callable[[Call, _R], Message | None]], Callable[[Call, _R], Message | None]]:
    """Register a handler for a message."""

    def register(handler: Callable[[Call, _R], Message | None]) -> Callable[[Call, _R], Message | None]:
        REQUESTS[number_of(message)] = Registered(message, handler, is_historical)  # type: ignore[arg-type]
        return handler

    return register
