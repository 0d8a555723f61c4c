"""The inside doors of a sandbox that a demonstration may use. Each refuses a tenant that is no sandbox."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import select

from app.config import settings
from app.core import db
from app.core import redis as core_redis
from app.core.errors import Forbidden
from app.identity import passwords
from app.identity import service as identity
from app.identity.models import User
from app.kit import clock
from app.kit.money import Money
from app.partners import versions
from app.partners.models import SettlementRun
from app.payments import bundle as payments
from app.referrals import bundle as referrals
from app.tenancy import directory
from app.tenancy import service as tenancy
from app.tenancy.models import OPERATOR
from app.trading.models import AccountType


@dataclass(frozen=True, slots=True)
class HeldAccount:
    """A trading account with what its stored deals amount to."""

    login: int
    currency: str
    is_demo: bool
    deals: int
    money: Decimal
    moved: Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """What a brand offers its clients and asks of its partners."""

    account_type: str
    account_currencies: Sequence[str]
    leverages: Sequence[int]
    deposits: Mapping[str, tuple[Decimal, Decimal, Decimal]]
    withdrawal_min: Mapping[str, Decimal]
    client_kyc_level: int
    partner_kyc_level: int
    payout_kyc_level: int
    min_hold_seconds: int
    pays_god_mode: bool
    plan_currency: str
    min_payout: Decimal


@dataclass(frozen=True, slots=True)
class Release:
    """How much commission waits and how much is free."""

    under_audit: int
    released: int
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Total:
    """The wallets of one kind together."""

    what: str
    amount: Decimal
    currency: str


def sandboxes() -> list[str]:
    """The slugs of the sandbox tenants, by number."""
    return [entry.slug for entry in directory.active_tenants() if entry.is_sandbox]


def sandbox_id(slug: str) -> int:
    """The number of a sandbox tenant. Raises Forbidden for any other tenant."""
    for entry in directory.active_tenants():
        if entry.slug == slug and entry.is_sandbox:
            return entry.id
    raise Forbidden


@cache
def _hashed(password: str) -> passwords.Hashed:
    """All people of a demonstration have one password, and each hash takes a core for a while."""
    return passwords.Hashed(passwords.hash_password(password))


def ensure_person(slug: str, email: str, name: str, roles: Sequence[str], password: str, country: str) -> None:
    """Make a sign-in once, with its e-mail confirmed."""
    tenant = OPERATOR if slug == "operator" else sandbox_id(slug)
    with db.tenant_scope(tenant), db.transaction():
        if db.session().execute(select(User.id).where(User.email_norm == email.lower())).first():
            return
        password = _hashed(password)
        if "operator" in roles:
            identity.create_operator(email=email, name=name, password=password)
        elif "trader" in roles:
            config = tenancy.current()
            identity.create_trader(
                email=email, name=name, country=country, password=password, language=config.default_language
            )
        else:
            identity.create_staff(email=email, name=name, password=password, roles=roles)


def move_clock(slug: str, to: datetime) -> None:
    """Move the sandbox's business clock forward to an instant."""
    tenancy.move_business_clock(sandbox_id(slug), to)


def business_now(slug: str) -> datetime:
    """The present instant of the sandbox's business clock."""
    with db.tenant_scope(sandbox_id(slug)):
        return clock.business_now()


def day(slug: str) -> tuple[date, datetime]:
    """The settlement day of the sandbox's present instant, and when it ends."""
    with db.tenant_scope(sandbox_id(slug)):
        cut = versions.day_cut()
        found = cut.day_of(clock.business_now())
        return found, cut.end_of(found)


def port() -> int:
    """The port of the pages."""
    return settings().port


def control_url(slug: str) -> str:
    """Where the simulator of the tenant's platform is controlled. Raises KeyError where none runs."""
    sandbox_id(slug)
    found = json.loads(settings().simulators)[slug]
    return f"http://{found['host']}:{found['control_port']}"


def other_clocks(slug: str) -> list[str]:
    """Where the simulators of the tenant's further platforms are controlled: their clocks go with the first one's."""
    sandbox_id(slug)
    found = json.loads(settings().simulators)[slug]
    return [f"http://{one['host']}:{one['control_port']}" for one in found.values() if isinstance(one, dict)]


