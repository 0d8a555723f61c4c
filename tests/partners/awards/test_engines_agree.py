"""Awards in SQL against the plain reference, over random deposits, withdrawals, trades, moves, rules and people."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients.rules import ClientStatus
from app.core.db import execute_sql, in_transaction, session, transaction
from app.kit import clock
from app.partners import permissions
from app.partners.awards import explaining, reading, rules
from app.partners.awards.engine import period_start
from app.partners.awards.models import AwardCost
from app.partners.awards.terms import AwardRule, Conditions, LadderStep
from app.partners.plan import Gates, Level, Plan, ReferralRule, ReferralTrack
from app.partners.rules import ClosedTrade, Facts, Path, Person, Quote, Upline, settle_trade
from app.partners.rules.gates import trade_gates
from app.partners.rules.steps import quotient_step, total
from app.rates import service as rates
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.awards import cash
from tests.partners.draws import examples
from tests.partners.portal.calculator import by_hand
from tests.partners.world import BY

DAYS = 3
TRADERS, PEOPLE = 2, 5  # Everybody else stands above: 0 under 2 under 3 under 4, and 1 under 3.
PARENTS = {0: 2, 1: 3, 2: 3, 3: 4}
_day = iter(range(0, 100_000, DAYS))
_name = iter(range(100_000))
AMOUNTS = [Decimal(text) for text in ("50", "100.01", "250", "800", "1200.5")]


@dataclass
class Event:
    person: int
    kind: str  # deposit, withdrawal or trade
    hour: int
    amount: Decimal
    currency: str = "USD"
    held_seconds: int = 600


@dataclass
class Story:
    plan: Plan
    people: list[Person]
    days: list[list[Event]]
    sponsored_from: int  # The hour, from the first midnight on, at which trader 1 gets a sponsor; below 0: long ago.
    moved_at: int | None  # The hour at which trader 0 goes to partner 4.
    costs: list[tuple[int, Decimal, Decimal]] = field(default_factory=list)


@st.composite
def award_rules(draw: st.DrawFn, has_levels: bool) -> AwardRule:
    kind = draw(st.sampled_from(["cpa", "cpa", "cpa", "pct_deposit", "revenue_share"]))
    common: dict[str, Any] = {
        "name": f"rule {next(_name)}",
        "kind": kind,
        "weight": draw(st.sampled_from([Decimal(1), Decimal("0.5"), Decimal("0.333")])),
        "levels": draw(st.sampled_from(["direct", "referral"])) if has_levels else "direct",
        "countries": draw(st.sampled_from([(), (), ("DE",)])),
        "max_per_event": draw(st.sampled_from([None, None, Decimal("20.5")])),
    }
    least = draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(300)]))
    if kind == "cpa":
        steps = draw(st.lists(st.sampled_from([50, 100, 200, 1000]), min_size=1, unique=True))
        is_fixed = draw(st.booleans())
        return AwardRule(
            amount=Decimal("77.7") if is_fixed else None,
            ladder=()
            if is_fixed
            else tuple(LadderStep(deposit=Decimal(n), pays=Decimal(n) / 7 + 10) for n in sorted(steps)),
            conditions=Conditions(
                min_lots=draw(st.sampled_from([Decimal(0), Decimal("0.5"), Decimal(1)])),
                min_days=draw(st.sampled_from([0, 0, 1])),
                kyc_level=draw(st.sampled_from([0, 0, 1])),
                min_deposit=least,
            ),
            clawback_on_withdrawal=draw(st.booleans()),
            **common,
        )
    return AwardRule(
        share=draw(st.sampled_from([Decimal("0.1"), Decimal("0.3333")])),
        window_days=draw(st.sampled_from([1, 2])),
        deposits=draw(st.sampled_from(["all", "first"])),
        conditions=Conditions(min_deposit=least) if kind == "pct_deposit" else Conditions(),
        period="week",
        **common,
    )


@st.composite
def events(draw: st.DrawFn) -> Event:
    return Event(
        person=draw(st.integers(0, TRADERS - 1)),
        kind=draw(st.sampled_from(["deposit", "deposit", "withdrawal", "trade", "trade"])),
        hour=draw(st.integers(0, 23)),
        amount=draw(st.sampled_from(AMOUNTS)),
        currency=draw(st.sampled_from(["USD", "USD", "EUR"])),
        held_seconds=draw(st.sampled_from([179, 180, 600])),
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    has_levels = draw(st.booleans())
    levels = tuple(Level(name=f"L{n}", share=share) for n, share in enumerate(map(Decimal, ("0.4", "0.2", "0.1"))))
    track = ReferralTrack(
        levels=levels,
        level_base=draw(st.sampled_from(["root", "previous"])),
        rules=(ReferralRule(name="default", kind="per_lot", rate=Decimal(3)),),
    )
    plan = Plan(
        name="Random",
        currency=draw(st.sampled_from(["USD", "USD", "EUR"])),
        referral=track if has_levels else None,
        gates=Gates(client_kyc_level=draw(st.sampled_from([0, 0, 1])), partner_kyc_level=draw(st.sampled_from([0, 1])),
                    countries_denied=draw(st.sampled_from([(), (), ("FR",)]))),
        on_ineligible=draw(st.sampled_from(["forfeit", "compress", "hold"])),
        awards=tuple(draw(st.lists(award_rules(has_levels), min_size=1, max_size=3))),
    )  # fmt: skip
    return Story(
        plan=plan,
        people=[
            Person(
                is_active=draw(st.integers(0, 7)) > 0,
                kyc_level=draw(st.sampled_from([1, 1, 0])),
                country=draw(st.sampled_from(["DE", "DE", "FR"])),
                is_accrual_locked=draw(st.integers(0, 7)) == 0,
            )
            for _ in range(PEOPLE)
        ],
        days=[draw(st.lists(events(), max_size=5)) for _ in range(DAYS)],
        sponsored_from=draw(st.sampled_from([-1, -1, 10])),
        moved_at=draw(st.sampled_from([None, None, 36])),
        costs=draw(st.lists(st.tuples(st.integers(2, 4), st.sampled_from(AMOUNTS), st.sampled_from(AMOUNTS)),
                            max_size=2, unique_by=lambda one: one[0])),
    )  # fmt: skip


def parent_of(person: int, at: datetime, story: Story, begin: datetime) -> int | None:
    if person == 1 and at < (begin + timedelta(hours=story.sponsored_from) if story.sponsored_from >= 0 else at):
        return None
    if person == 0 and story.moved_at is not None and at >= begin + timedelta(hours=story.moved_at):
        return 4
    return PARENTS.get(person)


def path_of(person: int, at: datetime, story: Story, begin: datetime, ids: list[UUID]) -> Path:
    uplines: list[Upline] = []
    above = parent_of(person, at, story, begin)
    while above is not None:
        uplines.append(Upline(ids[above], len(uplines) + 1))
        above = parent_of(above, at, story, begin)
    return Path(tuple(uplines))


def store(story: Story, begin: datetime, day: date) -> list[UUID]:
    ids = [
        world.make_client(
            f"P{n}",
            status=ClientStatus.ACTIVE if person.is_active else ClientStatus.REGISTERED,
            kyc_level=person.kyc_level,
            country=person.country,
        )
        for n, person in enumerate(story.people)
    ]
    move = begin + timedelta(hours=story.moved_at) if story.moved_at is not None else None
    for child, parent in PARENTS.items():
        since = begin + timedelta(hours=story.sponsored_from) if child == 1 and story.sponsored_from >= 0 else None
        more = {"valid_to": move} if child == 0 and move is not None else {}
        world.link(ids[child], ids[parent], since or world.FAR_BACK, **more)
    if move is not None:
        world.link(ids[0], ids[4], move)
    for person, person_id in zip(story.people, ids, strict=True):
        if person.is_accrual_locked:
            restrictions.lock(person_id, permissions.COMMISSION_ACCRUAL, reason_code=next(iter(REASONS)), by=BY)
    for partner, swap, cost in story.costs:
        for n in range(DAYS):
            start = period_start("week", day + timedelta(days=n))
            key = {"partner_id": ids[partner], "period_start": start}
            if not execute_sql(
                "SELECT 1 FROM award_cost WHERE tenant_id = :tenant_id AND partner_id = :partner_id"
                " AND period_start = :period_start",
                **key,
            ).first():
                row = AwardCost(**key, swap_markup=swap, bonus_cost=cost, psp_cost=Decimal(1), chargebacks=Decimal(2),
                                entered_by="test", entered_at=clock.now())  # fmt: skip
                session().add(row)
                session().flush()
    world.publish(story.plan, begin)
    return ids


def converted(amount: Decimal, currency: str, into: str, at: datetime) -> Decimal:
    quote = rates.rate(currency, into, at)
    return quotient_step(amount * quote.numerator, quote.denominator)


@dataclass
class Told:
    """The reference's side: what has happened so far, and what came of it."""

    money: dict[int, list[rules.Money]] = field(default_factory=lambda: {n: [] for n in range(TRADERS)})
    lots: dict[int, Decimal] = field(default_factory=lambda: {n: Decimal(0) for n in range(TRADERS)})
    brought: list[tuple[date, int, datetime, Decimal]] = field(default_factory=list)
    owed: dict[tuple[str, int], Decimal] = field(default_factory=dict)
    ended: dict[tuple[str, int], datetime] = field(default_factory=dict)
    paid: dict[tuple[str, int, UUID], Decimal] = field(default_factory=dict)
    lines: set[tuple[Any, ...]] = field(default_factory=set)
    reasons: set[tuple[Any, ...]] = field(default_factory=set)
    holds: set[tuple[Any, ...]] = field(default_factory=set)


