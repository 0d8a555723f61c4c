"""Copy trading: investors' sub-accounts repeat what their strategy's account does, in proportion to equity."""

from __future__ import annotations

import asyncio

from app.simulators.ctrader.accounts import open_account
from app.simulators.ctrader.enums import BalanceType, ExecutionType, PositionStatus, TradeSide
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.execution import Terms, close_position, market_order
from app.simulators.ctrader.funds import change_balance
from app.simulators.ctrader.log import log
from app.simulators.ctrader.margin import figures_of
from app.simulators.ctrader.records import Position, Trader
from app.simulators.ctrader.state import Event, Plant

CHANNEL = "cTrader Copy"


def start_copying(plant: Plant, provider: Trader, investor: Trader, amount: int, *, group_id: int) -> Trader:
    """Open a sub-account that copies the provider, with money from the investor's account."""
    fields = {
        "group_id": group_id,
        "deposit_asset_id": investor.deposit_asset_id,
        "broker_name": investor.broker_name,
        "account_type": provider.account_type,
        "leverage_cents": provider.leverage_cents,
        "name": investor.name,
        "last_name": investor.last_name,
        "email": investor.email,
        "sub_account_of": investor.trader_id,
        "strategy_provider_id": provider.trader_id,
        "strategy_provider_name": f"{provider.name} {provider.last_name}".strip() or str(provider.login),
    }
    change_balance(plant, investor, BalanceType.WITHDRAW_FOR_SUBACCOUNT, amount)
    copier = open_account(plant, fields)
    change_balance(plant, copier, BalanceType.DEPOSIT_TO_SUBACCOUNT, amount)
    return copier


class Copying:
    """Follows what providers do. It acts after the event was told, so that copies come behind their original."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def __call__(self, event: Event) -> None:
        if event.deal is None or event.position is None or event.execution is not ExecutionType.ORDER_FILLED:
            return
        if event.trader_id in self._plant.copiers:
            asyncio.get_running_loop().call_soon(self._follow, event)

    def _follow(self, event: Event) -> None:
        copiers = [self._plant.traders[number] for number in sorted(self._plant.copiers[event.trader_id])]
        with self._plant.clock.hold():
            for copier in copiers:
                try:
                    self._copy(copier, event)
                except Refusal as refusal:
                    log("not_copied", trader=copier.trader_id, code=refusal.code)

    def _copy(self, copier: Trader, event: Event) -> None:
        plant, deal, position = self._plant, event.deal, event.position
        assert deal is not None
        assert position is not None
        if deal.detail is None:
            self._open(copier, position, deal.opened_volume)
            return
        for own in plant.positions_of(copier.trader_id):
            if own.copy_of != deal.position_id:
                continue
            is_all = position.status == PositionStatus.CLOSED
            share = deal.detail.closed_volume / (deal.detail.closed_volume + position.volume)
            step = plant.symbols[own.symbol_id].volume_step
            volume = own.volume if is_all else int(own.volume * share) // step * step
            if volume:
                close_position(plant, copier, own, volume, Terms(channel=CHANNEL, is_forced=True))

    def _open(self, copier: Trader, position: Position, volume: int) -> None:
        plant = self._plant
        symbol, provider = plant.symbols[position.symbol_id], plant.traders[position.trader_id]
        own, other = figures_of(plant, copier).equity, figures_of(plant, provider).equity
        scaled = int(volume * own / other) if other > 0 else 0
        scaled = max(symbol.volume_step, scaled // symbol.volume_step * symbol.volume_step)
        terms = Terms(channel=CHANNEL, copy_of=position.position_id)
        market_order(plant, copier, symbol, TradeSide(position.side), scaled, terms)
