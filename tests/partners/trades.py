"""The common set-up of the worked examples: tree T1, its plan, and closed trades as they would come from a platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.partners.plan import Caps, Gates, GodRule, GodTrack, Level, Match, Plan, ReferralTrack
from app.partners.rules import ClosedTrade, Facts, Outcome, Path, Reason, Upline, settle_trade

D, C, B, A = (UUID(int=number) for number in (0xD, 0xC, 0xB, 0xA))
NAMES = {D: "D", C: "C", B: "B", A: "A"}
OPENED = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def dec(text: str | int) -> Decimal:
    """A Decimal, short enough to keep a table of examples readable."""
    return Decimal(text)


LEVELS = tuple(
    Level(name=name, share=dec(share))
    for name, share in (("Direct", "0.40"), ("Indirect", "0.20"), ("Network", "0.10"))
)
# The examples have no caps. `full` without a cap is never published, but the engine itself has no opinion about that.
PLAN = Plan(
    name="Examples",
    currency="USD",
    referral=ReferralTrack(levels=LEVELS),
    god=GodTrack(nested_policy="full", rules=(GodRule(name="default", match=Match()),)),
    gates=Gates(client_kyc_level=0),
)
T1 = Path((Upline(C, 1), Upline(B, 2), Upline(A, 3, god_rate=dec("8.00"))))


def plan_with(plan: Plan = PLAN, **changes: Any) -> Plan:
    """The plan with some settings changed; settings of a part are given as `caps={...}`."""
    parts: dict[str, Any] = {}
    for name, change in changes.items():
        part = getattr(plan, name)
        is_part = isinstance(part, msgspec.Struct) and isinstance(change, Mapping)
        parts[name] = msgspec.structs.replace(part, **change) if is_part else change
    return msgspec.structs.replace(plan, **parts)


def trade(symbol: str = "EURUSD", lots: str = "1.00", spread: str = "0.00012", **changes: Any) -> ClosedTrade:
    """A closed trade held for ten minutes, with the given spread at the open (and at the close unless said)."""
    bid = changes.pop("bid", dec("1.10000"))
    close_spread = changes.pop("close_spread", spread)
    held = changes.pop("held", timedelta(seconds=600))
    values: dict[str, Any] = {
        "seq": 1,
        "client_id": D,
        "symbol": symbol,
        "symbol_class": "fx",
        "group": "standard",
        "volume_lots": dec(lots),
        "contract_size": dec(100_000),
        "opened_at": OPENED,
        "closed_at": changes.get("opened_at", OPENED) + held,
        "open_price": bid + dec(spread),
        "close_price": bid,
        "open_bid": bid,
        "open_ask": bid + dec(spread),
        "close_bid": bid,
        "close_ask": bid + dec(close_spread),
    }
    return ClosedTrade(**(values | changes))


def settle(closed: ClosedTrade, path: Path = T1, plan: Plan = PLAN, facts: Facts | None = None) -> Outcome:
    """The reference engine, with everybody eligible unless said."""
    return settle_trade(closed, path, plan, facts or Facts())


def raw(outcome: Outcome, names: Mapping[UUID, str] | None = None) -> dict[str, Decimal]:
    """The raw amounts by "R1 C" or "G A": level for the referral track, nothing for god-mode."""
    shown = names or NAMES
    return {
        f"{'G' if line.track == 'god' else f'R{line.level}'} {shown[line.partner_id]}": line.amount
        for line in outcome.lines
    }


def reasons(found: Sequence[Reason], names: Mapping[UUID, str] | None = None) -> dict[tuple[str, str], str]:
    """The primary reasons by (track, name)."""
    shown = names or NAMES
    return {(reason.track, shown[reason.partner_id]): reason.primary.value for reason in found}


def capped(**caps: Any) -> Plan:
    """The examples' plan with path caps."""
    return plan_with(caps=Caps(**caps))
