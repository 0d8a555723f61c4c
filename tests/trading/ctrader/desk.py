"""A brand with a cTrader platform, and the hands of a test on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from app.core import db
from app.simulators.ctrader.enums import TradeSide
from app.simulators.ctrader.execution import Execution, Terms, close_position, market_order
from app.simulators.ctrader.faults import Fault, FaultKind
from app.simulators.ctrader.running import SimServer
from app.tenancy import secrets
from app.trading import bundle
from app.trading.models import ClosedTrade, DealRow
from app.trading.queries import platforms
from tests.support.brands import Brand, make_trader
from tests.trading.conftest import Desk

LOT = 10_000_000
PASSWORD = "ctrader.password"


@dataclass(frozen=True)
class PlantDesk(Desk):
    """A desk whose trade server is a cTrader plant."""

    simulator: Any  # Of the other platform's kind than the parent's.

    @property
    def plant(self) -> SimServer:
        server: SimServer = self.simulator
        return server

    def sim_balance(self, login: int | None) -> Decimal:
        return self.plant.call(
            lambda books: books.major(books.by_login(int(login or 0)).balance, books.by_login(int(login or 0)))
        )

    def arm(self, kind: FaultKind, command: str, **more: Any) -> None:
        self.plant.simulator.faults.add(Fault(kind=kind, command=command, **more))

    def trade(self, login: int | None, volume: int = LOT // 10, side: TradeSide = TradeSide.BUY) -> Execution:
        """A client's market order in EURUSD."""
        return self.plant.call(
            lambda books: market_order(
                books,
                books.by_login(int(login or 0)),
                next(symbol for symbol in books.symbols.values() if symbol.name == "EURUSD"),
                side,
                volume,
            )
        )

    def close(self, login: int | None, position: int, volume: int | None = None) -> Execution:
        return self.plant.call(
            lambda books: close_position(
                books, books.by_login(int(login or 0)), books.position(position), volume, Terms()
            )
        )

    def rows(self, of: Callable[[DealRow], object] = bool) -> list[DealRow]:
        """Deals that are stored and fit, oldest first."""
        with self.scope():
            found = db.session().query(DealRow).order_by(DealRow.server_time_msc, DealRow.ticket).all()
            return [row for row in found if of(row)]

    def closed(self) -> list[ClosedTrade]:
        with self.scope():
            rows = db.session().query(ClosedTrade).order_by(ClosedTrade.closed_at, ClosedTrade.closing_deal).all()
            return [row for row in rows if row.deleted_at is None]


def section(server: SimServer, groups: dict[str, str], **changes: Any) -> bundle.TradingSection:
    """The trading part of a test brand's bundle; `groups` is group by currency of its account types."""
    platform = {
        "kind": "ctrader",
        "code": "ctrader",
        "name": "cTrader",
        "server_name": "Test-Live",
        "address": f"127.0.0.1:{server.manager_port}",
        "plant": server.config.plant,
        "environment": server.config.environment,
        "web_services": server.web_url,
        "login": server.manager_login,
        "password_secret": PASSWORD,
        "ca_file": str(server.ca_file),
        "tls_name": "localhost",
        "connections": 4,
        "requests_per_s": 500,
        "send_within_s": 2,
        "answer_within_s": 1,
        "overdue_s": 4,
        "look_after_s": [0.2, 0.4, 0.6],
        "quick_looks": True,
        **changes,
    }
    kind = {
        "code": "standard",
        "platform": "ctrader",
        "label": {"en": "Standard"},
        "groups": groups,
        "leverages": [50, 100, 200],
        "default_leverage": 100,
    }
    demo = {**kind, "code": "demo", "label": {"en": "Demo"}, "demo": True}
    raw = {**kind, "code": "raw", "label": {"en": "Raw"}, "groups": {"USD": "Raw"}}
    return msgspec.convert(
        {"platforms": [platform], "account_types": [kind, demo, raw]}, bundle.TradingSection, strict=False
    )


def make_desk(plant: SimServer, brand: Brand, groups: dict[str, str], **changes: Any) -> PlantDesk:
    trader = make_trader(brand, f"mona@{brand.slug}.example")
    password = changes.pop("password", plant.manager_password)
    with db.tenant_scope(brand.id), db.transaction():
        secrets.put(PASSWORD, password)
        bundle.apply(section(plant, groups, **changes))
        platform_id = platforms.platforms()[0].id
    return PlantDesk(brand, platform_id, trader, plant)
