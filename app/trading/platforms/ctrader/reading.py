"""What is read from the Manager API as whole lists: the environment at the start, and histories afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from app.trading.platforms.base import Deal, NotPermitted, Refused
from app.trading.platforms.ctrader import deals as convert
from app.trading.platforms.ctrader.link import Link
from app.trading.platforms.ctrader.paging import read_all
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.traders import Trader
from app.trading.platforms.ctrader.world import World

_FAR_FUTURE_MSC: Final = 4_102_444_800_000  # The year 2100.
_CREATED_BEFORE_MSC: Final = 60_000  # Deals are listed by when they were created, which lies before their execution.
_TRADERS_AT_ONCE: Final = 500


class Reading:
    """Lists of one environment, put together from their pieces."""

    def __init__(self, link: Link, world: World) -> None:
        self._link = link
        self._world = world

    async def everything(self) -> None:
        """Assets, instruments, groups, accounts and open positions: all that an event may speak of."""
        world, link = self._world, self._link
        catalogue = world.catalogue
        catalogue.take_assets((await link.read(pb.ProtoAssetListReq(), pb.ProtoAssetListRes, is_list=True)).asset)
        await self._categories()
        catalogue.take_symbols(
            (await link.read(pb.ProtoManagerSymbolListReq(), pb.ProtoManagerSymbolListRes, is_list=True)).symbol
        )
        await self.groups()
        try:
            found = await link.read(pb.ProtoCountryListReq(), pb.ProtoCountryListRes, is_list=True)
            catalogue.take_countries(found.country)
        except (Refused, NotPermitted):
            catalogue.take_countries(())  # An account without a country is an account.
        world.quotes.forget()
        world.begin(await self.traders(), await self.positions())

    async def _categories(self) -> None:
        """The classes of instruments. They are only names, so a server that keeps them to itself is no trouble."""
        try:
            classes = await self._link.read(pb.ProtoAssetClassListReq(), pb.ProtoAssetClassListRes, is_list=True)
            categories = await self._link.read(
                pb.ProtoSymbolCategoryListReq(), pb.ProtoSymbolCategoryListRes, is_list=True
            )
        except (Refused, NotPermitted):
            return
        self._world.catalogue.take_categories(classes.assetClass, categories.category)

    async def groups(self) -> None:
        found = await self._link.read(pb.ProtoLightGroupListReq(), pb.ProtoLightGroupListRes, is_list=True)
        self._world.catalogue.take_groups(found.lightGroup)

    async def traders(self, group: int | None = None) -> list[pb.ProtoTrader]:
        """Every account that was not deleted, of one group or of all that the manager login may see."""

        async def fetch(begin: int, end: int) -> tuple[Sequence[pb.ProtoTrader], bool]:
            request = pb.ProtoTraderListReq(fromTimestamp=begin, toTimestamp=end, hideIbParameters=True)
            if group is not None:
                request.groupId = group
            answer = await self._link.read(request, pb.ProtoTraderListRes, is_list=True)
            return answer.trader, answer.hasMore

        rows = await read_all(
            fetch, lambda row: row.traderId, lambda row: row.registrationTimestamp, 0, _FAR_FUTURE_MSC
        )
        return [row for row in rows if not row.deleted]

    async def copies(self) -> list[pb.ProtoManagerLightTrader]:
        """Every sub-account that follows a provider."""

        async def fetch(begin: int, end: int) -> tuple[Sequence[pb.ProtoManagerLightTrader], bool]:
            request = pb.ProtoManagerLightTraderListReq(fromTimestamp=begin, toTimestamp=end)
            answer = await self._link.read(request, pb.ProtoManagerLightTraderListRes, is_list=True)
            return answer.trader, answer.hasMore

        rows = await read_all(
            fetch, lambda row: row.traderId, lambda row: row.registrationTimestamp, 0, _FAR_FUTURE_MSC
        )
        return [row for row in rows if row.subAccountOf and row.strategyProviderId]

    async def traders_by_number(self, numbers: Sequence[int]) -> list[pb.ProtoTrader]:
        """These accounts, as far as they exist and may be seen."""
        found: list[pb.ProtoTrader] = []
        for begin in range(0, len(numbers), _TRADERS_AT_ONCE):
            request = pb.ProtoTraderByIdReq(traderId=numbers[begin : begin + _TRADERS_AT_ONCE])
            found += (await self._link.read(request, pb.ProtoTraderByIdRes)).trader
        return found

    async def positions(self, trader: int | None = None) -> list[pb.ProtoPosition]:
        """What is open, of one account or of all."""

        async def fetch(begin: int, end: int) -> tuple[Sequence[pb.ProtoPosition], bool]:
            request = pb.ProtoPositionListReq(fromTimestamp=begin, toTimestamp=end)
            if trader is not None:
                request.traderId = trader
            answer = await self._link.read(request, pb.ProtoPositionListRes, is_list=trader is None)
            return answer.position, answer.hasMore

        return await read_all(
            fetch, lambda row: row.positionId, lambda row: row.tradeData.openTimestamp, 0, _FAR_FUTURE_MSC
        )

    async def deals(self, traders: Sequence[int], groups: Sequence[int], from_msc: int, to_msc: int) -> list[Deal]:
        """Trades, cash, credit and bonuses of these accounts, or of every account in these groups."""
        trades = await self._trades(traders, groups, max(from_msc - _CREATED_BEFORE_MSC, 0), to_msc)
        cash = await self._cash(traders, from_msc, to_msc)
        bonuses = await self._bonuses(traders, from_msc, to_msc)
        told = {row.traderId for row in trades} | {row.traderId for row in cash} | {row.traderId for row in bonuses}
        unknown = {number for number in told if self._world.traders.by_number(number) is None}
        for row in await self.traders_by_number(sorted(unknown)):
            self._world.take_trader(row)
        wanted = set(traders) or self._world.traders.numbers_in(groups)
        return self._converted(
            [row for row in trades if row.traderId in wanted],
            [row for row in cash if row.traderId in wanted],
            [row for row in bonuses if row.traderId in wanted],
        )

    def _converted(
        self,
        trades: Sequence[pb.ProtoDeal],
        cash: Sequence[pb.ProtoDepositWithdraw],
        bonuses: Sequence[pb.ProtoBonusDepositWithdraw],
    ) -> list[Deal]:
        traders = self._world.traders
        found: list[Deal] = []
        balances: dict[tuple[int, int], Decimal] = {}  # (account, balance version) to the balance it left.
        for movement in cash:
            trader = traders.by_number(movement.traderId)
            if trader is not None:
                found.append(convert.cash_deal(movement, trader))
                _note(balances, trader, found[-1])
        for bonus in bonuses:
            trader = traders.by_number(bonus.traderId)
            if trader is not None:
                found.append(convert.bonus_deal(bonus, trader))
        for deal in sorted(trades, key=lambda row: row.closePositionDetail.balanceVersion):
            trader = traders.by_number(deal.traderId)
            if trader is not None and convert.is_execution(deal):
                version = deal.closePositionDetail.balanceVersion
                before = balances.get((trader.number, version - 1)) if version else None
                found.append(self._world.trade_deal(deal, trader, before))
                _note(balances, trader, found[-1])
        return sorted(found, key=lambda deal: (deal.server_time_msc, deal.ticket))

    async def _trades(
        self, traders: Sequence[int], groups: Sequence[int], from_msc: int, to_msc: int
    ) -> list[pb.ProtoDeal]:
        async def fetch(begin: int, end: int) -> tuple[Sequence[pb.ProtoDeal], bool]:
            request = pb.ProtoManagerDealListReq(
                traderId=traders, fromTimestamp=begin, toTimestamp=end, withFilledVolumeOnly=True, groupId=groups
            )
            answer = await self._link.read(request, pb.ProtoManagerDealListRes, is_list=True)
            return answer.deal, answer.hasMore

        return await read_all(fetch, lambda row: row.dealId, lambda row: row.createTimestamp, from_msc, to_msc)

    async def _cash(self, traders: Sequence[int], from_msc: int, to_msc: int) -> list[pb.ProtoDepositWithdraw]:
        only = traders[0] if len(traders) == 1 else None

        async def fetch(begin: int, end: int) -> tuple[Sequence[pb.ProtoDepositWithdraw], bool]:
            request = pb.ProtoBalanceHistoryListReq(traderId=only, fromTimestamp=begin, toTimestamp=end)
            answer = await self._link.read(request, pb.ProtoBalanceHistoryListRes, is_list=only is None)
            return answer.depositWithdraw, answer.hasMore

        return await read_all(
            fetch, lambda row: row.balanceHistoryId, lambda row: row.changeBalanceTimestamp, from_msc, to_msc
        )

    async def cash_of(self, trader: int, from_msc: int, to_msc: int) -> list[pb.ProtoDepositWithdraw]:
        """Movements of balance and credit of one account."""
        return await self._cash([trader], from_msc, to_msc)

    async def _bonuses(self, traders: Sequence[int], from_msc: int, to_msc: int) -> list[pb.ProtoBonusDepositWithdraw]:
        """Bonuses beside the balance. A manager login that may not see them gives none either."""
        only = traders[0] if len(traders) == 1 else None

        async def fetch(begin: int, end: int) -> tuple[Sequence[pb.ProtoBonusDepositWithdraw], bool]:
            request = pb.ProtoBonusHistoryListReq(traderId=only, fromTimestamp=begin, toTimestamp=end)
            answer = await self._link.read(request, pb.ProtoBonusHistoryListRes, is_list=only is None)
            return answer.bonusDepositWithdraw, answer.hasMore

        try:
            return await read_all(
                fetch, lambda row: row.bonusHistoryId, lambda row: row.changeBonusTimestamp, from_msc, to_msc
            )
        except (Refused, NotPermitted):
            return []


def _note(balances: dict[tuple[int, int], Decimal], trader: Trader, deal: Deal) -> None:
    if deal.balance_version and deal.balance_after is not None:
        balances[trader.number, deal.balance_version] = deal.balance_after
