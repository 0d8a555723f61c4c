"""How the base of a trade came about, as a line of arithmetic that a reader can do again."""

from __future__ import annotations

from decimal import Decimal

from app.partners.queries import Explanation
from app.ui import formats


def formula(x: Explanation, currency: str) -> str:
    """The product of what the base was computed from, and its result; empty where something was not known.

    Runs from left to right in every language.
    """
    found = _factors(x)
    if found is None:
        return ""
    facts = x.facts
    if x.kind != "per_lot" and facts.multiply != 1:
        found.append(formats.price(facts.multiply))
    text = " × ".join(found)
    if x.kind != "per_lot" and facts.divide != 1:
        text += f" ÷ {formats.price(facts.divide)}"
    if x.kind == "per_million":
        text += f" ÷ {formats.number(Decimal(1_000_000))}"
    return f"{text} = {formats.number(facts.base, 6)} {currency}"


def _factors(x: Explanation) -> list[str] | None:
    facts, rule = x.facts, x.referral_rule
    volume = [formats.number(facts.contract_size), formats.lots(facts.lots)]
    match x.kind:
        case "pct_markup" | "pips":
            assert rule is not None
            if rule.price is not None:
                return [formats.price(rule.price), *volume]
            return None if facts.markup_usd is None else _part(x, facts.markup_usd)
        case "pct_commission":
            return _part(x, -facts.commission)
        case "pct_profit":
            return _part(x, facts.profit)
        case "per_million":
            assert rule is not None
            assert rule.rate is not None
            if facts.open_price is None:
                return None
            return [formats.number(rule.rate), formats.price(facts.open_price), *volume]
        case "per_lot":
            assert rule is not None
            assert rule.rate is not None
            return [formats.number(rule.rate), formats.lots(facts.lots)]
        case _:
            return None if facts.spread is None else [formats.price(facts.spread), *volume]


def _part(x: Explanation, amount: Decimal) -> list[str]:
    """An amount of the whole trade, in the part in which its lots count."""
    facts = x.facts
    found = [formats.number(max(amount, Decimal(0)))]
    if facts.lots != facts.volume_lots and facts.volume_lots:
        found.append(formats.price(facts.lots / facts.volume_lots))
    return found
