"""What ranks, tiers and own rates made of one line, as arithmetic that a reader can do again."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from app.core.db import execute_sql, load_sql
from app.kit.text import _l
from app.partners import versions
from app.partners.portal.sums import Sum, plus, times
from app.partners.queries import Explanation
from app.partners.ranks.settling import NO_RANK, next_month
from app.partners.ranks.terms import Band, Tiers
from app.partners.rules.own import band_rate
from app.partners.rules.steps import step


def own_terms(x: Explanation) -> Any | None:
    """What was frozen of the partner's rank, month and own rates for this line; None where nothing was."""
    e, t, plan = x.earning, x.facts, x.version.plan
    if e.reason or e.track not in ("referral", "god"):
        return None
    cut = versions.day_cut()
    month = cut.day_of(t.closed_at).replace(day=1)
    return execute_sql(
        load_sql("app.partners", "ranks/sql/explain_own.sql"),
        partner_id=x.partner_id,
        trade_id=t.id,
        revision=e.revision,
        track=e.track,
        level=e.level,
        first_rank=plan.ranks.ranks[0].name if plan.ranks is not None else NO_RANK,
        month=month,
        month_before=(month - timedelta(days=1)).replace(day=1),
        month_start=cut.start_of(month),
        month_end=cut.start_of(next_month(month)),
    ).one_or_none()


def changes(own: Any) -> bool:
    """Whether anything of it differs from what the plan gives everybody."""
    named = (own.rank, own.own_share, own.own_per_lot, own.tier_method)
    return any(one not in (None, NO_RANK) for one in named)


def own_sums(x: Explanation, own: Any) -> Iterator[Sum]:
    """The steps from the counted lots to the amount before caps, where rank, tiers or own rates decided."""
    e, plan, lots = x.earning, x.version.plan, _short(x.facts.lots)
    before = x.amount_before_cap
    if before is None:
        return
    if e.component == "reversal":
        before = -before
    if own.rank:
        yield Sum(_l("Rank: %(name)s", name=own.rank), Decimal(own.rate or 0) if e.track == "god" else e.rate)
    gross = yield from _gross(own, lots, plan.currency)
    if e.track == "god":
        if gross is None:
            rate = own.rate if own.rate is not None else e.rate
            gross = rate * lots
            yield Sum(_l("For the lots that count"), gross, times(rate, lots), unit=plan.currency)
        yield Sum(_l("By what one lot counts"), before, times(gross, own.weight), unit=plan.currency)
        return
    if gross is None and own.rate is not None:
        gross = own.rate * lots
        yield Sum(_l("Amount per lot of the rank"), step(gross), times(own.rate, lots), unit=plan.currency)
    base = x.facts.base if gross is None else step(gross)
    label = _l("The partner's own share of it") if own.own_share is not None else _l("The level's share of it")
    yield Sum(label, before, times(base, e.rate), unit=plan.currency)


def _short(number: Decimal) -> Decimal:
    """The same number without the zeros that end it."""
    return Decimal(f"{number.normalize():f}")


def _gross(own: Any, lots: Decimal, currency: str) -> Generator[Sum, None, Decimal | None]:
    """What an own amount per lot or tiers give for the lots, exact; None where neither says anything."""
    if own.own_per_lot is not None:
        gross = _short(own.own_per_lot) * lots
        yield Sum(_l("At the partner's own amount per lot"), gross, times(own.own_per_lot, lots), unit=currency)
        return gross
    if own.tier_method is None:
        return None
    tiers = Tiers(
        method=own.tier_method,
        bands=tuple(Band(rate=rate, upto=upto) for upto, rate in zip(own.tier_upto, own.tier_rates, strict=True)),
    )
    if tiers.method == "marginal":
        return (yield from _by_band(tiers, _short(own.stood_at), lots, currency))
    stood = own.stood_at if tiers.method == "flat_on_reach" else own.previous
    label = _l("Lots of the month before") if tiers.method == "previous_period" else _l("Lots of the month so far")
    yield Sum(label, _short(stood), unit="lots")
    rate = band_rate(tiers, stood)
    yield Sum(_l("At the amount of that band"), rate * lots, times(rate, lots), unit=currency)
    return rate * lots


def _by_band(tiers: Tiers, stood_at: Decimal, lots: Decimal, currency: str) -> Generator[Sum, None, Decimal]:
    """Each lot at its own band."""
    yield Sum(_l("Lots of the month so far"), stood_at, unit="lots")
    parts: list[Decimal] = []
    above, end = Decimal(0), stood_at + lots
    for band in tiers.bands:
        inside = (end if band.upto is None else min(band.upto, end)) - max(above, stood_at)
        if inside > 0:
            parts.append(band.rate * inside)
            label = _l("Above %(lots)s lots", lots=f"{above.normalize():f}")
            yield Sum(label, parts[-1], times(band.rate, inside), unit=currency)
        above = band.upto if band.upto is not None else above
    if len(parts) > 1:
        yield Sum(_l("All bands together"), sum(parts, Decimal(0)), plus(*parts), unit=currency)
    return sum(parts, Decimal(0))
