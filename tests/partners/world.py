"""Small worlds for the settlement tests: tenants with a plan, people in a tree, closed trades as ingest stores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert

from app.clients.models import Client
from app.clients.rules import ClientStatus
from app.core.actor import system_actor
from app.core.db import execute_sql, in_transaction, session, tenant_id
from app.identity.models import User
from app.identity.rules import UserKind, UserStatus
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import receivers, versions
from app.partners.models import GodGrant
from app.partners.payouts import service as payouts
from app.partners.plan import Plan
from app.partners.settlement import run as settlement
from app.referrals.models import PartnerLink
from app.referrals.rules import BEGINNING, FOREVER
from app.trading.models import AccountStatus, AccountType, ClosedTrade, TradingAccount, TradingPlatform

BY = system_actor("test")
FAR_BACK = datetime(2020, 1, 1, tzinfo=UTC)
_counter = iter(range(1_000_000, 9_000_000))


def make_client(name: str = "Somebody", **changes: Any) -> UUID:
    """A confirmed client, active and not verified, without a sponsor."""
    client_id, user_id, number = new_id(), new_id(), next(_counter)
    user: dict[str, Any] = {
        "kind": UserKind.CLIENT,
        "email": f"c{number}@example.org",
        "email_norm": f"c{number}@example.org",
        "name": name,
        "country": "DE",
        "language": "en",
        "theme": "auto",
        "timezone": "UTC",
        "status": UserStatus.ACTIVE,
        "confirmed_at": FAR_BACK,
        "created_at": FAR_BACK,
        "last_sign_in_at": None,
    }
    session().add(User(id=user_id, client_id=client_id, **user))
    session().flush()
    values = {
        "number": number,
        "name": name,
        "name_sort": name.lower(),
        "email": user["email"],
        "email_norm": user["email_norm"],
        "country": "DE",
        "language": "en",
        "status": ClientStatus.ACTIVE,
        "kyc_level": 0,
        "owner_id": None,
        "suspension_id": None,
        "signup_ip": "",
        "created_at": FAR_BACK,
    } | changes
    session().add(Client(id=client_id, user_id=user_id, **values))
    session().flush()
    return client_id


def link(child: UUID, parent: UUID, valid_from: datetime = FAR_BACK, valid_to: datetime = FOREVER) -> None:
    """A dated link as it stands, without the service's rules; receivers are not told."""
    session().add(
        PartnerLink(
            child_id=child,
            parent_id=parent,
            valid_from=valid_from,
            valid_to=valid_to,
            reason="test",
            actor_kind="system",
            actor_id=None,
            actor_name="test",
            request_id=str(new_id()),
            created_at=FAR_BACK,
        )
    )
    session().flush()


def grant(partner: UUID, rate: Decimal, valid_from: datetime = FAR_BACK, valid_to: datetime = FOREVER) -> None:
    """A dated god-mode grant; receivers are not told."""
    session().add(
        GodGrant(
            partner_id=partner,
            rate_per_lot=rate,
            valid_from=valid_from,
            valid_to=valid_to,
            reason="test",
            actor_kind="system",
            actor_id=None,
            actor_name="test",
            request_id=str(new_id()),
            created_at=FAR_BACK,
        )
    )
    session().flush()


def publish(plan: Plan, effective_from: datetime = BEGINNING) -> None:
    """Put a plan into force as it is, past the checks that a bundle meets, and derive the receivers."""
    from app.partners.models import PlanVersion

    known = versions.all_versions()
    session().add(
        PlanVersion(
            number=len(known) + 1,
            name=plan.name,
            currency=plan.currency,
            effective_from=effective_from,
            body=msgspec.to_builtins(plan),
            digest=str(new_id()),
            published_at=FAR_BACK,
            published_by="test",
        )
    )
    session().flush()
    receivers.rebuild()


@dataclass
class Platform:
    """A platform with one account type, and how many deals it has made."""

    id: UUID
    type_id: UUID
    accounts: dict[tuple[UUID, str, str], UUID] = field(default_factory=dict)
    deals: int = 0
    batches: int = 0

    def account(self, client_id: UUID, group: str = "standard", currency: str = "USD") -> UUID:
        """The client's account in a group."""
        key = (client_id, group, currency)
        if key not in self.accounts:
            row = TradingAccount(
                client_id=client_id,
                platform_id=self.id,
                type_id=self.type_id,
                login=next(_counter),
                group_name=group,
                currency=currency,
                leverage=100,
                rights=None,
                nickname="",
                status=AccountStatus.ACTIVE,
                is_demo=False,
                is_hedging=True,
                reference=str(new_id()),
                created_at=FAR_BACK,
                opened_at=FAR_BACK,
            )
            session().add(row)
            session().flush()
            self.accounts[key] = row.id
        return self.accounts[key]

    def store(self, trades: Sequence[dict[str, Any]]) -> list[int]:
        """Store closed trades as one ingest batch; answers their ids."""
        self.batches += 1
        ids = []
        rows = []
        for values in trades:
            self.deals += 1
            ids.append(self.deals)
            client_id = values.pop("client_id")
            group = values.pop("group", "standard")
            rows.append(_closed_trade(self, client_id, group, values))
        if rows:
            session().execute(insert(ClosedTrade), rows)
        return ids


