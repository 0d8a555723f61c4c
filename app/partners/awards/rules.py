"""The award rules as a slow, plain, pure function. The statements in `sql` do the same over many clients.

A client's step is what a rule owes for them; `share_out` divides it among the people above.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from app.partners.awards.terms import AwardRule
from app.partners.plan import Plan
from app.partners.rules.facts import Facts, Path, ReasonCode
from app.partners.rules.gates import partner_gates
from app.partners.rules.steps import quotient_step, step, total

Missing = Literal["deposit", "lots", "days", "kyc"]
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Money:
    """A deposit, or below zero a withdrawal or a chargeback, in the plan's currency."""

    at: datetime
    amount: Decimal
    source_id: str = ""

    @property
    def is_deposit(self) -> bool:
        return self.amount > 0


@dataclass(frozen=True, slots=True)
class ClientState:
    """A client as a run sees them: all their money so far, their counted lots, and what the rule has owed for them."""

    money: tuple[Money, ...] = ()
    lots: Decimal = NOTHING
    kyc_level: int = 0
    gates: tuple[ReasonCode, ...] = ()
    owed: Decimal = NOTHING
    is_moved: bool = True  # Something happened to them on this day.

    @property
    def net(self) -> Decimal:
        """Deposits less withdrawals and chargebacks."""
        return total(*(one.amount for one in self.money))


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes due for a client: below zero it is taken back, with gates nobody gets it."""

    amount: Decimal
    gates: tuple[ReasonCode, ...] = ()
    missing: tuple[Missing, ...] = ()


def ladder(rule: AwardRule, net: Decimal) -> Decimal:
    """What the rule pays in all for a net deposit."""
    if net <= 0 or net < rule.conditions.min_deposit:
        return NOTHING
    return next((step(one.pays) for one in reversed(rule.steps) if one.deposit <= net), NOTHING)


def needed_deposit(rule: AwardRule) -> Decimal:
    """The net deposit from which the rule pays anything."""
    first = rule.steps[0].deposit if rule.steps else NOTHING
    return max(first, rule.conditions.min_deposit)


def missing(rule: AwardRule, client: ClientState, day_end: datetime) -> tuple[Missing, ...]:
    """Which conditions a client has not met by the end of a day."""
    first = min((one.at for one in client.money if one.is_deposit), default=None)
    days = (day_end - first).days if first is not None else 0
    wanted = rule.conditions
    failing: tuple[tuple[Missing, bool], ...] = (
        ("deposit", ladder(rule, client.net) == 0),
        ("lots", client.lots < wanted.min_lots),
        ("days", days < wanted.min_days),
        ("kyc", client.kyc_level < wanted.kyc_level),
    )
    return tuple(name for name, fails in failing if fails)


def cpa_step(rule: AwardRule, client: ClientState, day_end: datetime) -> Step | None:
    """What a CPA rule owes anew for a client at the end of a day, or what stands against it; None: nothing to say.

    What was owed before stays owed, unless the rule takes back what a withdrawal undoes.
    """
    due = ladder(rule, client.net)
    if due < client.owed:
        return Step(due - client.owed) if rule.clawback_on_withdrawal else None
    lacks = missing(rule, client, day_end)
    if due > client.owed and not lacks and not client.gates:
        return Step(due - client.owed)
    if not client.is_moved or (due == client.owed and due > 0):
        return None
    return Step(NOTHING, client.gates + ((ReasonCode.CPA_NOT_QUALIFIED,) if lacks else ()), lacks)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that a deposit opened, with what came in and stayed."""

    from_at: datetime
    to_at: datetime
    net: Decimal


def deposit_windows(rule: AwardRule, money: Sequence[Money], after: datetime | None, until: datetime) -> list[Window]:
    """The windows that end by `until`, from the first deposit on that lies at or after `after`, the last one's end."""
    found: list[Window] = []
    length = timedelta(days=rule.window_days)
    if after is not None and rule.deposits == "first":
        return found
    while True:
        starts = [one.at for one in money if one.is_deposit and (after is None or one.at >= after)]
        if not starts or min(starts) + length > until:
            return found
        begin = min(starts)
        after = begin + length
        inside = [one.amount for one in money if begin <= one.at < after]
        found.append(Window(begin, after, total(*inside)))
        if rule.deposits == "first":
            return found


