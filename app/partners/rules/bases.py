"""Of what the referral levels get their shares: one number per trade, by the kind of its rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from app.partners.plan import ReferralRule
from app.partners.rules.facts import ClosedTrade, Facts, Quote
from app.partners.rules.steps import product, quotient_step, step

MILLION = Decimal(1_000_000)
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class CountedPart:
    """The part in which an amount without lots counts: that of the lots it belongs to."""

    counted: Decimal
    whole: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Base:
    """The base in the plan's currency, rounded once; zero where something is unknown, and what that is."""

    amount: Decimal
    is_known: bool = True
    has_rate: bool = True


def base_of(
    rule: ReferralRule | None,
    trade: ClosedTrade,
    lots: Decimal,
    part: CountedPart,
    spread: Decimal | None,
    facts: Facts,
) -> Base:
    """The base of a trade. An amount without lots (markup, commission, profit) counts in the same part as they do."""
    match rule.kind if rule is not None else "pct_spread":
        case "pct_markup" | "pips":
            assert rule is not None
            if rule.price is None:
                return _of_amount(trade.markup_usd, part, facts.markup_quote)
            return _of_price(rule.price, trade, lots, facts.profit_quote)
        case "pct_commission":
            return _of_amount(-trade.commission, part, facts.commission_quote)
        case "pct_profit":
            return _of_amount(trade.profit, part, facts.commission_quote)
        case "per_million":
            assert rule is not None
            return _per_million(rule.rate or _NOTHING, trade, lots, facts.dollar_quote)
        case "per_lot":
            assert rule is not None
            return Base(step(rule.rate or _NOTHING, lots))
        case _:
            return _of_price(spread, trade, lots, facts.profit_quote)


def _of_price(price: Decimal | None, trade: ClosedTrade, lots: Decimal, quote: Quote | None) -> Base:
    """A difference of prices over the counted lots."""
    return Base(value_of(price, trade, lots, quote), price is not None, quote is not None)


def value_of(price: Decimal | None, trade: ClosedTrade, lots: Decimal, quote: Quote | None) -> Decimal:
    """The value of a difference of prices: one product and one quotient, rounded once. Zero where unknown."""
    if price is None or quote is None:
        return _NOTHING
    return quotient_step(product(price, trade.contract_size, lots, quote.multiply), quote.divide)


def _of_amount(amount: Decimal | None, part: CountedPart, quote: Quote | None) -> Base:
    """An amount that the platform recorded, at least zero. Nothing needs no rate."""
    if amount is None:
        return Base(_NOTHING, is_known=False, has_rate=quote is not None)
    if amount <= 0:
        return Base(_NOTHING)
    if quote is None:
        return Base(_NOTHING, has_rate=False)
    return Base(part_of(amount, part, quote))


def part_of(amount: Decimal, part: CountedPart, quote: Quote) -> Decimal:
    """The counted part of an amount in another currency: one quotient, rounded once."""
    return quotient_step(product(amount, part.counted, quote.multiply), product(quote.divide, part.whole))


def _per_million(rate: Decimal, trade: ClosedTrade, lots: Decimal, quote: Quote | None) -> Base:
    """So much for every million US dollars at the opening price."""
    if quote is None:
        return Base(_NOTHING, has_rate=False)
    price = trade.open_price or _NOTHING
    amount = product(rate, price, trade.contract_size, lots, quote.multiply)
    return Base(quotient_step(amount, product(quote.divide, MILLION)))
