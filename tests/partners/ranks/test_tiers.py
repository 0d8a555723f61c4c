"""Example 7 of the commission rules and what follows from it, on the plain reference and in the settlement."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.db import execute_sql, in_transaction, transaction
from app.partners.plan import Caps, Gates, GodRule, GodTrack, Level, Plan, ReferralRule, ReferralTrack
from app.partners.ranks.terms import Band, TierMethod, Tiers
from app.partners.rules.own import Month, band_rate, flat_true_up, marginal, tiered
from tests.partners import world

D = Decimal
BANDS = (Band(rate=D(5), upto=D(100)), Band(rate=D(6), upto=D(500)), Band(rate=D(7)))
OCTOBER, NOVEMBER = date(2026, 10, 30), date(2026, 11, 2)


def tiers(method: TierMethod) -> Tiers:
    return Tiers(method=method, bands=BANDS)


def god_plan(method: TierMethod) -> Plan:
    return Plan(
        name="Tiers",
        currency="USD",
        god=GodTrack(nested_policy="full", rules=(GodRule(name="default", tiers=tiers(method)),)),
        gates=Gates(client_kyc_level=0),
        caps=Caps(max_total_per_lot=D(100)),
    )


class TestExample7Tiers:
    def test_previous_period(self) -> None:
        assert tiered(tiers("previous_period"), Month(previous=D(480)), D(620)).gross == D("3720.00")

    def test_marginal(self) -> None:
        assert marginal(tiers("marginal"), D(0), D(620)) == D("3740.00")
        assert 100 * 5 + 400 * 6 + 120 * 7 == 3740

    def test_flat_on_reach(self) -> None:
        flat = tiers("flat_on_reach")
        first = (D(100), D(1), D(500))  # Paid at 5, then 400 lots at 5 and 6, then 120 at 6.
        rest = [(D(400), D(1), D(2000)), (D(120), D(1), D(720))]

        assert D(500) + D(2000) + D(720) + flat_true_up(flat, "god", [first, *rest], D(620)) == D("4340.00")

    def test_one_trade_across_two_bands(self) -> None:
        assert tiered(tiers("marginal"), Month(stood_at=D("96.00")), D("10.00")).gross == D("56.00")

    def test_a_band_includes_its_upper_bound(self) -> None:
        found = [band_rate(tiers("previous_period"), D(lots)) for lots in ("100", "100.01", "500", "500.0001")]

        assert found == [5, 6, 6, 7]


def at(day: date, hour: float) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def people(plan: Plan) -> tuple[UUID, UUID]:
    """A partner with an amount per lot and a client below them, under the plan."""
    partner, client = world.make_client("Partner"), world.make_client("Client")
    world.link(client, partner)
    world.grant(partner, D(9))
    world.publish(plan)
    return partner, client


def lots(client: UUID, day: date, *volumes: str, at_hour: int = 9, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "client_id": client,
            "volume_lots": D(volume),
            "opened_at": at(day, 8),
            "closed_at": at(day, at_hour) + timedelta(minutes=place),
            **more,
        }
        for place, volume in enumerate(volumes)
    ]


def paid(day: date | None = None) -> list[Decimal]:
    rows = in_transaction(_amounts)
    return [row.amount for row in rows if day is None or row.business_date == day]


def _amounts() -> list[Any]:
    return list(
        execute_sql(
            "SELECT business_date, amount FROM commission_line WHERE tenant_id = :tenant_id AND component = 'base'"
            " ORDER BY trade_id"
        ).all()
    )


def awards() -> list[tuple[Any, ...]]:
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT partner_id, kind, business_date, amount FROM commission_award WHERE tenant_id = :tenant_id"
            " ORDER BY business_date, kind, partner_id"
        ).all()
    )
    return [tuple(row) for row in rows]


def take_away(platform: world.Platform, trade_id: int) -> None:
    """The platform cancels a trade."""
    platform.batches += 1
    execute_sql(
        "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1, batch_no = :no"
        " WHERE tenant_id = :tenant_id AND id = :id",
        no=platform.batches,
        id=trade_id,
    )


def settle(days: Iterable[date]) -> None:
    for day in days:
        world.settle(day)


def between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@pytest.mark.usefixtures("here")
class TestExample7InTheSettlement:
    def test_marginal_pays_each_lot_at_its_own_band(self) -> None:
        with transaction():
            _, client = people(god_plan("marginal"))
            world.make_platform().store(lots(client, NOVEMBER, "96.00", "10.00", "394.00", "120.00"))

        world.settle(NOVEMBER)

        assert paid() == [D("480"), D("56.00"), D("2364"), D("840")]
        assert sum(paid()) == D("3740.00")

    def test_the_month_goes_on_where_the_run_before_left_it(self) -> None:
        with transaction():
            _, client = people(god_plan("marginal"))
            platform = world.make_platform()
            platform.store(lots(client, NOVEMBER, "96.00"))
            platform.store(lots(client, NOVEMBER + timedelta(days=1), "10.00"))

        settle(between(NOVEMBER, NOVEMBER + timedelta(days=1)))

        assert paid() == [D("480"), D("56.00")]

    def test_previous_period_takes_the_rate_of_the_month_before(self) -> None:
        with transaction():
            _, client = people(god_plan("previous_period"))
            platform = world.make_platform()
            platform.store(lots(client, OCTOBER, "480"))
            platform.store(lots(client, NOVEMBER, "620.00"))

        settle(between(OCTOBER, NOVEMBER))

        assert paid(NOVEMBER) == [D("3720.00")]

    def test_flat_on_reach_pays_each_trade_at_the_band_in_which_it_finds_the_month(self) -> None:
        with transaction():
            _, client = people(god_plan("flat_on_reach"))
            world.make_platform().store(lots(client, NOVEMBER, "100", "400", "120"))

        world.settle(NOVEMBER)

        assert paid() == [D(500), D(2000), D(720)]

    def test_flat_on_reach_adds_the_difference_on_the_last_day_of_the_month(self) -> None:
        with transaction():
            partner, client = people(god_plan("flat_on_reach"))
            platform = world.make_platform()
            platform.store(lots(client, date(2026, 10, 30), "100", "400"))
            platform.store(lots(client, date(2026, 10, 31), "120"))

        settle(between(date(2026, 10, 30), date(2026, 10, 31)))

        assert sum(paid()) == D(3220)
        assert awards() == [(partner, "true_up", date(2026, 10, 31), D("1120"))]
        assert world.balances(partner)["temporary"] == D("4340.00")

    def test_a_late_trade_of_an_ended_month_lifts_what_it_had_reached(self) -> None:
        with transaction():
            _, client = people(god_plan("flat_on_reach"))
            platform = world.make_platform()
            [first, *_] = platform.store(lots(client, date(2026, 10, 31), "100", "380"))
        settle([date(2026, 10, 31)])
        with transaction():
            platform.store(lots(client, date(2026, 10, 31), "140"))
        settle([date(2026, 11, 1)])
        with transaction():
            take_away(platform, first)
        settle([date(2026, 11, 2)])

        # 480 lots at 6; 620 at 7; 520 at 7, of which the lines of 100 lots were taken back by themselves.
        assert [(day, amount) for _, _, day, amount in awards()] == [
            (date(2026, 10, 31), D(100 + 380)),
            (date(2026, 11, 1), D(620 * 7 - (500 + 1900 + 840) - 480)),
            (date(2026, 11, 2), D(520 * 7 - (1900 + 840) - 1100)),
        ]
        assert sum(paid()) - 500 + sum(amount for *_, amount in awards()) == D(520 * 7)

    def test_a_level_gets_its_share_of_the_partners_own_band(self) -> None:
        rule = ReferralRule(name="default", kind="per_lot", rate=D(5), tiers=tiers("marginal"))
        plan = Plan(
            name="Levels",
            currency="USD",
            referral=ReferralTrack(
                levels=(Level(name="Direct", share=D("0.5")), Level(name="Indirect", share=D("0.1"))), rules=(rule,)
            ),
            gates=Gates(client_kyc_level=0),
        )
        with transaction():
            top, middle, low, other = (world.make_client(name) for name in ("Top", "Middle", "Low", "Other"))
            world.link(middle, top)
            world.link(low, middle)
            world.link(other, top)
            world.publish(plan)
            platform = world.make_platform()
            platform.store(lots(other, NOVEMBER, "96"))
            platform.store(lots(low, NOVEMBER + timedelta(days=1), "10"))

        settle(between(NOVEMBER, NOVEMBER + timedelta(days=1)))

        by_level = {(row[2], row[4]): row[7] for row in world.lines() if row[0] == 2}
        assert by_level == {(middle, 1): D("25.0"), (top, 2): D("5.6")}  # The one starts at 0, the other at 96.

    def test_a_corrected_trade_leaves_its_month(self) -> None:
        with transaction():
            _, client = people(god_plan("marginal"))
            platform = world.make_platform()
            [first] = platform.store(lots(client, NOVEMBER, "96.00"))
            platform.store(lots(client, NOVEMBER + timedelta(days=1), "10.00"))
        settle([NOVEMBER])
        with transaction():
            take_away(platform, first)

        settle([NOVEMBER + timedelta(days=1)])

        assert paid(NOVEMBER + timedelta(days=1)) == [D("50")]

    def test_a_late_trade_comes_after_what_was_settled_before_it(self) -> None:
        with transaction():
            _, client = people(god_plan("marginal"))
            platform = world.make_platform()
            platform.store(lots(client, NOVEMBER, "96.00"))
        settle([NOVEMBER])
        with transaction():
            platform.store(lots(client, NOVEMBER, "10.00"))

        settle([NOVEMBER + timedelta(days=1)])

        assert paid() == [D("480"), D("56.00")]
