"""Settlement days: clocks that change, weekends and holidays of the tenant, platforms that were down, late deals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app import tenancy
from app.core.actor import Actor
from app.core.db import batch_scope, execute_sql, in_transaction, session, transaction
from app.kit import clock
from app.kit.ids import new_id
from app.partners import versions
from app.partners.calendar import DayCut, due_at
from app.partners.settlement import run as settlement
from app.partners.settlement import signing
from app.tenancy import service as tenants
from app.trading.models import PlatformStatus
from tests.partners import world
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY

NEW_YORK = ZoneInfo("America/New_York")
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)  # 23 and 25 hours long in New York.
ANNA, BORIS = (Actor(kind="staff", id=new_id(), name=name) for name in ("Anna", "Boris"))


class Pair:
    """Partner P with 8.00 per lot above trader D."""

    def __init__(self) -> None:
        with transaction():
            self.p, self.d = world.make_client("P"), world.make_client("D")
            world.link(self.d, self.p)
            world.grant(self.p, dec(8))
            world.publish(plan_with(referral=None))
            self.platform = world.make_platform()

    def trade(self, *closed: datetime, arrived: datetime | None = None) -> list[int]:
        with transaction():
            return self.platform.store(
                [
                    {
                        "client_id": self.d,
                        "opened_at": at - timedelta(minutes=10),
                        "closed_at": at,
                        "arrived_at": arrived or at,
                    }
                    for at in closed
                ]
            )


def settled_on() -> dict[int, list[date]]:
    """On which days each trade was settled."""
    found: dict[int, list[date]] = {}
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT trade_id, business_date FROM settled_trade WHERE tenant_id = :tenant_id ORDER BY 1, 2"
        ).all()
    )
    for row in rows:
        found.setdefault(row.trade_id, []).append(row.business_date)
    return found


def configure(**changes: Any) -> None:
    """Change the tenant's section of its bundle, as a new version of it."""
    number = in_transaction(lambda: tenancy.current().id)
    document = in_transaction(lambda: dict(tenancy.current().document))
    with transaction():
        execute_sql(
            "INSERT INTO tenant_config (tenant_id, version, document, digest, applied_at)"
            " VALUES (:tenant_id, 2, CAST(:document AS jsonb), '2', now())",
            document=json.dumps(document | {"tenant": document["tenant"] | changes}),
        )
    with batch_scope("test"), transaction():
        execute_sql("UPDATE tenant SET config_version = 2 WHERE id = :id", id=number)
    tenants.forget()


@pytest.fixture
def in_new_york(here: None) -> Iterator[None]:
    configure(timezone="America/New_York")
    yield
    tenants.forget()


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_a_day_of_23_or_25_hours_settles_every_trade_once(in_new_york: None, day: date, hours: int) -> None:
    cut = in_transaction(versions.day_cut)
    begin, end = cut.start_of(day), cut.end_of(day)
    assert end - begin == timedelta(hours=hours)
    pair = Pair()
    millisecond = timedelta(milliseconds=1)
    days = [day - timedelta(days=1), day, day + timedelta(days=1)]
    before = pair.trade(begin - millisecond)
    inside = pair.trade(begin, *(begin + timedelta(hours=n, minutes=30) for n in range(hours)), end - millisecond)
    after = pair.trade(end)

    runs = [world.settle(one) for one in days]

    assert [run.day_end for run in runs[:2]] == [run.day_start for run in runs[1:]]
    assert settled_on() == {
        **{one: [days[0]] for one in before},
        **{one: [days[1]] for one in inside},
        **{one: [days[2]] for one in after},
    }
    assert [run.trades for run in runs] == [1, hours + 2, 1]
    assert world.balances(pair.p)["temporary"] == dec(8) * (hours + 4)


def test_a_cut_off_in_a_skipped_or_repeated_hour_leaves_no_gap() -> None:
    for at in (time(2, 30), time(1, 30)):
        cut = DayCut(NEW_YORK, at)
        for middle in (SPRING, AUTUMN):
            for number in range(-2, 3):
                day = middle + timedelta(days=number)
                assert cut.start_of(day + timedelta(days=1)) == cut.end_of(day)
                last = cut.end_of(day) - timedelta(milliseconds=1)
                assert cut.day_of(last) == day
                assert cut.day_of(cut.end_of(day)) == day + timedelta(days=1)
    assert DayCut(NEW_YORK, time(2, 30)).end_of(SPRING) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert DayCut(NEW_YORK, time(1, 30)).end_of(AUTUMN) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_business_days_are_those_outside_the_tenants_weekend_and_holidays(here: None) -> None:
    configure(weekend=["friday", "saturday"])
    tenant = in_transaction(tenancy.current)
    assert tenant.weekend == frozenset({4, 5})

    def works(day: date) -> bool:
        return day.weekday() not in tenant.weekend and day not in tenant.holidays

    cut = DayCut.midnight(ZoneInfo("UTC"))
    # Thursday; Friday and Saturday are the weekend, Christmas Day is a Friday and a holiday.
    assert due_at(date(2026, 12, 24), 2, cut, works) == datetime(2026, 12, 29, tzinfo=UTC)
    assert due_at(date(2026, 12, 24), 2, cut, None) == datetime(2026, 12, 27, tzinfo=UTC)
    assert due_at(date(2026, 12, 24), 0, cut, works) == datetime(2026, 12, 25, tzinfo=UTC)


