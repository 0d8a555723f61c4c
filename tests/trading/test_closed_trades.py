"""Closed trades from deals: the worked examples, and what must hold for any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.trading.platforms.base import DealKind, Entry, Side
from app.trading.rules import Fill, derive_legs, generate_password, password_weaknesses

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
START_MSC = int(START.timestamp() * 1000)


def fill(ticket: int, entry: Entry, side: Side, lots: str, seconds: float, price: str = "1.1000", **more: Any) -> Fill:
    closed = more.pop("closed", lots if entry in (Entry.OUT, Entry.OUT_BY) else None)
    return Fill(
        ticket=ticket,
        kind=more.pop("kind", DealKind.TRADE),
        side=side,
        entry=entry,
        is_service=more.pop("is_service", False),
        at=START + timedelta(seconds=seconds),
        server_time_msc=START_MSC + round(seconds * 1000),
        volume_lots=Decimal(lots),
        volume_closed_lots=None if closed is None else Decimal(closed),
        price=Decimal(price),
        **{name: Decimal(value) if isinstance(value, str) else value for name, value in more.items()},
    )


BUY, SELL, IN, OUT, INOUT, OUT_BY = Side.BUY, Side.SELL, Entry.IN, Entry.OUT, Entry.INOUT, Entry.OUT_BY


def ms(leg: Any) -> float:
    return leg.holding.total_seconds() * 1000


def test_example_1_partial_close() -> None:
    history = derive_legs(
        [
            fill(501, IN, BUY, "1.00", 0),
            fill(507, OUT, SELL, "0.40", 90, "1.1010", profit="40"),
            fill(509, OUT, SELL, "0.60", 600, "1.1005", profit="30"),
        ]
    )

    assert [(leg.volume_lots, ms(leg), leg.profit) for leg in history.legs] == [
        (Decimal("0.40"), 90_000, 40),
        (Decimal("0.60"), 600_000, 30),
    ]
    assert [leg.is_partial for leg in history.legs] == [True, False]
    assert all(leg.side is BUY for leg in history.legs)
    weighted = sum(leg.closing.price * leg.volume_lots for leg in history.legs)
    assert weighted == Decimal("1.1007")
    assert history.open_lots == 0


def test_example_2_adding() -> None:
    history = derive_legs(
        [fill(511, IN, BUY, "1.00", 0), fill(512, IN, BUY, "1.00", 300), fill(513, OUT, SELL, "1.50", 310)]
    )

    assert [(leg.opening.ticket, leg.volume_lots, ms(leg)) for leg in history.legs if leg.opening] == [
        (511, Decimal("1.00"), 310_000),
        (512, Decimal("0.50"), 10_000),
    ]
    assert [leg.holding_nearest for leg in history.legs] == [timedelta(seconds=10)] * 2
    assert history.open_lots == Decimal("0.50")


def test_example_3_reversal() -> None:
    history = derive_legs(
        [
            fill(520, IN, BUY, "1.00", 0),
            fill(521, INOUT, SELL, "3.00", 60, closed="1.00"),
            fill(522, OUT, BUY, "2.00", 120),
        ]
    )

    assert [(leg.side, leg.volume_lots, leg.closing.ticket) for leg in history.legs] == [
        (BUY, Decimal("1.00"), 521),
        (SELL, Decimal("2.00"), 522),
    ]
    assert history.open_lots == 0


def test_example_4_close_by() -> None:
    first = derive_legs([fill(529, IN, BUY, "1.00", 0), fill(531, OUT_BY, SELL, "0.60", 50, profit="12")])
    second = derive_legs([fill(530, IN, SELL, "0.60", 10), fill(532, OUT_BY, BUY, "0.60", 50)])

    assert [leg.volume_lots for leg in first.legs] == [Decimal("0.60")]
    assert first.open_lots == Decimal("0.40")
    assert [(leg.side, leg.volume_lots, leg.profit) for leg in second.legs] == [(SELL, Decimal("0.60"), 0)]
    assert second.open_lots == 0


def test_example_5_service_deals_make_no_leg_and_start_no_clock() -> None:
    history = derive_legs(
        [
            fill(539, IN, BUY, "1.00", 0),
            fill(540, OUT, SELL, "1.00", 100, is_service=True, swap="-1.20"),
            fill(541, IN, BUY, "1.00", 100, is_service=True),
            fill(542, OUT, SELL, "1.00", 200),
        ]
    )

    assert [(leg.closing.ticket, ms(leg)) for leg in history.legs] == [(542, 200_000)]


def test_example_6_orphan() -> None:
    history = derive_legs([fill(550, OUT, SELL, "1.00", 0, position_price="1.0900")])

    (leg,) = history.legs
    assert (leg.opening, leg.holding, leg.open_price) == (None, None, Decimal("1.0900"))
    assert history.has_orphan


def test_a_reversal_without_a_closed_volume_closes_what_was_open() -> None:
    history = derive_legs([fill(1, IN, BUY, "1.00", 0), fill(2, INOUT, SELL, "3.00", 60)])

    assert [leg.volume_lots for leg in history.legs] == [Decimal("1.00")]
    assert (history.open_lots, history.side) == (Decimal("2.00"), SELL)


def test_a_cancelled_trade_no_longer_counts() -> None:
    history = derive_legs([fill(1, IN, BUY, "1.00", 0), fill(2, OUT, SELL, "1.00", 5, kind=DealKind.CANCELLED_TRADE)])

    assert history.legs == ()


@st.composite
def histories(draw: st.DrawFn) -> list[Fill]:
    """A position that is opened, added to and closed in pieces, with awkward costs."""
    lots = draw(st.lists(st.integers(1, 300), min_size=1, max_size=5))
    cents = st.integers(-10_000, 10_000).map(lambda n: str(Decimal(n) / 100))
    fills = [
        fill(n + 1, IN, BUY, str(Decimal(v) / 100), n, commission=draw(cents), fee=draw(cents))
        for n, v in enumerate(lots)
    ]
    left = sum(lots)
    ticket, at = 100, 50.0
    while left > 0 and draw(st.booleans()):
        part = draw(st.integers(1, left))
        fills.append(
            fill(
                ticket, OUT, SELL, str(Decimal(part) / 100), at,
                profit=draw(cents), swap=draw(cents), commission=draw(cents), fee=draw(cents),
            )
        )  # fmt: skip
        left, ticket, at = left - part, ticket + 1, at + 1
    return fills


@given(histories(), st.randoms())
def test_the_order_of_arrival_does_not_matter(fills: list[Fill], random: Any) -> None:
    shuffled = list(fills)
    random.shuffle(shuffled)

    assert derive_legs(shuffled) == derive_legs(fills)


@given(histories())
def test_no_lot_and_no_cent_is_lost_or_made(fills: list[Fill]) -> None:
    history = derive_legs(fills)
    exits = [each for each in fills if each.entry is OUT]

    opened = sum(each.volume_lots for each in fills if each.entry is IN)
    assert sum((leg.volume_lots for leg in history.legs), Decimal(0)) + history.open_lots == opened
    for name in ("profit", "swap"):
        assert sum(getattr(leg, name) for leg in history.legs) == sum(getattr(each, name) for each in exits)
    if history.open_lots == 0:
        for name in ("commission", "fee"):
            assert sum(getattr(leg, name) for leg in history.legs) == sum(getattr(each, name) for each in fills)


def test_generated_passwords_have_all_four_classes() -> None:
    assert all(password_weaknesses(generate_password()) == [] for _ in range(50))


def test_weak_passwords_are_named_by_what_they_lack() -> None:
    assert password_weaknesses("Secure123") == ["special"]
    assert password_weaknesses("Ab1!") == ["length"]
    assert password_weaknesses("Ab1!" * 5) == ["length"]
    assert "letters" in password_weaknesses("Пароль1!aA")
