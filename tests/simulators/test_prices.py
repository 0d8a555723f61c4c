"""Prices: real at the daily points, deterministic between them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.simulators.market import INSTRUMENTS, Market, SimClock, reference_rates
from app.simulators.market.history import fixing_instant
from app.simulators.mt5.servertime import ServerTime

DAY = date(2020, 3, 12)


def test_every_close_is_the_published_rate() -> None:
    market, rates = Market(3), reference_rates()

    for day in (DAY, DAY + timedelta(days=1), date(2008, 10, 8), date(1999, 1, 4)):
        at = fixing_instant(day)
        assert Decimal(repr(market.rate("EUR", "USD", at))) == Decimal(rates.text("USD", day))
        expected = Decimal(rates.text("JPY", day)) / Decimal(rates.text("USD", day))
        assert market.rate("USD", "JPY", at) == pytest.approx(float(expected), rel=1e-12)


def test_the_published_file_reaches_back_to_1999() -> None:
    assert reference_rates().text("USD", date(1999, 1, 4)) == "1.1789"
    assert reference_rates().last_day > date(2024, 1, 1)


def test_a_weekend_leads_from_friday_to_monday() -> None:
    market = Market(3)
    friday, monday = date(2020, 3, 13), date(2020, 3, 16)
    (start, first), (end, last) = reference_rates().around("USD", fixing_instant(friday) + timedelta(days=1))

    assert (start, end) == (fixing_instant(friday), fixing_instant(monday))
    assert float(first) != float(last)
    assert market.rate("EUR", "USD", start + timedelta(days=1)) not in (float(first), float(last))


@settings(max_examples=50, deadline=None)
@given(
    seconds=st.integers(0, 20 * 365 * 86_400),
    name=st.sampled_from(sorted(set(INSTRUMENTS) - {"USDTRY"})),
    seed=st.integers(0, 5),
)
def test_the_same_seed_gives_the_same_price_whoever_asks_first(seconds: int, name: str, seed: int) -> None:
    at = datetime(2004, 1, 5, tzinfo=UTC) + timedelta(seconds=seconds)
    first, second = Market(seed), Market(seed)
    second.quote(name, at + timedelta(hours=5))

    quote = first.quote(name, at)

    assert quote == second.quote(name, at)
    assert quote.ask > quote.bid > 0
    assert (quote.ask - quote.bid) / INSTRUMENTS[name].point < INSTRUMENTS[name].spread_points * 4


def test_another_seed_takes_another_way_to_the_same_close() -> None:
    noon = fixing_instant(DAY) + timedelta(hours=10)

    assert Market(1).rate("EUR", "USD", noon) != Market(2).rate("EUR", "USD", noon)


def test_the_way_is_continuous_and_of_a_usual_size() -> None:
    market, start = Market(5), fixing_instant(DAY)
    values = [market.rate("EUR", "USD", start + timedelta(seconds=10 * step)) for step in range(8640)]
    moves = [abs(b / a - 1) for a, b in pairwise(values)]

    assert max(moves) < 0.0006
    assert 0.001 < max(values) / min(values) - 1 < 0.05


def test_crosses_leave_no_free_lunch() -> None:
    market, at = Market(5), datetime(2022, 6, 1, 12, tzinfo=UTC)

    around = market.rate("EUR", "USD", at) * market.rate("USD", "JPY", at) * market.rate("JPY", "EUR", at)

    assert around == pytest.approx(1, abs=1e-12)


def test_days_beyond_the_history_replay_it_on_the_same_weekday() -> None:
    last = reference_rates().last_day
    begins = fixing_instant(last) + timedelta(days=40)
    market = Market(5, begins_at=begins)

    assert market.replay_shift_days % 7 == 0
    assert begins + timedelta(days=364) - timedelta(days=market.replay_shift_days) <= fixing_instant(last)
    early = Market(5, begins_at=datetime(2010, 1, 4, tzinfo=UTC))
    assert early.replay_shift_days == 0


def test_a_pegged_currency_has_its_fixed_rate() -> None:
    market = Market(5, pegs={"AED": ("USD", "3.6725")})

    assert market.conversion("USD", "AED", fixing_instant(DAY)) == Decimal("3.67250000")
    assert market.knows("AED")
    assert not market.knows("KZT")


def test_spreads_widen_when_few_trade() -> None:
    market, instrument = Market(5), INSTRUMENTS["EURUSD"]
    day = [market.spread_points(instrument, datetime(2022, 6, 1, 13, minute, tzinfo=UTC)) for minute in range(60)]
    night = [market.spread_points(instrument, datetime(2022, 6, 1, 21, minute, tzinfo=UTC)) for minute in range(60)]

    assert len(set(day)) > 4
    assert sum(night) > 1.5 * sum(day)


def test_the_clock_jumps_runs_and_stands() -> None:
    clock = SimClock(datetime(2024, 1, 1, tzinfo=UTC), speed=0)
    assert clock.now() == datetime(2024, 1, 1, tzinfo=UTC)
    clock.advance(timedelta(days=1))
    assert clock.now() == datetime(2024, 1, 2, tzinfo=UTC)
    clock.run_at(1_000_000)
    with clock.hold():
        held = clock.now()
        assert clock.now() == held
    assert clock.now() > held
    restored = SimClock()
    restored.restore(clock.dump())
    assert abs(restored.now() - clock.now()) < timedelta(days=1)


def test_trading_time_follows_daylight_saving() -> None:
    times = ServerTime(SimClock(datetime(2024, 1, 1, tzinfo=UTC), 0), "Europe/Athens")
    before = datetime(2024, 3, 31, 0, 59, 59, tzinfo=UTC)

    assert times.offset(before) == timedelta(hours=2)
    assert times.offset(before + timedelta(seconds=1)) == timedelta(hours=3)
    assert times.msc(before + timedelta(seconds=1)) - times.msc(before) == 3_601_000
    assert times.text() == "1704074400 2024.01.01 02:00:00"
