"""What one partner may earn in a settlement day, a week and a month, over runs, late trades and corrections."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.db import execute_sql, tenant_scope, transaction
from app.partners.faults import faults
from app.partners.settlement import compute
from app.partners.volume.terms import PeriodCaps
from tests.partners import world
from tests.partners.conftest import THERE
from tests.partners.trades import capped, dec, plan_with

FRIDAY = date(2026, 11, 20)
SUNDAY = date(2026, 10, 25)


class Client:
    """A client D of a partner P, who gets 8.00 for every lot below."""

    def __init__(self) -> None:
        self.p, self.d = world.make_client("P"), world.make_client("D")
        world.link(self.d, self.p)
        world.grant(self.p, dec(8))
        self.platform = world.make_platform()

    def trade(self, day: date, lots: str = "1", minute: int = 0) -> int:
        """A closed trade at noon of a day."""
        at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(minutes=minute)
        opened = at - timedelta(minutes=10)
        values = {"client_id": self.d, "volume_lots": dec(lots), "opened_at": opened, "closed_at": at}
        return self.platform.store([values])[0]


def client_under(**caps: object) -> Client:
    found = Client()
    world.publish(plan_with(referral=None, caps={"partner": PeriodCaps(**caps)}))  # type: ignore[arg-type]
    return found


def amounts() -> dict[int, tuple[Decimal, str]]:
    """(amount, cap) by trade."""
    return {row[0]: (row[7], row[8]) for row in world.lines() if row[3] == "base"}


def earned(partner: UUID) -> Decimal:
    return world.balances(partner)["temporary"]


def test_a_day_ends_where_its_cap_is_used_up(here: None) -> None:
    with transaction():
        client = client_under(per_day=dec(20))
        third, first, second = (client.trade(FRIDAY, minute=minute) for minute in (3, 1, 2))
        nothing = client.trade(FRIDAY, minute=4)

    world.settle(FRIDAY)

    assert amounts() == {first: (dec(8), ""), second: (dec(8), ""), third: (dec(4), "partner_day")}
    assert {(row[0], row[4]) for row in world.reasons()} == {(nothing, "CAP_REACHED")}


def test_a_week_begins_on_the_day_that_the_plan_names(here: None) -> None:
    with transaction():
        client = client_under(per_week=dec(12), week_starts="sunday")
        trades = [client.trade(SUNDAY + timedelta(days=n)) for n in (-1, 0, 1)]
    for n in (-1, 0, 1):
        world.settle(SUNDAY + timedelta(days=n))

    assert [amounts()[trade] for trade in trades] == [(dec(8), ""), (dec(8), ""), (dec(4), "partner_week")]


def test_a_week_over_two_months_counts_what_was_paid_and_not_what_was_wanted(here: None) -> None:
    """The month leaves 3 of Saturday's 8: the week still has 7 on Sunday, the first of the next month."""
    saturday = date(2026, 10, 31)
    with transaction():
        client = client_under(per_week=dec(10), per_month=dec(11))
        before = client.trade(date(2026, 10, 21))
        last, first = client.trade(saturday), client.trade(saturday + timedelta(days=1))
    for day in (date(2026, 10, 21) + timedelta(days=n) for n in range(12)):
        world.settle(day)

    assert amounts() == {
        before: (dec(8), ""),
        last: (dec(3), "partner_month"),
        first: (dec(7), "partner_week"),
    }


def test_a_late_trade_counts_for_the_day_on_which_it_was_closed(here: None) -> None:
    with transaction():
        client = client_under(per_day=dec(12))
        client.trade(FRIDAY)
    world.settle(FRIDAY)
    with transaction():
        late, today = client.trade(FRIDAY, minute=1), client.trade(FRIDAY + timedelta(days=1))
    world.settle(FRIDAY + timedelta(days=1))

    assert amounts()[late] == (dec(4), "partner_day")
    assert amounts()[today] == (dec(8), "")
    assert earned(client.p) == dec(20)


