"""A long reading comes in pieces that neither overlap nor leave a gap, whatever the platform can answer at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import db
from app.simulators.mt5 import SimServer
from app.trading.connector.catching_up import CatchingUp, read_ahead
from app.trading.connector.threads import Threads
from app.trading.models import DealRow
from app.trading.platforms import chunks
from app.trading.platforms.base import Deal, DealChunk, DealKind, Entry, PlatformUnavailable, Side
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import PoolSettings
from app.trading.queries import platforms
from app.trading.queries.leases import Lease
from app.trading.service import connections
from tests.support.brands import Brand
from tests.support.loops import in_thread
from tests.trading.conftest import Connector, Desk, wait_until
from tests.trading.test_intake import closed, funded, trade

YEAR = 365 * chunks.DAY_MSC


def deal(ticket: int, at_msc: int) -> Deal:
    nothing = Decimal(0)
    return Deal(
        ticket=ticket, login=1, kind=DealKind.TRADE, side=Side.BUY, entry=Entry.IN, reason="client", is_service=False,
        order_ticket=ticket, position_id=ticket, symbol="EURUSD", volume_lots=nothing, volume_closed_lots=None,
        contract_size=nothing, price=nothing, position_price=None, market_bid=None, market_ask=None, profit=nothing,
        swap=nothing, commission=nothing, fee=nothing, profit_rate=None, comment="", manager_login=0, modify_flags=0,
        server_time_msc=at_msc,
    )  # fmt: skip


class Books:
    """A platform that answers no more than so many deals at once."""

    def __init__(self, times: Sequence[int], limit: int) -> None:
        self.deals = [deal(number, at) for number, at in enumerate(sorted(times), start=1)]
        self._times = sorted(times)
        self._limit = limit
        self.largest = 0
        self.asked = 0

    async def read(self, begin: int, end: int) -> list[Deal]:
        self.asked += 1
        found = self.deals[bisect_left(self._times, begin) : bisect_left(self._times, end)]
        if len(found) > self._limit:
            raise chunks.TooLarge
        self.largest = max(self.largest, len(found))
        return found


def pieces(books: Books, begin: int, end: int) -> list[DealChunk]:
    async def collect() -> list[DealChunk]:
        return [piece async for piece in chunks.by_time(books.read, begin, end)]

    return in_thread(collect())


bursts = st.lists(st.tuples(st.integers(0, YEAR), st.integers(1, 60), st.integers(1, 5_000)), max_size=12)


@given(bursts, st.integers(61, 400), st.integers(0, 999))
def test_pieces_cover_the_time_once(drawn: list[tuple[int, int, int]], limit: int, odd: int) -> None:
    times = {begin + n * spacing * 1000 for begin, count, spacing in drawn for n in range(count)}
    books = Books(sorted(times), limit)

    found = pieces(books, odd, YEAR + odd)

    assert [piece.from_msc for piece in found[1:]] == [piece.to_msc for piece in found[:-1]]
    assert found[0].from_msc <= odd
    assert found[-1].to_msc >= YEAR + odd
    told = [each for piece in found for each in piece.deals]
    assert told == [each for each in books.deals if each.server_time_msc < found[-1].to_msc]
    assert all(piece.from_msc <= each.server_time_msc < piece.to_msc for piece in found for each in piece.deals)


def test_pieces_stay_small_and_few() -> None:
    """Twenty thousand deals over a month, after years of silence; the platform gives no more than 4,000 at once."""
    begins = 10 * YEAR
    books = Books([begins + n * 125_000 for n in range(20_000)], limit=4_000)

    pieces(books, 0, begins + 30 * chunks.DAY_MSC)

    assert books.asked < 200


def test_a_look_back_over_the_last_hours_is_one_question() -> None:
    books = Books([], limit=1)

    pieces(books, YEAR, YEAR + chunks.DAY_MSC + 2 * 3_600_000)

    assert books.asked == 1


def test_a_second_that_is_too_large_is_no_silent_gap() -> None:
    with pytest.raises(PlatformUnavailable):
        pieces(Books([5_000 + n for n in range(20)], limit=10), 0, 60_000)


def test_what_is_read_ahead_comes_in_order_and_its_end_is_clean() -> None:
    async def numbers(fail_at: int) -> Any:
        for number in range(5):
            if number == fail_at:
                raise PlatformUnavailable("gone")
            yield number

    async def collect(fail_at: int) -> list[int]:
        found: list[int] = []
        try:
            async for number in read_ahead(numbers(fail_at)):
                found.append(number)
        except PlatformUnavailable:
            found.append(-1)
        return found

    assert in_thread(collect(9)) == [0, 1, 2, 3, 4]
    assert in_thread(collect(3)) == [0, 1, 2, -1]


class BreaksOff(MT5Platform):
    """A platform whose link is lost after so many pieces."""

    pieces_left = 1_000_000

    async def _deals(self, of: Any, begin_msc: int, end_msc: int) -> list[Deal]:
        if self.pieces_left == 0:
            raise PlatformUnavailable("The link is lost.")
        self.pieces_left -= 1
        return await super()._deals(of, begin_msc, end_msc)


def test_a_reading_that_breaks_off_goes_on_where_it_was(desk: Desk, simulator: SimServer) -> None:
    running = Connector()
    try:
        account = funded(desk)
        trade(desk, account, parts=2)
        wait_until(lambda: len(closed(desk)) == 2)
    finally:
        running.stop()
    with desk.scope():
        status = platforms.status(desk.platform_id)
        status.high_water_msc = 0
        db.session().query(DealRow).filter_by(login=account.login).update({"content_hash": "other"})

    async def read(pieces_left: int) -> int:
        platform = BreaksOff(
            Endpoint(
                "127.0.0.1", simulator.port, simulator.manager_login, simulator.manager_password,
                simulator.ca_file.read_text(), "localhost",
            ),
            PoolSettings(requests_per_s=500),
        )  # fmt: skip
        threads = Threads()
        await platform.connect()
        platform.pieces_left = pieces_left
        try:
            plan = await threads.as_tenant(
                desk.brand.id, connections.plan_catch_up, desk.platform_id, every_s=0, without_bridge_s=0
            )
            assert plan is not None
            now = await platform.server_time_msc()
            await CatchingUp(Lease(desk.brand.id, desk.platform_id, 1), threads, platform, plan).run(now)
        finally:
            await platform.close()
            threads.close()
        return plan.from_msc

    with pytest.raises(PlatformUnavailable):
        in_thread(read(8))
    with desk.scope():
        reached = platforms.status(desk.platform_id).high_water_msc
        assert reached > 0
        assert db.session().query(DealRow).filter_by(login=account.login, content_hash="other").count() > 0
    assert reached - 3 * 3_600_000 < in_thread(read(1_000_000)) <= reached
    with desk.scope():
        rows = db.session().query(DealRow).filter_by(login=account.login).all()
        assert all(row.content_hash != "other" and row.deleted_at is None for row in rows)


def test_another_brand_cannot_move_the_mark(desk: Desk, south: Brand) -> None:
    with db.tenant_scope(south.id), db.transaction():
        connections.record_read_until(desk.platform_id, 10**13)
    with desk.scope():
        assert platforms.status(desk.platform_id).high_water_msc < 10**13
