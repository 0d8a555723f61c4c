"""Comparing what we hold with what the platforms say, and saying whether a day's deals are complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.core import live
from app.core.db import session
from app.kit import clock
from app.kit.money import Money
from app.kit.text import Message, _l
from app.ledger import service as ledger
from app.trading.models import SyncDifference, TradingAccount
from app.trading.queries import ingest as ingest_queries
from app.trading.queries import platforms as queries
from app.trading.service import outcomes

NOT_READ = _l("The deals of this day have not all been read yet.")
GAP_OPEN = _l("A gap in the platform's events is being filled.")
COUNTS_DIFFER = _l("The platform counts other deals than we hold.")
INCOMPLETE = (NOT_READ, GAP_OPEN, COUNTS_DIFFER)
"""All that can speak against a platform's deals being complete."""


@dataclass(frozen=True, slots=True)
class Completeness:
    """Whether every deal of a platform before an instant has been read; if not, why not."""

    is_complete: bool
    reasons: tuple[Message, ...] = ()


def completeness(platform_id: UUID, cutoff: datetime) -> Completeness:
    """Whether the deals of a platform are complete up to `cutoff` (business time). Settlement asks this before it
    starts."""
    status = queries.status(platform_id)
    reasons: list[Message] = []
    if status.complete_until is None or status.complete_until < cutoff:
        reasons.append(NOT_READ)
    if status.catch_up_wanted:
        reasons.append(GAP_OPEN)
    standing = queries.open_differences(platform_id)
    if any(row.kind == "deal_count" and row.category is None for row in standing):  # An explained one stops nobody.
        reasons.append(COUNTS_DIFFER)
    return Completeness(not reasons, tuple(reasons))


def incomplete_platforms(cutoff: datetime) -> list[tuple[UUID, Completeness]]:
    """The active platforms that are not complete up to `cutoff`, with the reasons."""
    found = [(row.id, completeness(row.id, cutoff)) for row in queries.platforms() if row.is_active]
    return [(platform_id, each) for platform_id, each in found if not each.is_complete]


# (their figure, ours), by account, or by currency where it is about a wallet of the house.
Pairs = dict[tuple[UUID | None, str], tuple[Decimal, Decimal]]


@dataclass(frozen=True, slots=True)
class Compared:
    """How a comparison came out: figures compared, those that differ, differences that are new, and those that are
    gone."""

    compared: int
    differing: int
    opened: int
    closed: int


def compare(platform_id: UUID, kind: str, theirs: Mapping[int, Decimal], ours: Mapping[int, Decimal]) -> Compared:
    """Keep what differs between the platform's figures and ours, per login; settle earlier differences that are
    gone."""
    accounts = ingest_queries.accounts_by_login(platform_id, sorted(theirs))
    pairs: Pairs = {
        (account.id, ""): (theirs[login], ours.get(login, Decimal(0))) for login, account in accounts.items()
    }
    found = _keep(platform_id, kind, pairs)
    status = ingest_queries.lock_status(platform_id)
    if status is not None:
        status.reconciled_at = clock.now()
        session().flush()
    return found


def compare_wallets(platform_id: UUID) -> Compared:
    """Keep where the books say that other money stands on a platform than its own balance deals do."""
    pairs: Pairs = {
        (None, money.deals.currency): (money.deals.amount, money.books.amount) for money in platform_money(platform_id)
    }
    return _keep(platform_id, "house_wallet", pairs)


def _keep(platform_id: UUID, kind: str, pairs: Pairs) -> Compared:
    """Keep which of these pairs differ, and settle what differed before."""
    statement = select(SyncDifference).where(
        SyncDifference.platform_id == platform_id, SyncDifference.kind == kind, SyncDifference.resolved_at.is_(None)
    )
    standing = {(row.account_id, row.currency): row for row in session().scalars(statement)}
    now = clock.now()
    differing = opened = closed = 0
    for key, (their, our) in pairs.items():
        row = standing.get(key)
        if their == our:
            if row is not None:
                row.resolved_at = now
                closed += 1
            continue
        differing += 1
        if row is None:
            opened += 1
            row = SyncDifference(platform_id=platform_id, account_id=key[0], currency=key[1], kind=kind, found_at=now)
            session().add(row)
        elif (row.ours, row.theirs) != (our, their) and row.category is not None:
            row.category, row.explained_at = None, None  # It is another difference now: its note stays to be read.
        row.ours, row.theirs, row.seen_at = our, their, now
    session().flush()
    if differing or closed:
        live.publish("office", "platforms-changed")
    return Compared(len(pairs), differing, opened, closed)


@dataclass(frozen=True, slots=True)
class MoneyDifference:
    """The books say that so much money stands on a platform; its own balance deals say otherwise."""

    platform_id: UUID
    books: Money
    deals: Money


def platform_money(platform_id: UUID) -> list[MoneyDifference]:
    """What the books and the platform's own balance deals say, for each currency of the platform."""
    moved = queries.moved_by_deals(platform_id)
    return [
        MoneyDifference(
            platform_id,
            ledger.balance(outcomes.platform_wallet(platform_id, currency)),
            outcomes.money_of(moved.get(currency, Decimal(0)), currency),
        )
        for currency in sorted(moved.keys() | _currencies(platform_id))
    ]


def verify_platform_money() -> list[MoneyDifference]:
    """Compare the house wallet of each platform and currency with the platform's own balance deals. Empty when all
    agree."""
    found = [money for platform in queries.platforms() for money in platform_money(platform.id)]
    return [money for money in found if money.books != money.deals]


def _currencies(platform_id: UUID) -> set[str]:
    statement = select(TradingAccount.currency).where(TradingAccount.platform_id == platform_id).distinct()
    currencies: Sequence[str] = session().scalars(statement).all()
    return set(currencies)
