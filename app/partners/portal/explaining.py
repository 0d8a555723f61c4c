"""What section of a plan, which numbers and whose decision made one line what it is: composed when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from app.core.db import execute_sql, load_sql, session
from app.kit.text import Message, _l
from app.partners.models import CommissionBatch, GodGrant
from app.partners.plan import GodRule
from app.partners.portal.lots_and_money import (
    cashback_sums,
    lots_sums,
    money_sums,
    partner_cap_sums,
    revenue_sums,
    reversal_sums,
    shared_sums,
)
from app.partners.portal.sums import Sum, plus, times
from app.partners.queries import Explanation
from app.partners.ranks.explaining import changes, own_sums, own_terms
from app.referrals.models import PartnerLink

SHOWN_STEPS: Final = 50
"""Of a path that is longer, the nearest so many and the reader are shown."""
MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another line or reason of the same trade, by its place above the trader."""

    partner_id: UUID
    track: str
    distance: int
    level: int
    rate: Decimal
    amount_before_cap: Decimal
    amount: Decimal
    cap: str
    reason: str
    granted: Decimal | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Money that waited: why, since when, and what was decided."""

    gates: Sequence[str]
    held_on: Any
    expires_on: Any
    outcome: str | None
    decided_on: Any


@dataclass(frozen=True, slots=True)
class Background:
    """Everything beside the explanation itself that a page shows."""

    more: Any
    sums: Sequence[Sum]
    siblings: Sequence[Sibling]
    hold: Hold | None
    batch: CommissionBatch | None
    links: dict[UUID, PartnerLink]
    rule_number: int


def background(x: Explanation) -> Background:
    """Compose what stands behind a line or reason: each number with the numbers that it came from."""
    trade_id, revision = x.facts.id, x.earning.revision
    more = execute_sql(load_sql("app.partners", "portal/sql/explained.sql"), trade_id=trade_id, revision=revision).one()
    siblings = _siblings(x)
    links = session().scalars(
        select(PartnerLink).where(PartnerLink.id.in_([step.link_id for step in x.path[:SHOWN_STEPS]]))
    )
    hold = _hold(x)
    batch = _batch(x, hold)
    number = x.facts.god_rule if x.earning.track == "god" else x.facts.referral_rule
    return Background(
        more=more,
        sums=tuple(_sums(x, more, siblings, batch, _shares(x))),
        siblings=siblings if _depends_on_others(x) else [],
        hold=hold,
        batch=batch,
        links={link.id: link for link in links},
        rule_number=number + 1,
    )


def _siblings(x: Explanation) -> list[Sibling]:
    people = [x.facts.client_id, *(step.partner_id for step in x.path)]
    rows = execute_sql(
        load_sql("app.partners", "portal/sql/siblings.sql"),
        partner_ids=people,
        trade_id=x.facts.id,
        revision=x.earning.revision,
    ).all()
    grants = session().scalars(
        select(GodGrant).where(
            GodGrant.partner_id.in_([row.partner_id for row in rows if row.track == "god"]),
            GodGrant.valid_from <= x.facts.path_at,
            GodGrant.valid_to > x.facts.path_at,
        )
    )
    rates = {grant.partner_id: grant.rate_per_lot for grant in grants}
    return [Sibling(granted=rates.get(row.partner_id) if row.track == "god" else None, **row._mapping) for row in rows]


def _shares(x: Explanation) -> Sequence[Any]:
    """What of this line went to others."""
    e = x.earning
    return execute_sql(
        load_sql("app.partners", "portal/sql/shares_of_line.sql"),
        giver=x.partner_id,
        trade=e.trade_id,
        revision=e.revision,
        track=e.track,
        component=e.component,
    ).all()


def _depends_on_others(x: Explanation) -> bool:
    """Whether this amount cannot be computed from its own numbers alone."""
    plan, e = x.version.plan, x.earning
    is_nested = e.track == "god" and plan.god is not None and plan.god.nested_policy != "full"
    return is_nested or e.cap.startswith("path") or e.reason in ("CAP_REACHED", "OVERLAP", "NESTED_POLICY")


def _is_nested(x: Explanation) -> bool:
    """Whether the amount per lot is what others' rates leave of the partner's own."""
    god = x.version.plan.god
    return x.earning.track == "god" and god is not None and god.nested_policy in ("difference", "split")


def _hold(x: Explanation) -> Hold | None:
    e = x.earning
    row = execute_sql(
        load_sql("app.partners", "portal/sql/hold_of.sql"),
        partner_id=x.partner_id,
        trade_id=e.trade_id,
        revision=e.revision,
        track=e.track,
    ).one_or_none()
    return Hold(**row._mapping) if row is not None else None


def _batch(x: Explanation, hold: Hold | None) -> CommissionBatch | None:
    """The batch that the line went into: that of its day, of the day on which it was cleared, or a clawback's."""
    e = x.earning
    if e.reason or (hold is not None and hold.outcome != "cleared" and e.component != "reversal"):
        return None
    is_reversal = e.component == "reversal"
    day = hold.decided_on if hold is not None and not is_reversal else e.business_date
    return session().scalar(
        select(CommissionBatch)
        .where(
            CommissionBatch.partner_id == x.partner_id,
            CommissionBatch.track == e.track,
            CommissionBatch.business_date == day,
            CommissionBatch.purpose == ("clawback" if is_reversal else "settle"),
        )
        .order_by(CommissionBatch.sequence)
        .limit(1)
    )


