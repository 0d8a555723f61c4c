"""Plan versions, the completeness gate, and the jobs that settle by the business clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.kit import clock
from app.partners import bundle, jobs, receivers, versions
from app.partners.calendar import DayCut, due_at
from app.partners.plan import Caps, PartnersBundle, Plan
from app.partners.settlement import run as settlement
from app.tenancy.bundles.source import read_bundle
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.test_settlement import AT_NOON, FRIDAY, TreeT1, closed, t1
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY

__all__ = ["t1"]

SAFE = plan_with(caps=Caps(max_total_per_lot=dec(30)))


def section(plan: Plan, **more: Any) -> PartnersBundle:
    return PartnersBundle(plan=plan, **more)


def test_applying_a_bundle_twice_publishes_once(here: None) -> None:
    with transaction():
        bundle.apply(section(SAFE))
        bundle.apply(section(SAFE))
        assert [version.number for version in versions.all_versions()] == [1]
        assert msgspec.structs.replace(versions.all_versions()[0].plan) == SAFE


def test_a_changed_bundle_publishes_a_version_for_the_next_day(here: None) -> None:
    with clock.frozen(AT_NOON), transaction():
        bundle.apply(section(SAFE))
        bundle.apply(section(plan_with(SAFE, audit_days=7)))
        first, second = versions.all_versions()[::-1]

    assert (first.number, second.number) == (1, 2)
    assert second.effective_from == datetime(2026, 11, 21, tzinfo=UTC)
    assert first.plan.audit_days == 3
    with transaction():
        at_noon, next_day = versions.version_at(AT_NOON), versions.version_at(AT_NOON + timedelta(days=1))
        assert at_noon is not None
        assert next_day is not None
        assert (at_noon.number, next_day.number) == (1, 2)


def test_a_plan_keeps_its_currency(here: None) -> None:
    with transaction():
        versions.publish(SAFE, effective_from=None, by="test")
        with pytest.raises(versions.PlanRefused):
            versions.publish(plan_with(SAFE, currency="EUR"), effective_from=None, by="test")


def test_a_version_never_reaches_back_into_a_settled_day(t1: TreeT1) -> None:
    world.settle(FRIDAY)
    with pytest.raises(versions.PlanTooLate), transaction():
        versions.publish(plan_with(SAFE, audit_days=9), effective_from=AT_NOON, by="test")


def test_a_faulty_plan_is_not_published(here: None) -> None:
    with pytest.raises(versions.PlanRefused), transaction():
        versions.publish(PLAN, effective_from=None, by="test")
    with tenant_scope(HERE), transaction():
        assert versions.all_versions() == []


def test_each_trade_is_paid_by_the_version_of_its_close(t1: TreeT1) -> None:
    with transaction():
        world.publish(
            plan_with(god=None, referral={"levels": PLAN.referral.levels[:1]} if PLAN.referral else {}), AT_NOON
        )
        t1.platform.store([closed(t1.d, AT_NOON - timedelta(seconds=1)), closed(t1.d, AT_NOON)])
    world.settle(FRIDAY)

    by_trade = {trade: sorted(str(line[1]) for line in world.lines() if line[0] == trade) for trade in (1, 2)}
    assert by_trade == {1: ["god", "referral", "referral", "referral"], 2: ["referral"]}


def test_a_missing_platform_stops_the_run_until_somebody_overrides_it(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
        execute_sql("UPDATE trading_platform SET is_active = true WHERE tenant_id = :tenant_id")
        execute_sql(
            "INSERT INTO platform_status (tenant_id, platform_id, link, link_changed_at, last_error, bridge_seq,"
            " catch_up_wanted, high_water_msc) VALUES (:tenant_id, :id, 'up', :now, '', 0, '', 0)",
            id=t1.platform.id,
            now=AT_NOON,
        )
    stopped = settlement.settle_day(FRIDAY, by=BY)
    assert (stopped.step, world.lines()) == ("opened", set())
    assert "have not all been read" in stopped.failure
    again = settlement.settle_day(FRIDAY, by=BY)
    assert again.step == "opened"

    with transaction():
        execute_sql("UPDATE platform_status SET complete_until = :end", end=datetime(2026, 11, 21, tzinfo=UTC))
    assert settlement.settle_day(FRIDAY, by=BY).is_proved
    following = settlement.settle_day(
        FRIDAY + timedelta(days=1), by=BY, override_reason="the platform is gone for good"
    )
    assert following.is_proved
    assert (following.override_by, following.override_reason) == ("test", "the platform is gone for good")


def test_the_jobs_follow_the_business_clock(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
    with clock.frozen(datetime(2026, 11, 21, 0, 0, 1, tzinfo=UTC)):
        jobs.settle()
        jobs.settle()
    assert world.balances(t1.a) == {"temporary": dec("9.20"), "redeem": dec(0)}
    with clock.frozen(datetime(2026, 11, 24, tzinfo=UTC)):
        jobs.settle()
        jobs.release()
        jobs.release()
    assert world.balances(t1.a) == {"temporary": dec(0), "redeem": dec("9.20")}
    with transaction():
        days = execute_sql("SELECT business_date FROM settlement_run ORDER BY 1").scalars().all()
    assert days == [FRIDAY + timedelta(days=n) for n in range(4)]


def test_the_order_of_arrival_changes_no_line(pays: None) -> None:
    found = []
    for tenant, order in ((HERE, 1), (THERE, -1)):
        with tenant_scope(tenant):
            with transaction():
                tree = TreeT1()
                world.publish(SAFE)
                trades = [closed(tree.d, AT_NOON + timedelta(minutes=n), volume_lots=dec(n)) for n in range(1, 6)]
                for trade in trades[::order]:
                    tree.platform.store([trade])
            world.settle(FRIDAY)
            names = {tree.a: "A", tree.b: "B", tree.c: "C"}
            found.append(sorted((names[line[2]], line[1], line[7]) for line in world.lines()))

    assert found[0] == found[1]
    assert len(found[0]) == 20


def test_settlement_days_have_no_gap_when_the_clocks_change() -> None:
    cut = DayCut(ZoneInfo("Europe/Berlin"), time(2, 30))
    for month, last, length in ((3, 29, 23), (10, 25, 25)):
        around = [date(2026, month, last) + timedelta(days=n) for n in (-1, 0, 1)]
        lengths = [(cut.end_of(day) - cut.start_of(day)).total_seconds() / 3600 for day in around]
        assert length in lengths
        for day in around:
            assert cut.start_of(day) == cut.end_of(day - timedelta(days=1))
            assert cut.day_of(cut.start_of(day)) == day
            assert cut.day_of(cut.end_of(day) - timedelta(milliseconds=1)) == day


def test_business_days_leave_out_weekend_and_holidays() -> None:
    cut = DayCut.midnight(ZoneInfo("UTC"))
    holiday = date(2026, 11, 24)

    found = due_at(FRIDAY, 3, cut, lambda day: day.weekday() < 5 and day != holiday)

    assert found == datetime(2026, 11, 27, tzinfo=UTC)
    assert due_at(FRIDAY, 0, cut, lambda day: True) == datetime(2026, 11, 21, tzinfo=UTC)


def test_the_shipped_bundles_have_plans_in_order() -> None:
    for slug in ("aurora", "najm", "silkroad"):
        document = read_bundle(Path("tenants") / slug).document
        found = msgspec.convert(document["partners"], PartnersBundle, strict=False)
        assert list(bundle.check(found)) == []


def test_receivers_follow_the_newest_policy(t1: TreeT1) -> None:
    with transaction():
        world.publish(plan_with(god={"nested_policy": "topmost"}))
        assert receivers.differences() == 0
    assert in_transaction(receivers.current_digest) != ""
