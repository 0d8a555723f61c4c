"""A hundred thousand deals in any order, with repetitions, corrections and deletions, end as the same closed trades."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core import db
from app.core.actor import acting_as
from app.kit import clock
from app.kit.ids import new_id
from app.trading import ingest
from app.trading.ingest import Batch, legs
from app.trading.models import AccountStatus, AccountType, ServerOffset, TradingAccount
from app.trading.platforms.base import Deal, DealKind, Entry, Side
from app.trading.queries import ingest as queries
from bench import deals as market
from tests.support.brands import Brand
from tests.trading.conftest import SYSTEM, Desk, make_desk

DEALS = 100_000
PER_BATCH = 5_000
ACCOUNTS = 100
_ENTRIES = (Entry.IN, Entry.OUT, Entry.INOUT)
_SUM = """
SELECT count(*) AS legs, sum(hash_record_extended(ROW(
  closing_deal, leg, login, position_id, opening_deal, symbol, symbol_class, side, volume_lots, contract_size,
  opened_at, closed_at, holding_ms, holding_nearest_ms, open_price, close_price, open_bid, open_ask, close_bid,
  close_ask, profit, swap, commission, fee, profit_rate, profit_currency, account_currency, is_demo, is_partial,
  is_close_by, is_edited, is_copied, markup_usd, reason
), 0)::numeric) AS sum
FROM closed_trade WHERE tenant_id = :tenant_id AND deleted_at IS NULL
"""


def deal(each: market.Execution, platform: str, rng: random.Random) -> Deal:
    """One execution as the adapter of a platform gives it."""
    is_close = each.closed > 0
    entry = _ENTRIES[each.entry]
    if entry is Entry.OUT and rng.random() < 0.05:
        entry = Entry.OUT_BY
    states = platform == "ctrader" and is_close  # cTrader says itself what a deal closed.
    digits = Decimal(100_000)
    return Deal(
        ticket=each.ticket, login=market.FIRST_LOGIN + each.login % ACCOUNTS, kind=DealKind.TRADE,
        side=Side.BUY if each.is_buy else Side.SELL, entry=entry, reason="client", is_service=rng.random() < 0.01,
        order_ticket=each.ticket, position_id=each.position, symbol=each.symbol,
        volume_lots=Decimal(each.hundredths) / 100, volume_closed_lots=Decimal(each.closed) / 100 if is_close else None,
        contract_size=digits, price=each.price / digits, position_price=None,
        market_bid=None if platform == "ctrader" else (each.price - 3) / digits,
        market_ask=None if platform == "ctrader" else (each.price + 3) / digits,
        profit=Decimal(each.profit) / 100, swap=Decimal(rng.randint(-99, 0)) / 100 if is_close else Decimal(0),
        commission=Decimal(-each.hundredths * 7) / 200, fee=Decimal(0), profit_rate=None, comment="", manager_login=0,
        modify_flags=0, server_time_msc=each.at_msc,
        entry_price=each.entry_price / digits if states else None,
        opened_server_msc=each.opened_msc if states else None,
        markup_usd=Decimal("0.30") if states else None, is_copied=platform == "ctrader" and each.login % 7 == 0,
    )  # fmt: skip


def disordered(deals: Sequence[Deal], rng: random.Random) -> Iterator[Deal | int]:
    """The deals in any order, among them twice told ones, ones told wrong at first, ones deleted and told again, and
    ones that never should have been and are deleted (a number is the ticket of a deletion)."""
    keyed: list[tuple[float, int, Deal | int]] = []
    for number, each in enumerate(deals):
        at, chance = rng.random(), rng.random()
        keyed.append((at, number, each))
        if chance < 0.10:
            keyed.append((rng.uniform(at, 1), number, each))
        elif chance < 0.14:
            wrong = replace(each, volume_lots=each.volume_lots + 1, profit=each.profit - 5, price=each.price + 1)
            keyed.append((rng.uniform(0, at), number, wrong))
        elif chance < 0.16:
            keyed.append((rng.uniform(0, at), number, replace(each, position_id=each.position_id + 1)))
        elif chance < 0.18:
            deleted = rng.uniform(0, at)
            keyed.append((rng.uniform(0, deleted), number, each))
            keyed.append((deleted, number, each.ticket))
        elif chance < 0.20:
            stray = replace(each, ticket=each.ticket + 10**9, server_time_msc=each.server_time_msc + 1)
            keyed.append((at, number, stray))
            keyed.append((rng.uniform(at, 1), number, stray.ticket))
    return (event for _, _, event in sorted(keyed, key=lambda one: one[:2]))


def batches(events: Iterator[Deal | int]) -> Iterator[Batch]:
    """Events in runs, of each ticket the last word, as a bridge's message is read."""
    deals: dict[int, Deal] = {}
    deleted: dict[int, None] = {}
    for event in events:
        if isinstance(event, Deal):
            deals[event.ticket] = event
            deleted.pop(event.ticket, None)
        else:
            deleted[event] = None
            deals.pop(event, None)
        if len(deals) + len(deleted) >= PER_BATCH:
            yield Batch(deals=list(deals.values()), deleted_deals=list(deleted))
            deals, deleted = {}, {}
    yield Batch(deals=list(deals.values()), deleted_deals=list(deleted))


def store(brand: Brand, platform_id: UUID, found: Iterator[Batch]) -> None:
    for batch in found:
        with db.tenant_scope(brand.id), acting_as(SYSTEM), db.transaction():
            ingest.store(platform_id, batch)


def with_accounts(desk: Desk) -> UUID:
    """Accounts under the market's logins, and a clock."""
    with desk.scope():
        kind = db.session().query(AccountType).filter_by(code="standard").one()
        db.session().merge(ServerOffset(platform_id=desk.platform_id, from_msc=0, minutes=120, measured_at=clock.now()))
        db.session().add_all(
            TradingAccount(
                client_id=desk.client_id, platform_id=desk.platform_id, type_id=kind.id,
                login=market.FIRST_LOGIN + number, group_name="real\\standard-usd", currency="USD", leverage=100,
                nickname="", status=AccountStatus.ACTIVE, is_demo=False, is_hedging=True, reference=f"V-{new_id()}",
                created_at=clock.now(), opened_at=clock.now(),
            )
            for number in range(ACCOUNTS)
        )  # fmt: skip
    return desk.platform_id


def outcome(brand: Brand) -> tuple[Any, ...]:
    with db.tenant_scope(brand.id):
        return tuple(db.execute_sql(_SUM).one())


@pytest.mark.parametrize("platform", ["mt5", "ctrader"])
def test_100000_deals_out_of_order_give_the_same_closed_trades_as_in_order(
    desk: Desk, south: Brand, platform: str
) -> None:
    rng = random.Random(17)
    deals = [deal(each, platform, rng) for each in market.executions(DEALS, seed=3)]
    elsewhere = make_desk(desk.simulator, south)

    store(south, with_accounts(elsewhere), batches(iter(deals)))
    store(desk.brand, with_accounts(desk), batches(disordered(deals, rng)))

    in_order = outcome(south)
    assert in_order[0] > DEALS * 0.45
    assert outcome(desk.brand) == in_order
    with desk.scope():
        some = rng.sample(range(1, DEALS // 3), 400)
        wanted = legs.wanted_legs(desk.platform_id, some)
        standing = {
            (trade.closing_deal, trade.leg): trade
            for trade in queries.closed_trades_of_positions(desk.platform_id, some)
            if trade.deleted_at is None
        }
        assert standing.keys() == wanted.keys()
        assert not [key for key, values in wanted.items() if legs.differs(standing[key], values)]
