"""Comparing what we hold with what the platforms say, and saying whether a day's deals are complete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.kit.money import Money
from app.kit.text import Message, _l
from app.ledger import service as ledger
from app.trading.models import SyncDifference, TradingAccount, UnmatchedDeal
from app.trading.queries import ingest as ingest_queries
from app.trading.queries import platforms as queries
from app.trading.service import outcomes


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
        reasons.append(_l("The deals of this day have not all been read yet."))
    if status.catch_up_wanted:
        reasons.append(_l("A gap in the platform's events is being filled."))
    if any(row.kind == "deal_count" for row in queries.open_differences(platform_id)):
        reasons.append(_l("The platform counts other deals than we hold."))
    return Completeness(not reasons, tuple(reasons))


def incomplete_platforms(cutoff: datetime) -> list[tuple[UUID, Completeness]]:
    """The active platforms that are not complete up to `cutoff`, with the reasons."""
    found = [(row.id, completeness(row.id, cutoff)) for row in queries.platforms() if row.is_active]
    return [(platform_id, each) for platform_id, each in found if not each.is_complete]


def record_comparison(platform_id: UUID, kind: str, theirs: Mapping[int, Decimal], ours: Mapping[int, Decimal]) -> int:
    """Keep what differs between the platform's figures and ours, per login; settle earlier differences that are
    gone."""
    accounts = ingest_queries.accounts_by_login(platform_id, sorted(theirs))
    statement = select(SyncDifference).where(
        SyncDifference.platform_id == platform_id, SyncDifference.kind == kind, SyncDifference.resolved_at.is_(None)
    )
    standing = {row.account_id: row for row in session().scalars(statement)}
    now = clock.now()
    differing = 0
    for login, account in accounts.items():
        their, our = theirs[login], ours.get(login, Decimal(0))
        row = standing.get(account.id)
        if their == our:
            if row is not None:
                row.resolved_at = now
            continue
        differing += 1
        if row is None:
            row = SyncDifference(platform_id=platform_id, account_id=account.id, kind=kind, found_at=now)
            session().add(row)
        row.ours, row.theirs = our, their
    status = ingest_queries.lock_status(platform_id)
    if status is not None:
        status.reconciled_at = now
    session().flush()
    if differing or standing:
        live.publish("office", "platforms-changed")
    return differing


@dataclass(frozen=True, slots=True)
class MoneyDifference:
    """The books say that so much money stands on a platform; its own balance deals say otherwise."""

    platform_id: UUID
    books: Money
    deals: Money


def verify_platform_money() -> list[MoneyDifference]:
    """Compare the house wallet of each platform and currency with the platform's own balance deals. Empty when all
    agree."""
    found = []
    for platform in queries.platforms():
        moved = queries.moved_by_deals(platform.id)
        for currency in sorted(moved.keys() | _currencies(platform.id)):
            books = ledger.balance(outcomes.platform_wallet(platform.id, currency))
            deals = outcomes.money_of(moved.get(currency, Decimal(0)), currency)
            if books != deals:
                found.append(MoneyDifference(platform.id, books, deals))
    return found


def _currencies(platform_id: UUID) -> set[str]:
    statement = select(TradingAccount.currency).where(TradingAccount.platform_id == platform_id).distinct()
    currencies: Sequence[str] = session().scalars(statement).all()
    return set(currencies)


def resolve_unmatched(platform_id: UUID, ticket: int, *, note: str, by: Actor) -> UnmatchedDeal:
    """Take an unexplained deal off the queue. Its money stays in suspense until finance books it on."""
    statement = select(UnmatchedDeal).where(UnmatchedDeal.platform_id == platform_id, UnmatchedDeal.ticket == ticket)
    row = session().scalars(statement.with_for_update()).one_or_none()
    if row is None or row.resolved_at is not None:
        raise NotFound
    if len(note.strip()) < 5:
        raise Invalid(_l("Say how this was explained, in at least five characters."), field="note")
    row.resolved_at, row.resolved_by, row.note = clock.now(), by.name, note.strip()[:500]
    audit.record("trading.deal.resolved", ("unmatched_deal", f"{platform_id}:{ticket}"), by=by, reason=row.note)
    live.publish("office", "platforms-changed")
    return row
