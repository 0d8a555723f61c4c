"""The set-based engine against the plain reference, over random trees, plans, trades, moves and facts."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.clients.rules import ClientStatus
from app.core.db import execute_sql, in_transaction, transaction
from app.partners import permissions, receivers, service
from app.partners.plan import (
    Caps,
    Gates,
    GodRule,
    GodTrack,
    Level,
    Match,
    Plan,
    ReferralRule,
    ReferralTrack,
    SpreadBasis,
    TypicalSymbol,
)
from app.partners.rules import ClosedTrade, Facts, Path, Person, Quote, Upline, share_out
from app.rates import service as rates
from app.referrals.rules import FOREVER
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.rebates import agreements
from tests.partners.volume import neighbours
from tests.partners.world import BY

FIRST_DAY = date(2026, 3, 2)
SHARES = [Decimal(text) for text in ("0", "0.05", "0.1", "0.2", "0.3333", "0.4")]
RATES = [Decimal(text) for text in ("0.5", "2.5", "5", "6", "8", "8")]
LOTS = [Decimal(text) for text in ("0.01", "0.33", "1", "2.5", "1.2345678")]
SYMBOLS = {"EURUSD": ("fx", "USD", 100_000), "USDJPY": ("fx", "JPY", 100_000), "XAUUSD": ("metal", "USD", 100)}
COPIED = (
    "symbol", "symbol_class", "group", "volume_lots", "contract_size", "close_price", "commission", "reason",
    "is_demo", "is_partial", "is_close_by", "profit", "markup_usd",
)  # fmt: skip
DERIVED = (
    "client_id", "opened_at", "closed_at", "open_price", "open_bid", "open_ask", "close_bid", "close_ask",
)  # fmt: skip
_day = iter(range(1, 100_000))


@dataclass(frozen=True)
class Link:
    child: int
    parent: int
    hour_from: int  # Below 0: long ago.
    hour_to: int  # Above 24: still.


def hours(day: date, hour: float) -> datetime:
    """An instant of a day; far before and far after for hours outside it."""
    if hour < 0:
        return world.FAR_BACK
    return FOREVER if hour > 24 else datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


@st.composite
def trees(draw: st.DrawFn) -> tuple[int, list[Link], list[tuple[int, Decimal, int, int]]]:
    """People 0 to n-1, everybody sponsored by somebody with a higher number; some are moved at one o'clock."""
    count = draw(st.integers(2, 7))
    links = []
    for child in range(count - 1):
        if draw(st.booleans()) or draw(st.booleans()):
            parents = st.integers(child + 1, count - 1)
            start = draw(st.sampled_from([-1, -1, -1, 9]))
            if draw(st.integers(0, 3)) == 0:
                links.append(Link(child, draw(parents), start, 13))
                if draw(st.booleans()):
                    links.append(Link(child, draw(parents), 13, 25))
            else:
                links.append(Link(child, draw(parents), start, 25))
    grants = [
        (person, draw(st.sampled_from(RATES)), draw(st.sampled_from([-1, -1, 11])), 25)
        for person in range(count)
        if draw(st.booleans())
    ]
    return count, links, grants


@st.composite
def level_lists(draw: st.DrawFn) -> tuple[Level, ...]:
    shares = draw(st.lists(st.sampled_from(SHARES), min_size=1, max_size=5))
    return tuple(Level(name=f"Level {n}", share=share) for n, share in enumerate(shares))


KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "pct_markup", "markup": Decimal("0.00006")},
    {"kind": "pct_markup"},
    {"kind": "pips", "pips": Decimal("0.7"), "pip_size": Decimal("0.0001")},
    {"kind": "pct_commission"},
    {"kind": "per_million", "rate": Decimal("33.3")},
    {"kind": "pct_profit"},
    {"kind": "per_lot", "rate": Decimal("7.77")},
)
amounts = st.one_of(st.none(), st.sampled_from([Decimal("0.7"), Decimal("3.3333"), Decimal(5), Decimal(12)]))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    bases: st.SearchStrategy[SpreadBasis] = st.sampled_from(["open", "close", "half_half", "capped", "typical"])
    referral, god = None, None
    if draw(st.integers(0, 4)):
        kinds = st.one_of(st.just({}), st.sampled_from(KINDS))
        rules = [ReferralRule(name="default", max_per_event=draw(amounts), **draw(kinds))]
        if draw(st.booleans()):
            rules.append(
                ReferralRule(
                    name="metal",
                    match=neighbours.drawn_match(draw, {"symbol_classes": ("metal",)}),
                    levels=draw(st.one_of(st.just(()), level_lists())),
                    spread_basis=draw(st.one_of(st.none(), bases)),
                    **draw(kinds),
                )
            )
        if draw(st.integers(0, 3)) == 0:
            rules[0] = ReferralRule(name="default", match=Match(symbols=("EUR*",)))
        referral = ReferralTrack(
            levels=draw(level_lists()),
            spread_basis=draw(bases),
            level_base=draw(st.sampled_from(["root", "previous"])),
            rules=tuple(rules),
        )
    if draw(st.integers(0, 4)):
        god = GodTrack(
            nested_policy=draw(st.sampled_from(["full", "difference", "nearest", "topmost", "split", "highest"])),
            split_shares=(Decimal("0.2"), Decimal("0.1")),
            rules=(
                GodRule(
                    name="fx",
                    match=neighbours.drawn_match(draw, {"symbol_classes": ("fx",)}),
                    max_per_event=draw(amounts),
                ),
                GodRule(
                    name="gold",
                    match=Match(symbols=("XAU*",)),
                    weight=draw(st.sampled_from([Decimal("0.1"), Decimal(0)])),
                ),
            ),
        )
    return Plan(
        name="Random",
        currency=draw(st.sampled_from(["USD", "USD", "EUR"])),
        referral=referral,
        god=god,
        gates=Gates(
            min_hold_seconds=draw(st.sampled_from([Decimal(0), Decimal(180), Decimal("3600.5")])),
            exempt_from_hold=draw(st.sampled_from([(), ("stop_out",)])),
            **neighbours.drawn_gates(draw),
            copy_trades=draw(st.sampled_from(["pay", "exclude"])),
            zero_move=draw(st.sampled_from(["pay", "exclude"])),
            min_volume_lots=draw(st.sampled_from([Decimal(0), Decimal("0.05")])),
            excluded_groups=draw(st.sampled_from([(), (), ("cent*",)])),
            client_kyc_level=draw(st.sampled_from([0, 0, 1])),
            partner_kyc_level=draw(st.sampled_from([0, 0, 1])),
            countries_denied=draw(st.sampled_from([(), ("FR",)])),
        ),
        caps=Caps(
            max_total_per_lot=draw(amounts),
            max_total_share_of_revenue=draw(st.one_of(st.none(), st.sampled_from([Decimal("0.5"), Decimal(1)]))),
            cap_policy=draw(st.sampled_from(["priority", "pro_rata", "nearest_first", "top_first"])),
            cap_order=draw(st.sampled_from([("god", "referral"), ("referral", "god")])),
            partner=neighbours.drawn_period_caps(draw),
        ),
        on_ineligible=draw(st.sampled_from(["forfeit", "compress", "hold"])),
        overlap_policy=draw(st.sampled_from(["stack", "highest", "track_priority"])),
        tree_as_of=draw(st.sampled_from(["close", "open", "settlement"])),
        fx_time=draw(st.sampled_from(["event", "settlement"])),
        revenue_basis=draw(st.one_of(st.none(), bases)),
        average_days=draw(st.sampled_from([1, 3])),
        volume_multipliers=draw(st.sampled_from([{}, {"cent*": Decimal("0.01")}])),
        spread_wait_days=0,
        typical=draw(
            st.sampled_from(
                [
                    {},
                    {"EURUSD": TypicalSymbol(spread=Decimal("0.0001"), contract_size=Decimal(100_000), currency="USD")},
                ]
            )
        ),
        rounding_scope=draw(st.sampled_from(["day", "line"])),
        rounding_mode=draw(st.sampled_from(["half_even", "down", "half_up"])),
        **draw(agreements.sharing()),
    )


