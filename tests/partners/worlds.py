"""Random worlds for both engines: how they are stored, and what follows from them by the slowest way there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.clients.rules import ClientStatus
from app.core.db import execute_sql, in_transaction, session, transaction
from app.kit import clock
from app.partners import permissions, receivers, service
from app.partners.abuse.models import ClusterMark
from app.partners.plan import Plan
from app.partners.rules import Agreement, ClosedTrade, Facts, Outcome, Path, Quote, Upline, share_out
from app.rates import service as rates
from app.referrals import membership
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.draws import hours
from tests.partners.rebates import agreements
from tests.partners.volume import neighbours
from tests.partners.world import BY

COPIED = (
    "symbol", "symbol_class", "group", "volume_lots", "contract_size", "close_price", "commission", "reason",
    "is_demo", "is_partial", "is_close_by", "profit", "markup_usd",
)  # fmt: skip
DERIVED = (
    "client_id", "opened_at", "closed_at", "open_price", "open_bid", "open_ask", "close_bid", "close_ask",
)  # fmt: skip


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


@dataclass
class Built:
    """A world as it is stored: people by number, the trades of a day in the order in which they were drawn."""

    given: dict[str, Any]
    day: date
    ids: list[UUID]
    platform: world.Platform
    trades: list[ClosedTrade]
    around: neighbours.Around
    agreed: list[Agreement]
    starts_at: datetime | None

    @property
    def plan(self) -> Plan:
        found: Plan = self.given["plan"]
        return found

    @property
    def first(self) -> int:
        """The lowest number of its trades."""
        return min(trade.seq for trade in self.trades)

    def is_excluded(self, one: dict[str, Any]) -> bool:
        """Whether the account of a drawn trade has been taken out of commission by the end of the day."""
        key = (one["person"], one["group"], one["account_currency"])
        return any(account == key for account, _ in self.given["excluded"])

    def person(self, client_id: UUID) -> int:
        """The number of a person."""
        return self.ids.index(client_id)

    def place(self, trade_id: int) -> int:
        """The place of a trade among those that were drawn."""
        return next(place for place, trade in enumerate(self.trades) if trade.seq == trade_id)


def build(
    given: dict[str, Any], day: date, *, order: Sequence[int] = (), batches: int = 1, publish: bool = True
) -> Built:
    """Store a world whose trades were closed on a day. `order` says how they arrive, in so many batches."""
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
            if not person.is_approved:
                with clock.frozen(hours(day, 0)):
                    membership.leave(person_id, by=BY)
            if person.is_accrual_locked:
                restrictions.lock(person_id, permissions.COMMISSION_ACCRUAL, reason_code=next(iter(REASONS)), by=BY)
        for pair in linked(given, ids):
            _say_that_they_are_one(*sorted(pair))
        agreed = agreements.store(given["agreements"], ids, day)
        if publish:
            world.publish(plan, hours(day, 0))
        else:
            receivers.rebuild()
        starts_at = None if given["starts"] is None else hours(day, given["starts"])
        platform = world.make_platform(starts_at=starts_at)
        last = execute_sql(
            "SELECT coalesce(max(id), 0) AS id, coalesce(max(batch_no), 0) AS no FROM closed_trade"
            " WHERE tenant_id = :tenant_id"
        ).one()
        platform.deals, platform.batches = last.id, last.no
        arriving = list(order) or list(range(len(given["trades"])))
        closed = [
            closed_trade(last.id + 1 + arriving.index(place), one, day, ids)
            for place, one in enumerate(given["trades"])
        ]
        around = neighbours.store(platform, closed, given, day, ids)
        closed = around.trades
        size = -(-len(arriving) // batches)
        for begin in range(0, len(arriving), size):
            some = arriving[begin : begin + size]
            platform.store([stored(closed[place], given["trades"][place]) for place in some])
        for trade, one in zip(closed, given["trades"], strict=True):
            if one["verdict"] != "clear":
                judge(trade.seq, one["verdict"])
    return Built(given, day, ids, platform, closed, around, agreed, starts_at)


def linked(given: dict[str, Any], ids: Sequence[UUID]) -> frozenset[frozenset[UUID]]:
    """The two of whom somebody has said that they belong together, if there are two."""
    pair = frozenset(ids[place] for place in given.get("linked", ()))
    return frozenset([pair]) if len(pair) == 2 else frozenset()


def _say_that_they_are_one(a: UUID, b: UUID) -> None:
    session().add(
        ClusterMark(client_a=a, client_b=b, is_linked=True, reason="test", actor_name="test", marked_at=world.FAR_BACK)
    )
    session().flush()


def judge(trade_id: int, verdict: Any) -> None:
    """Somebody has examined a trade."""
    service.record_verdict(trade_id, verdict, reason="test", by=BY)


@dataclass
class Result:
    """What a settled day holds, comparable."""

    numbers: set[tuple[Any, ...]] = field(default_factory=set)
    lines: set[tuple[Any, ...]] = field(default_factory=set)
    reasons: set[tuple[Any, ...]] = field(default_factory=set)
    holds: set[tuple[Any, ...]] = field(default_factory=set)
    shares: set[tuple[Any, ...]] = field(default_factory=set)

    def add(self, outcome: Outcome, trade: ClosedTrade) -> None:
        """What the reference says about one trade."""
        self.numbers.add((trade.seq, outcome.lots_counted, outcome.base, outcome.revenue, outcome.spread_source))
        if (cashback := outcome.cashback) is not None and cashback.reason is None:
            self.lines.add(
                (trade.seq, "cashback", trade.client_id, "base", 0, 0, cashback.amount_before_cap, cashback.amount,
                 cashback.cap)
            )  # fmt: skip
            if cashback.held_for:
                self.holds.add((trade.seq, "cashback", trade.client_id, tuple(map(str, cashback.held_for))))
        elif cashback is not None and cashback.reason is not None:
            why = (str(cashback.reason), tuple(map(str, cashback.gates)))
            self.reasons.add((trade.seq, "cashback", trade.client_id, 0, *why))
        for line in outcome.lines:
            self.lines.add(
                (line.seq, line.track, line.partner_id, "base", line.level, line.distance, line.amount_before_cap,
                 line.amount, line.cap)
            )  # fmt: skip
            if line.held_for:
                self.holds.add((line.seq, line.track, line.partner_id, tuple(map(str, line.held_for))))
        for one in outcome.reasons:
            why = (str(one.primary), tuple(map(str, one.gates)))
            self.reasons.add((one.seq, one.track, one.partner_id, one.distance, *why))


def expected(built: Built) -> Result:
    """What the reference makes of a world."""
    result = Result()
    prepared = []
    for trade, one in zip(built.trades, built.given["trades"], strict=True):
        opened = trade.opened_at or trade.closed_at
        path_at = path_instant(built.plan, trade, built.day)
        path = path_of(one["person"], path_at, opened, built.given, built.day, built.ids)
        prepared.append((trade, path, facts_of(built, trade, one)))
    outcomes = neighbours.settle(prepared, built.plan, built.around, lambda instant: instant.date())
    for trade, path, facts in prepared:
        outcome = outcomes[trade.seq]
        result.add(outcome, trade)
        for each in share_out(trade, path, outcome.lines, built.plan, facts, built.agreed):
            result.shares.add(
                (each.seq, each.track, each.giver_id, each.receiver_id, each.kind, each.share, each.amount)
            )
    return result


def path_instant(plan: Plan, trade: ClosedTrade, day: date) -> datetime:
    """The instant that decides the path of a trade that is settled with a day."""
    opened = trade.opened_at or trade.closed_at
    return {"close": trade.closed_at, "open": opened, "settlement": hours(day, 24)}[plan.tree_as_of]


def facts_of(built: Built, trade: ClosedTrade, one: dict[str, Any], day: date | None = None) -> Facts:
    """Everything that the reference is told about a trade beside its path and plan, when it is settled with a day."""
    plan = built.plan
    rate_at = hours(day or built.day, 24) if plan.fx_time == "settlement" else trade.closed_at
    around, closed_on = built.around, trade.closed_at.date()
    return Facts(
        people={
            person_id: replace(person, is_funded=person_id in around.funded, person=around.person.get(person_id))
            for person_id, person in zip(built.ids, built.given["people"], strict=True)
        },
        profit_quote=in_transaction(quote_of, one["profit_currency"], rate_at, plan.currency),
        commission_quote=in_transaction(quote_of, one["account_currency"], rate_at, plan.currency),
        dollar_quote=in_transaction(quote_of, one["profit_currency"], rate_at, "USD"),
        markup_quote=in_transaction(quote_of, "USD", rate_at, plan.currency),
        verdict=one["verdict"],
        starts_at=built.starts_at,
        linked=linked(built.given, built.ids),
        average_spread=in_transaction(neighbours.average_spread, trade.symbol, closed_on, plan.average_days),
    )


def settled(first: int) -> Result:
    """What the product holds about the trades from a number on, without what was reversed."""
    return Result(
        numbers=in_transaction(_numbers, first),
        lines={row for row in world.lines() if row[0] >= first and row[3] == "base"},
        reasons={row for row in world.reasons() if row[0] >= first},
        holds={row for row in world.held() if row[0] >= first},
        shares={row for row in agreements.shares() if row[0] >= first},
    )


def _numbers(first: int) -> set[tuple[Any, ...]]:
    rows = execute_sql(
        "SELECT trade_id, lots, base, revenue, spread_source FROM settled_trade"
        " WHERE tenant_id = :tenant_id AND trade_id >= :first",
        first=first,
    )
    return {tuple(row) for row in rows}
