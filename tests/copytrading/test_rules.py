"""The figures of strategies on curves made by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.copytrading.rules import (
    Day,
    Flow,
    Point,
    Standing,
    back,
    growth,
    max_drawdown,
    month_returns,
    percentile_ranks,
    scores,
    total_return,
)

FIRST = date(2026, 1, 1)
WEIGHTS = {"return": Decimal(40), "drawdown": Decimal(30), "age": Decimal(15), "copiers": Decimal(15)}


def dec(text: str | int) -> Decimal:
    return Decimal(text)


def days(*told: tuple[list[tuple[str, str]], str]) -> list[Day]:
    """Days in a row: ([(equity before, amount)], equity at the end)."""
    return [
        Day(FIRST + timedelta(days=number), [Flow(dec(before), dec(amount)) for before, amount in flows], dec(equity))
        for number, (flows, equity) in enumerate(told)
    ]


def curve(*indexes: str) -> list[Point]:
    return [Point(FIRST + timedelta(days=n), dec(index), dec(index)) for n, index in enumerate(indexes)]


def test_a_deposit_is_no_profit() -> None:
    """1,000 grows to 1,100; then 9,000 comes and nothing is earned: the return stays at ten percent."""
    points = growth(days(([("0", "1000")], "1100"), ([("1100", "9000")], "10100")))

    assert [point.index for point in points] == [dec("1.1"), dec("1.1")]
    assert total_return(points) == dec("0.1")


def test_a_withdrawal_is_no_loss() -> None:
    points = growth(days(([("0", "2000")], "2200"), ([("2200", "-1100")], "1100"), ([], "1210")))

    assert total_return(points) == dec("0.21")


def test_parts_of_a_day_are_multiplied() -> None:
    """Up ten percent, then half is taken out, then down five percent: 1.1 x 0.95 = 1.045."""
    points = growth(days(([("0", "1000"), ("1100", "-550")], "522.5")))

    assert points[-1].index == dec("1.045")


def test_an_account_that_lost_everything_stays_at_nothing() -> None:
    points = growth(days(([("0", "500")], "0"), ([("0", "500")], "1000")))

    assert total_return(points) == dec(-1)
    assert max_drawdown(points) == dec(1)


def test_a_negative_balance_loses_no_more_than_everything() -> None:
    points = growth(days(([("0", "500")], "-20"), ([("-20", "20")], "0")))

    assert total_return(points) == dec(-1)


def test_an_emptied_account_stands_still_until_money_returns() -> None:
    points = growth(days(([("0", "1000")], "1200"), ([("1200", "-1200")], "0"), ([], "0"), ([("0", "300")], "330")))

    assert [point.index for point in points] == [dec("1.2"), dec("1.2"), dec("1.2"), dec("1.32")]


def test_the_deepest_fall_is_measured_from_the_peak_before_it() -> None:
    assert max_drawdown(curve("1.0", "1.5", "1.2", "0.9", "1.6", "1.4")) == dec("0.4")


def test_a_deposit_does_not_hide_a_fall() -> None:
    points = growth(days(([("0", "1000")], "1000"), ([], "500"), ([("500", "10000")], "10500")))

    assert max_drawdown(points) == dec("0.5")


def test_the_lowest_reading_of_a_day_deepens_the_fall() -> None:
    told = [*days(([("0", "1000")], "1000")), Day(FIRST + timedelta(days=1), [], dec(990), lowest=dec(700))]

    assert max_drawdown(growth(told)) == dec("0.3")


def test_a_return_since_a_day_needs_that_day() -> None:
    points = curve("1.0", "1.1", "1.21")

    assert total_return(points, FIRST) == dec("0.21")
    assert total_return(points, FIRST + timedelta(days=1)) == dec("0.1")
    assert total_return(points, FIRST - timedelta(days=1)) is None


def test_months_multiply_to_the_whole() -> None:
    told = [Point(date(2026, 1, 20), dec("1.1"), dec(1)), Point(date(2026, 1, 31), dec("1.2"), dec(1))]
    told += [Point(date(2026, 2, 28), dec("1.5"), dec(1)), Point(date(2026, 3, 1), dec("1.2"), dec(1))]

    assert month_returns(told) == [(2026, 1, dec("0.2")), (2026, 2, dec("0.25")), (2026, 3, dec("-0.2"))]


def test_a_month_back_from_its_last_day() -> None:
    assert back(date(2026, 3, 31), 1) == date(2026, 2, 28)
    assert back(date(2026, 1, 15), 3) == date(2025, 10, 15)
    assert back(date(2024, 2, 29), 12) == date(2023, 2, 28)


def test_the_rank_weighs_percentiles() -> None:
    """Best return, middle fall, youngest, most copiers: (40 x 1 + 30 x .5 + 15 x 0 + 15 x 1) / 100 = 0.7."""
    found = scores(
        {
            "a": Standing(dec("0.30"), dec("0.20"), 40, 9),
            "b": Standing(dec("0.10"), dec("0.10"), 400, 3),
            "c": Standing(None, dec("0.50"), 90, 0),
        },
        WEIGHTS,
    )

    assert found["a"] == dec("0.7")
    assert found["b"] == dec("0.725")
    assert found["c"] == dec("0.075")


def test_a_figure_that_nobody_has_does_not_count() -> None:
    found = scores(
        {"a": Standing(dec("0.3"), dec("0.2"), 40, None), "b": Standing(dec("0.1"), dec("0.1"), 40, None)}, WEIGHTS
    )

    assert found["a"] == dec("0.5588235294")  # (40 x 1 + 30 x 0 + 15 x .5) / 85
    assert found["b"] == dec("0.4411764706")


def test_equal_figures_share_their_place() -> None:
    assert percentile_ranks({"a": dec(1), "b": dec(1), "c": dec(2)}) == {
        "a": dec("0.25"),
        "b": dec("0.25"),
        "c": dec(1),
    }


amounts = st.decimals(min_value=1, max_value=10_000, places=2)


@given(st.lists(st.tuples(amounts, amounts), min_size=1, max_size=30))
def test_money_paid_in_never_changes_the_index(steps: list[tuple[Decimal, Decimal]]) -> None:
    """The same results with and without deposits at the ends of days give the same index, but for rounding."""
    plain: list[Day] = [Day(FIRST, [Flow(dec(0), dec(1000))], dec(1000))]
    paid: list[Day] = list(plain)
    low, high = dec(1000), dec(1000)
    for number, (ends_at, deposit) in enumerate(steps, start=1):
        factor = ends_at / 1000
        low, high = low * factor, high * factor
        day = FIRST + timedelta(days=number)
        plain.append(Day(day, [], low))
        paid.append(Day(day, [], high))
        high += deposit
        paid.append(Day(day + timedelta(hours=1), [Flow(high - deposit, deposit)], high))

    one, other = growth(plain)[-1].index, growth(paid)[-1].index

    assert abs(one - other) <= max(one, dec(1)) * dec("0.000001")


@given(st.lists(st.decimals(min_value=0, max_value=100, places=4), min_size=1, max_size=40))
def test_a_fall_is_a_share(indexes: list[Decimal]) -> None:
    told = [Point(FIRST + timedelta(days=n), index, index) for n, index in enumerate(indexes)]

    assert 0 <= max_drawdown(told) <= 1
