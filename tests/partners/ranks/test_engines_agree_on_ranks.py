"""The set-based engine against the plain reference where ranks, tiers, own rates and qualification decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients.rules import ClientStatus
from app.core.db import execute_sql, transaction
from app.partners.plan import Caps, Gates, GodRule, GodTrack, Level, Match, Plan, ReferralRule, ReferralTrack
from app.partners.ranks.terms import Band, Rank, Ranks, Tiers
from app.partners.rules import Facts, Person, settle_trade
from app.partners.rules.own import Month, OwnRate, counts
from tests.partners import world
from tests.partners.draws import LOTS, RATES, SHARES, examples, hours, trees
from tests.partners.ranks import people
from tests.partners.worlds import closed_trade, path_of, stored

FIRST_MONTH = 2020 * 12 + 1
_month = iter(range(FIRST_MONTH, FIRST_MONTH + 100_000))
RULES = ("default", "gold")
NOTHING = Decimal(0)


@st.composite
def tiers(draw: st.DrawFn) -> Tiers:
    bounds = sorted(
        draw(st.sets(st.sampled_from([Decimal(text) for text in ("0.5", "1", "2.5", "4", "7")]), max_size=3))
    )
    rates = st.sampled_from([NOTHING, *RATES])
    bands = [Band(rate=draw(rates), upto=bound) for bound in bounds]
    method = draw(st.sampled_from(["previous_period", "marginal", "flat_on_reach"]))
    return Tiers(method=method, bands=(*bands, Band(rate=draw(rates))))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    some_tiers = st.one_of(st.none(), tiers())
    nested = draw(st.sampled_from(["full", "difference", "nearest", "topmost", "split", "highest"]))
    kinds: tuple[Any, ...] = ({}, {"kind": "per_lot", "rate": Decimal("7.77")}, {"kind": "pct_commission"})
    rules = []
    for name, match in zip(RULES, (Match(), Match(symbols=("XAU*",))), strict=True):
        kind = draw(st.sampled_from(kinds))
        tiered = draw(some_tiers) if kind.get("kind") == "per_lot" else None
        most = draw(st.sampled_from([None, None, Decimal("3.3333")]))
        rules.append(ReferralRule(name=name, match=match, tiers=tiered, max_per_event=most, **kind))
    god_rules = []
    for name, match in zip(RULES, (Match(), Match(symbols=("XAU*",))), strict=True):
        tiered = draw(some_tiers)
        if nested in ("difference", "split", "highest") and tiered is not None and tiered.method != "previous_period":
            tiered = None
        weight = draw(st.sampled_from([Decimal(1), Decimal("0.1")]))
        god_rules.append(GodRule(name=name, match=match, weight=weight, tiers=tiered))
    base = draw(st.sampled_from(["root", "root", "previous"]))
    levels = tuple(Level(name=f"L{n}", share=draw(st.sampled_from(SHARES))) for n in range(draw(st.integers(1, 3))))
    if base == "previous":
        rules = [ReferralRule(name=name, match=rule.match) for name, rule in zip(RULES, rules, strict=True)]
    return Plan(
        name="Ranked",
        currency="USD",
        referral=ReferralTrack(levels=levels, level_base=base, rules=tuple(rules)) if draw(st.integers(0, 3)) else None,
        god=GodTrack(nested_policy=nested, split_shares=(Decimal("0.2"), Decimal("0.1")), rules=tuple(god_rules)),
        ranks=draw(st.one_of(st.none(), ranks(is_root=base == "root"))),
        gates=Gates(client_kyc_level=0, min_hold_seconds=Decimal(60)),
        caps=Caps(max_total_per_lot=draw(st.sampled_from([None, None, Decimal(6)]))),
        on_ineligible=draw(st.sampled_from(["forfeit", "compress", "hold"])),
        overlap_policy=draw(st.sampled_from(["stack", "highest"])),
        tree_as_of=draw(st.sampled_from(["close", "open"])),
        spread_wait_days=0,
    )


@st.composite
def ranks(draw: st.DrawFn, is_root: bool) -> Ranks:
    found = [
        Rank(
            name=name,
            more_than={} if name == "Bronze" else {"lots": Decimal(1_000_000)},  # Nobody is raised meanwhile.
            share_factor=draw(st.sampled_from([Decimal(1), Decimal("1.1"), Decimal("0.333")]))
            if is_root
            else Decimal(1),
            shares=tuple(draw(st.lists(st.sampled_from(SHARES), max_size=2))) if is_root else (),
            god_rate=draw(st.sampled_from([None, Decimal(3), Decimal("8.5")])),
            rates=draw(st.sampled_from([{}, {"gold": Decimal("11.11")}])) if is_root else {},
        )
        for name in ("Bronze", "Silver", "Gold")
    ]
    return Ranks(ranks=tuple(found))


@st.composite
def trades(draw: st.DrawFn, count: int) -> dict[str, Any]:
    symbol = draw(st.sampled_from(["EURUSD", "XAUUSD"]))
    opened = draw(st.sampled_from([8.5, 10.0, 12.999, 14.0]))
    return {
        "person": draw(st.integers(0, count - 1)),
        "day": draw(st.sampled_from([-1, 0, 0, 1])),  # The last day of a month, and the first two of the next.
        "arrives": draw(st.sampled_from([0, 0, 0, 1])),
        "symbol": symbol,
        "symbol_class": "fx" if symbol == "EURUSD" else "metal",
        "profit_currency": "USD",
        "contract_size": Decimal(100_000 if symbol == "EURUSD" else 100),
        "volume_lots": draw(st.sampled_from(LOTS)),
        "opened": opened,
        "closed": opened + draw(st.sampled_from([0.01, 0.05, 1.0, 2.5])),
        "open_spread": Decimal("0.00012"),
        "close_spread": Decimal("0.00012"),
        "close_price": Decimal("1.2"),
        "commission": draw(st.sampled_from([NOTHING, Decimal("-0.07")])),
        "account_currency": "USD",
        "profit": NOTHING,
        "markup_usd": None,
        "group": "standard",
        "reason": draw(st.sampled_from(["client", "client", "dealer"])),
        "is_demo": False,
        "is_partial": False,
        "is_close_by": False,
    }


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    count, links, grants = draw(trees())
    everybody = st.integers(0, count - 1)
    own = [
        {"who": who, "track": track, "unit": unit, "rule": draw(st.sampled_from(["", *RULES, "gone"])),
         "level": draw(st.integers(1, 3)) if unit == "share" else 0, "amount": draw(st.sampled_from([NOTHING, *RATES])),
         "from": draw(st.sampled_from([-1, 11]))}
        for who in draw(st.lists(everybody, max_size=3, unique=True))
        for track, unit in draw(st.lists(st.sampled_from([("god", "per_lot"), ("referral", "per_lot"),
                                                         ("referral", "share")]), max_size=2, unique=True))
    ]  # fmt: skip
    for one in own:
        if one["unit"] == "share":
            one["amount"] = draw(st.sampled_from(SHARES))
    return {
        "count": count,
        "links": links,
        "grants": grants,
        "plan": draw(plans()),
        "trades": draw(st.lists(trades(count), min_size=1, max_size=7)),
        "ranks": [
            (who, draw(st.sampled_from(["Bronze", "Silver", "Gold", "Gone"])), draw(st.sampled_from([-1, 11])))
            for who in draw(st.lists(everybody, max_size=4, unique=True))
        ],
        "own": own,
        "active": [draw(st.integers(0, 5)) > 0 for _ in range(count)],
    }


@pytest.mark.usefixtures("here")
@examples(12)
@given(given=worlds())
def test_sql_and_reference_agree_over_days_and_months(given: dict[str, Any]) -> None:
    number = next(_month)
    middle = date(number // 12, number % 12 + 1, 1)
    days = [middle + timedelta(days=n) for n in (-1, 0, 1)]
    plan: Plan = given["plan"]
    with transaction():
        ids = [
            world.make_client(f"P{n}", status=ClientStatus.ACTIVE if is_active else ClientStatus.REGISTERED)
            for n, is_active in enumerate(given["active"])
        ]
        for link in given["links"]:
            world.link(ids[link.child], ids[link.parent], hours(middle, link.hour_from), hours(middle, link.hour_to))
        for who, rate, start, end in given["grants"]:
            world.grant(ids[who], rate, hours(middle, start), hours(middle, end))
        for who, rank, start in given["ranks"]:
            people.hold_rank(ids[who], rank, hours(middle, start), is_pinned=True)
        for one in given["own"]:
            people.own_rate(
                ids[one["who"]], one["amount"], hours(middle, one["from"]), track=one["track"], rule=one["rule"],
                level=one["level"], unit=one["unit"],
            )  # fmt: skip
        world.publish(plan, hours(days[0], 0))
        platform = world.make_platform()
        last = execute_sql(
            "SELECT coalesce(max(id), 0) AS id, coalesce(max(batch_no), 0) AS no FROM closed_trade"
            " WHERE tenant_id = :tenant_id"
        ).one()
        platform.deals, platform.batches = last.id, last.no
        people.proved_day(days[0] - timedelta(days=1), platform.batches)
    first = last.id + 1
    expected = Books(plan, given, middle, ids)
    seq = last.id
    for place, day in enumerate(days):
        arriving = [one for one in given["trades"] if min(one["day"] + 1 + one["arrives"], 2) == place]
        batch = []
        for one in arriving:
            seq += 1
            batch.append((closed_trade(seq, one, middle + timedelta(days=one["day"]), ids), one))
        with transaction():
            platform.store([stored(trade, one) for trade, one in batch])
        expected.settle(batch, month_end=place == 0)
        world.settle(day)

    assert {row for row in world.lines() if row[0] >= first} == expected.lines
    assert {row[:5] for row in world.reasons() if row[0] >= first} == expected.reasons


class Books:
    """What the plain reference gives, with every partner's month kept by hand."""

    def __init__(self, plan: Plan, given: dict[str, Any], middle: date, ids: list[UUID]) -> None:
        self.plan, self.given, self.middle, self.ids = plan, given, middle, ids
        self.lines: set[tuple[Any, ...]] = set()
        self.reasons: set[tuple[Any, ...]] = set()
        self.volume: dict[tuple[UUID, Any, int], Decimal] = {}
        self.month_ended: dict[tuple[UUID, Any], Decimal] = {}

    def settle(self, batch: Iterable[tuple[Any, dict[str, Any]]], *, month_end: bool) -> None:
        """One run: the trades that have arrived, in order of close."""
        for trade, one in sorted(batch, key=lambda pair: (pair[0].closed_at, pair[0].seq)):
            opened = trade.opened_at
            at = {"close": trade.closed_at, "open": opened}[str(self.plan.tree_as_of)]
            month = 0 if one["day"] < 0 else 1
            path = path_of(one["person"], at, opened, self.given, self.middle, self.ids)
            outcome = settle_trade(trade, path, self.plan, self._facts(at, month))
            for key in counts(outcome):
                self.volume[(*key, month)] = self.volume.get((*key, month), NOTHING) + outcome.lots_counted
            for line in outcome.lines:
                self.lines.add(
                    (line.seq, line.track, line.partner_id, "base", line.level, line.distance, line.amount_before_cap,
                     line.amount, line.cap)
                )  # fmt: skip
            for lost in outcome.reasons:
                self.reasons.add((lost.seq, lost.track, lost.partner_id, lost.distance, str(lost.primary)))
        if month_end:
            self.month_ended = {key[:2]: lots for key, lots in self.volume.items() if key[2] == 0}

    def _facts(self, at: datetime, month: int) -> Facts:
        def holds(start: float) -> bool:
            return hours(self.middle, start) <= at

        months = {
            (who, track): Month(
                self.volume.get((who, track, month), NOTHING),
                self.month_ended.get((who, track), NOTHING) if month == 1 else NOTHING,
            )
            for who in self.ids
            for track in ("referral", "god")
        }
        return Facts(
            people={
                who: Person(is_active=is_active) for who, is_active in zip(self.ids, self.given["active"], strict=True)
            },
            ranks={self.ids[who]: rank for who, rank, start in self.given["ranks"] if holds(start)},
            months=months,
            own_rates=[
                OwnRate(self.ids[one["who"]], one["track"], one["amount"], one["unit"], one["rule"], one["level"])
                for one in self.given["own"]
                if holds(one["from"])
            ],
        )