def _closed_trade(platform: Platform, client_id: UUID, group: str, values: dict[str, Any]) -> dict[str, Any]:
    currency = values.get("account_currency", "USD")
    opened, closed = values.get("opened_at"), values["closed_at"]
    held = int((closed - opened) / timedelta(milliseconds=1)) if opened is not None else None
    return {
        "tenant_id": tenant_id(),
        "platform_id": platform.id,
        "closing_deal": platform.deals,
        "leg": 1,
        "id": platform.deals,
        "account_id": platform.account(client_id, group, currency),
        "client_id": client_id,
        "login": 1,
        "position_id": platform.deals,
        "opening_deal": platform.deals + 10_000_000 if opened is not None else None,
        "symbol": "EURUSD",
        "symbol_class": "fx",
        "side": "buy",
        "volume_lots": Decimal(1),
        "contract_size": Decimal(100_000),
        "holding_ms": held,
        "holding_nearest_ms": held,
        "open_price": Decimal("1.10012"),
        "close_price": Decimal("1.10100"),
        "open_bid": Decimal("1.10000"),
        "open_ask": Decimal("1.10012"),
        "close_bid": Decimal("1.10100"),
        "close_ask": Decimal("1.10112"),
        "profit": Decimal(0),
        "markup_usd": None,
        "swap": Decimal(0),
        "commission": Decimal(0),
        "fee": Decimal(0),
        "profit_rate": None,
        "profit_currency": "USD",
        "account_currency": "USD",
        "is_demo": False,
        "is_partial": False,
        "is_close_by": False,
        "is_edited": False,
        "reason": "client",
        "arrived_at": closed,
        "batch_no": platform.batches,
        "revision": 0,
        "corrected_at": None,
        "deleted_at": None,
    } | values


def make_platform(starts_at: datetime | None = None) -> Platform:
    """An inactive platform (nobody asks whether its deals are complete) with one account type."""
    platform = TradingPlatform(
        code=f"p{next(_counter)}",
        kind="mt5",
        name="Test",
        server_name="Test",
        settings={},
        password_secret="",
        bridge_secret="",
        is_active=False,
        created_at=FAR_BACK,
        starts_at=starts_at,
    )
    session().add(platform)
    session().flush()
    kind = AccountType(
        code=f"t{next(_counter)}",
        platform_id=platform.id,
        label={"en": "Standard"},
        description={},
        groups={"USD": "standard"},
        leverages=[100],
        default_leverage=100,
        leverage_warning_above=100,
        min_deposit=Decimal(0),
        is_hedging=True,
        is_swap_free=False,
        is_demo=False,
        demo_deposit=Decimal(0),
        accounts_max=10,
        position=0,
        is_offered=True,
    )
    session().add(kind)
    session().flush()
    return Platform(platform.id, kind.id)


def pay_out(partner_id: UUID, amount: str, once: str, currency: str = "USD") -> None:
    """Have a partner move redeemable money to the own main wallet."""
    payouts.request_payout(partner_id, Money(Decimal(amount), currency), "wallet", once=once, by=BY)


def settle(day: Any) -> Any:
    """Settle a day and insist that it is proved."""
    found = settlement.settle_day(day, by=BY)
    assert found.is_proved, (found.step, found.failure)
    return found


def lines() -> set[tuple[Any, ...]]:
    """Every line of the tenant, comparable."""
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT trade_id, track, partner_id, component, level, distance, amount_before_cap, amount, cap"
            " FROM commission_line WHERE tenant_id = :tenant_id"
        ).all()
    )
    return {tuple(row) for row in rows}


def reasons() -> set[tuple[Any, ...]]:
    """Every stored reason of the tenant, comparable."""
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT trade_id, track, partner_id, distance, reason, gates FROM commission_reason"
            " WHERE tenant_id = :tenant_id"
        ).all()
    )
    return {(*tuple(row)[:5], tuple(row.gates)) for row in rows}


def held() -> set[tuple[Any, ...]]:
    """Every hold of the tenant, comparable."""
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT trade_id, track, partner_id, gates FROM commission_hold WHERE tenant_id = :tenant_id"
        ).all()
    )
    return {(*tuple(row)[:3], tuple(row.gates)) for row in rows}


def balances(partner_id: UUID, currency: str = "USD") -> dict[str, Decimal]:
    """What a partner has under audit and redeemable."""

    def read() -> dict[str, Decimal]:
        owner = ledger.Owner("partner", partner_id)
        return {
            purpose: ledger.balance(ledger.wallet(owner, purpose, currency).id).amount
            for purpose in (ledger.TEMPORARY, ledger.REDEEM)
        }

    return in_transaction(read)