def window_amount(rule: AwardRule, window: Window) -> Decimal:
    """What a window is worth, before it is divided."""
    assert rule.share is not None
    if window.net <= 0 or window.net < rule.conditions.min_deposit:
        return NOTHING
    return step(window.net, rule.share)


@dataclass(frozen=True, slots=True)
class AwardLine:
    """One partner's part of a step."""

    partner_id: UUID
    distance: int
    level: int
    rate: Decimal
    base: Decimal
    amount: Decimal
    held_for: tuple[ReasonCode, ...] = ()


@dataclass(frozen=True, slots=True)
class AwardRefusal:
    """Why a partner gets no part of a step."""

    partner_id: UUID
    distance: int
    level: int
    primary: ReasonCode
    gates: tuple[ReasonCode, ...]


def shares_of(rule: AwardRule, plan: Plan) -> tuple[Decimal, ...]:
    """The shares by level, nearest first."""
    if rule.levels == "direct" or plan.referral is None:
        return (Decimal(1),)
    return tuple(level.share for level in plan.referral.levels)


def part_of(base: Decimal, shares: Sequence[Decimal], level: int, plan: Plan) -> Decimal:
    """What a level, from 1, gets of a base: of the base itself or of what the level below gets."""
    if plan.referral is not None and plan.referral.level_base == "previous":
        for share in shares[:level]:
            base = step(base, share)
        return base
    return step(base, shares[level - 1])


def share_out(
    rule: AwardRule, due: Step, client_id: UUID, path: Path, plan: Plan, facts: Facts
) -> tuple[list[AwardLine], list[AwardRefusal]]:
    """Divide a step among the people above the client: each of them gets a line or a reason, never both."""
    lines: list[AwardLine] = []
    refusals: list[AwardRefusal] = []
    base = step(due.amount, rule.weight)
    shares = shares_of(rule, plan)
    level = 1
    for upline in path.uplines:
        if level > len(shares):
            break
        gates = partner_gates(facts.person(upline.partner_id), facts.person(client_id), plan, facts.countries_denied)
        amount = part_of(base, shares, level, plan)
        if rule.max_per_event is not None:
            amount = min(amount, rule.max_per_event)
        held = gates if plan.on_ineligible == "hold" else ()
        failing = due.gates + (() if held else gates)
        if not failing and amount == 0:
            failing = (ReasonCode.ZERO_AMOUNT,)
        if failing:
            refusals.append(AwardRefusal(upline.partner_id, upline.distance, level, failing[0], due.gates + gates))
        else:
            lines.append(
                AwardLine(upline.partner_id, upline.distance, level, shares[level - 1], base, amount, tuple(held))
            )
        if not (gates and plan.on_ineligible == "compress"):
            level += 1
    return lines, refusals


def taken_back(paid: Decimal, due: Step, owed: Decimal) -> Decimal:
    """A partner's part of what a withdrawal undoes: of what they were paid, as much as of what was owed."""
    return -quotient_step(paid * -due.amount, owed)


@dataclass(frozen=True, slots=True)
class PeriodCosts:
    """What a partner's clients brought and cost beside spread and commission, as staff entered it."""

    swap_markup: Decimal = NOTHING
    bonus_cost: Decimal = NOTHING
    psp_cost: Decimal = NOTHING
    chargebacks: Decimal = NOTHING


def revenue_step(
    rule: AwardRule, brought: Iterable[Decimal], costs: PeriodCosts, carry_in: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """(net revenue, what is paid of it, the loss that is carried on) of a partner's period."""
    assert rule.share is not None
    net = total(*brought, costs.swap_markup, -costs.bonus_cost, -costs.psp_cost, -costs.chargebacks, carry_in)
    amount = step(max(net, NOTHING), rule.share, rule.weight)
    if rule.max_per_event is not None:
        amount = min(amount, rule.max_per_event)
    return net, amount, min(net, NOTHING) if rule.carry_losses else NOTHING
