"""The statement that derives closed trades says the same as the plain rule, down to each share's last digit."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from app.core import db
from app.kit import clock
from app.trading import ingest
from app.trading.ingest import Batch, legs
from app.trading.models import ServerOffset
from app.trading.platforms.base import Deal, DealKind, Entry, Side
from app.trading.queries import ingest as queries
from tests.support.brands import Brand, make_trader
from tests.trading.conftest import Desk

DAY = 86_400_000
START = 1_774_000_000_000
TURN = START + 40_000  # Here the platform puts its clock back by an hour: its order and the order in time differ.
_numbers = itertools.count(1_000_000, 1_000)


@pytest.fixture
def clocked(desk: Desk) -> Desk:
    """A desk whose account is known and whose platform's clock was once put back."""
    with desk.scope():
        for begins, minutes in ((0, 180), (TURN, 120)):
            db.session().merge(
                ServerOffset(platform_id=desk.platform_id, from_msc=begins, minutes=minutes, measured_at=clock.now())
            )
    return desk


def deal(
    ticket: int, position: int, entry: Entry | None, side: Side | None, lots: Any, second: int, **more: Any
) -> Deal:
    closed = more.pop("closed", lots if entry in (Entry.OUT, Entry.OUT_BY) else None)
    values: dict[str, Any] = {
        "kind": DealKind.TRADE, "reason": "client", "is_service": False, "symbol": "EURUSD", "price": Decimal("1.1"),
        "contract_size": Decimal(100_000), "position_price": None, "market_bid": Decimal("1.0999"),
        "market_ask": Decimal("1.1001"), "profit": Decimal(0), "swap": Decimal(0), "commission": Decimal(0),
        "fee": Decimal(0), "profit_rate": None, "comment": "", "manager_login": 0, "modify_flags": 0,
    } | more  # fmt: skip
    return Deal(
        ticket=ticket, login=LOGIN, order_ticket=ticket, position_id=position, entry=entry, side=side,
        volume_lots=Decimal(lots), volume_closed_lots=None if closed is None else Decimal(closed),
        server_time_msc=START + second * 1000, **values,
    )  # fmt: skip


LOGIN = 880_001


@pytest.fixture
def known(clocked: Desk) -> Desk:
    """The desk with an account of ours under LOGIN."""
    from app.kit.ids import new_id
    from app.trading.models import AccountStatus, AccountType, TradingAccount

    with clocked.scope():
        kind = db.session().query(AccountType).filter_by(code="standard").one()
        db.session().add(
            TradingAccount(
                client_id=clocked.client_id, platform_id=clocked.platform_id, type_id=kind.id, login=LOGIN,
                group_name="real\\standard-usd", currency="USD", leverage=100, nickname="", status=AccountStatus.ACTIVE,
                is_demo=False, is_hedging=True, reference=f"LEGS-{new_id()}", created_at=clock.now(),
                opened_at=clock.now(),
            )
        )  # fmt: skip
    return clocked


money = st.integers(-100_000_000, 100_000_000).map(lambda n: Decimal(n) / 10_000)
lots = st.one_of(st.integers(1, 400).map(lambda n: Decimal(n) / 100), st.sampled_from(["0.00000001", "0.3333", "7"]))
figures = {"profit": money, "swap": money, "commission": money, "fee": money}


