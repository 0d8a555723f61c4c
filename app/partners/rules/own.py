"""What a partner gets by their rank, their month and their own rates: the plain reference, one trade at a time.

The engine in SQL does the same in `sql/own_terms.sql`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from app.partners.ranks.terms import Measure, Rank, Tiers
from app.partners.rules.steps import product, quotient_step, step, total

if TYPE_CHECKING:
    from app.partners.plan import GodRule, Level, Plan, ReferralRule, Track
    from app.partners.rules.facts import Facts, Outcome

_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Month:
    """How many counted lots a partner's month stands at before a trade, and how many the month before ended with."""

    stood_at: Decimal = _NOTHING
    previous: Decimal = _NOTHING


@dataclass(frozen=True, slots=True)
class OwnRate:
    """A partner's own share of one level, or their own amount per lot; for one rule, or for every rule of the track."""

    partner_id: UUID
    track: Track
    amount: Decimal
    unit: Literal["share", "per_lot"] = "per_lot"
    rule: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class PerLot:
    """What one partner gets for a trade's lots before weights and shares: exact, and for reading per lot."""

    gross: Decimal
    rate: Decimal


def own_rate(
    facts: Facts, partner_id: UUID, track: Track, rule: str, unit: Literal["share", "per_lot"], level: int = 0
) -> Decimal | None:
    """The partner's own rate in force: the rule's own before the track's, or None."""
    mine = {
        one.rule: one.amount
        for one in facts.own_rates
        if (one.partner_id, one.track, one.unit, one.level) == (partner_id, track, unit, level)
    }
    return mine.get(rule, mine.get(""))


def rank_of(plan: Plan, facts: Facts, partner_id: UUID) -> Rank | None:
    """The partner's rank under the plan; None where the plan has no ranks."""
    return plan.ranks.named(facts.ranks.get(partner_id)) if plan.ranks is not None else None


def share_of(
    plan: Plan, facts: Facts, partner_id: UUID, rule: ReferralRule | None, place: int, level: Level
) -> Decimal:
    """The share of one level: the partner's own, else their rank's, else the plan's."""
    if rule is None or (plan.referral is not None and plan.referral.level_base == "previous"):
        return level.share
    own = own_rate(facts, partner_id, "referral", rule.name, "share", place)
    if own is not None:
        return own
    return ranked_share(rank_of(plan, facts, partner_id), place, level.share)


def ranked_share(rank: Rank | None, place: int, share: Decimal) -> Decimal:
    """A level's share for somebody of a rank."""
    if rank is None:
        return share
    if place <= len(rank.shares):
        return rank.shares[place - 1]
    return product(share, rank.share_factor)


def base_for(
    plan: Plan, facts: Facts, partner_id: UUID, rule: ReferralRule | None, base: Decimal, lots: Decimal
) -> Decimal:
    """Of what a level gets its share: the trade's base, or this partner's own amount per lot."""
    if rule is None or rule.kind != "per_lot" or (plan.referral is not None and plan.referral.level_base == "previous"):
        return base
    own = own_rate(facts, partner_id, "referral", rule.name, "per_lot")
    if own is not None:
        return step(own, lots)
    if rule.tiers is not None:
        return step(tiered(rule.tiers, facts.month(partner_id, "referral"), lots).gross)
    rank = rank_of(plan, facts, partner_id)
    rate = rank.rates.get(rule.name) if rank is not None else None
    return base if rate is None else step(rate, lots)


def per_lot_of(
    plan: Plan, facts: Facts, partner_id: UUID, rule: GodRule | None, granted: Decimal, lots: Decimal
) -> PerLot:
    """A partner's amount per lot on the god-mode track before the nested policy."""
    if rule is not None:
        own = own_rate(facts, partner_id, "god", rule.name, "per_lot")
        if own is not None:
            return PerLot(product(own, lots), own)
        if rule.tiers is not None:
            return tiered(rule.tiers, facts.month(partner_id, "god"), lots)
        rank = rank_of(plan, facts, partner_id)
        if rank is not None and rank.god_rate is not None:
            granted = rank.god_rate
    return PerLot(product(granted, lots), granted)


def tiered(tiers: Tiers, month: Month, lots: Decimal) -> PerLot:
    """What tiers give for so many lots when the month stands where it does."""
    if tiers.method == "marginal":
        gross = marginal(tiers, month.stood_at, lots)
        return PerLot(gross, quotient_step(gross, lots) if lots else band_rate(tiers, month.stood_at))
    rate = band_rate(tiers, month.stood_at if tiers.method == "flat_on_reach" else month.previous)
    return PerLot(product(rate, lots), rate)


def band_rate(tiers: Tiers, lots: Decimal) -> Decimal:
    """The rate of the band in which a month's total lies. A band includes its upper bound."""
    return next(band.rate for band in tiers.bands if band.upto is None or lots <= band.upto)


def marginal(tiers: Tiers, stood_at: Decimal, lots: Decimal) -> Decimal:
    """Each lot at its own band, exact."""
    end = total(stood_at, lots)
    parts, above = [], _NOTHING
    for band in tiers.bands:
        upto = end if band.upto is None else min(band.upto, end)
        parts.append(product(band.rate, max(_NOTHING, total(upto, -max(above, stood_at)))))
        if band.upto is not None:
            above = band.upto
    return total(*parts)


def flat_true_up(
    tiers: Tiers, track: Track, paid: Iterable[tuple[Decimal, Decimal, Decimal]], month_lots: Decimal
) -> Decimal:
    """What is still due at the end of a month whose trades were paid at the band in which each found it.

    `paid` has (lots, share or weight, amount before caps) of every trade that no cap has reduced.
    """
    rate = band_rate(tiers, month_lots)
    return total(
        *(
            total(step(rate, lots, part) if track == "god" else step(step(rate, lots), part), -amount)
            for lots, part, amount in paid
        )
    )


def counts(outcome: Outcome) -> set[tuple[UUID, Track]]:
    """For whom a trade's lots count: whoever passed every gate and is not passed over by the nested policy."""
    kept = {"ZERO_AMOUNT", "OVERLAP", "CAP_REACHED"}
    found = {(line.partner_id, line.track) for line in outcome.lines}
    return found | {(lost.partner_id, lost.track) for lost in outcome.reasons if lost.primary.value in kept}


def highest_reached(ranks: Sequence[Rank], measured: Mapping[Measure, Decimal]) -> int:
    """The place of the highest rank whose every condition is exceeded; the first one needs nothing."""
    reached = 0
    for place, rank in enumerate(ranks):
        if all(measured.get(name, _NOTHING) > least for name, least in rank.more_than.items()):
            reached = place
    return reached
