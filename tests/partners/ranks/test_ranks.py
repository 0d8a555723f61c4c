"""Ranks from the first measurement to the money: what they change, and what they leave as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, session, tenant_scope, transaction
from app.core.errors import Invalid, NotFound
from app.kit.ids import new_id
from app.partners.plan import Gates, GodRule, GodTrack, Level, Plan, ReferralRule, ReferralTrack
from app.partners.ranks import measures, service
from app.partners.ranks.models import PartnerRank, RateStatus
from app.partners.ranks.paying import Above, shares_in
from app.partners.ranks.terms import ActiveClient, Measuring, OwnRates, Qualification, Rank, Ranks
from app.trading.models import AccountStateRow
from tests.partners import world
from tests.partners.conftest import THERE
from tests.partners.ranks import people
from tests.partners.ranks.test_tiers import awards, between, lots, take_away

D = Decimal
SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 1)
LEVELS = (Level(name="Direct", share=D("0.4")), Level(name="Indirect", share=D("0.2")))
RANKS = Ranks(
    ranks=(
        Rank(name="Bronze"),
        Rank(name="Silver", more_than={"lots": D(10)}, share_factor=D("1.5"), override=(D("0.1"),)),
        Rank(name="Gold", more_than={"lots": D(100)}, shares=(D("0.7"),), override=(D("0.1"), D("0.05")),
             same_rank=(D("0.02"),)),
    )
)  # fmt: skip


def plan_with(**changes: Any) -> Plan:
    values: dict[str, Any] = {
        "name": "Ranks",
        "currency": "USD",
        "referral": ReferralTrack(levels=LEVELS, rules=(ReferralRule(name="default", kind="per_lot", rate=D(10)),)),
        "ranks": RANKS,
        "gates": Gates(client_kyc_level=0),
    }
    return Plan(**(values | changes))


def person(name: str = "Staff") -> Actor:
    """A member of staff of their own."""
    return Actor(
        kind="staff", id=new_id(), name=name, ip="", user_agent="", session_id=None, client_id=None, email="",
        language="en", roles=frozenset(),
    )  # fmt: skip


def chain(plan: Plan) -> tuple[UUID, UUID, UUID]:
    """Top above middle above a client, under the plan."""
    top, middle, client = (world.make_client(name) for name in ("Top", "Middle", "Client"))
    world.link(middle, top)
    world.link(client, middle)
    world.publish(plan)
    return top, middle, client


def amounts(day: date) -> dict[UUID, Decimal]:
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT partner_id, sum(amount) AS amount FROM commission_line WHERE tenant_id = :tenant_id"
            " AND business_date = :day AND component = 'base' GROUP BY partner_id",
            day=day,
        ).all()
    )
    return {row.partner_id: row.amount for row in rows}


def ranks_of(partner_id: UUID) -> list[tuple[str, date]]:
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT rank, valid_from FROM partner_rank WHERE tenant_id = :tenant_id AND partner_id = :id"
            " AND valid_from < valid_to ORDER BY valid_from",
            id=partner_id,
        ).all()
    )
    return [(row.rank, row.valid_from.astimezone(UTC).date()) for row in rows]


@pytest.mark.usefixtures("here")
class TestMeasuredRanks:
    def test_the_month_before_gives_the_rank_and_settled_lines_stay(self) -> None:
        with transaction():
            top, middle, client = chain(plan_with())
            platform = world.make_platform()
            platform.store(lots(client, SEPTEMBER, "120"))
            platform.store(lots(client, OCTOBER, "1"))
        world.settle(SEPTEMBER)
        before = world.lines()

        world.settle(OCTOBER)

        assert amounts(SEPTEMBER) == {middle: D(480), top: D(240)}
        assert amounts(OCTOBER) == {middle: D("7.0"), top: D("2.0")}  # Gold's own shares name the first level only.
        assert ranks_of(middle) == [("Gold", OCTOBER)]
        assert before <= world.lines()

    def test_a_band_includes_its_upper_bound(self) -> None:
        with transaction():
            _, middle, client = chain(plan_with())
            world.make_platform().store(lots(client, SEPTEMBER, "100"))

        for day in (SEPTEMBER, OCTOBER):
            world.settle(day)

        assert ranks_of(middle) == [("Silver", OCTOBER)]

    def test_nothing_is_measured_before_the_last_day_of_the_month_is_settled(self) -> None:
        with transaction():
            _, middle, client = chain(plan_with())
            world.make_platform().store(lots(client, SEPTEMBER, "120"))
            assert service.assess_due(datetime(2026, 10, 1, 1, tzinfo=UTC)) is None
        world.settle(SEPTEMBER)

        with transaction():
            assert service.assess_due(datetime(2026, 10, 1, 1, tzinfo=UTC)) is not None
            assert service.assess_due(datetime(2026, 10, 1, 2, tzinfo=UTC)) is None
        assert ranks_of(middle) == [("Gold", OCTOBER)]

    @pytest.mark.parametrize(("demotion", "expected"), [("auto", "Bronze"), ("manual", "Gold"), ("never", "Gold")])
    def test_who_measures_lower(self, demotion: Any, expected: str) -> None:
        with transaction():
            _, middle, client = chain(plan_with(ranks=Ranks(ranks=RANKS.ranks, demotion=demotion)))
            people.hold_rank(middle, "Gold")
            world.make_platform().store(lots(client, SEPTEMBER, "1"))

        for day in (SEPTEMBER, OCTOBER):
            world.settle(day)

        assert ranks_of(middle)[-1][0] == expected

    def test_active_clients_need_own_funds_and_orders(self) -> None:
        ranks = Measuring(active=ActiveClient(own_funds=D(100), orders=2, days=30), clients="direct")
        with transaction():
            top, middle, client = chain(plan_with())
            other = world.make_client("Other")
            world.link(other, middle)
            platform = world.make_platform()
            platform.store([*lots(client, SEPTEMBER, "1", "1"), *lots(other, SEPTEMBER, "1", "1")])
            funds(platform.account(client), D("100.00"))
            funds(platform.account(other), D("99.99"))
        world.settle(SEPTEMBER)

        with transaction():
            found = measures.measure(ranks, "USD", datetime(2026, 10, 1, tzinfo=UTC))
            only = measures.measure(ranks, "USD", datetime(2026, 10, 1, tzinfo=UTC), [middle])

        assert (found[middle]["active_clients"], found[middle]["lots"]) == (1, D(4))
        assert found[top]["active_clients"] == 0
        assert only == {middle: found[middle]}
        assert found[middle]["usd_volume"] == D("440048.00")  # 4 lots of 100,000 at 1.10012.

    def test_two_tenants_do_not_see_each_others_ranks(self) -> None:
        with transaction():
            _, middle, _ = chain(plan_with())
            people.hold_rank(middle, "Gold")

        with tenant_scope(THERE), transaction():
            assert session().query(PartnerRank).all() == []
            world.publish(plan_with())
            with pytest.raises(NotFound):
                service.set_rank(middle, "Gold", is_pinned=False, reason="x", by=person(), request_id="x")


def funds(account_id: UUID, balance: Decimal) -> None:
    session().add(
        AccountStateRow(
            account_id=account_id, balance=balance, credit=D(0), equity=balance, margin=D(0), free_margin=balance,
            margin_level=None, floating_profit=D(0), at=datetime.combine(SEPTEMBER, time(), UTC),
        )
    )  # fmt: skip
    session().flush()


@pytest.mark.usefixtures("here")
class TestRanksByHand:
    def test_it_holds_from_now_on_and_sending_it_twice_does_it_once(self) -> None:
        with transaction():
            _, middle, _ = chain(plan_with())
            first = service.set_rank(middle, "Gold", is_pinned=True, reason="Agreed", by=person(), request_id="once")
            again = service.set_rank(middle, "Silver", is_pinned=True, reason="Again", by=person(), request_id="once")
            assert first.id == again.id
            service.set_rank(middle, "Silver", is_pinned=False, reason="Less", by=person(), request_id="twice")

        assert [rank for rank, _ in ranks_of(middle)][-1] == "Silver"

    def test_it_needs_a_reason_and_a_rank_of_the_plan(self) -> None:
        with transaction():
            _, middle, _ = chain(plan_with())
            with pytest.raises(Invalid):
                service.set_rank(middle, "Gold", is_pinned=False, reason=" ", by=person(), request_id="1")
            with pytest.raises(Invalid):
                service.set_rank(middle, "Tin", is_pinned=False, reason="x", by=person(), request_id="2")

    def test_a_pinned_rank_is_not_measured(self) -> None:
        with transaction():
            _, middle, client = chain(plan_with())
            world.make_platform().store(lots(client, SEPTEMBER, "120"))
            people.hold_rank(middle, "Bronze", is_pinned=True)

        for day in (SEPTEMBER, OCTOBER):
            world.settle(day)

        assert [rank for rank, _ in ranks_of(middle)] == ["Bronze"]


class TestSharesInWhatOthersReceived:
    def test_a_higher_rank_gets_its_override_and_an_equal_one_the_same_rank_share(self) -> None:
        names = {n: UUID(int=n) for n in range(5)}
        path = [
            Above(names[0], 0, "Silver"),
            Above(names[1], 1, "Silver"),
            Above(names[2], 2, "Gold"),
            Above(names[3], 3, "Gold"),
        ]
        silver_foot = shares_in(D("200"), path, RANKS)
        gold_foot = shares_in(D("200"), [Above(names[0], 0, "Gold"), Above(names[3], 1, "Gold")], RANKS)

        assert [(one.partner_id, one.kind, one.amount) for one in silver_foot] == [(names[2], "override", D("10.00"))]
        assert [(one.partner_id, one.kind, one.amount) for one in gold_foot] == [(names[3], "same_rank", D("4.00"))]

    @pytest.mark.usefixtures("here")
    def test_the_settlement_pays_it_and_takes_it_back_with_the_line(self) -> None:
        with transaction():
            top, middle, client = chain(plan_with())
            people.hold_rank(top, "Gold", is_pinned=True)
            platform = world.make_platform()
            [trade] = platform.store(lots(client, SEPTEMBER, "2"))
            platform.store(lots(client, OCTOBER, "0.01"))
        world.settle(SEPTEMBER)
        assert amounts(SEPTEMBER) == {middle: D("8.0"), top: D("4.0")}
        assert awards() == [(top, "override", SEPTEMBER, D("0.8"))]
        with transaction():
            take_away(platform, trade)

        world.settle(OCTOBER)

        given = [row for row in awards() if row[0] == top]
        assert given[0] == (top, "override", SEPTEMBER, D("0.8"))
        assert (top, "override", OCTOBER, D("-0.8")) in given
        assert world.balances(top)["temporary"] >= 0


@pytest.mark.usefixtures("here")
class TestOwnRates:
    def god(self, **changes: Any) -> Plan:
        return plan_with(
            referral=None,
            ranks=None,
            god=GodTrack(nested_policy="difference", rules=(GodRule(name="default"),)),
            **changes,
        )

    def test_it_goes_before_the_granted_rate_and_the_nesting_sees_it(self) -> None:
        with transaction():
            top, middle, client = chain(self.god(own_rates=OwnRates(alone_up_to_per_lot=D(9))))
            world.grant(middle, D(5))
            world.grant(top, D(8))
            world.publish(self.god(), datetime(2026, 9, 1, tzinfo=UTC))
            people.own_rate(middle, D(6))
            world.make_platform().store(lots(client, SEPTEMBER, "1"))

        world.settle(SEPTEMBER)

        assert amounts(SEPTEMBER) == {middle: D(6), top: D(2)}

    def test_above_the_limit_a_second_person_must_agree(self) -> None:
        first, second = person("First"), person("Second")
        with transaction():
            _, middle, _ = chain(self.god(own_rates=OwnRates(alone_up_to_per_lot=D(9))))
            given: dict[str, Any] = {"track": "god", "rule": "", "level": 0, "reason": "Agreed", "by": first}
            alone = service.give_rate(middle, amount=D(9), request_id="a", **given)
            waits = service.give_rate(middle, amount=D("9.5"), request_id="b", **given)
            assert (alone.status, waits.status) == (RateStatus.GIVEN, RateStatus.WAITING)
            with pytest.raises(service.OwnRequest):
                service.decide_rate(waits.id, agrees=True, by=first)
            service.decide_rate(waits.id, agrees=True, by=second)
            assert (waits.status, alone.valid_to) == (RateStatus.GIVEN, waits.valid_from)
            with pytest.raises(service.RateDecided):
                service.decide_rate(waits.id, agrees=False, by=second)
            service.end_rate(waits.id, reason="Over", by=first)
            with pytest.raises(service.RateDecided):
                service.end_rate(waits.id, reason="Over", by=first)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"track": "referral", "level": 1, "amount": D("0.5")}, "track"),
            ({"rule": "gone"}, "rule"),
            ({"level": 1, "amount": D("0.5")}, "level"),
            ({"amount": D(-1)}, "amount"),
            ({"reason": ""}, "reason"),
        ],
    )
    def test_what_a_rate_may_not_be(self, changes: dict[str, Any], field: str) -> None:
        given = {"track": "god", "rule": "", "level": 0, "amount": D(1), "reason": "x"} | changes
        with transaction():
            _, middle, _ = chain(self.god())
            with pytest.raises(Invalid) as refusal:
                service.give_rate(middle, by=person(), request_id="x", **given)
            assert refusal.value.field == field


@pytest.mark.usefixtures("here")
def test_who_does_not_qualify_is_told_why() -> None:
    needed = Qualification(at_least={"lots": D(5)}, measuring=Measuring(window="days", days=2))
    with transaction():
        top, _, client = chain(plan_with(ranks=None, qualification=needed))
        other = world.make_client("Other")
        world.link(other, top)
        platform = world.make_platform()
        platform.store([*lots(client, SEPTEMBER, "3"), *lots(other, SEPTEMBER, "3")])
        platform.store(lots(client, OCTOBER, "1"))

    for day in between(SEPTEMBER, OCTOBER):
        world.settle(day)

    assert amounts(SEPTEMBER) == {}
    assert {row[4] for row in world.reasons()} == {"NOT_QUALIFIED"}
    assert amounts(OCTOBER) == {top: D("2.0")}


def test_a_run_taken_up_again_gives_the_same(here: None) -> None:
    with transaction():
        top, _, client = chain(plan_with())
        people.hold_rank(top, "Silver")
        platform = world.make_platform()
        platform.store(lots(client, SEPTEMBER, "3"))
        platform.store(lots(client, SEPTEMBER + timedelta(days=1), "3"))
    world.settle(SEPTEMBER)
    before = (world.lines(), world.reasons(), awards(), world.balances(top))

    world.settle(SEPTEMBER)

    assert (world.lines(), world.reasons(), awards(), world.balances(top)) == before