@st.composite
def orderly(draw: st.DrawFn, position: int = 0) -> list[Deal]:
    """A position that never closes more than is open: opened, added to, closed in parts, against another, or turned."""
    ticket, second, left = position, 0, Decimal(0)
    side = draw(st.sampled_from(Side))
    found: list[Deal] = []
    states = draw(st.booleans())  # Whether the platform says itself what a closing deal closes.
    for _ in range(draw(st.integers(1, 8))):
        ticket, second = ticket + 1, second + draw(st.integers(0, 8))
        costs: dict[str, Any] = {name: draw(values) for name, values in figures.items()}
        costs |= {"money_digits": draw(st.integers(0, 4)), "modify_flags": draw(st.sampled_from([0, 0, 4]))}
        other = Side.SELL if side is Side.BUY else Side.BUY
        if states:
            costs["markup_usd"] = draw(st.none() | money)
        step = draw(st.sampled_from(["in", "in", "out", "out", "out_by", "turn", "service", "money"]))
        if step == "in" or left == 0:
            volume = Decimal(draw(lots))
            found.append(deal(ticket, position, Entry.IN, side, volume, second, **costs))
            left += volume
        elif step in ("out", "out_by"):
            part = left if draw(st.booleans()) else min(left, Decimal(draw(lots)))
            if states:
                costs |= {"entry_price": Decimal("1.0950"), "is_copied": draw(st.booleans())}
                costs["opened_server_msc"] = draw(st.none() | st.integers(START - DAY, START + 90_000))
            said = draw(st.sampled_from([part, None, Decimal(0)]))
            found.append(deal(ticket, position, Entry(step), other, part, second, closed=said, **costs))
            left -= part
        elif step == "turn":
            more = Decimal(draw(lots))
            found.append(deal(ticket, position, Entry.INOUT, other, left + more, second, closed=left, **costs))
            side, left = other, more
        elif step == "service":
            found.append(deal(ticket, position, Entry.OUT, other, left, second, is_service=True, **costs))
        else:
            found.append(deal(ticket, position, None, None, 0, second, **costs | {"kind": DealKind.COMMISSION}))
    return found


@st.composite
def wild(draw: st.DrawFn, position: int = 0) -> list[Deal]:
    """Deals of one position without rhyme or reason."""
    found = []
    for number in range(draw(st.integers(1, 7))):
        entry = draw(st.sampled_from([*Entry, None]))
        volume = draw(st.one_of(lots, st.just(Decimal(0))))
        found.append(
            deal(
                position + 1 + number, position, entry, draw(st.sampled_from([*Side, None])), volume,
                draw(st.integers(0, 90)), closed=draw(st.one_of(st.none(), lots, st.just(volume), st.just(Decimal(0)))),
                kind=draw(st.sampled_from([DealKind.TRADE, DealKind.TRADE, DealKind.TRADE, DealKind.CANCELLED_TRADE])),
                entry_price=draw(st.sampled_from([None, None, Decimal("1.2")])),
                opened_server_msc=draw(st.none() | st.integers(START - DAY, START + 90_000)),
                position_price=draw(st.none() | st.just(Decimal("1.3"))), money_digits=draw(st.integers(0, 3)),
                **{name: draw(values) for name, values in figures.items()},
            )
        )  # fmt: skip
    return found


def placed(deals: list[Deal], base: int) -> list[Deal]:
    """The position under numbers that no other has."""
    return [replace(each, ticket=base + each.ticket, position_id=base) for each in deals]


def check(desk: Desk, positions: list[int]) -> None:
    """What stands is what the plain rule wants, column by column."""
    with desk.scope():
        wanted = legs.wanted_legs(desk.platform_id, positions)
        standing = {
            (trade.closing_deal, trade.leg): trade
            for trade in queries.closed_trades_of_positions(desk.platform_id, positions)
            if trade.deleted_at is None
        }
        assert standing.keys() == wanted.keys()
        for key, values in wanted.items():
            found = {name: getattr(standing[key], name) for name in values}
            assert found == values
        assert len({trade.id for trade in standing.values()}) == len(standing)