def _sums(
    x: Explanation, more: Any, siblings: Sequence[Sibling], batch: CommissionBatch | None, shares: Sequence[Any]
) -> Iterator[Sum]:
    e, plan = x.earning, x.version.plan
    yield from lots_sums(x, more)
    if e.component not in ("", "base", "reversal"):
        return
    own = own_terms(x)
    if own is not None and changes(own) and own.shares is None and not _is_nested(x):
        yield from _base(x, more) if e.track == "referral" and x.kind != "per_lot" else ()
        yield from own_sums(x, own)
    elif e.track == "referral":
        yield from _base(x, more)
        yield from _share(x)
    elif e.track == "god":
        yield from _per_lot(x, siblings)
    elif e.track == "cashback":
        yield from cashback_sums(x)
    if e.reason or x.amount_before_cap is None:
        return
    if plan.caps.max_total_share_of_revenue is not None:
        yield from revenue_sums(x, more)
    yield from reversal_sums(x) if e.component == "reversal" else _caps(x, siblings)
    yield from shared_sums(x, shares)
    if batch is not None:
        yield from money_sums(plan, e.amount, batch)


def _base(x: Explanation, more: Any) -> Iterator[Sum]:
    """The spread, and the base in the plan's currency."""
    t, plan, rule = x.facts, x.version.plan, x.referral_rule
    if x.kind == "pct_spread":
        yield from _spread(x, more)
    volume = (t.contract_size, t.lots)
    parts: dict[str, tuple[Any, ...]] = {
        "pct_spread": times(t.spread, *volume, t.multiply, over=(t.divide,)),
        "per_lot": times(rule.rate if rule is not None else None, t.lots),
    }
    if rule is not None and rule.price is not None:
        parts |= dict.fromkeys(("pct_markup", "pips"), times(rule.price, *volume, t.multiply, over=(t.divide,)))
    elif x.kind == "pct_markup":
        parts["pct_markup"] = times(t.markup_usd, t.lots, t.multiply, over=(t.volume_lots, t.divide))
    if x.kind == "pct_commission":
        parts["pct_commission"] = times(-t.commission, t.lots, t.multiply, over=(t.volume_lots, t.divide))
    if x.kind == "pct_profit":
        parts["pct_profit"] = times(t.profit, t.lots, t.multiply, over=(t.volume_lots, t.divide))
    if x.kind == "per_million" and rule is not None:
        parts["per_million"] = times(rule.rate, t.open_price, *volume, t.multiply, over=(t.divide, MILLION))
    yield Sum(BASES[x.kind], t.base, parts.get(x.kind, ()), unit=plan.currency)


def _spread(x: Explanation, more: Any) -> Iterator[Sum]:
    t = x.facts
    if t.spread is None:
        return
    ends = {
        "open": plus(t.open_ask, _less(t.open_bid)),
        "close": plus(t.close_ask, _less(t.close_bid)),
    }
    label = SPREADS[x.basis]
    if x.basis in ends:
        yield Sum(label, t.spread, ends[x.basis] if t.spread_source == "deal" else ())
        return
    if x.basis == "half_half" and None not in (t.open_ask, t.open_bid, t.close_ask, t.close_bid):
        opening, closing = t.open_ask - t.open_bid, t.close_ask - t.close_bid
        yield Sum(SPREADS["open"], opening, ends["open"])
        yield Sum(SPREADS["close"], closing, ends["close"])
        yield Sum(label, t.spread, times(opening + closing, over=(Decimal(2),)))
        return
    if x.basis == "capped" and None not in (t.open_ask, t.open_bid):
        yield Sum(SPREADS["open"], t.open_ask - t.open_bid, ends["open"])
        if more.average is not None:
            yield Sum(_l("Average spread of the days before"), more.average)
        yield Sum(_l("The smaller of the two"), t.spread)
        return
    yield Sum(label, t.spread)


def _less(number: Decimal | None) -> Decimal | None:
    return -number if number is not None else None


