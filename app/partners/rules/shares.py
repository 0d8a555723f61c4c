"""What partners share of their lines: a pure function from the lines of one trade and the agreements of its day.

A share is of the line itself, after caps, never of another share. On one line they stand in a fixed order: what a
sponsor takes, what the partner gives to a sub-partner, what the trader gets. Each reaches from where the one before
ends, so that giver and receivers together always have exactly the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from app.partners.plan import Plan, Track
from app.partners.rules.facts import ClosedTrade, Facts, Line, Path
from app.partners.rules.gates import partner_gates
from app.partners.rules.steps import step, total

ShareKind = Literal["take", "give", "rebate"]
ORDER: tuple[ShareKind, ...] = ("take", "give", "rebate")
OWN_CLIENTS_DISTANCE = 1


@dataclass(frozen=True, slots=True)
class Agreement:
    """What somebody gives of their lines, from an instant on and before another. Nobody as receiver: all own clients.

    Without a track it is for every track.
    """

    kind: ShareKind
    giver_id: UUID
    receiver_id: UUID | None
    share: Decimal
    valid_from: datetime
    valid_to: datetime
    track: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a line that went from the partner to somebody else. It waits as long as its line does."""

    seq: int
    track: Track
    giver_id: UUID
    receiver_id: UUID
    kind: ShareKind
    share: Decimal
    amount: Decimal


def share_out(
    trade: ClosedTrade, path: Path, lines: Sequence[Line], plan: Plan, facts: Facts, agreements: Sequence[Agreement]
) -> tuple[Share, ...]:
    """Every part of these lines that an agreement in force at the trade's close gives away.

    Where several fit, one with a named receiver goes before one with all own clients, then one with a named track.
    """
    found: list[Share] = []
    for line in lines if plan.rebates is not None else ():
        given = Decimal(0)
        for kind in ORDER:
            agreement = _fitting(kind, line, trade, path, agreements)
            if agreement is None:
                continue
            receiver_id = agreement.receiver_id or trade.client_id
            trader = facts.person(trade.client_id)
            if kind != "rebate" and partner_gates(facts.person(receiver_id), trader, plan, facts.countries_denied):
                continue  # Who may not earn gets no share either; it stays with the partner.
            share = min(agreement.share, limit_of(plan, kind), total(Decimal(1), -given))
            if share <= 0:
                continue
            upto = total(given, share)
            amount = step(line.amount, upto) - step(line.amount, given)
            found.append(Share(line.seq, line.track, line.partner_id, receiver_id, kind, share, amount))
            given = upto
    return tuple(found)


def limit_of(plan: Plan, kind: ShareKind) -> Decimal:
    """The most that the plan lets a share of this kind be."""
    rebates = plan.rebates
    if rebates is None:
        return Decimal(0)
    return {"rebate": rebates.rebate_max, "give": rebates.give_max, "take": rebates.take_max}[kind]


def _fitting(
    kind: ShareKind, line: Line, trade: ClosedTrade, path: Path, agreements: Sequence[Agreement]
) -> Agreement | None:
    fitting = [
        one
        for one in agreements
        if one.kind == kind
        and one.giver_id == line.partner_id
        and one.valid_from <= trade.closed_at < one.valid_to
        and one.track in ("", line.track)
        and _reaches(one, line, trade, path)
    ]
    return min(fitting, key=lambda one: (one.receiver_id is None, one.track == ""), default=None)


def _reaches(agreement: Agreement, line: Line, trade: ClosedTrade, path: Path) -> bool:
    """Whether the receiver stands where this kind of share goes: the trader, the next person below or above."""
    if agreement.kind == "rebate":
        if agreement.receiver_id is None:
            return line.distance == OWN_CLIENTS_DISTANCE
        return agreement.receiver_id == trade.client_id
    beside = line.distance + (1 if agreement.kind == "take" else -1)
    return any(step.partner_id == agreement.receiver_id and step.distance == beside for step in path.uplines)
