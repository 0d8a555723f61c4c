"""Equity, margin and open profit of accounts on open pages, without asking the platform each second.

WebServices say what an account is worth, but not often. Between, and where there are none, it is computed from what is
open and the last prices; where a price is missing, the last word of WebServices stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import structlog

from app.trading.platforms.base import AccountState, PlatformError, PlatformUnavailable, Position
from app.trading.platforms.ctrader.link import Link
from app.trading.platforms.ctrader.positions import margin_of
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.reading import Reading
from app.trading.platforms.ctrader.traders import Trader
from app.trading.platforms.ctrader.webservices import WebServices, state_of
from app.trading.platforms.ctrader.world import World

log = structlog.get_logger()

_READ_AGAIN_S: Final = 60.0  # An opening that was not told to us is seen so late at worst.
_WEB_AT_ONCE: Final = 4
_KEPT: Final = 10_000


class Figures:
    """The figures of accounts of one environment."""

    def __init__(self, link: Link, web: WebServices | None, reading: Reading, world: World, web_every_s: float) -> None:
        self._link = link
        self._web = web
        self._reading = reading
        self._world = world
        self._web_every_s = web_every_s
        self._web_states: dict[int, tuple[float, AccountState]] = {}
        self._read_at: dict[int, float] = {}
        self._web_slots = asyncio.Semaphore(_WEB_AT_ONCE)

    async def states(self, logins: Sequence[int]) -> list[AccountState]:
        """Of each login that is known: the newest figures there are."""
        await asyncio.gather(*(self._ask_web(login) for login in logins))
        states = []
        for login in logins:
            trader = self._world.traders.by_login(login)
            computed = await self._computed(trader) if trader is not None and self._link.is_up else None
            kept = self._web_states.get(login)
            if computed is None and kept is not None:
                computed = kept[1]
            if computed is not None:
                states.append(computed)
        if logins and not states:
            self._link.require_up()  # Nothing is known of nobody only while the platform is there.
        return states

    async def _ask_web(self, login: int) -> None:
        """Read an account's figures over the web, when the last time is long enough ago."""
        kept = self._web_states.get(login)
        if self._web is None or (kept is not None and time.monotonic() - kept[0] < self._web_every_s):
            return
        try:
            async with self._web_slots:
                state = state_of(login, await self._web.read_trader(login))
        except PlatformError as error:
            log.info("ctrader.no_web_state", login=login, error=str(error))
            return
        if len(self._web_states) > _KEPT:
            self._web_states.clear()
        self._web_states[login] = (time.monotonic(), state)

    async def _computed(self, trader: Trader) -> AccountState | None:
        """The figures by what is open and the last prices; None while a price is missing and somebody else knows."""
        positions = [self._world.port_position(row, trader) for row in await self._rows(trader)]
        kept = self._web_states.get(trader.login)
        if kept is not None and not all(is_known for _, is_known in positions):
            return None
        newest = self._world.traders.by_number(trader.number) or trader
        balance = self._world.balance_of(newest)
        floating = sum((position.profit + position.swap for position, _ in positions), Decimal(0))
        margin = margin_of(self._world.book.of(trader.number), trader)
        equity = balance + newest.credit + floating
        return AccountState(
            login=trader.login,
            balance=balance,
            credit=newest.credit,
            equity=equity,
            margin=margin,
            free_margin=equity - margin,
            margin_level=(equity / margin * 100).quantize(Decimal("0.01")) if margin else None,
            floating_profit=floating,
        )

    async def positions(self, logins: Sequence[int]) -> list[Position]:
        """What these accounts have open. Raises PlatformUnavailable."""
        traders = [trader for login in logins if (trader := self._world.traders.by_login(login)) is not None]
        rows = [(row, trader) for trader in traders for row in await self._rows(trader)]
        await self._ask_prices(rows)
        return [self._world.port_position(row, trader)[0] for row, trader in rows]

    async def _rows(self, trader: Trader) -> list[pb.ProtoPosition]:
        """What is open by the events, read afresh once in a while."""
        age_s = time.monotonic() - self._read_at.get(trader.number, -_READ_AGAIN_S)
        if age_s >= _READ_AGAIN_S or trader.number in self._world.reversed:
            self._world.reversed.discard(trader.number)
            self._world.book.replace_of(trader.number, await self._reading.positions(trader.number))
            if len(self._read_at) > _KEPT:
                self._read_at.clear()
            self._read_at[trader.number] = time.monotonic()
        return self._world.book.of(trader.number)

    async def _ask_prices(self, rows: Sequence[tuple[pb.ProtoPosition, Trader]]) -> None:
        """Have the prices told that these positions are valued by."""
        quotes, catalogue = self._world.quotes, self._world.catalogue
        wanted = {row.tradeData.symbolId for row, _ in rows}
        for row, trader in rows:
            quote = catalogue.instrument(row.tradeData.symbolId).quote
            wanted |= {symbol for symbol, _ in quotes.way(quote, trader.asset)}
        wanted &= catalogue.instruments.keys()
        news = sorted(wanted - quotes.asked)
        if news:
            quotes.asked |= set(news)
            try:
                request = pb.ProtoSubscribeSpotQuotesReq(symbolId=news, subscribeToSpotTimestamp=True)
                await self._link.read(request, pb.ProtoSubscribeSpotQuotesRes)
            except PlatformUnavailable:
                quotes.asked -= set(news)
                raise
            except PlatformError as error:
                log.info("ctrader.no_prices", error=str(error))
