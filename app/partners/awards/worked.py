"""What award rules pay for one made-up client: for worked examples of a plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app.partners.awards.rules import (
    ClientState,
    Money,
    Step,
    Window,
    cpa_step,
    share_out,
    window_amount,
)
from app.partners.plan import Plan
from app.partners.rules.facts import Facts, Path, ReasonCode
from app.partners.rules.steps import total

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NOBODY = UUID(int=0)


def awards_of(plan: Plan, deposit: Decimal, lots: Decimal, path: Path) -> tuple[dict[int, Decimal], set[ReasonCode]]:
    """What everybody on a path gets, by distance, for a client who paid in so much long ago, traded so many counted
    lots, is verified and withdrew nothing; and what stands against it."""
    paid: dict[int, Decimal] = {}
    against: set[ReasonCode] = set()
    end = LONG_AGO + timedelta(days=4000)
    for rule in plan.awards:
        due: Step | None = None
        if rule.kind == "cpa":
            due = cpa_step(rule, ClientState((Money(LONG_AGO, deposit),), lots, kyc_level=1000), end)
        elif rule.kind == "pct_deposit":
            due = Step(window_amount(rule, Window(LONG_AGO, end, deposit)))
        if due is None:
            continue
        lines, refusals = share_out(rule, due, NOBODY, path, plan, Facts())
        against |= {refusal.primary for refusal in refusals}
        for line in lines:
            paid[line.distance] = total(paid.get(line.distance, Decimal(0)), line.amount)
    return paid, against
