"""Which legs of a position, and which of two closed against each other, count: on the plain reference."""

from __future__ import annotations

from datetime import timedelta

from app.partners.plan import Gates
from app.partners.rules import Facts
from app.partners.volume.counting import count
from tests.partners.trades import OPENED, dec, settle, trade


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
