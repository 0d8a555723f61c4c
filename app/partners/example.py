"""One lot of one symbol under a plan: who gets what, level by level. Computed by the engine itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from app.partners.plan import Gates, Plan, TypicalSymbol
from app.partners.rules import ClosedTrade, Facts, Path, Quote, Upline, settle_trade

_USUAL = {
    "EURUSD": TypicalSymbol(
        spread=Decimal("0.00012"), contract_size=Decimal(100_000), currency="", symbol_class="forex"
    ),
    "XAUUSD": TypicalSymbol(spread=Decimal("0.20"), contract_size=Decimal(100), currency="", symbol_class="metal"),
}
RATES = (Decimal(5), Decimal(8))  # Two partners with an amount per lot, one above the other.


@dataclass(frozen=True, slots=True)
class ExampleLine:
    """One amount of the example: the track, how far above the trader, and what the plan gives."""

    track: str
    distance: int
    rate: Decimal
    amount: Decimal
    cap: str
    reason: str = ""  # Why nothing is left for this one, by nesting or cap.
    partner_id: UUID | None = None  # Who it is, where the path is a real one.


@dataclass(frozen=True, slots=True)
class Example:
    """One lot of a symbol: what the levels share and who gets what of it."""

    symbol: str
    spread: Decimal
    base: Decimal
    lines: tuple[ExampleLine, ...]
    total: Decimal
    revenue: Decimal = Decimal(0)


def examples(plan: Plan) -> list[Example]:
    """The plan's typical symbols, or two well-known ones with usual spreads where the plan names none."""
    depth = max(len(plan.referral.levels) if plan.referral else 0, len(RATES) + 1)
    first_god = depth - len(RATES)
    uplines = [
        Upline(UUID(int=n), n, RATES[n - first_god - 1] if n > first_god and plan.god else None)
        for n in range(1, depth + 1)
    ]
    return on_path(plan, uplines)


def on_path(plan: Plan, uplines: Sequence[Upline]) -> list[Example]:
    """One lot of each of those symbols, made by somebody below these people."""
    return [_one(plan, symbol, typical, uplines) for symbol, typical in (plan.typical or _USUAL).items()]


def _one(plan: Plan, symbol: str, typical: TypicalSymbol, uplines: Sequence[Upline]) -> Example:
    opened = datetime(2026, 1, 5, 10, tzinfo=UTC)
    price = typical.price
    trade = ClosedTrade(
        seq=0,
        client_id=UUID(int=0),
        symbol=symbol,
        symbol_class=typical.symbol_class,
        group="",
        volume_lots=Decimal(1),
        contract_size=typical.contract_size,
        opened_at=opened,
        closed_at=opened + timedelta(days=1),
        open_price=price,
        close_price=price * 2,
        open_bid=price,
        open_ask=price + typical.spread,
        close_bid=price,
        close_ask=price + typical.spread,
        commission=-typical.commission,
    )
    open_to_all = msgspec.structs.replace(plan, gates=Gates(client_kyc_level=0))
    quote = Quote(multiply=typical.rate)
    facts = Facts(profit_quote=quote, commission_quote=Quote(), dollar_quote=quote)
    outcome = settle_trade(trade, Path(tuple(uplines)), open_to_all, facts)
    lines = [
        ExampleLine(
            line.track,
            line.distance,
            line.rate,
            line.amount,
            line.cap,
            partner_id=line.partner_id,
        )
        for line in outcome.lines
    ]
    nothing = Decimal(0)
    lines += [
        ExampleLine(
            lost.track,
            lost.distance,
            nothing,
            nothing,
            "",
            lost.primary,
            lost.partner_id,
        )
        for lost in outcome.reasons
    ]
    lines.sort(key=lambda line: (line.track != "referral", line.distance))
    return Example(
        symbol,
        typical.spread,
        outcome.base,
        tuple(lines),
        sum((line.amount for line in lines), nothing),
        typical.spread * typical.contract_size * typical.rate + typical.commission,
    )
