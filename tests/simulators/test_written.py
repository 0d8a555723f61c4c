"""Deals written beforehand are answered as the books' own are."""

from __future__ import annotations

from pathlib import Path

from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.written import WrittenDeals as WrittenPlant
from app.simulators.mt5 import running_simulator
from app.simulators.mt5.written import WrittenDeals
from app.trading.platforms.base import Deal
from app.trading.platforms.mt5.adapter import MT5Platform
from app.trading.platforms.mt5.connection import Endpoint
from bench import deals
from tests.support.loops import in_thread

LAST_MSC = deals.BEGINS_MSC + 1_000 * deals.SPACING_MSC


def test_an_mt5_adapter_reads_written_deals(tmp_path: Path) -> None:
    path = tmp_path / "deals"
    path.write_bytes(b"".join(deals.mt5_lines(deals.executions(1_000))))
    with running_simulator() as simulator:
        simulator.simulator.server.written_deals = WrittenDeals(path)

        async def read(begin: int, end: int) -> list[Deal]:
            platform = MT5Platform(
                Endpoint(
                    "127.0.0.1", simulator.port, simulator.manager_login, simulator.manager_password,
                    simulator.ca_file.read_text(), "localhost",
                )
            )  # fmt: skip
            try:
                return await platform.deals_since(["real\\*"], begin, end)
            finally:
                await platform.close()

        found = in_thread(read(deals.BEGINS_MSC, LAST_MSC))
        some = in_thread(read(deals.BEGINS_MSC + 70_000, deals.BEGINS_MSC + 139_000))

    assert [deal.ticket for deal in found] == list(range(1, 1_001))
    assert {deal.ticket for deal in some} >= set(range(101, 199))
    assert len(some) < 110


def test_a_plant_gives_written_deals_in_pages(tmp_path: Path) -> None:
    path = tmp_path / "deals"
    traders = list(range(deals.ACCOUNTS))
    deals.write_ctrader(path, deals.executions(500), traders, deals.CTRADER_SYMBOLS)
    written = WrittenPlant(path)

    rows, has_more = written.page(deals.BEGINS_MSC, LAST_MSC, 200)
    rest, ends = written.page(deals.BEGINS_MSC + 200 * deals.SPACING_MSC, LAST_MSC, 1_000)

    answer = pb.ProtoManagerDealListRes(hasMore=has_more)
    answer.MergeFromString(rows)
    answer.MergeFromString(rest)
    assert [deal.dealId for deal in answer.deal] == list(range(1, 501))
    assert (has_more, ends, len(written)) == (True, False, 500)
    assert written.page(0, 1, 10) == (b"", False)