def test_a_holiday_keeps_money_a_day_longer(here: None) -> None:
    pair = Pair()
    with transaction():
        world.publish(plan_with(referral=None, audit_days=2, audit_calendar="business"))
    eve = date(2026, 12, 24)  # A Thursday; the tenant's weekend is Saturday and Sunday, and the 25th a holiday.
    pair.trade(datetime(2026, 12, 24, 12, tzinfo=UTC))
    with clock.frozen(datetime(2026, 12, 25, 0, 1, tzinfo=UTC)):
        world.settle(eve)
    with clock.frozen(datetime(2026, 12, 29, 23, 59, tzinfo=UTC)):
        assert settlement.release(BY) == 0
    with clock.frozen(datetime(2026, 12, 30, tzinfo=UTC)):
        assert settlement.release(BY) == 1


def down_all_day(pair: Pair, day: date) -> None:
    """The platform is active, and nothing has been read since the day began."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    with transaction():
        execute_sql("UPDATE trading_platform SET is_active = true WHERE tenant_id = :tenant_id")
        session().add(
            PlatformStatus(
                platform_id=pair.platform.id,
                link="down",
                link_changed_at=begin,
                last_error="",
                bridge_seq=0,
                catch_up_wanted="",
                complete_until=begin,
                high_water_msc=0,
            )
        )


def test_a_platform_that_was_down_stops_the_run_until_somebody_overrides_it(here: None) -> None:
    friday, saturday = date(2026, 11, 20), date(2026, 11, 21)
    pair = Pair()
    [here_already] = pair.trade(datetime(2026, 11, 20, 9, tzinfo=UTC))
    down_all_day(pair, friday)

    stopped = settlement.settle_day(friday, by=BY)
    assert stopped.step == "opened"
    assert stopped.failure == "Test: The deals of this day have not all been read yet."
    assert in_transaction(settlement.due_days)[0] == friday
    with pytest.raises(settlement.EarlierDayOpen):
        settlement.settle_day(saturday, by=BY)

    overridden = settlement.settle_day(friday, by=ANNA, override_reason="The server burnt down.")
    assert overridden.is_proved
    assert (overridden.override_by, overridden.override_by_id) == ("Anna", ANNA.id)
    assert [sentence.partition(":")[0] for sentence in overridden.missing] == ["Test"]
    assert settled_on() == {here_already: [friday]}
    assert {*overridden.step_times} == {
        "complete", "frozen", "computed", "judged", "batched", "posted", "stated", "proved",
    }  # fmt: skip
    said = in_transaction(
        lambda: execute_sql(
            "SELECT reason FROM audit_record WHERE tenant_id = :tenant_id AND action = 'partners.settlement.override'"
        ).scalar_one()
    )
    assert said == "The server burnt down."

    # The version in force on Saturday pays half; Friday's late deal is paid by Friday's.
    with transaction():
        world.publish(
            plan_with(referral=None, god={"rules": ({"name": "half", "weight": dec("0.5")},)}),
            datetime(2026, 11, 21, tzinfo=UTC),
        )
        execute_sql("UPDATE trading_platform SET is_active = false WHERE tenant_id = :tenant_id")
    late, fresh = pair.trade(
        datetime(2026, 11, 20, 15, tzinfo=UTC),
        datetime(2026, 11, 21, 15, tzinfo=UTC),
        arrived=datetime(2026, 11, 21, 16, tzinfo=UTC),
    )
    run = world.settle(saturday)
    assert (run.trades, run.late_trades) == (2, 1)
    paid = {line[0]: line[7] for line in world.lines()}
    assert paid == {here_already: dec(8), late: dec(8), fresh: dec(4)}


def test_a_settled_day_is_signed_once_and_not_by_who_overrode_the_gate(here: None) -> None:
    friday = date(2026, 11, 20)
    pair = Pair()
    down_all_day(pair, friday)
    settlement.settle_day(friday, by=BY)
    with pytest.raises(signing.NotProved), transaction():
        signing.sign(friday, "", by=BORIS)
    settlement.settle_day(friday, by=ANNA, override_reason="Known.")

    with pytest.raises(signing.OverriddenByYou), transaction():
        signing.sign(friday, "", by=ANNA)
    with transaction():
        signing.sign(friday, " Looked through. ", by=BORIS)
    with pytest.raises(signing.AlreadySigned), transaction():
        signing.sign(friday, "Again", by=BORIS)

    run = in_transaction(settlement.get, friday)
    assert (run.signed_by, run.signed_by_name, run.signed_note) == (BORIS.id, "Boris", "Looked through.")
    assert run.is_signed
