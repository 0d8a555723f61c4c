"""What is wrong with a plan that its types cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from app.kit.text import Message, _l
from app.partners.abuse.terms import abuse_faults, band_faults
from app.partners.arbitrage import arbitrage_faults
from app.partners.awards.faults import award_faults, award_loss_faults
from app.partners.payouts.terms import payout_faults
from app.partners.plan import TRACKS, BaseKind, GodTrack, Plan
from app.partners.ranks.faults import rank_faults
from app.partners.rebates.faults import sharing_faults
from app.partners.volume.faults import volume_faults


def faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    """What is wrong with a plan that its types cannot say: (dotted key, sentence). Nothing faulty is ever published."""
    yield from _share_faults(plan)
    yield from _kind_faults(plan)
    yield from _name_faults(plan)
    if plan.god is not None:
        yield from _god_faults(plan, plan.god)
    if set(plan.caps.cap_order) != set(TRACKS) or len(plan.caps.cap_order) != len(TRACKS):
        yield "caps.cap_order", _l("The cap order must name each track once.")
    for key, amount in (
        ("caps.max_total_per_lot", plan.caps.max_total_per_lot),
        ("caps.max_total_share_of_revenue", plan.caps.max_total_share_of_revenue),
        ("gates.min_hold_seconds", plan.gates.min_hold_seconds),
        ("gates.min_volume_lots", plan.gates.min_volume_lots),
        ("min_payout", plan.min_payout),
    ):
        if amount is not None and not (amount.is_finite() and amount >= 0):
            yield key, _l("This number must not be negative.")
    if not 0 <= plan.spread_wait_days <= 30:
        yield "spread_wait_days", _l("A trade may wait between 0 and 30 days for its spread.")
    if not 0 <= plan.audit_days <= 366:
        yield "audit_days", _l("The audit period must be between 0 and 366 days.")
    if not 1 <= plan.max_hold_days <= 366:
        yield "max_hold_days", _l("A hold is shown to people after 1 to 366 days.")
    yield from payout_faults(plan.payouts, plan.min_payout)
    yield from volume_faults(plan)
    yield from abuse_faults(plan.abuse)
    if plan.gates.hold_policy == "bands":
        yield from band_faults(plan.gates.hold_bands)
    for pattern, multiplier in plan.volume_multipliers.items():
        if not (multiplier.is_finite() and 0 < multiplier <= 1000):
            yield f"volume_multipliers.{pattern}", _l("A volume multiplier must be above 0.")
    yield from rank_faults(plan)
    yield from sharing_faults(plan)
    yield from arbitrage_faults(plan)
    yield from award_faults(plan)
    yield from award_loss_faults(plan)


def _share_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    if plan.referral is None:
        return
    lists = [("referral.levels", plan.referral.levels)]
    lists += [(f"referral.rules.{rule.name}.levels", rule.levels) for rule in plan.referral.rules if rule.levels]
    if not plan.referral.levels:
        yield "referral.levels", _l("The referral track needs at least one level.")
    for key, levels in lists:
        for level in levels:
            if not (level.share.is_finite() and 0 <= level.share <= 1):
                yield key, _l("The share of level %(name)s must be between 0 and 1.", name=level.name)
        if plan.referral.level_base == "root" and sum((level.share for level in levels), Decimal(0)) > 1:
            yield key, _l("The shares of all levels together are more than the whole.")


_NEEDS: dict[BaseKind, tuple[str, ...]] = {
    "pips": ("pips", "pip_size"),
    "per_million": ("rate",),
    "per_lot": ("rate",),
}
_MAY: dict[BaseKind, tuple[str, ...]] = {"pct_markup": ("markup",)}


def _kind_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    for rule in plan.referral.rules if plan.referral is not None else ():
        needed = _NEEDS.get(rule.kind, ())
        for name in ("markup", "pips", "pip_size", "rate"):
            value: Decimal | None = getattr(rule, name)
            key = f"referral.rules.{rule.name}.{name}"
            if value is None:
                if name in needed:
                    yield key, _l("A rule of this kind needs this number.")
            elif name not in needed + _MAY.get(rule.kind, ()):
                yield key, _l("A rule of this kind has no use for this number.")
            elif not (value.is_finite() and 0 < value <= 1_000_000):
                yield key, _l("This number must be above 0.")


def _name_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    for track, rules in (
        ("referral", plan.referral.rules if plan.referral else ()),
        ("god", plan.god.rules if plan.god else ()),
    ):
        names = [rule.name for rule in rules]
        if len(set(names)) != len(names):
            yield f"{track}.rules", _l("Two rules of one track have the same name.")
        for rule in rules:
            if rule.max_per_event is not None and not (rule.max_per_event.is_finite() and rule.max_per_event > 0):
                yield f"{track}.rules.{rule.name}.max_per_event", _l("The cap of a rule must be above 0.")


def _god_faults(plan: Plan, god: GodTrack) -> Iterator[tuple[str, Message]]:
    if god.nested_policy == "full" and plan.caps.max_total_per_lot is None:
        yield (
            "caps.max_total_per_lot",
            _l("Where every partner gets their amount per lot in full, the plan needs a cap per lot."),
        )
    if god.nested_policy == "split" and not god.split_shares:
        yield (
            "god.split_shares",
            _l("Where the amount per lot is shared upward, the plan must say which shares are passed on."),
        )
    for share in god.split_shares:
        if not (share.is_finite() and 0 <= share <= 1):
            yield "god.split_shares", _l("A share that is passed on must be between 0 and 1.")
    for rule in god.rules:
        if not (rule.weight.is_finite() and 0 <= rule.weight <= 1000):
            yield f"god.rules.{rule.name}.weight", _l("The weight of a lot must not be negative.")
