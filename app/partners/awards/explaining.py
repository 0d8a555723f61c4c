"""How one award came about, as arithmetic that a reader can do again, and the facts that stand beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from app.kit.text import Message, _l
from app.partners.plan import Plan
from app.partners.portal.lots_and_money import money_sums
from app.partners.portal.sums import ONE, Sum, less, plus, times
from app.partners.rules.steps import step
from app.ui import formats

if TYPE_CHECKING:
    from app.partners.awards.reading import AwardExplanation, AwardRow

MONEY_MAX: Final = 12
"""So many deposits and withdrawals are written out as a sum; more of them stand in their list alone."""
Fact = tuple[Message, str]


def sums_of(x: AwardExplanation, *, with_money: bool) -> tuple[Sum, ...]:
    """Every step from what was looked at to the amount, and to what was posted with it."""
    return tuple(_sums(x, with_money))


def facts_of(x: AwardExplanation) -> list[Fact]:
    """What stands beside the arithmetic: a window, a period, ranks, a dispute."""
    d = x.award.detail
    if x.award.component == "reversal":
        return []
    match x.award.kind:
        case "pct_deposit":
            return [(_l("Window"), " – ".join(_day(d[name]) for name in ("from", "to")))]
        case "revenue_share":
            return [(_l("Period"), " – ".join(_day(d[name]) for name in ("period_start", "period_end")))]
        case "true_up":
            return [(_l("Month"), _day(d["month"])), (_l("Trades"), formats.number(int(d["trades"])))]
        case "override":
            return [(_l("Rank"), str(d["rank"])), (_l("Rank of the partner below"), str(d["below_rank"]))]
        case "correction":
            return [(_l("Dispute"), str(d["dispute"])), (_l("Settled for"), _day(d["settled_for"]))]
    return []


def _day(text: str) -> str:
    at = datetime.fromisoformat(text)
    return formats.instant(at, "date") if at.tzinfo is not None else formats.day(date.fromisoformat(text[:10]))


def _sums(x: AwardExplanation, with_money: bool) -> Iterator[Sum]:
    a = x.award
    unit = x.version.currency if x.version is not None else ""
    if a.component == "reversal":
        yield Sum(_l("The exact opposite of the award"), a.amount, times(-ONE, -a.amount), unit=unit)
    else:
        steps = {
            "cpa": _cpa,
            "pct_deposit": _deposit,
            "revenue_share": _revenue,
            "true_up": _true_up,
            "override": _override,
        }.get(a.kind)
        if steps is None:
            yield Sum(_l("Amount"), a.amount, unit=unit)
        else:
            yield from steps(x, unit, with_money)
    if x.batch is not None and x.version is not None:
        yield from money_sums(x.version.plan, a.amount, x.batch)


def _number(a: AwardRow, name: str) -> Decimal:
    return Decimal(str(a.detail.get(name) or 0))


def _cpa(x: AwardExplanation, unit: str, with_money: bool) -> Iterator[Sum]:
    a = x.award
    due, owed, due_now = (_number(a, name) for name in ("due", "owed", "step"))
    yield _net(x, unit, with_money)
    yield Sum(_l("Lots that count"), _number(a, "lots"), unit="lots")
    yield Sum(_l("The rule gives in all"), due, unit=unit)
    yield Sum(_l("Less what it gave before"), due_now, less(due, owed), unit=unit)
    if a.amount < 0:
        paid = _number(a, "paid")
        yield Sum(_l("What was paid of it"), paid, unit=unit)
        label = _l("Of what was paid, the same part is taken back")
        yield Sum(label, a.amount, times(paid, due_now, over=(owed,)), unit=unit)
        return
    yield from _parts(x, due_now, unit)


def _net(x: AwardExplanation, unit: str, with_money: bool) -> Sum:
    """A client's net deposit; staff see what it was made of."""
    amounts = [one.amount for one in x.money] if with_money and len(x.money) <= MONEY_MAX else []
    parts = plus(*amounts) if len(amounts) > 1 else ()
    return Sum(_l("Net deposit of the client"), _number(x.award, "net_deposit"), parts, unit=unit)


