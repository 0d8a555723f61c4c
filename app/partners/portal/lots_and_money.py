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
    if factor != ONE:
        yield Sum(_l("The part of the account that was the client's own money"), factor)
    yield Sum(_l("Volume that counts"), t.lots, times(paid, multiplier, factor), unit="lots")


def cashback_sums(x: Explanation) -> Iterator[Sum]:
    """What the broker pays the trader for every lot."""
    before = x.amount_before_cap
    if before is None:
        return
    rate, lots = x.earning.rate, x.facts.lots
    yield Sum(_l("Cashback for the lots that count"), before, times(rate, lots), unit=x.version.plan.currency)


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
