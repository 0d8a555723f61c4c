"""What every WebServices call shares: tokens, bodies, answers, errors."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from time import monotonic
from typing import Any
from xml.etree import ElementTree

from aiohttp import web

from app.simulators.ctrader.config import ManagerConfig
from app.simulators.ctrader.enums import Permission
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.faults import Faults
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Plant

_HOUR_SECONDS = 3600


class Unauthorized(Exception):
    """No token, or one that is not valid any more."""


class Desk:
    """One environment's WebServices: its books, its faults and the tokens it gave out."""

    def __init__(self, plant: Plant, faults: Faults) -> None:
        self.plant, self.faults = plant, faults
        self._tokens: dict[str, tuple[int, str]] = {}  # The login and the password it was signed in with.
        self._writes: deque[float] = deque()
        self.is_down = False
        self.requests = 0

    def give_token(self, manager: ManagerConfig) -> str:
        """A token that lives until the password changes."""
        token = secrets.token_urlsafe(24)
        self._tokens[token] = (manager.login, manager.password)
        return token

    def forget_tokens(self) -> None:
        """Make every token invalid."""
        self._tokens.clear()

    def manager(self, request: web.Request) -> ManagerConfig:
        """Who asks."""
        login, password = self._tokens.get(request.query.get("token", ""), (0, ""))
        manager = self.plant.managers.get(login)
        if manager is None or manager.password != password:
            raise Unauthorized
        return manager

    def count_write(self) -> None:
        """Refuse more changes an hour than are allowed."""
        most = self.plant.switches.web_writes_per_hour_max
        if not most:
            return
        now = monotonic()
        while self._writes and self._writes[0] < now - _HOUR_SECONDS:
            self._writes.popleft()
        if len(self._writes) >= most:
            raise Refusal("REQUEST_FREQUENCY_EXCEEDED", "Too many requests this hour")
        self._writes.append(now)


DESK: web.AppKey[Desk] = web.AppKey("desk", Desk)


def desk_of(request: web.Request) -> Desk:
    return request.config_dict[DESK]


def manager_of(request: web.Request, *needed: Permission) -> ManagerConfig:
    """Who asks; refused without the permissions."""
    manager = desk_of(request).manager(request)
    if not set(needed) <= set(manager.permissions):
        raise Refusal("NOT_ENOUGH_RIGHTS", "Not enough rights")
    return manager


def trader_of(request: web.Request, manager: ManagerConfig, login: int | None = None) -> Trader:
    """The account that the path names, if this manager may see it."""
    plant = desk_of(request).plant
    trader = plant.by_login(number(request.match_info["login"]) if login is None else login)
    if not plant.sees(manager, trader):
        raise Refusal("TRADER_NOT_FOUND", "Trader is not found")
    return trader


async def body_of(request: web.Request) -> dict[str, Any]:
    """The JSON body; numbers with a fraction stay exact."""
    try:
        body = json.loads(await request.read() or b"{}", parse_float=Decimal)
    except ValueError:
        raise Refusal("INVALID_REQUEST", "Body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal("INVALID_REQUEST", "Body is not an object")
    return body


def needed(body: Mapping[str, Any], *names: str) -> None:
    """Refuse a body that lacks something."""
    for name in names:
        if body.get(name) is None:
            raise Refusal("INVALID_REQUEST", f"{name} is missing")


def number(value: object) -> int:
    """A whole number; refused when it is none."""
    try:
        return int(str(value), 10)
    except ValueError:
        raise Refusal("INVALID_REQUEST", f"{value} is not a number") from None


def window_of(request: web.Request) -> tuple[int, int]:
    """`from` and `to` of the query in milliseconds."""
    return _moment(request, "from"), _moment(request, "to")


def _moment(request: web.Request, name: str) -> int:
    text = request.query.get(name)
    if not text:
        raise Refusal("INVALID_REQUEST", f"{name} is missing")
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal("INVALID_REQUEST", f"{name} is not yyyy-MM-ddTHH:mm:ss.SSS") from None
    return round(moment.timestamp() * 1000)


def written(ms: int) -> str:
    """A time as the grids write it."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def answer(request: web.Request, value: Any, status: int = 200, root: str = "response") -> web.Response:
    """An answer in JSON; in XML for whoever does not say what he accepts."""
    if "Accept" not in request.headers:
        element = _element(root, value)
        return web.Response(body=ElementTree.tostring(element), status=status, content_type="application/xml")
    return web.Response(text=json.dumps(value), status=status, content_type="application/json")


def _element(name: str, value: Any) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(value, dict):
        for key, member in value.items():
            for item in member if isinstance(member, list) else [member]:
                element.append(_element(key, item))
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value is not None:
        element.text = str(value)
    return element
