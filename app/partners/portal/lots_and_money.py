"""The first and the last steps of an explanation: which lots count, and what becomes of an amount in the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from app.kit.money import exponent, round_decimal
from app.kit.text import Message, _l
from app.partners.models import CommissionBatch
from app.partners.plan import Plan
from app.partners.portal.sums import ONE, Sum, plus, times
from app.partners.queries import Explanation
from app.partners.rules.gates import hold_share
from app.partners.rules.posting import MODES, REBATE_TRACKS

ROUNDINGS: Final[dict[str, Message]] = {
    "half_even": _l("to the nearest, halves to the even digit"),
    "down": _l("towards zero"),
    "half_up": _l("to the nearest, halves up"),
}
SHARES: Final[dict[str, Message]] = {
    "rebate": _l("Given to the trader"),
    "give": _l("Given to a partner below"),
    "take": _l("Taken by the partner above"),
}
PARTNER_CAPS: Final = ("day", "week", "month")


def lots_sums(x: Explanation, more: Any) -> Iterator[Sum]:
    """Platform lots less netted ones, times the multiplier of symbol and group, times the credit factor."""
    t, plan = x.facts, x.version.plan
    multiplier = plan.volume_multiplier(t.symbol, more.group_name)
    paid = more.lots_paid if more.lots_paid is not None else t.volume_lots
    netted = more.lots_netted or Decimal(0)
    factor = more.credit_factor if more.credit_factor is not None else ONE
    if netted:
        label = _l("Volume less what opposite trades of the day offset")
        yield Sum(label, paid, plus(paid + netted, -netted), unit="lots")
    elif paid > t.volume_lots:
        yield Sum(_l("Volume of the whole position, which the last close pays for"), paid, unit="lots")
    elif paid < t.volume_lots:
        label = _l("Volume less what was closed against it")
        yield Sum(label, paid, plus(t.volume_lots, paid - t.volume_lots), unit="lots")
    held = _held_share(x, more)
    if held != ONE:
        yield Sum(_l("The part that counts after so long a time open"), held)
    if factor != ONE:
        yield Sum(_l("The part of the account that was the client's own money"), factor)
    yield Sum(_l("Volume that counts"), t.lots, times(paid, multiplier, held, factor), unit="lots")


def _held_share(x: Explanation, more: Any) -> Decimal:
    t = x.facts
    return hold_share(t.opened_at, t.closed_at, t.trade_reason, more.group_name, x.version.plan)


def cashback_sums(x: Explanation) -> Iterator[Sum]:
    """What the broker pays the trader for every lot."""
    before = x.amount_before_cap
    if before is None:
        return
    rate, lots = x.earning.rate, x.facts.lots
    yield Sum(_l("Cashback for the lots that count"), before, times(rate, lots), unit=x.version.plan.currency)


def revenue_sums(x: Explanation, more: Any) -> Iterator[Sum]:
    """What the trade earned: the value of its spread, and what the client paid, in the part that counts."""
    t, plan = x.facts, x.version.plan
    spread = spread_on(x, more, plan.revenue_basis or x.basis)
    quote = (more.value_multiply, more.value_divide)
    value = Sum(_l("Value of the spread"), Decimal(0), unit=plan.currency)
    if spread is not None and None not in quote:
        parts = times(spread, t.contract_size, t.lots, quote[0], over=(quote[1],))
        value = Sum(value.label, Sum(value.label, Decimal(0), parts).computed, parts, unit=plan.currency)
    paid = t.revenue - value.result
    yield value
    if paid:
        factors = [plan.volume_multiplier(t.symbol, more.group_name), _held_share(x, more), more.paid_multiply]
        divisors = [more.paid_divide or ONE]
        if more.lots_paid is not None:
            factors += [more.lots_paid, more.credit_factor]
            divisors.append(t.volume_lots)
        parts = times(-t.commission, *factors, over=tuple(divisors))
        yield Sum(_l("Commission that the client paid"), paid, parts, unit=plan.currency)
    yield Sum(_l("What the trade earned the broker"), t.revenue, plus(value.result, paid), unit=plan.currency)


def spread_on(x: Explanation, more: Any, basis: str) -> Decimal | None:
    """The spread of the trade on a basis, as it counted; None where it was not known."""
    t = x.facts
    typical = x.version.plan.typical.get(t.symbol)
    usual = typical.spread if typical is not None else None
    if basis == "typical":
        return usual
    at_open, at_close = _between(t.open_bid, t.open_ask, usual), _between(t.close_bid, t.close_ask, usual)
    found = {
        "open": (at_open,),
        "close": (at_close,),
        "half_half": (at_open, at_close),
        "capped": (at_open, more.average if more.average is not None else usual),
    }[basis]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    if basis == "capped":
        return min(known)
    return known[0] if len(known) == 1 else sum(known, Decimal(0)) / 2


def _between(bid: Decimal | None, ask: Decimal | None, usual: Decimal | None) -> Decimal | None:
    return usual if bid is None or ask is None or bid <= 0 or ask < bid else ask - bid


def partner_cap_sums(x: Explanation) -> Iterator[Sum]:
    """What a cap of a day, week or month left: the limit less what the partner had earned in it before."""
    e, plan = x.earning, x.version.plan
    period = e.cap.removeprefix("partner_")
    limit = next((cap for name, cap in plan.caps.partner.limits.items() if name == period), None)
    if period not in PARTNER_CAPS or limit is None:
        return
    label = _l("The cap of the period less what was earned in it before")
    yield Sum(label, e.amount, plus(limit, e.amount - limit), unit=plan.currency)


def reversal_sums(x: Explanation) -> Iterator[Sum]:
    """The exact opposite of what was paid."""
    amount = x.earning.amount
    yield Sum(_l("The exact opposite of the line that was paid"), amount, times(-ONE, -amount), unit=x.version.currency)


def shared_sums(x: Explanation, shares: Sequence[Any]) -> Iterator[Sum]:
    """What of the line went to others, and what stays."""
    currency, amount = x.version.currency, x.earning.amount
    for one in shares:
        yield Sum(SHARES[one.kind], one.amount, times(one.line_amount, one.share), unit=currency)
    if shares:
        kept = amount - sum((one.amount for one in shares), Decimal(0))
        yield Sum(
            _l("What stays with the partner"), kept, plus(amount, *(-one.amount for one in shares)), unit=currency
        )


def money_sums(plan: Plan, amount: Decimal, batch: CommissionBatch) -> Iterator[Sum]:
    """The day's lines of this track with what was carried, rounded once to whole cents, in the partner's currency."""
    mode = MODES[plan.rounding_mode]
    if batch.converted is not None and batch.multiply is not None and batch.divide is not None:
        yield Sum(
            _l("The day's lines in the partner's own currency"),
            batch.converted,
            times(batch.lines, batch.multiply, over=(batch.divide,)),
            unit=batch.currency,
        )
    if plan.rounding_scope == "line" and batch.track not in REBATE_TRACKS:
        yield Sum(
            _l("Every line is rounded by itself"),
            round_decimal(amount, exponent(plan.currency), mode),
            unit=plan.currency,
            note=ROUNDINGS[plan.rounding_mode],
        )
        return
    posted = batch.posted.amount
    yield Sum(
        _l("The day: what was carried in and all lines of this kind, rounded"),
        posted,
        plus(batch.carry_in, batch.settled),
        unit=batch.currency,
        note=ROUNDINGS[plan.rounding_mode],
        rounding=mode,
        places=exponent(batch.currency),
    )
    yield Sum(
        _l("Carried on to the next day"),
        batch.carry_out,
        plus(batch.carry_in, batch.settled, -posted),
        unit=batch.currency,
    )