several = st.lists(st.one_of(orderly(), orderly(), wild()), min_size=1, max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(several, st.randoms(use_true_random=False))
def test_the_statement_and_the_plain_rule_agree(known: Desk, drawn: list[list[Deal]], random: Any) -> None:
    """As the deals come in, in any order and two batches; after corrections and deletions; and after their return."""
    bases = [next(_numbers) for _ in drawn]
    deals = [each for found, base in zip(drawn, bases, strict=True) for each in placed(found, base)]
    random.shuffle(deals)
    half = len(deals) // 2
    for part in (deals[:half], deals[half:]):
        with known.scope():
            ingest.store(known.platform_id, Batch(deals=part))
    check(known, bases)

    touched = random.sample(deals, min(3, len(deals)))
    corrected = [replace(each, profit=each.profit + 1, volume_lots=each.volume_lots + 1) for each in touched[:2]]
    with known.scope():
        gone = [each.ticket for each in touched[2:]]
        ingest.store(known.platform_id, Batch(deals=corrected, deleted_deals=gone))
    check(known, bases)

    with known.scope():
        moved = [replace(each, position_id=bases[0]) for each in touched[:1]]
        ingest.store(known.platform_id, Batch(deals=moved))
    check(known, bases)

    with known.scope():
        ingest.store(known.platform_id, Batch(deals=deals))
        assert ingest.store(known.platform_id, Batch(deals=deals)) == ingest.Stored()
    check(known, bases)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=30
)
@given(orderly())
def test_an_orderly_position_is_not_left_to_the_plain_rule(known: Desk, drawn: list[Deal]) -> None:
    base = next(_numbers)
    deals = [each for each in placed(drawn, base) if each.server_time_msc < TURN]
    with known.scope():
        ingest.store(known.platform_id, Batch(deals=deals))
        derived = queries.derive_legs(known.platform_id, [base], 1, 1, clock.now())
    event(f"{len(deals)} deals")
    assert derived == queries.Derived(0, 1, [], [])


def test_an_exit_that_says_when_it_was_entered_needs_no_entry(known: Desk) -> None:
    """cTrader's closing deal of a position that was opened before we were connected."""
    base = next(_numbers)
    exit_ = deal(
        base + 1, base, Entry.OUT, Side.SELL, "0.50", 30, entry_price=Decimal("1.05"), opened_server_msc=START - DAY
    )
    with known.scope():
        ingest.store(known.platform_id, Batch(deals=[exit_]))
        (trade,) = queries.closed_trades_of_positions(known.platform_id, [base])
        assert (trade.opening_deal, trade.open_price, trade.holding_ms) == (None, Decimal("1.05"), DAY + 30_000)
    check(known, [base])


def test_another_brand_sees_no_leg(known: Desk, south: Brand) -> None:
    base = next(_numbers)
    pair = [deal(base + 1, base, Entry.IN, Side.BUY, 1, 0), deal(base + 2, base, Entry.OUT, Side.SELL, 1, 9)]
    with known.scope():
        assert ingest.store(known.platform_id, Batch(deals=pair)).legs == 1
    with db.tenant_scope(south.id):
        assert queries.closed_trades_of_positions(known.platform_id, [base]) == []
        assert queries.derive_legs(known.platform_id, [base], 1, 1, clock.now()).legs == 0


@pytest.mark.parametrize("column", ["account_id", "client_id"])
def test_a_leg_belongs_to_an_account_and_a_client_of_its_brand(known: Desk, south: Brand, column: str) -> None:
    base = next(_numbers)
    pair = [deal(base + 1, base, Entry.IN, Side.BUY, 1, 0), deal(base + 2, base, Entry.OUT, Side.SELL, 1, 9)]
    stranger = make_trader(south, f"{column}@example.com").client_id
    with known.scope():
        ingest.store(known.platform_id, Batch(deals=pair))
        (trade,) = queries.closed_trades_of_positions(known.platform_id, [base])
        own = getattr(trade, column)

    with db.tenant_scope(known.brand.id):
        with pytest.raises(IntegrityError, match="an account or a client that does not exist"), db.transaction():
            db.execute_sql(
                f"UPDATE closed_trade SET {column} = :id WHERE tenant_id = :tenant_id AND position_id = :position",
                id=stranger,
                position=base,
            )

    with known.scope():
        (trade,) = queries.closed_trades_of_positions(known.platform_id, [base])
        assert getattr(trade, column) == own
