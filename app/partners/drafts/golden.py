"""Worked examples of a draft: a trade, the partners above it, and what each must get. Computed by the engine itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from app.kit.money import Rounding, exponent, round_decimal
from app.partners.awards.worked import awards_of
from app.partners.plan import Plan
from app.partners.rules import ClosedTrade, Facts, Path, Quote, Upline, settle_trade
from app.partners.rules.gates import trade_gates

TRACK_LETTERS = {"referral": "R", "god": "G"}


class GoldenExample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One trade whose commission is known. `god_rates` are the partners' amounts per lot, nearest first, 0 for none;
    `expected` names track and distance ("R1", "G3") and the amount to the cent. Who is not named must get nothing.
    With a `deposit` the client has paid that in, and "A1" is what awards give for it and for the lots of the trade.
    """

    name: str
    symbol: str
    lots: Decimal
    spread: Decimal
    contract_size: Decimal
    god_rates: tuple[Decimal, ...]
    expected: dict[str, Decimal]
    symbol_class: str = ""
    group: str = ""
    held_seconds: int = 3600
    commission: Decimal = Decimal(0)
    profit: Decimal = Decimal(0)
    price: Decimal = Decimal(1)
    rate: Decimal = Decimal(1)  # One unit of the symbol's profit currency in the plan's currency.
    deposit: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Checked:
    """An example and what the plan gives: who gets what, and where it differs from what was expected."""

    example: GoldenExample
    paid: Mapping[str, Decimal]
    reasons: Mapping[str, str]  # Why somebody who was expected to get something gets nothing.

    @property
    def differences(self) -> list[tuple[str, Decimal, Decimal]]:
        """(who, expected, paid) for everybody whose amounts differ."""
        names = sorted({*self.example.expected, *self.paid})
        zero = Decimal(0)
        told = [(name, self.example.expected.get(name, zero), self.paid.get(name, zero)) for name in names]
        return [one for one in told if one[1] != one[2]]

    @property
    def is_right(self) -> bool:
        return not self.differences


def check(plan: Plan, example: GoldenExample) -> Checked:
    """What a plan gives on an example, rounded to the plan's currency as a day with this trade alone would be."""
    opened = datetime(2026, 1, 5, 10, tzinfo=UTC)
    trade = ClosedTrade(
        seq=0,
        client_id=UUID(int=0),
        symbol=example.symbol,
        symbol_class=example.symbol_class,
        group=example.group,
        volume_lots=example.lots,
        contract_size=example.contract_size,
        opened_at=opened,
        closed_at=opened + timedelta(seconds=example.held_seconds),
        open_price=example.price,
        close_price=example.price * 2,
        open_bid=example.price,
        open_ask=example.price + example.spread,
        close_bid=example.price,
        close_ask=example.price + example.spread,
        commission=-example.commission,
        profit=example.profit,
    )
    uplines = tuple(
        Upline(UUID(int=distance), distance, rate if rate else None)
        for distance, rate in enumerate(example.god_rates, 1)
    )
    gates = msgspec.structs.replace(plan.gates, client_kyc_level=0, partner_kyc_level=0, countries_denied=())
    quote = Quote(multiply=example.rate)
    facts = Facts(profit_quote=quote, commission_quote=Quote(), dollar_quote=quote)
    open_plan = msgspec.structs.replace(plan, gates=gates)
    outcome = settle_trade(trade, Path(uplines), open_plan, facts)
    places = exponent(plan.currency)
    paid = {
        f"{TRACK_LETTERS[line.track]}{line.distance}": round_decimal(line.amount, places, Rounding.HALF_EVEN)
        for line in outcome.lines
    }
    reasons = {f"{TRACK_LETTERS[lost.track]}{lost.distance}": lost.primary.value for lost in outcome.reasons}
    if example.deposit:
        failing = trade_gates(trade, Path(uplines), open_plan, facts, has_rule=True, has_spread=True, has_rate=True)
        lots = Decimal(0) if failing else outcome.lots_counted
        awarded, against = awards_of(open_plan, example.deposit, lots, Path(uplines))
        paid |= {f"A{distance}": round_decimal(one, places, Rounding.HALF_EVEN) for distance, one in awarded.items()}
        if against:
            reasons["A1"] = min(against).value
    return Checked(example, {name: amount for name, amount in paid.items() if amount}, reasons)


def check_all(plan: Plan, examples: Sequence[GoldenExample]) -> list[Checked]:
    """Every example of a draft."""
    return [check(plan, example) for example in examples]