def _share(x: Explanation) -> Iterator[Sum]:
    """Each level's part, from the base or from the level below."""
    e, t, plan = x.earning, x.facts, x.version.plan
    before = x.amount_before_cap
    if e.reason or before is None or plan.referral is None:
        return
    if e.component == "reversal":
        before = -before
    if plan.referral.level_base == "root":
        yield Sum(_l("The level's share of it"), before, times(t.base, e.rate), unit=plan.currency)
        return
    below = t.base
    for place, level in enumerate(plan.levels_of(x.referral_rule)[: e.level], 1):
        one = Sum(
            _l("Level %(number)s of what the level below got", number=place),
            before if place == e.level else Decimal(0),
            times(below, level.share),
            unit=plan.currency,
        )
        below = one.computed
        yield Sum(one.label, below, one.parts, unit=plan.currency)


def _per_lot(x: Explanation, siblings: Sequence[Sibling]) -> Iterator[Sum]:
    """The amount per lot after the nested policy, and what it gives for the lots."""
    e, t, plan = x.earning, x.facts, x.version.plan
    before = x.amount_before_cap
    if e.reason or before is None or plan.god is None:
        return
    if e.component == "reversal":
        before = -before
    rules = plan.god.rules
    rule: GodRule | None = rules[t.god_rule] if 0 <= t.god_rule < len(rules) else None
    weight = rule.weight if rule is not None else Decimal(1)
    mine = next((one for one in siblings if one.track == "god" and one.partner_id == x.partner_id), None)
    if mine is not None and mine.granted is not None and plan.god.nested_policy == "difference":
        below = [one.granted for one in siblings if one.track == "god" and one.distance < e.distance and one.granted]
        yield Sum(
            _l("Amount per lot less the highest below"),
            e.rate,
            plus(mine.granted, -max(below, default=Decimal(0))),
            unit=plan.currency,
        )
    else:
        yield Sum(_l("Amount per lot after the plan's rule for several partners"), e.rate, unit=plan.currency)
    yield Sum(_l("For the lots that count"), before, times(e.rate, weight, t.lots), unit=plan.currency)


def _caps(x: Explanation, siblings: Sequence[Sibling]) -> Iterator[Sum]:
    """What the caps left, with the whole group that shared what was left."""
    e, t, plan = x.earning, x.facts, x.version.plan
    if not e.cap or e.component == "reversal":
        return
    if e.cap.startswith("partner_"):
        yield from partner_cap_sums(x)
        return
    if e.cap == "event":
        yield Sum(_l("The rule's cap per trade"), e.amount, unit=plan.currency)
        return
    if e.cap not in ("path_lot", "path_revenue"):
        return
    caps = plan.caps
    limit = times(caps.max_total_per_lot, t.lots)
    label = _l("The cap per lot over all partners")
    if e.cap == "path_revenue":
        limit = times(caps.max_total_share_of_revenue, t.revenue)
        label = _l("The cap on the share of revenue over all partners")
    whole = Sum(label, Decimal(0), limit).computed if limit else Decimal(0)
    yield Sum(label, whole, limit, unit=plan.currency)
    rank = {"priority": lambda one: plan.caps.cap_order.index(one.track), "pro_rata": lambda one: 0}.get(
        caps.cap_policy, lambda one: (one.distance if caps.cap_policy == "nearest_first" else -one.distance, one.track)
    )
    paid = [one for one in siblings if one.track in caps.cap_order and (not one.reason or one.reason == "CAP_REACHED")]
    mine = next((one for one in paid if (one.track, one.partner_id) == (e.track, x.partner_id)), None)
    if mine is None:
        return
    group = [one for one in paid if rank(one) == rank(mine) and not one.reason]
    first = [one for one in paid if rank(one) < rank(mine)]  # type: ignore[operator]  # Ranks of one policy compare.
    left = Sum(_l("What earlier ones left of it"), Decimal(0), plus(whole, *(-one.amount for one in first)))
    wanted = Sum(_l("What this group would get"), Decimal(0), plus(*(one.amount_before_cap for one in group)))
    yield Sum(left.label, left.computed, left.parts, unit=plan.currency)
    yield Sum(wanted.label, wanted.computed, wanted.parts, unit=plan.currency)
    yield Sum(
        _l("This line's part of what is left"),
        e.amount,
        times(mine.amount_before_cap, left.computed, over=(wanted.computed,)),
        unit=plan.currency,
        note=_l("rounded towards zero"),
        rounding="down",
    )


BASES: Final[dict[str, Message]] = {
    "pct_spread": _l("Value of the spread"),
    "pct_markup": _l("Value of the broker's markup"),
    "pips": _l("Value of a fixed number of pips"),
    "pct_commission": _l("Commission that the client paid"),
    "per_million": _l("Amount for every million US dollars traded"),
    "pct_profit": _l("The client's profit before costs"),
    "per_lot": _l("Amount for every lot"),
}
SPREADS: Final[dict[str, Message]] = {
    "open": _l("Spread at the opening"),
    "close": _l("Spread at the closing"),
    "half_half": _l("Mean of the spreads at opening and closing"),
    "capped": _l("Spread at the opening, at most the average"),
    "typical": _l("Usual spread of the symbol"),
}
