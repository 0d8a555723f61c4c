"""Hedged volume counts once: the larger side of a client's day, in the order of closing, and once for good."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.partners.settlement import run as settlement
from tests.partners import world
from tests.partners.conftest import THERE
from tests.partners.trades import dec, plan_with

FRIDAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NETTED = plan_with(referral=None, gates={"hedge_netting": "max_side"})


class Client:
    """A client D of a partner P, who gets 8.00 for every lot below."""

    def __init__(self) -> None:
        self.p, self.d = world.make_client("P"), world.make_client("D")
        world.link(self.d, self.p)
        world.grant(self.p, dec(8))
        self.platform = world.make_platform()

    def store(self, *trades: tuple[str, str, float], group: str = "standard", **more: Any) -> list[int]:
        """Closed trades of gold: (side, lots, minutes after noon)."""
        return self.platform.store(
            [
                {
                    "client_id": self.d,
                    "group": group,
                    "symbol": "XAUUSD",
                    "symbol_class": "metal",
                    "contract_size": dec(100),
                    "side": side,
                    "volume_lots": dec(lots),
                    "opened_at": NOON - timedelta(minutes=10),
                    "closed_at": NOON + timedelta(minutes=minutes),
                    **more,
                }
                for side, lots, minutes in trades
            ]
        )


@pytest.fixture
def client(here: None) -> Client:
    with transaction():
        found = Client()
        world.publish(NETTED)
    return found


def counted() -> list[tuple[int, Decimal, Decimal]]:
    """(trade, lots paid, lots netted) of everything that was settled."""
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT trade_id, lots_paid, lots_netted FROM settled_trade WHERE tenant_id = :tenant_id ORDER BY trade_id"
        ).all()
    )
    return [(row.trade_id, row.lots_paid, row.lots_netted) for row in rows]


def paid(partner: UUID) -> Decimal:
    return world.balances(partner)["temporary"]


@pytest.mark.parametrize(("netting", "amount"), [("off", "26.40"), ("max_side", "14.40")])
def test_example_6_hedged_volume(here: None, netting: str, amount: str) -> None:
    with transaction():
        client = Client()
        world.publish(plan_with(referral=None, gates={"hedge_netting": netting}))
        client.store(("buy", "1.50", 1), ("sell", "1.00", 2), ("sell", "0.80", 3))

    world.settle(FRIDAY)

    assert paid(client.p) == dec(amount)


def test_trades_take_their_lots_in_the_order_of_closing(client: Client) -> None:
    with transaction():
        last, first, middle = client.store(("sell", "0.80", 3), ("buy", "1.50", 1), ("sell", "1.00", 2))

    world.settle(FRIDAY)

    assert counted() == [(last, dec(0), dec("0.80")), (first, dec("1.50"), dec(0)), (middle, dec("0.30"), dec("0.70"))]
    assert {(row[0], row[4]) for row in world.reasons()} == {(last, "HEDGE_NETTED")}
    assert {(row[0], row[7]) for row in world.lines()} == {(first, dec("12.00")), (middle, dec("2.40"))}


def test_accounts_of_one_client_are_taken_together_and_days_and_symbols_apart(client: Client) -> None:
    with transaction():
        client.store(("buy", "1.00", 1))
        client.store(("sell", "1.00", 2), group="raw")
        client.store(("sell", "1.00", 3), symbol="XAGUSD")
        client.store(("sell", "1.00", 13 * 60))
    world.settle(FRIDAY)
    assert paid(client.p) == dec("16.00")

    world.settle(FRIDAY + timedelta(days=1))
    assert paid(client.p) == dec("24.00")


def test_only_trades_that_pass_the_gates_are_netted(client: Client) -> None:
    with transaction():
        client.store(("buy", "2.00", 1), opened_at=NOON)
        client.store(("sell", "1.00", 2))

    world.settle(FRIDAY)

    assert paid(client.p) == dec("8.00")  # The purchase was held for a minute: it takes nothing from the sale.


def test_a_late_trade_is_paid_for_what_it_adds(client: Client) -> None:
    with transaction():
        client.store(("buy", "1.50", 1), ("sell", "1.00", 2))
    world.settle(FRIDAY)
    assert paid(client.p) == dec("12.00")
    before = counted()

    with transaction():
        [late] = client.store(("sell", "0.90", 3))
    world.settle(FRIDAY + timedelta(days=1))

    assert counted() == [*before, (late, dec("0.40"), dec("0.50"))]  # 1.90 sold is 0.40 more than 1.50 bought.
    assert paid(client.p) == dec("15.20")


def test_a_late_trade_that_adds_nothing_is_netted_whole(client: Client) -> None:
    with transaction():
        client.store(("buy", "1.50", 1))
    world.settle(FRIDAY)
    with transaction():
        [late] = client.store(("sell", "1.50", 0))
    world.settle(FRIDAY + timedelta(days=1))

    assert paid(client.p) == dec("12.00")
    assert {(row[0], row[4]) for row in world.reasons()} == {(late, "HEDGE_NETTED")}


def test_a_run_that_stops_is_taken_up_with_the_same_lots(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with transaction():
        client.store(("buy", "1.50", 1), ("sell", "1.00", 2), ("sell", "0.80", 3))
    whole = settlement._advance

    class Stopped(RuntimeError):
        pass

    def stop(day: date, expected: object, to: object, work: object) -> bool:
        done = whole(day, expected, to, work)  # type: ignore[arg-type]
        if str(to) == "frozen":
            raise Stopped
        return done

    monkeypatch.setattr(settlement, "_advance", stop)
    with pytest.raises(Stopped):
        settlement.settle_day(FRIDAY, by=world.BY)
    monkeypatch.undo()
    with transaction():  # It arrives after the facts were frozen: the day does not know it.
        [arrived] = client.store(("sell", "0.50", 4))
    world.settle(FRIDAY)
    assert paid(client.p) == dec("14.40")

    world.settle(FRIDAY + timedelta(days=1))
    assert counted()[-1] == (arrived, dec("0.50"), dec(0))  # 2.30 sold: 0.50 more than was paid for.
    assert paid(client.p) == dec("18.40")


def test_the_other_brand_knows_nothing_of_it(client: Client) -> None:
    with transaction():
        client.store(("buy", "1.50", 1))
    with tenant_scope(THERE):
        with transaction():
            other = Client()
            world.publish(NETTED)
            other.store(("sell", "1.00", 2))
        world.settle(FRIDAY)
        assert paid(other.p) == dec("8.00")
        assert len(counted()) == 1
    world.settle(FRIDAY)

    assert paid(client.p) == dec("12.00")