@pytest.mark.usefixtures("here")
@examples(6)
@given(story=stories())
def test_sql_and_reference_award_the_same(story: Story) -> None:
    day = date(2026, 3, 2) + timedelta(days=next(_day))
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    with transaction():
        ids = store(story, begin, day)
        platform = world.make_platform()
        last = execute_sql(
            "SELECT coalesce(max(id), 0) AS id, coalesce(max(batch_no), 0) AS no FROM closed_trade"
            " WHERE tenant_id = :tenant_id"
        ).one()
        platform.deals, platform.batches = last.id, last.no
        for person in range(TRADERS):  # So that there is money to withdraw; before anybody has brought it.
            for currency in ("USD", "EUR"):
                cash.deposit(ids[person], "10000", begin - timedelta(days=400), currency)
    told = Told()
    far = begin - timedelta(days=400)
    with transaction():
        for person in range(TRADERS):
            if parent_of(person, far, story, begin) is not None:
                told.money[person] += [
                    rules.Money(far, converted(Decimal(10_000), currency, story.plan.currency, far), "")
                    for currency in ("USD", "EUR")
                ]
    for n, happened in enumerate(story.days):
        today = day + timedelta(days=n)
        _tell(told, story, happened, begin, today, ids, platform)

    assert {_line(row) for row in cash.awards() if row.partner_id in ids} == told.lines
    assert {
        (row.business_date, row.rule, row.client_id, row.partner_id, row.level, row.reason, tuple(row.gates))
        for row in cash.reasons()
        if row.partner_id in ids
    } == told.reasons
    assert in_transaction(_holds, ids) == told.holds
    in_transaction(_recompute, ids)