def _parts(x: AwardExplanation, whole: Decimal, unit: str) -> Iterator[Sum]:
    """The hybrid's part of it, the level's share, and the rule's cap."""
    a, weight = x.award, _number(x.award, "weight")
    if weight != ONE:
        yield Sum(_l("Part of the hybrid"), a.base, times(whole, weight), unit=unit)
    share = a.rate if a.rate is not None else ONE
    amount = a.base
    if a.detail.get("chained") and x.version is not None:
        for place, part in enumerate(_level_shares(x.version.plan)[: a.level], 1):
            one = Sum(_l("Level %(number)s of what the level below got", number=place), step(amount, part))
            yield Sum(one.label, one.result, times(amount, part), unit=unit)
            amount = one.result
    elif share != ONE:
        amount = step(a.base, share)
        yield Sum(_l("The level's share of it"), amount, times(a.base, share), unit=unit)
    if amount > a.amount:
        yield Sum(_l("The rule's cap"), a.amount, unit=unit)


def _level_shares(plan: Plan) -> list[Decimal]:
    return [level.share for level in plan.referral.levels] if plan.referral is not None else []


def _deposit(x: AwardExplanation, unit: str, with_money: bool) -> Iterator[Sum]:
    a = x.award
    net, share, whole = (_number(a, name) for name in ("net_deposit", "share", "step"))
    deposits, withdrawals = _number(a, "deposits"), _number(a, "withdrawals")
    yield Sum(_l("Deposits less withdrawals"), net, less(deposits, withdrawals), unit=unit)
    yield Sum(_l("Share of it"), whole, times(net, share), unit=unit)
    yield from _parts(x, whole, unit)


def _revenue(x: AwardExplanation, unit: str, with_money: bool) -> Iterator[Sum]:
    a = x.award
    names = ("revenue", "swap_markup", "bonus_cost", "psp_cost", "chargebacks", "carry_in")
    revenue, swaps, bonus, psp, charged, carried = (_number(a, name) for name in names)
    net, share, weight = (_number(a, name) for name in ("net", "share", "weight"))
    for label, number in (
        (_l("Spread and commission of the clients' trades"), revenue),
        (_l("Markup on swaps"), swaps),
        (_l("Cost of bonuses"), bonus),
        (_l("Cost of payments"), psp),
        (_l("Chargebacks"), charged),
        (_l("Loss carried in"), carried),
    ):
        yield Sum(label, number, unit=unit)
    yield Sum(_l("Net revenue"), net, less(revenue, -swaps, bonus, psp, charged, -carried), unit=unit)
    amount = step(net, share, weight)
    yield Sum(_l("Share of it"), amount, times(net, share, weight), unit=unit)
    if amount > a.amount:
        yield Sum(_l("The rule's cap"), a.amount, unit=unit)


def _true_up(x: AwardExplanation, unit: str, with_money: bool) -> Iterator[Sum]:
    a = x.award
    lots, rate, reached, paid, earlier = (
        _number(a, name) for name in ("lots", "rate", "reached", "paid", "earlier")
    )  # fmt: skip
    yield Sum(_l("Lots of the month"), _number(a, "month_lots"), unit="lots")
    yield Sum(_l("Lots of the trades that it is for"), lots, unit="lots")
    yield Sum(_l("At the amount of the band that was reached"), reached, times(lots, rate), unit=unit)
    yield Sum(_l("Paid for them before caps"), paid, unit=unit)
    yield Sum(_l("Less what was paid and adjusted before"), a.amount, less(reached, paid, earlier), unit=unit)


def _override(x: AwardExplanation, unit: str, with_money: bool) -> Iterator[Sum]:
    a: Any = x.award
    received = _number(a, "received")
    yield Sum(_l("What the partner below received"), received, unit=unit)
    yield Sum(_l("Share of it"), a.amount, times(received, _number(a, "share")), unit=unit)