def terms(slug: str) -> Terms:
    """What the tenant's bundle offers: its first live account type, its limits, its plan."""
    with db.tenant_scope(sandbox_id(slug)):
        statement = select(AccountType).where(AccountType.is_offered, AccountType.is_demo.is_(False))
        kind = db.session().scalars(statement.order_by(AccountType.position).limit(1)).one()
        offered = payments.offered()
        plan = versions.plan_for_receivers()
        assert plan is not None, "The demonstration's brands have a plan."
        return Terms(
            account_type=kind.code,
            account_currencies=kind.currencies,
            leverages=kind.leverages,
            deposits={e.currency: (e.deposit_min, e.deposit_max, e.second_person_from) for e in offered},
            withdrawal_min={e.currency: e.withdrawal_min for e in offered},
            client_kyc_level=plan.gates.client_kyc_level,
            partner_kyc_level=plan.gates.partner_kyc_level,
            payout_kyc_level=referrals.settings().requires_kyc_level,
            min_hold_seconds=int(plan.gates.min_hold_seconds),
            pays_god_mode=plan.god is not None,
            plan_currency=plan.currency,
            min_payout=plan.min_payout,
        )


def holdings(slug: str) -> list[HeldAccount]:
    """Every trading account that has a login, with its stored deals."""
    rows = _read(
        slug,
        "SELECT a.login, a.currency, a.is_demo, count(d.ticket) AS deals,"
        " coalesce(sum(d.profit + d.swap + d.commission + d.fee), 0) AS money,"
        " coalesce(sum(d.profit) FILTER (WHERE d.kind = 'balance'), 0) AS moved"
        " FROM trading_account AS a LEFT JOIN deal AS d"
        " ON d.tenant_id = a.tenant_id AND d.platform_id = a.platform_id AND d.login = a.login"
        " AND d.deleted_at IS NULL"
        " WHERE a.tenant_id = :tenant_id AND a.login IS NOT NULL"
        " GROUP BY a.login, a.currency, a.is_demo ORDER BY a.login",
    )
    return [HeldAccount(**row._mapping) for row in rows]


def platform_money(slug: str) -> dict[str, Decimal]:
    """What stands on platforms by our books: the house wallets of that purpose, by currency."""
    rows = _read(
        slug,
        "SELECT w.currency, sum(p.amount_minor)::bigint AS minor FROM wallet AS w JOIN posting AS p"
        " ON p.tenant_id = w.tenant_id AND p.wallet_id = w.id"
        " WHERE w.tenant_id = :tenant_id AND w.owner_kind = 'house' AND w.purpose LIKE 'platform:%'"
        " GROUP BY w.currency ORDER BY w.currency",
    )
    return {row.currency: Money.from_minor(row.minor, row.currency).amount for row in rows}


def settled_days(slug: str) -> list[SettlementRun]:
    """The settlement runs, oldest first."""
    with db.tenant_scope(sandbox_id(slug)):
        return list(db.session().scalars(select(SettlementRun).order_by(SettlementRun.business_date)))


def release(slug: str) -> Release:
    """Batches with money in them: how many wait, how many are free, when the last of the waiting is due."""
    row = _read(
        slug,
        "SELECT count(*) FILTER (WHERE status = 'posted') AS under_audit,"
        " count(*) FILTER (WHERE status = 'released') AS released,"
        " max(due_at) FILTER (WHERE status = 'posted') AS due_at"
        " FROM commission_batch WHERE tenant_id = :tenant_id AND purpose = 'settle' AND posted_minor <> 0",
    )[0]
    return Release(row.under_audit, row.released, row.due_at)


def totals(slug: str) -> list[Total]:
    """What lies in the wallets, by kind of owner, purpose and currency."""
    rows = _read(
        slug,
        "SELECT w.owner_kind || ' ' || split_part(w.purpose, ':', 1) AS what, w.currency,"
        " sum(p.amount_minor)::bigint AS minor"
        " FROM wallet AS w JOIN posting AS p ON p.tenant_id = w.tenant_id AND p.wallet_id = w.id"
        " WHERE w.tenant_id = :tenant_id GROUP BY 1, 2 HAVING sum(p.amount_minor) <> 0 ORDER BY 1, 2",
    )
    return [Total(row.what, Money.from_minor(row.minor, row.currency).amount, row.currency) for row in rows]


def process_ids(role: str) -> list[int]:
    """The processes of a role that have beaten lately, on this machine. Refused outside a demonstration."""
    _only_in_demonstrations()
    here = f"{role}@{socket.gethostname()}:"
    with db.directory_scope():
        rows = db.execute_sql(
            "SELECT process FROM process_heartbeat WHERE role = :role ORDER BY beat_at DESC", role=role
        ).scalars()
        return [int(name.removeprefix(here)) for name in rows if name.startswith(here)]


def flush_redis() -> None:
    """Empty Redis, as a crash without a disk would. Refused outside a demonstration."""
    _only_in_demonstrations()
    core_redis.client().flushdb()


def _only_in_demonstrations() -> None:
    if not settings().is_demo:
        raise Forbidden


def _read(slug: str, statement: str) -> Sequence[Any]:
    with db.tenant_scope(sandbox_id(slug)):
        return db.execute_sql(statement).all()
