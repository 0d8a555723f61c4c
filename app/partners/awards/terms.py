"""Award rules as data: what a plan pays for clients and periods instead of for closed trades, and when it takes back.

A share is a Decimal from 0 to 1. Amounts are in the plan's currency.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, Literal, get_args

from app.partners.parts import Part

RuleKind = Literal["cpa", "pct_deposit", "revenue_share"]
Period = Literal["month", "week"]
Trigger = Literal["chargeback", "fraud", "wrong_attribution", "wrong_plan"]

TRIGGERS: Final[tuple[Trigger, ...]] = get_args(Trigger)


class LadderStep(Part, frozen=True):
    """From this net deposit of a client on, this much in all."""

    deposit: Decimal
    pays: Decimal


class Conditions(Part, frozen=True):
    """What a client must have done before a rule pays for them. Zero asks for nothing.

    `min_lots` counts closed trades that pass the plan's gates; `min_days` counts from the client's first deposit;
    `min_deposit` is a net deposit.
    """

    min_lots: Decimal = Decimal(0)
    min_days: int = 0
    kyc_level: int = 0
    min_deposit: Decimal = Decimal(0)


class AwardRule(Part, frozen=True):
    """What one rule pays beside the tracks. With a `weight` below 1 it is one part of a hybrid.

    `cpa` pays `amount` once, or what the `ladder` says for the client's net deposit, less what it has paid already.
    `pct_deposit` pays `share` of what a client deposited within `window_days` of a deposit, less their withdrawals in
    that time, when the time is over. `revenue_share` pays `share` of what a partner's clients brought in a `period`.
    The direct partner gets all of it, unless `levels` says that the shares of the referral track's levels divide it.
    """

    name: str
    kind: RuleKind = "cpa"
    weight: Decimal = Decimal(1)
    levels: Literal["direct", "referral"] = "direct"
    countries: tuple[str, ...] = ()
    max_per_event: Decimal | None = None
    amount: Decimal | None = None
    ladder: tuple[LadderStep, ...] = ()
    conditions: Conditions = Conditions()
    clawback_on_withdrawal: bool = False
    share: Decimal | None = None
    window_days: int = 30
    deposits: Literal["all", "first"] = "all"
    period: Period = "month"
    carry_losses: bool = True

    @property
    def steps(self) -> tuple[LadderStep, ...]:
        """The ladder, lowest first; a fixed amount is a ladder of one step."""
        if self.amount is not None:
            return (LadderStep(deposit=self.conditions.min_deposit, pays=self.amount),)
        return tuple(sorted(self.ladder, key=lambda step: step.deposit))


class ClawbackTerms(Part, frozen=True):
    """For how long after their settlement commission may be taken back, and for what."""

    window_days: int = 90
    triggers: tuple[Trigger, ...] = TRIGGERS
