"""Properties that hold for every plan, path and trade, on the plain reference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.partners.rules import Outcome, Path, Upline
from app.partners.rules.posting import post_day
from app.partners.rules.steps import PLACES, quotient_down, quotient_step, step
from tests.partners.trades import PLAN, capped, dec, plan_with, settle, trade

TINY = Decimal(1).scaleb(-PLACES)
rates = st.lists(st.integers(1, 2000).map(lambda cents: Decimal(cents) / 100), min_size=1, max_size=8)
lots = st.integers(1, 100_000).map(lambda units: str(Decimal(units) / 1000))
amounts = st.decimals(min_value=-1000, max_value=1000, allow_nan=False, allow_infinity=False, places=10)
POLICIES = ("full", "difference", "nearest", "topmost", "split", "highest")


def path_with(god_rates: list[Decimal]) -> Path:
    return Path(tuple(Upline(UUID(int=100 + n), n, rate) for n, rate in enumerate(god_rates, 1)))


def god_total(outcome: Outcome) -> Decimal:
    return sum((line.amount for line in outcome.lines if line.track == "god"), Decimal(0))


@given(god_rates=rates, volume=lots, parts=st.integers(2, 9))
def test_property_03_splitting_a_trade_keeps_its_total(god_rates: list[Decimal], volume: str, parts: int) -> None:
    whole = settle(trade(lots=volume), path_with(god_rates))
    piece = Decimal(volume) / parts
    exact = piece.quantize(TINY)
    pieces = [exact] * (parts - 1) + [Decimal(volume) - exact * (parts - 1)]
    split = [settle(trade(lots=str(one)), path_with(god_rates)) for one in pieces]

    for line in whole.lines:
        same = [
            other.amount
            for outcome in split
            for other in outcome.lines
            if (other.partner_id, other.track) == (line.partner_id, line.track)
        ]
        assert abs(sum(same) - line.amount) <= parts * TINY


@given(god_rates=rates, others=rates, volume=lots)
def test_property_05_full_depends_on_nobody_else(god_rates: list[Decimal], others: list[Decimal], volume: str) -> None:
    plan = plan_with(referral=None)
    first = settle(trade(lots=volume), path_with([god_rates[0]]), plan).lines[0]
    crowded = settle(trade(lots=volume), path_with([god_rates[0], *others]), plan).lines[0]

    assert first.amount == crowded.amount


@given(god_rates=rates, volume=lots)
def test_property_06_difference_pays_the_highest_split_the_nearest(god_rates: list[Decimal], volume: str) -> None:
    path, count = path_with(god_rates), len(god_rates)
    difference = settle(trade(lots=volume), path, plan_with(referral=None, god={"nested_policy": "difference"}))
    shares = {"nested_policy": "split", "split_shares": (dec("0.35"), dec("0.1"))}
    split = settle(trade(lots=volume), path, plan_with(referral=None, god=shares))

    assert abs(god_total(difference) - step(max(god_rates), Decimal(volume))) <= count * TINY
    assert god_total(split) == step(god_rates[0], Decimal(volume))


@given(
    god_rates=rates,
    volume=lots,
    per_lot=st.integers(1, 3000).map(lambda cents: Decimal(cents) / 100),
    policy=st.sampled_from(["priority", "pro_rata", "nearest_first", "top_first"]),
    nested=st.sampled_from(POLICIES),
)
def test_property_07_lines_never_exceed_the_cap(
    god_rates: list[Decimal], volume: str, per_lot: Decimal, policy: str, nested: str
) -> None:
    plan = plan_with(
        capped(max_total_per_lot=per_lot, cap_policy=policy),
        god={"nested_policy": nested, "split_shares": (dec("0.5"),)},
    )
    outcome = settle(trade(lots=volume), path_with(god_rates), plan)

    assert sum((line.amount for line in outcome.lines), Decimal(0)) <= per_lot * Decimal(volume)
    assert all(line.amount > 0 for line in outcome.lines)


@given(god_rates=rates, volume=lots, held=st.integers(0, 400), nested=st.sampled_from(POLICIES))
def test_property_11_everybody_who_might_be_paid_has_a_line_or_a_reason(
    god_rates: list[Decimal], volume: str, held: int, nested: str
) -> None:
    path = path_with(god_rates)
    plan = plan_with(capped(max_total_per_lot=dec(9)), god={"nested_policy": nested, "split_shares": (dec("0.5"),)})
    outcome = settle(trade(lots=volume, held=timedelta(seconds=held)), path, plan)

    told = [(line.track, line.partner_id) for line in outcome.lines]
    told += [(reason.track, reason.partner_id) for reason in outcome.reasons]
    wanted = [("god", upline.partner_id) for upline in path.uplines]
    wanted += [("referral", upline.partner_id) for upline in path.uplines[:3]]
    assert sorted(told, key=str) == sorted(wanted, key=str)


@given(days=st.lists(st.lists(amounts, max_size=6), min_size=1, max_size=6))
def test_the_carry_loses_nothing(days: list[list[Decimal]]) -> None:
    carry, posted = Decimal(0), Decimal(0)
    for lines in days:
        done = post_day(lines, carry, PLAN, "USD")
        assert done.lines + done.carry_in - done.carry_out == done.posted.amount
        carry, posted = done.carry_out, posted + done.posted.amount

    assert posted + carry == sum((amount for lines in days for amount in lines), Decimal(0))
    assert abs(carry) <= dec("0.005")


@given(dividend=amounts, divisor=st.decimals(min_value="0.0001", max_value=1000, places=4))
def test_quotients_are_exact_to_the_last_place(dividend: Decimal, divisor: Decimal) -> None:
    even, down = quotient_step(dividend, divisor), quotient_down(dividend, divisor)

    assert abs(even * divisor - dividend) * 2 <= divisor * TINY
    assert abs(down * divisor) <= abs(dividend)
    assert abs(even - down) <= TINY
