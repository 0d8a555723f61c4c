"""What is wrong with tiers, ranks and their neighbours that their types cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from app.kit.text import Message, _l
from app.partners.plan import GodRule, Plan, ReferralRule
from app.partners.ranks.terms import Measuring, Rank, Ranks, Tiers

RATE_MAX = Decimal(1_000_000)
Fault = tuple[str, Message]
COMPARING = ("difference", "highest", "split")  # Nested policies that compare partners' rates or hand one on.


def rank_faults(plan: Plan) -> Iterator[Fault]:
    """(dotted key, sentence) for everything faulty about tiers, ranks, qualification and own rates."""
    for rule in plan.referral.rules if plan.referral is not None else ():
        yield from _referral_tier_faults(plan, rule)
    for god_rule in plan.god.rules if plan.god is not None else ():
        yield from _god_tier_faults(plan, god_rule)
    if plan.ranks is not None:
        yield from _ranks_faults(plan, plan.ranks)
    if plan.qualification is not None:
        key = "qualification"
        if not plan.qualification.at_least:
            yield f"{key}.at_least", _l("Say what a partner must have at least, or leave the qualification out.")
        yield from _amount_faults(f"{key}.at_least", plan.qualification.at_least)
        yield from _measuring_faults(f"{key}.measuring", plan.qualification.measuring)
    for name in ("alone_up_to_share", "alone_up_to_per_lot"):
        limit: Decimal | None = getattr(plan.own_rates, name)
        if limit is not None and not (limit.is_finite() and 0 <= limit <= RATE_MAX):
            yield f"own_rates.{name}", _l("This number must not be negative.")


def _referral_tier_faults(plan: Plan, rule: ReferralRule) -> Iterator[Fault]:
    if rule.tiers is None:
        return
    key = f"referral.rules.{rule.name}.tiers"
    if rule.kind != "per_lot":
        yield key, _l("Only a rule that pays an amount for every lot has tiers.")
    if plan.referral is not None and plan.referral.level_base == "previous":
        yield key, _l("Tiers need levels that each share in what the trade brought.")
    yield from _band_faults(key, rule.tiers)


def _god_tier_faults(plan: Plan, rule: GodRule) -> Iterator[Fault]:
    if rule.tiers is None:
        return
    key = f"god.rules.{rule.name}.tiers"
    if plan.god is not None and plan.god.nested_policy in COMPARING and rule.tiers.method != "previous_period":
        yield key, _l("Where partners' rates are compared, tiers must take the rate of the month before.")
    yield from _band_faults(key, rule.tiers)


def _band_faults(key: str, tiers: Tiers) -> Iterator[Fault]:
    bounds = [band.upto for band in tiers.bands]
    if not bounds or bounds[-1] is not None or None in bounds[:-1]:
        yield f"{key}.bands", _l("Every band but the last one needs an upper bound.")
        return
    last = Decimal(0)
    for bound in bounds[:-1]:
        if bound is None or not (bound.is_finite() and last < bound <= RATE_MAX):
            yield f"{key}.bands", _l("The upper bounds of the bands must rise, from above 0.")
            return
        last = bound
    for band in tiers.bands:
        if not (band.rate.is_finite() and 0 <= band.rate <= RATE_MAX):
            yield f"{key}.bands", _l("The amount per lot of a band must not be negative.")


def _ranks_faults(plan: Plan, ranks: Ranks) -> Iterator[Fault]:
    if not ranks.ranks:
        yield "ranks.ranks", _l("Name at least one rank, or leave ranks out.")
        return
    names = [rank.name for rank in ranks.ranks]
    if len(set(names)) != len(names) or not all(names):
        yield "ranks.ranks", _l("Every rank needs a name of its own.")
    if ranks.ranks[0].more_than:
        yield f"ranks.ranks.{names[0]}.more_than", _l("The first rank is everybody's: it has no conditions.")
    for rank in ranks.ranks:
        yield from _rank_faults(plan, rank)
    yield from _measuring_faults("ranks.measuring", ranks.measuring)


def _rank_faults(plan: Plan, rank: Rank) -> Iterator[Fault]:
    key = f"ranks.ranks.{rank.name}"
    yield from _amount_faults(f"{key}.more_than", rank.more_than)
    yield from _amount_faults(f"{key}.rates", rank.rates)
    if not (rank.share_factor.is_finite() and 0 <= rank.share_factor <= 10):
        yield f"{key}.share_factor", _l("The factor on the shares must be between 0 and 10.")
    for name in ("shares", "override", "same_rank"):
        values: tuple[Decimal, ...] = getattr(rank, name)
        if not all(value.is_finite() and 0 <= value <= 1 for value in values):
            yield f"{key}.{name}", _l("A share must be between 0 and 1.")
    if rank.god_rate is not None and not (rank.god_rate.is_finite() and 0 <= rank.god_rate <= RATE_MAX):
        yield f"{key}.god_rate", _l("The amount per lot of a rank must not be negative.")
    if plan.referral is None:
        return
    changes_shares = rank.share_factor != 1 or rank.shares or rank.rates
    if plan.referral.level_base == "previous" and changes_shares:
        yield key, _l("A rank changes shares only where each level shares in what the trade brought.")
    known = {rule.name: rule for rule in plan.referral.rules}
    for name in rank.rates:
        if name not in known or known[name].kind != "per_lot":
            yield f"{key}.rates", _l("No rule named %(name)s pays an amount for every lot.", name=name)
        elif known[name].tiers is not None:
            yield f"{key}.rates", _l("The rule %(name)s has tiers already.", name=name)
    for levels in (plan.referral.levels, *(rule.levels for rule in plan.referral.rules)):
        shares = [
            rank.shares[place] if place < len(rank.shares) else level.share * rank.share_factor
            for place, level in enumerate(levels)
        ]
        if sum(shares, Decimal(0)) > 1:
            yield f"{key}.shares", _l("The shares of all levels together are more than the whole.")
            return


def _amount_faults(key: str, amounts: Mapping[Any, Decimal]) -> Iterator[Fault]:
    if not all(value.is_finite() and 0 <= value <= Decimal(10**12) for value in amounts.values()):
        yield key, _l("This number must not be negative.")


def _measuring_faults(key: str, measuring: Measuring) -> Iterator[Fault]:
    if not 1 <= measuring.days <= 366 or not 1 <= measuring.active.days <= 366:
        yield f"{key}.days", _l("Look back over 1 to 366 days.")
    if measuring.active.orders < 0 or not (measuring.active.own_funds.is_finite() and measuring.active.own_funds >= 0):
        yield f"{key}.active", _l("This number must not be negative.")
