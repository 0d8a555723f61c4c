"""The worked examples of counting volume, by name, on the plain reference."""

from __future__ import annotations

from datetime import timedelta

from app.partners.plan import Gates
from app.partners.rules import Facts
from app.partners.volume.counting import Funds, count
from tests.partners.trades import OPENED, dec, plan_with, raw, settle, trade


def test_example_12_volume_on_credit() -> None:
    one = trade()
    volume = count([one], Gates(credit_coefficient="on"), {one.seq: Funds(dec(750), dec(250))})[one.seq]
    outcome = settle(one, facts=Facts(volume=volume))

    wanted = {"R1 C": dec("3.60"), "R2 B": dec("1.80"), "R3 A": dec("0.90"), "G A": dec("6.00")}
    assert volume.credit_factor == dec("0.75")
    assert raw(outcome) == wanted


def test_example_12_a_spread_spike_counts_as_the_average() -> None:
    plan = plan_with(referral={"spread_basis": "capped"}, god=None)
    outcome = settle(trade("GBPUSD", "0.50", "0.00040"), plan=plan, facts=Facts(average_spread=dec("0.000136")))

    assert outcome.base == dec("6.80")
    assert raw(outcome) == {"R1 C": dec("2.72"), "R2 B": dec("1.36"), "R3 A": dec("0.68")}


def test_the_last_close_pays_for_the_whole_position() -> None:
    first = trade(lots="0.40", spread="0.00010", is_partial=True, position=7, deal=1)
    last = trade(lots="0.60", spread="0.00020", seq=2, position=7, deal=2, held=timedelta(minutes=20))
    counted = count([first, last], Gates(partial_close="final_only"))

    assert counted[first.seq].is_not_final
    assert (counted[last.seq].lots, counted[last.seq].open_spread) == (dec("1.00"), dec("0.00016"))
    assert settle(last, facts=Facts(volume=counted[last.seq])).base == dec("16.00")


def test_of_equal_positions_the_one_opened_later_counts() -> None:
    early = trade(is_close_by=True, close_by_order=5, deal=1)
    late = trade(seq=2, opened_at=OPENED + timedelta(minutes=5), is_close_by=True, close_by_order=5, deal=2)
    counted = count([early, late], Gates(close_by="larger_side"))
    net = count([early, late], Gates(close_by="net"))

    assert [counted[one].is_close_by_netted for one in (1, 2)] == [True, False]
    assert [net[one].lots for one in (1, 2)] == [0, 0]
