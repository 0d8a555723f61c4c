"""A trader's terminal: orders on the simulated platform, and its clock and books through the control port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx


class OrderRefused(RuntimeError):
    """The platform did not execute an order; the text is its own."""


@dataclass(frozen=True, slots=True)
class PlatformAccount:
    """What the platform itself counts on an account: deals, what they moved, and what balance operations moved."""

    deals: int
    money: Decimal
    moved: Decimal


class Platform:
    """The simulated platform as robots and its own administrator see it."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.Client(base_url=control_url, timeout=120)

    def now(self) -> datetime:
        """The platform's present instant."""
        return datetime.fromisoformat(self._ask("GET", "/clock")["now"])

    def advance(self, by: timedelta) -> None:
        """Let the platform's clock jump, with all that happens to open positions on the way."""
        self._ask("POST", "/clock", {"advance_seconds": by.total_seconds()})

    def trades(self) -> int:
        """How many deals of trades the platform has ever booked."""
        return int(self._ask("GET", "/state")["counts"]["trades"])

    def books(self) -> dict[int, PlatformAccount]:
        """What the platform counts, by login."""
        answer: Mapping[str, Any] = self._ask("GET", "/deals/summary")
        found = {}
        for login, own in answer.items():
            actions: Mapping[str, Mapping[str, Any]] = own["actions"]
            moved = Decimal(actions["2"]["sum"]) if "2" in actions else Decimal(0)
            money = sum((Decimal(each["sum"]) for each in actions.values()), Decimal(0))
            found[int(login)] = PlatformAccount(own["count"], money, moved)
        return found

    def open(self, login: int, password: str, symbol: str, side: str, lots: Decimal) -> int:
        """Buy or sell at the market. Answers the position; raises OrderRefused."""
        order = {"login": login, "password": password, "symbol": symbol, "side": side, "volume": str(lots)}
        return int(self._trade("/trader/order", order)["position"])

    def close(self, login: int, password: str, position: int, lots: Decimal | None = None) -> None:
        """Close a position, or so many lots of it. Raises OrderRefused."""
        order: dict[str, Any] = {"login": login, "password": password, "position": position}
        self._trade("/trader/close", order if lots is None else order | {"volume": str(lots)})

    def _trade(self, path: str, order: Mapping[str, Any]) -> Any:
        answer = self._ask("POST", path, order)
        if answer.get("position") is None:
            raise OrderRefused(f"{path} {order['login']}: {answer.get('text', answer)}")
        return answer

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self._http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()