@st.composite
def trades(draw: st.DrawFn, count: int) -> dict[str, Any]:
    symbol = draw(st.sampled_from(sorted(SYMBOLS)))
    kind, currency, contract = SYMBOLS[symbol]
    opened = draw(st.sampled_from([None, 8.5, 10.0, 12.999, 13.0, 14.0]))
    held = draw(st.sampled_from([0.01, 0.05, 1.0, 2.5]))
    spread = st.one_of(st.none(), st.sampled_from([Decimal("0"), Decimal("0.00012"), Decimal("0.02"), Decimal("0.16")]))
    return {
        "person": draw(st.integers(0, count - 1)),
        "symbol": symbol,
        "symbol_class": kind,
        "profit_currency": draw(st.sampled_from([currency, currency, currency, "XXX"])),
        "contract_size": Decimal(contract),
        "volume_lots": draw(st.sampled_from(LOTS)),
        "opened": opened,
        "closed": (opened if opened is not None else 10) + held,
        "open_spread": draw(spread),
        "close_spread": draw(spread),
        "close_price": draw(st.sampled_from([Decimal("1.1"), Decimal("1.2")])),
        "commission": draw(st.sampled_from([Decimal(0), Decimal(-7), Decimal("3.33"), Decimal("-0.07")])),
        "account_currency": draw(st.sampled_from(["USD", "EUR", "YYY"])),
        "profit": draw(st.sampled_from([Decimal(0), Decimal("-12.5"), Decimal("33.33")])),
        "markup_usd": draw(st.sampled_from([None, Decimal(0), Decimal("6.03"), Decimal("-1")])),
        "group": draw(st.sampled_from(["standard", "cent-a"])),
        "reason": draw(st.sampled_from(["client", "client", "stop_out", "dealer", "signal"])),
        "is_demo": draw(st.integers(0, 9)) == 0,
        "is_partial": draw(st.booleans()),
        "is_close_by": draw(st.integers(0, 4)) == 0,
        "verdict": draw(st.sampled_from(["clear"] * 6 + ["hold", "reject"])),
        **neighbours.drawn_trade(draw),
    }


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    count, links, grants = draw(trees())
    return {
        "count": count,
        "links": links,
        "grants": grants,
        "plan": draw(plans()),
        "agreements": draw(agreements.wishes(count)),
        "starts": draw(st.sampled_from([None, None, None, 11.0])),  # Some trades close at this very instant.
        "trades": draw(st.lists(trades(count), min_size=1, max_size=5)),
        **neighbours.drawn_world(draw, count),
        "people": [
            Person(
                is_active=draw(st.integers(0, 6)) > 0,
                kyc_level=draw(st.integers(0, 1)),
                country=draw(st.sampled_from(["DE", "DE", "DE", "FR"])),
                is_accrual_locked=draw(st.integers(0, 5)) == 0,
            )
            for _ in range(count)
        ],
    }


def path_of(person: int, at: datetime, opened: datetime, given: dict[str, Any], day: date, ids: list[UUID]) -> Path:
    """The path as the links say, by the slowest way there is."""

    def parent(child: int, when: datetime) -> int | None:
        for link in given["links"]:
            if link.child == child and hours(day, link.hour_from) <= when < hours(day, link.hour_to):
                return int(link.parent)
        return None

    uplines = []
    distance, current = 1, parent(person, at)
    while current is not None:
        rates_now = [
            rate
            for who, rate, start, end in given["grants"]
            if who == current and hours(day, start) <= at < hours(day, end)
        ]
        uplines.append(Upline(ids[current], distance, rates_now[0] if rates_now else None))
        distance, current = distance + 1, parent(current, at)
    has_people = any(
        link.parent == person and hours(day, link.hour_from) <= at < hours(day, link.hour_to) for link in given["links"]
    )
    has_rate = any(
        who == person and hours(day, start) <= at < hours(day, end) for who, _, start, end in given["grants"]
    )
    return Path(tuple(uplines), parent(person, opened) is not None, trader_is_partner=has_people or has_rate)


def closed_trade(seq: int, given: dict[str, Any], day: date, ids: list[UUID]) -> ClosedTrade:
    price = Decimal("1.1")
    quotes: dict[str, Any] = {
        f"{side}_{name}": None if spread is None else price + (spread if name == "ask" else 0)
        for side, spread in (("open", given["open_spread"]), ("close", given["close_spread"]))
        for name in ("bid", "ask")
    }
    opened = given["opened"]
    return ClosedTrade(
        seq=seq,
        client_id=ids[given["person"]],
        opened_at=None if opened is None else hours(day, opened),
        closed_at=hours(day, given["closed"]),
        open_price=None if opened is None else price,
        **{name: given[name] for name in COPIED},
        **quotes,
    )


def stored(trade: ClosedTrade, given: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(trade, name) for name in (*COPIED, *DERIVED)} | {
        "profit_currency": given["profit_currency"],
        "account_currency": given["account_currency"],
        "position_id": trade.position,
        "side": trade.side,
    }


def quote_of(currency: str, at: datetime, into: str = "USD") -> Quote | None:
    try:
        found = rates.rate(currency, into, at)
    except rates.RateUnknown:
        return None
    return Quote(found.numerator, found.denominator, found.source, found.at)


