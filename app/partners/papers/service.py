"""A partner's statement for whole settlement days. Every figure is a sum of rows that it lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from app.kit.money import Money
from app.partners.models import CommissionBatch
from app.partners.papers import queries
from app.partners.settlement import wallets
from app.tenancy.papers import Period

ROWS_MAX: Final = 1_000  # On the page and in the PDF; the CSV holds them all.


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry on the partner's wallets, with what both held after it."""

    entry_id: UUID
    kind: str
    memo: str
    day: date
    at: datetime
    under_audit: Money
    redeemable: Money
    aside: Money
    under_audit_after: Money
    redeemable_after: Money


@dataclass(frozen=True, slots=True)
class TrackSum:
    """How the lines of one track became money: `lines` + `carried_in` - `carried_on` = `posted`, exactly.

    All of them are in the statement's currency; `exact` is what the lines came to in the plan's before.
    """

    track: str
    line_count: int
    exact: Decimal
    lines: Decimal
    carried_in: Decimal
    carried_on: Decimal
    posted: Money


@dataclass(frozen=True, slots=True)
class PartnerStatement:
    """What a partner earned in some days and what became of it. The opening balances and the movements sum to the
    closing ones; the amounts of `paid`, in `plan_currency`, sum to what the lines of `tracks` were before they were
    converted."""

    partner_id: UUID
    period: Period
    currency: str
    plan_currency: str
    opening_audit: Money
    opening_redeem: Money
    closing_audit: Money
    closing_redeem: Money
    sums: dict[str, tuple[Money, Money]]
    movements: Sequence[Movement]
    tracks: Sequence[TrackSum]
    batches: Sequence[CommissionBatch]
    paid: Sequence[Any]
    unpaid: Sequence[Any]
    reasons: Sequence[tuple[str, int]]
    held: Sequence[Any]
    is_cut: bool

    @property
    def lines(self) -> Decimal:
        """All that the days' batches were made of."""
        return sum((track.lines for track in self.tracks), Decimal(0))

    @property
    def carried_in(self) -> Decimal:
        return sum((track.carried_in for track in self.tracks), Decimal(0))

    @property
    def carried_on(self) -> Decimal:
        return sum((track.carried_on for track in self.tracks), Decimal(0))

    @property
    def posted(self) -> Money:
        return sum((track.posted for track in self.tracks), Money.zero(self.currency))


def statement(partner_id: UUID, period: Period, currency: str, *, rows_max: int = ROWS_MAX) -> PartnerStatement:
    """A partner's statement. Lists longer than `rows_max` are cut, sums never."""
    first, last = period.first, period.last
    held_before = queries.opening(partner_id, currency, first)
    opening_audit = Money.from_minor(held_before.get("temporary", 0), currency)
    opening_redeem = Money.from_minor(held_before.get("redeem", 0), currency)
    movements = _movements(
        queries.movements(partner_id, currency, first, last), currency, opening_audit, opening_redeem
    )
    batches = queries.batches(partner_id, currency, first, last)
    paid = queries.listed("paid", partner_id, first, last, rows_max + 1)
    unpaid = queries.listed("unpaid", partner_id, first, last, rows_max + 1)
    held = queries.listed("held", partner_id, first, last, rows_max + 1)
    return PartnerStatement(
        partner_id=partner_id,
        period=period,
        currency=currency,
        plan_currency=wallets.plan_currency(),
        opening_audit=opening_audit,
        opening_redeem=opening_redeem,
        closing_audit=movements[-1].under_audit_after if movements else opening_audit,
        closing_redeem=movements[-1].redeemable_after if movements else opening_redeem,
        sums=_sums(movements, currency),
        movements=movements[:rows_max],
        tracks=_tracks(batches, currency),
        batches=batches,
        paid=paid[:rows_max],
        unpaid=unpaid[:rows_max],
        reasons=queries.reason_counts(partner_id, first, last),
        held=held[:rows_max],
        is_cut=any(len(rows) > rows_max for rows in (paid, unpaid, held, movements)),
    )


def _movements(rows: Sequence[Any], currency: str, audit: Money, redeem: Money) -> list[Movement]:
    found = []
    for row in rows:
        under_audit = Money.from_minor(int(row.temporary_minor), currency)
        redeemable = Money.from_minor(int(row.redeem_minor), currency)
        audit, redeem = audit + under_audit, redeem + redeemable
        aside = Money.from_minor(int(row.other_minor), currency)
        found.append(
            Movement(
                row.entry_id, row.kind, row.memo or "", row.business_date, row.posted_at, under_audit, redeemable,
                aside, audit, redeem,
            )
        )  # fmt: skip
    return found


def _sums(movements: Sequence[Movement], currency: str) -> dict[str, tuple[Money, Money]]:
    """What each kind of entry did to both wallets, in the order in which the kinds came up."""
    found: dict[str, tuple[Money, Money]] = {}
    for one in movements:
        audit, redeem = found.get(one.kind, (Money.zero(currency), Money.zero(currency)))
        found[one.kind] = (audit + one.under_audit, redeem + one.redeemable)
    return found


def _tracks(batches: Sequence[CommissionBatch], currency: str) -> list[TrackSum]:
    by_track: dict[str, list[CommissionBatch]] = {}
    for batch in batches:
        by_track.setdefault(batch.track, []).append(batch)
    found = []
    for track, own in sorted(by_track.items()):
        carried = sum((batch.carry_in - batch.carry_out for batch in own), Decimal(0))
        found.append(
            TrackSum(
                track=track,
                line_count=sum(batch.line_count for batch in own),
                exact=sum((batch.lines for batch in own), Decimal(0)),
                lines=sum((batch.settled for batch in own), Decimal(0)),
                carried_in=own[0].carry_in,
                carried_on=own[0].carry_in - carried,
                posted=sum((batch.posted for batch in own), Money.zero(currency)),
            )
        )
    return found