def _recompute(ids: list[UUID]) -> None:
    """Every award is computed again from what its explanation shows."""
    for person in ids:
        for row in reading.awards_of(person, limit=200)[0]:
            x = reading.explain(person, row.kind, row.source_key, row.component)
            sums = explaining.sums_of(x, with_money=True)
            assert [one for one in sums if one.shown_parts and by_hand(one) != one.result] == []
            unexplained = [str(one.label) for one in sums if one.parts and not one.shown_parts and len(one.parts) > 1]
            assert [label for label in unexplained if label not in FACTORS_OF_ONE] == [], (row, sums)
            assert row.amount in [one.result for one in sums], (row, sums)
            assert x.batch is None or x.batch.posted.amount in [one.result for one in sums]


FACTORS_OF_ONE = {"Share of it"}  # A product with one is no arithmetic to be shown.


def _line(row: Any) -> tuple[Any, ...]:
    return row.business_date, row.detail["rule"], row.client_id, row.partner_id, row.level, row.base, row.amount


def _holds(ids: list[UUID]) -> set[tuple[Any, ...]]:
    rows = execute_sql(
        "SELECT a.business_date, a.detail ->> 'rule' AS rule, h.partner_id, h.gates FROM commission_award_hold AS h"
        " JOIN commission_award AS a USING (tenant_id, partner_id, kind, source_key) WHERE h.tenant_id = :tenant_id"
        " AND a.component = 'base' AND h.partner_id = ANY (:ids)",
        ids=ids,
    )
    return {(row.business_date, row.rule, row.partner_id, tuple(row.gates)) for row in rows}


