"""What is wrong with award rules, and which of them can be had for less than they pay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from app.kit.text import Message, _l
from app.partners.awards.rules import ladder, part_of, shares_of
from app.partners.awards.terms import TRIGGERS, AwardRule
from app.partners.plan import Plan
from app.partners.rules.steps import step, total

MOST = Decimal(1_000_000)


def award_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    """What is wrong with the plan's awards: (dotted key, sentence)."""
    names = [rule.name for rule in plan.awards]
    if len(set(names)) != len(names):
        yield "awards", _l("Two award rules have the same name.")
    for rule in plan.awards:
        for name, sentence in _rule_faults(rule, plan):
            yield f"awards.{rule.name}.{name}", sentence
    if not 0 <= plan.clawback.window_days <= 366:
        yield "clawback.window_days", _l("Commission may be taken back for between 0 and 366 days.")
    if not set(plan.clawback.triggers) <= set(TRIGGERS):
        yield "clawback.triggers", _l("Nothing is taken back for a cause of this name.")


def _rule_faults(rule: AwardRule, plan: Plan) -> Iterator[tuple[str, Message]]:
    if not rule.name.strip() or ":" in rule.name:
        yield "name", _l("Give the rule a name without a colon.")
    if not (rule.weight.is_finite() and 0 < rule.weight <= 1):
        yield "weight", _l("The weight must be above 0 and at most 1.")
    if rule.max_per_event is not None and not _is_above_zero(rule.max_per_event):
        yield "max_per_event", _l("The cap of a rule must be above 0.")
    if rule.levels == "referral" and plan.referral is None:
        yield "levels", _l("Without shares by level the direct partner must get all of it.")
    wanted = rule.conditions
    for name, value in (("min_lots", wanted.min_lots), ("min_deposit", wanted.min_deposit)):
        if not (value.is_finite() and 0 <= value <= MOST):
            yield f"conditions.{name}", _l("This number must not be negative.")
    for name, number in (("min_days", wanted.min_days), ("kyc_level", wanted.kyc_level)):
        if not 0 <= number <= 3660:
            yield f"conditions.{name}", _l("This number must not be negative.")
    if rule.kind == "cpa":
        yield from _cpa_faults(rule)
    else:
        yield from _share_faults(rule)


def _cpa_faults(rule: AwardRule) -> Iterator[tuple[str, Message]]:
    if (rule.amount is None) == (not rule.ladder):
        yield "amount", _l("Give either one amount or a ladder of deposits.")
    for number in (rule.amount, *(one.pays for one in rule.ladder)):
        if number is not None and not _is_above_zero(number):
            yield "amount", _l("This number must be above 0.")
    deposits = [one.deposit for one in rule.ladder]
    if any(not (one.is_finite() and 0 <= one <= MOST) for one in deposits):
        yield "ladder", _l("This number must not be negative.")
    elif len(set(deposits)) != len(deposits) or any(
        higher.pays < lower.pays for lower, higher in zip(rule.steps, rule.steps[1:], strict=False)
    ):
        yield "ladder", _l("Every step of the ladder needs a higher deposit and at least the amount of the one below.")
    if rule.share is not None:
        yield "share", _l("A rule of this kind has no use for this number.")


def _share_faults(rule: AwardRule) -> Iterator[tuple[str, Message]]:
    if rule.share is None or not (rule.share.is_finite() and 0 < rule.share <= 1):
        yield "share", _l("The share must be above 0 and at most the whole.")
    if rule.amount is not None or rule.ladder:
        yield "amount", _l("A rule of this kind has no use for this number.")
    if not 1 <= rule.window_days <= 366:
        yield "window_days", _l("A window lasts between 1 and 366 days.")
    wanted = rule.conditions
    if wanted.min_lots or wanted.min_days or wanted.kyc_level or (rule.kind == "revenue_share" and wanted.min_deposit):
        yield "conditions", _l("A rule of this kind does not ask for these conditions.")


def _is_above_zero(number: Decimal) -> bool:
    return number.is_finite() and 0 < number <= MOST


@dataclass(frozen=True, slots=True)
class AwardLoss:
    """Client and partners together get more out of a rule than the client has to pay in."""

    rule: str
    deposit: Decimal
    pays: Decimal

    def sentence(self, currency: str) -> Message:
        """The warning in words."""
        return _l(
            "By the rule %(rule)s a deposit of %(deposit)s %(currency)s pays %(pays)s: more than it brings in.",
            rule=self.rule,
            deposit=f"{self.deposit.normalize():f}",
            pays=f"{self.pays.normalize():f}",
            currency=currency,
        )


def award_losses(plan: Plan) -> list[AwardLoss]:
    """Rules that pay more, to all levels together and with the other rules of their kind, than the deposit that earns
    it. A deposit may be withdrawn again, so whoever owns client and partners gains the difference without risk.
    """
    found = []
    rules = [rule for rule in plan.awards if rule.kind == "cpa"]
    for rule in rules:
        for one in rule.steps:
            deposit = max(one.deposit, rule.conditions.min_deposit)
            paid = total(*(_worth(other, deposit, plan) for other in rules if _may_meet(rule, other)))
            if paid > deposit:
                found.append(AwardLoss(rule.name, deposit, paid))
                break
    return found


def _may_meet(rule: AwardRule, other: AwardRule) -> bool:
    return not rule.countries or not other.countries or bool(set(rule.countries) & set(other.countries))


def _worth(rule: AwardRule, deposit: Decimal, plan: Plan) -> Decimal:
    """What all levels together get for a client with a net deposit; at the least deposit, for any above zero."""
    due = ladder(rule, deposit) if deposit > 0 else max((one.pays for one in rule.steps if one.deposit == 0), default=0)
    base = step(Decimal(due), rule.weight)
    shares = shares_of(rule, plan)
    parts = [part_of(base, shares, level, plan) for level in range(1, len(shares) + 1)]
    if rule.max_per_event is not None:
        parts = [min(part, rule.max_per_event) for part in parts]
    return total(*parts)


def award_loss_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    """Refuse a plan whose awards can be farmed, unless somebody accepts it by name."""
    if not plan.arbitrage_accepted_by:
        for loss in award_losses(plan):
            yield f"typical.awards.{loss.rule}", loss.sentence(plan.currency)