@pytest.mark.usefixtures("here")
@settings(
    max_examples=int(os.environ.get("KONTOR_EXAMPLES", "25")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(given=worlds())
def test_sql_and_reference_give_the_same_lines_and_reasons(given: dict[str, Any]) -> None:
    day = FIRST_DAY + timedelta(days=next(_day))
    plan: Plan = given["plan"]
    with transaction():
        ids = [
            world.make_client(
                f"P{n}",
                status=ClientStatus.ACTIVE if person.is_active else ClientStatus.REGISTERED,
                kyc_level=person.kyc_level,
                country=person.country,
            )
            for n, person in enumerate(given["people"])
        ]
        for link in given["links"]:
            world.link(ids[link.child], ids[link.parent], hours(day, link.hour_from), hours(day, link.hour_to))
        for who, rate, start, end in given["grants"]:
            world.grant(ids[who], rate, hours(day, start), hours(day, end))
        for person, person_id in zip(given["people"], ids, strict=True):
            if person.is_accrual_locked:
                restrictions.lock(person_id, permissions.COMMISSION_ACCRUAL, reason_code=next(iter(REASONS)), by=BY)
        agreed = agreements.store(given["agreements"], ids, day)
        world.publish(plan, hours(day, 0))
        starts_at = None if given["starts"] is None else hours(day, given["starts"])
        platform = world.make_platform(starts_at=starts_at)
        last = execute_sql(
            "SELECT coalesce(max(id), 0) AS id, coalesce(max(batch_no), 0) AS no FROM closed_trade"
            " WHERE tenant_id = :tenant_id"
        ).one()
        platform.deals, platform.batches = last.id, last.no
        closed = [closed_trade(last.id + n, one, day, ids) for n, one in enumerate(given["trades"], 1)]
        around = neighbours.store(platform, closed, given, day, ids)
        closed = around.trades
        platform.store([stored(trade, one) for trade, one in zip(closed, given["trades"], strict=True)])
        for trade, one in zip(closed, given["trades"], strict=True):
            if one["verdict"] != "clear":
                service.record_verdict(trade.seq, one["verdict"], reason="test", by=BY)

    world.settle(day)

    people = {
        person_id: replace(person, is_funded=person_id in around.funded, person=around.person.get(person_id))
        for person_id, person in zip(ids, given["people"], strict=True)
    }
    end = hours(day, 24)
    lines, reasons, holds, numbers, shares = set(), set(), set(), set(), set()
    prepared = []
    for trade, one in zip(closed, given["trades"], strict=True):
        opened = trade.opened_at or trade.closed_at
        at = {"close": trade.closed_at, "open": opened, "settlement": end}[plan.tree_as_of]
        rate_at = end if plan.fx_time == "settlement" else trade.closed_at
        facts = Facts(
            people=people,
            profit_quote=in_transaction(quote_of, one["profit_currency"], rate_at, plan.currency),
            commission_quote=in_transaction(quote_of, one["account_currency"], rate_at, plan.currency),
            dollar_quote=in_transaction(quote_of, one["profit_currency"], rate_at, "USD"),
            markup_quote=in_transaction(quote_of, "USD", rate_at, plan.currency),
            verdict=one["verdict"],
            starts_at=starts_at,
            average_spread=in_transaction(neighbours.average_spread, trade.symbol, day, plan.average_days),
        )
        prepared.append((trade, path_of(one["person"], at, opened, given, day, ids), facts))
    outcomes = neighbours.settle(prepared, plan, around, lambda instant: instant.date())
    for trade, path, facts in prepared:
        outcome = outcomes[trade.seq]
        for each in share_out(trade, path, outcome.lines, plan, facts, agreed):
            shares.add((each.seq, each.track, each.giver_id, each.receiver_id, each.kind, each.share, each.amount))
        if (cashback := outcome.cashback) is not None and cashback.reason is None:
            lines.add(
                (trade.seq, "cashback", trade.client_id, "base", 0, 0, cashback.amount_before_cap, cashback.amount,
                 cashback.cap)
            )  # fmt: skip
            if cashback.held_for:
                holds.add((trade.seq, "cashback", trade.client_id, tuple(map(str, cashback.held_for))))
        elif cashback is not None and cashback.reason is not None:
            found = (str(cashback.reason), tuple(map(str, cashback.gates)))
            reasons.add((trade.seq, "cashback", trade.client_id, 0, *found))
        numbers.add((trade.seq, outcome.lots_counted, outcome.base, outcome.revenue, outcome.spread_source))
        for line in outcome.lines:
            lines.add(
                (line.seq, line.track, line.partner_id, "base", line.level, line.distance, line.amount_before_cap,
                 line.amount, line.cap)
            )  # fmt: skip
            if line.held_for:
                holds.add((line.seq, line.track, line.partner_id, tuple(map(str, line.held_for))))
        for reason in outcome.reasons:
            reasons.add(
                (
                    reason.seq,
                    reason.track,
                    reason.partner_id,
                    reason.distance,
                    str(reason.primary),
                    tuple(map(str, reason.gates)),
                )
            )
    first = closed[0].seq
    assert in_transaction(_numbers, first) == numbers
    assert {row for row in world.lines() if row[0] >= first} == lines
    assert {row for row in world.reasons() if row[0] >= first} == reasons
    assert {row for row in world.held() if row[0] >= first} == holds
    assert {row for row in agreements.shares() if row[0] >= first} == shares
    assert in_transaction(receivers.differences) == 0


def _numbers(first: int) -> set[tuple[Any, ...]]:
    rows = execute_sql(
        "SELECT trade_id, lots, base, revenue, spread_source FROM settled_trade"
        " WHERE tenant_id = :tenant_id AND trade_id >= :first",
        first=first,
    )
    return {tuple(row) for row in rows}