def _tell(
    told: Told, story: Story, happened: list[Event], begin: datetime, today: date, ids: list[UUID], platform: Any
) -> None:
    """One day: into the product and settled, and into the reference."""
    plan = story.plan
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    end = midnight + timedelta(days=1)
    people = dict(zip(ids, story.people, strict=True))
    facts = Facts(people=people)
    last_at: dict[int, datetime] = {}
    revenue: dict[int, list[tuple[datetime, Decimal]]] = {n: [] for n in range(TRADERS)}
    first = begin == midnight
    with transaction():
        for event in happened:
            at = midnight + timedelta(hours=event.hour)
            if event.kind != "trade":
                sign = 1 if event.kind == "deposit" else -1
                make = cash.deposit if sign > 0 else cash.withdrawal
                row_id = make(ids[event.person], event.amount, at, event.currency)
                if parent_of(event.person, at, story, begin) is not None:
                    amount = converted(sign * event.amount, event.currency, plan.currency, at)
                    told.money[event.person].append(rules.Money(at, amount, str(row_id)))
                    last_at[event.person] = max(at, last_at.get(event.person, at))
                continue
            opened = at - timedelta(seconds=event.held_seconds)
            price = Decimal("1.1")
            trade = ClosedTrade(
                seq=platform.deals + 1, client_id=ids[event.person], symbol="EURUSD", symbol_class="fx",
                group="standard", volume_lots=event.amount / 400, contract_size=Decimal(100_000), opened_at=opened,
                closed_at=at, open_price=price, close_price=price + 1, open_bid=price,
                open_ask=price + Decimal("0.00012"), close_bid=price, close_ask=price + Decimal("0.00012"),
            )  # fmt: skip
            names = ("client_id", "volume_lots", "opened_at", "closed_at", "open_price", "close_price", "open_bid",
                     "open_ask", "close_bid", "close_ask")  # fmt: skip
            platform.store([{name: getattr(trade, name) for name in names}])
            quote = rates.rate("USD", plan.currency, at)
            known = Facts(people=people, profit_quote=_quote(quote), commission_quote=_quote(quote))
            path = Path((), parent_of(event.person, opened, story, begin) is not None)
            if trade_gates(trade, path, plan, known, has_rule=True, has_spread=True, has_rate=True):
                continue
            outcome = settle_trade(trade, path, plan, known)
            told.lots[event.person] += outcome.lots_counted
            revenue[event.person].append((at, outcome.revenue))
    world.settle(today)
    with transaction():
        if first:
            for person in range(TRADERS):  # The first run sees the old money, too.
                if told.money[person] and told.money[person][0].at < begin:
                    last_at[person] = max(told.money[person][0].at, last_at.get(person, told.money[person][0].at))
        for person, traded in revenue.items():
            if traded:
                at = max(one for one, _ in traded)
                last_at[person] = max(at, last_at.get(person, at))
                told.brought.append((today, person, at, total(*(amount for _, amount in traded))))
        for rule in plan.awards:
            for person in range(TRADERS):
                if not rule.countries or story.people[person].country in rule.countries:
                    _refer(told, story, rule, person, last_at.get(person), today, end, begin, ids, facts)
            if rule.kind == "revenue_share" and (today + timedelta(days=1)).weekday() == 0:
                _refer_period(told, story, rule, today, begin, ids, facts)


def _quote(found: rates.Rate) -> Quote:
    return Quote(found.numerator, found.denominator, found.source, found.at)


def _trader_gates(person: Person, plan: Plan) -> tuple[Any, ...]:
    return tuple(
        code
        for code, fails in (
            ("CLIENT_NOT_ACTIVE", not person.is_active),
            ("CLIENT_KYC", person.kyc_level < plan.gates.client_kyc_level),
            ("CLIENT_LOCKED", person.is_accrual_locked),
        )
        if fails
    )


