"""Who copies whom, as the plant says."""

from __future__ import annotations

from app.simulators.ctrader.copying import start_copying
from app.simulators.ctrader.enums import BalanceType
from app.simulators.ctrader.funds import change_balance
from app.simulators.ctrader.running import SimServer
from app.simulators.ctrader.state import Plant
from app.trading.platforms.base import Copy
from app.trading.platforms.ctrader.adapter import CTraderPlatform
from tests.trading.ctrader.conftest import run


def test_copying_accounts_name_their_provider_and_their_owner(plant: SimServer) -> None:
    def begin(books: Plant) -> tuple[int, int, str]:
        trader = next(iter(books.traders.values()))
        change_balance(books, trader, BalanceType.DEPOSIT, 100_00)
        made = start_copying(books, trader, trader, 100, group_id=trader.group_id)
        return made.login, trader.login, str(trader.trader_id)

    login, parent, provider = plant.call(begin)

    async def read(platform: CTraderPlatform) -> list[Copy]:
        assert platform.capabilities.has_copies
        return await platform.copies()

    found = {one.login: one for one in run(plant, read)}

    assert (found[login].parent_login, found[login].provider) == (parent, provider)
