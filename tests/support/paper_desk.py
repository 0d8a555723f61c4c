"""A trader's live account on a platform that nobody connects to: a test writes its deals by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.core.db import session
from app.kit import clock
from app.kit.ids import new_id
from app.tenancy import secrets
from app.trading import bundle, ingest
from app.trading.ingest import Batch
from app.trading.models import AccountStatus, ServerOffset, TradingAccount
from app.trading.platforms.base import Deal, DealKind, Entry, Side
from app.trading.queries import accounts, platforms
from tests.support.brands import (
    Brand,
    Person,
    acting,
    extend_bundle,
    make_trader,
)


def offer_copy_trading(brand: Brand, **settings: object) -> None:
    """Give the brand a `[copytrading]` section."""
    extend_bundle(brand, copytrading=settings)


@dataclass
class Desk:
    """A trader's live account on a platform that nobody connects to; its deals come from the test."""

    brand: Brand
    trader: Person
    platform_id: UUID
    account_id: UUID
    login: int
    tickets: int = 0
    deals: list[Deal] = field(default_factory=list)

    def cash(self, at: datetime, amount: str) -> None:
        """Money paid in, or out with a minus."""
        self._add(at, DealKind.BALANCE, profit=amount)

    def trade(self, opened: datetime, closed: datetime, profit: str, lots: str = "1") -> None:
        """A position opened and closed whole."""
        self._add(opened, DealKind.TRADE, entry=Entry.IN, side=Side.BUY, position=self.tickets + 1, lots=lots)
        self._add(
            closed, DealKind.TRADE, entry=Entry.OUT, side=Side.SELL, position=self.tickets, lots=lots, profit=profit
        )

    def _add(
        self,
        at: datetime,
        kind: DealKind,
        *,
        entry: Entry | None = None,
        side: Side | None = None,
        position: int = 0,
        lots: str = "0",
        profit: str = "0",
    ) -> None:
        self.tickets += 1
        self.deals.append(
            Deal(
                ticket=self.tickets,
                login=self.login,
                kind=kind,
                side=side,
                entry=entry,
                reason="client",
                is_service=False,
                order_ticket=self.tickets,
                position_id=position,
                symbol="EURUSD" if position else "",
                volume_lots=Decimal(lots),
                volume_closed_lots=Decimal(lots) if entry is Entry.OUT else None,
                contract_size=Decimal(100_000),
                price=Decimal("1.1"),
                position_price=None,
                market_bid=None,
                market_ask=None,
                profit=Decimal(profit),
                swap=Decimal(0),
                commission=Decimal(0),
                fee=Decimal(0),
                profit_rate=Decimal(1),
                comment="",
                manager_login=0,
                modify_flags=0,
                server_time_msc=int(at.timestamp() * 1000),
            )
        )

    def store(self) -> None:
        """Take in what was written so far."""
        with acting(self.brand):
            ingest.store(self.platform_id, Batch(deals=self.deals))
        self.deals = []


def make_desk(brand: Brand, email: str, login: int, *, name: str = "Mona Haddad", currency: str = "USD") -> Desk:
    """A trader with one active live account."""
    trader = make_trader(brand, email, name=name)
    assert trader.client_id is not None
    with acting(brand):
        known = platforms.platforms()
        if not known:
            secrets.put("mt5.password", "unused")
            secrets.put("mt5.bridge", "unused")
            bundle.apply(msgspec.convert(trading_document(brand), bundle.TradingSection, strict=False))
            known = platforms.platforms()
            session().add(ServerOffset(platform_id=known[0].id, from_msc=0, minutes=0, measured_at=clock.now()))
        kind = accounts.account_type("standard")
        assert kind is not None
        account = TradingAccount(
            id=new_id(),
            client_id=trader.client_id,
            platform_id=known[0].id,
            type_id=kind.id,
            login=login,
            group_name="real\\standard",
            currency=currency,
            leverage=100,
            rights=None,
            nickname="",
            status=AccountStatus.ACTIVE,
            is_demo=False,
            is_hedging=True,
            reference=str(login),
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            opened_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        session().add(account)
        session().flush()
        return Desk(brand, trader, known[0].id, account.id, login)


def trading_document(brand: Brand) -> dict[str, Any]:
    return {
        "platforms": [
            {
                "code": "mt5",
                "name": "MT5",
                "server_name": "Test-Live",
                "address": "127.0.0.1:1999",
                "login": 1000,
                "password_secret": "mt5.password",
                "bridge_key": f"{brand.slug}-mt5",
                "bridge_secret": "mt5.bridge",
            }
        ],
        "account_types": [
            {
                "code": "standard",
                "platform": "mt5",
                "label": {"en": "Standard"},
                "groups": {"USD": "real\\standard"},
                "leverages": [100],
                "default_leverage": 100,
            }
        ],
    }