def _refer(
    told: Told, story: Story, rule: AwardRule, person: int, moved_at: datetime | None, today: date, end: datetime,
    begin: datetime, ids: list[UUID], facts: Facts,
) -> None:  # fmt: skip
    plan, key = story.plan, (rule.name, person)
    gates = _trader_gates(story.people[person], plan)
    money = told.money[person]
    due: list[tuple[rules.Step, datetime]] = []
    if rule.kind == "cpa" and money:
        client = rules.ClientState(
            tuple(money), told.lots[person], story.people[person].kyc_level, gates,
            told.owed.get(key, Decimal(0)), moved_at is not None,
        )  # fmt: skip
        step = rules.cpa_step(rule, client, end)
        if step is not None:
            due.append((step, moved_at or end - timedelta(milliseconds=1)))
            before = client.owed
            told.owed[key] = before + step.amount
            if step.amount < 0:
                for (name, who, partner), paid in list(told.paid.items()):
                    if (name, who) == key and paid > 0:
                        amount = rules.taken_back(paid, step, before)
                        if amount:
                            _pay(told, today, rule, ids[person], partner, (None, step.amount, amount), key)
    if rule.kind == "pct_deposit":
        for window in rules.deposit_windows(rule, money, told.ended.get(key), end):
            due.append((rules.Step(rules.window_amount(rule, window), gates), window.from_at))
            told.ended[key] = window.to_at
    for step, path_at in due:
        if step.amount < 0:
            continue
        path = path_of(person, path_at, story, begin, ids)
        lines, refusals = rules.share_out(rule, step, ids[person], path, plan, facts)
        for line in lines:
            _pay(told, today, rule, ids[person], line.partner_id, (line.level, line.base, line.amount), key,
                 tuple(map(str, line.held_for)))  # fmt: skip
        for refusal in refusals:
            told.reasons.add(
                (today, rule.name, ids[person], refusal.partner_id, refusal.level, str(refusal.primary),
                 tuple(map(str, refusal.gates)))
            )  # fmt: skip


def _pay(
    told: Told, today: date, rule: AwardRule, client: UUID | None, partner: UUID, numbers: tuple[Any, ...], key: Any,
    held: tuple[str, ...] = (),
) -> None:  # fmt: skip
    level, base, amount = numbers
    if level is None:
        level = next(row[4] for row in told.lines if row[1:4] == (rule.name, client, partner))
    told.lines.add((today, rule.name, client, partner, level, base, amount))
    if held:
        told.holds.add((today, rule.name, partner, held))
    else:
        whose = (*key, partner)
        told.paid[whose] = told.paid.get(whose, Decimal(0)) + amount


def _refer_period(
    told: Told, story: Story, rule: AwardRule, today: date, begin: datetime, ids: list[UUID], facts: Facts
) -> None:
    plan, start = story.plan, period_start("week", today)
    shares = rules.shares_of(rule, plan)
    brought: dict[UUID, list[Decimal]] = {}
    for on_date, person, at, amount in told.brought:
        if on_date < start or (rule.countries and story.people[person].country not in rule.countries):
            continue
        level = 1
        for upline in path_of(person, at, story, begin, ids).uplines:
            if level > len(shares):
                break
            brought.setdefault(upline.partner_id, []).append(rules.part_of(amount, shares, level, plan))
            gates = rules.partner_gates(facts.person(upline.partner_id), Person(), plan)
            if not (gates and plan.on_ineligible == "compress"):
                level += 1
    costs = {ids[n]: rules.PeriodCosts(swap, cost, Decimal(1), Decimal(2)) for n, swap, cost in story.costs}
    for partner in brought.keys() | costs.keys():
        net, amount, _ = rules.revenue_step(
            rule, brought.get(partner, []), costs.get(partner, rules.PeriodCosts()), Decimal(0)
        )
        gates = tuple(map(str, rules.partner_gates(facts.person(partner), Person(), plan)))
        if amount and (not gates or plan.on_ineligible == "hold"):
            told.lines.add((today, rule.name, None, partner, 0, max(net, Decimal(0)), amount))
            if gates:
                told.holds.add((today, rule.name, partner, gates))
        else:
            primary = gates[0] if gates and plan.on_ineligible != "hold" else "ZERO_AMOUNT"
            told.reasons.add((today, rule.name, partner, partner, 0, primary, gates))