def test_what_is_taken_back_is_free_again(here: None) -> None:
    with transaction():
        client = client_under(per_month=dec(10))
        first = client.trade(FRIDAY)
    world.settle(FRIDAY)
    with transaction():
        client.platform.batches += 1
        execute_sql(
            "UPDATE closed_trade SET volume_lots = 0.5, corrected_at = closed_at, revision = 1, batch_no = :no"
            " WHERE tenant_id = :tenant_id AND id = :id",
            id=first,
            no=client.platform.batches,
        )
        client.trade(FRIDAY + timedelta(days=1))
    world.settle(FRIDAY + timedelta(days=1))

    assert earned(client.p) == dec(10)  # 4 for the corrected trade, and 6 of the 8 for the next one.


def test_slices_go_on_from_what_those_before_have_used(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compute, "SLICE_SIZE", 2)
    with transaction():
        client = client_under(per_day=dec(28))
        for minute in range(5):
            client.trade(FRIDAY, minute=minute)

    world.settle(FRIDAY)

    assert sorted(amounts().values()) == [(dec(4), "partner_day"), (dec(8), ""), (dec(8), ""), (dec(8), "")]


def test_brands_and_partners_have_caps_of_their_own(here: None) -> None:
    with transaction():
        outsider, client = Client(), client_under(per_day=dec(12))
        client.trade(FRIDAY)
        outsider.platform = client.platform
        outsider.trade(FRIDAY)
    with tenant_scope(THERE):
        with transaction():
            other = client_under(per_day=dec(12))
            other.trade(FRIDAY, "2")
        world.settle(FRIDAY)
        assert earned(other.p) == dec(12)
    world.settle(FRIDAY)

    assert (earned(client.p), earned(outsider.p)) == (dec(8), dec(8))


def test_a_cap_of_nothing_is_refused() -> None:
    plan = plan_with(capped(max_total_per_lot=dec(15)), caps={"partner": PeriodCaps(per_week=dec(0))})

    assert [key for key, _ in faults(plan)] == ["caps.partner.per_week"]


_day = iter(range(1, 10_000))


@pytest.mark.usefixtures("here")
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lots=st.lists(st.lists(st.sampled_from(["0.3", "1", "2.5"]), max_size=4), min_size=2, max_size=4),
    limits=st.tuples(*(st.sampled_from([None, Decimal(9), Decimal("17.5")]) for _ in range(3))),
)
def test_no_period_pays_more_than_its_cap_however_days_are_settled(
    lots: list[list[str]], limits: tuple[Decimal | None, ...]
) -> None:
    begin = date(2026, 1, 27) + timedelta(days=4 * next(_day))
    day_limit, week_limit, month_limit = limits
    caps = PeriodCaps(per_day=day_limit, per_week=week_limit, per_month=month_limit)
    with transaction():
        client = Client()
        client.platform.deals = execute_sql(
            "SELECT coalesce(max(id), 0) FROM closed_trade WHERE tenant_id = :tenant_id"
        ).scalar_one()
        client.platform.batches = client.platform.deals
        start = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
        world.publish(plan_with(referral=None, caps={"partner": caps}), start)
        day_of = {
            client.trade(begin + timedelta(days=n), one, minute): begin + timedelta(days=n)
            for n, day in enumerate(lots)
            for minute, one in enumerate(day)
        }
    for n in range(4):
        world.settle(begin + timedelta(days=n))

    spent: dict[tuple[str, date], Decimal] = {}
    for trade, (amount, _) in amounts().items():
        for period in ("day", "week", "month"):
            if trade in day_of:
                key = period, caps.begin_of(period, day_of[trade])  # type: ignore[arg-type]
                spent[key] = spent.get(key, Decimal(0)) + amount
    for (period, _), amount in spent.items():
        limit = caps.limits[period]  # type: ignore[index]
        assert limit is None or amount <= limit
