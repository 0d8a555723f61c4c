"""Deals, cash movements and bonuses of the platform as deals of ours.

Our tables keep signed money in which a charge is negative, as MetaTrader writes it. cTrader's own figures are turned
into that here: a commission is a cost whatever sign it came with, and the swap keeps the sign that explains the
balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from app.trading.platforms.base import Deal, DealKind, Entry, Side
from app.trading.platforms.ctrader import units
from app.trading.platforms.ctrader.catalogue import Catalogue
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.traders import Trader

BUY: Final = 1
_FILLED: Final = frozenset({2, 3})
COPY_CHANNEL: Final = "cTrader Copy"
_ZERO: Final = Decimal(0)

DEPOSIT: Final = 0
WITHDRAW: Final = 1
CREDIT_IN: Final = 19
CREDIT_OUT: Final = 20
_CASH_KINDS: Final = {
    DEPOSIT: DealKind.BALANCE,
    WITHDRAW: DealKind.BALANCE,
    3: DealKind.COMMISSION,  # A strategy provider is paid by the follower ...
    4: DealKind.CHARGE,
    5: DealKind.AGENT,
    6: DealKind.AGENT,
    7: DealKind.AGENT,
    8: DealKind.AGENT,
    9: DealKind.COMMISSION,  # Rebates.
    10: DealKind.COMMISSION,
    11: DealKind.COMMISSION,
    12: DealKind.CHARGE,
    13: DealKind.CORRECTION,
    14: DealKind.AGENT,
    15: DealKind.DIVIDEND,
    16: DealKind.DIVIDEND,
    17: DealKind.CHARGE,
    18: DealKind.CHARGE,
    CREDIT_IN: DealKind.CREDIT,
    CREDIT_OUT: DealKind.CREDIT,
    21: DealKind.INTEREST,
    22: DealKind.INTEREST,
    27: DealKind.COMMISSION,
    28: DealKind.CHARGE,
    29: DealKind.COMMISSION,
    34: DealKind.CHARGE,
    35: DealKind.CHARGE,
    39: DealKind.COMPENSATION,
}
# Money between a trader's own accounts and strategies came from no operation of ours, but it is the trader's money.
_OWN_MOVES: Final = frozenset({23, 24, 25, 26, 30, 31, 32, 33, 36, 37})


@dataclass(frozen=True, slots=True)
class Signs:
    """Which sign a charge has in the platform's closing details.

    `check` tries both and keeps the one that explains the net result; the others are for a platform whose sign is
    settled. A commission is a cost in every case.
    """

    wanted: str = "check"

    def swap_and_doubt(
        self, gross: Decimal, swap: Decimal, costs: Decimal, net: Decimal | None, step: Decimal
    ) -> tuple[Decimal, bool]:
        """(the swap in our sign, whether no choice of signs explains the net result within one unit)."""
        preferred = -swap if self.wanted == "charge_positive" else swap
        if net is None:
            return preferred, False
        if abs(gross + preferred - costs - net) <= step:
            return preferred, False
        if self.wanted == "check" and abs(gross - swap - costs - net) <= step:
            return -swap, False
        return preferred, True


def is_execution(deal: pb.ProtoDeal) -> bool:
    """Whether anything was filled; refused and missed deals are none of ours."""
    return deal.dealStatus in _FILLED and deal.filledVolume > 0


def trade_deal(
    deal: pb.ProtoDeal, trader: Trader, catalogue: Catalogue, signs: Signs, balance_before: Decimal | None = None
) -> Deal:
    """A filled deal. One that closes carries what it closed: price and time of the opening, and both sides' costs.

    `balance_before` is the balance that the account had one version earlier, when it is known; where the platform
    states no net result, the step of the balance is looked at instead.
    """
    instrument = catalogue.instrument(deal.symbolId, deal.lotSize)
    lot_size = deal.lotSize or instrument.lot_size
    digits = deal.moneyDigits if deal.HasField("moneyDigits") else trader.money_digits
    entry, closed, profit, swap, commission, fee = Entry.IN, None, _ZERO, _ZERO, _ZERO, _ZERO
    entry_price = opened = balance_after = version = None
    markup = deal.markup if deal.HasField("markup") else None
    profit_rate, is_doubtful = None, False
    if deal.HasField("closePositionDetail"):
        detail = deal.closePositionDetail
        digits = detail.moneyDigits if detail.HasField("moneyDigits") else digits
        volume_closed = detail.closedVolume or deal.filledVolume
        entry = Entry.INOUT if deal.filledVolume > volume_closed else Entry.OUT
        closed = units.lots(volume_closed, lot_size)
        profit = units.money(detail.profit, digits)
        commission = -abs(units.money(detail.commission, digits))
        fee = -abs(units.money(detail.pnlConversionFee, digits))
        balance_after = units.money(detail.balance, digits) if detail.HasField("balance") else None
        net = units.money(detail.netProfit, digits) if detail.HasField("netProfit") else None
        if net is None and balance_before is not None and balance_after is not None:
            net = balance_after - balance_before
        swap, is_doubtful = signs.swap_and_doubt(
            profit, units.money(detail.swap, digits), -commission - fee, net, units.money(1, digits)
        )
        entry_price = units.price(detail.entryPrice, instrument.digits)
        opened = detail.offsetDealTimestamp or None
        version = detail.balanceVersion or None
        markup = detail.markup if detail.HasField("markup") else markup
        profit_rate = units.rate(detail.quoteToDepositConversionRate) if detail.quoteToDepositConversionRate else None
    return Deal(
        ticket=deal.dealId,
        login=trader.login,
        kind=DealKind.TRADE,
        side=Side.BUY if deal.tradeSide == BUY else Side.SELL,
        entry=entry,
        reason=_reason(deal),
        is_service=False,
        order_ticket=deal.orderId,
        position_id=deal.positionId,
        symbol=instrument.name,
        volume_lots=units.lots(deal.filledVolume, lot_size),
        volume_closed_lots=closed,
        contract_size=units.units(lot_size),
        price=units.price(deal.executionPrice, instrument.digits),
        position_price=None,
        market_bid=None,
        market_ask=None,
        profit=profit,
        swap=swap,
        commission=commission,
        fee=fee,
        profit_rate=profit_rate,
        comment=deal.comment,
        manager_login=0,
        modify_flags=0,
        server_time_msc=deal.executionTimestamp,
        money_digits=digits,
        entry_price=entry_price,
        opened_server_msc=opened,
        markup_usd=units.usd_cents(markup) if markup is not None else None,
        balance_after=balance_after,
        balance_version=version,
        is_copied=trader.is_copying or deal.channel == COPY_CHANNEL,
        is_sign_unverified=is_doubtful,
    )


def _reason(deal: pb.ProtoDeal) -> str:
    if deal.manual or deal.channel == "ManagerAPI":
        return "dealer"
    return "signal" if deal.channel == COPY_CHANNEL else "client"


def cash_deal(row: pb.ProtoDepositWithdraw, trader: Trader) -> Deal:
    """A movement of balance or credit. Our reference stands in its external id, and is its comment here."""
    digits = row.moneyDigits if row.HasField("moneyDigits") else trader.money_digits
    kind = _CASH_KINDS.get(row.operationType)
    if kind is None:
        kind = DealKind.BALANCE if row.operationType in _OWN_MOVES else DealKind.OTHER
    is_credit = kind is DealKind.CREDIT
    return _movement(
        (units.CREDIT_TICKETS if is_credit else units.CASH_TICKETS) + row.balanceHistoryId,
        trader,
        kind,
        units.money(row.delta, digits),
        row.externalId or row.comment,
        row.changeBalanceTimestamp,
        digits,
        balance_after=None if is_credit else units.money(row.balance, digits),
        balance_version=row.balanceVersion or None,
    )


def bonus_deal(row: pb.ProtoBonusDepositWithdraw, trader: Trader) -> Deal:
    """A movement of the bonus that stands beside the balance, whoever gave it."""
    digits = row.moneyDigits if row.HasField("moneyDigits") else trader.money_digits
    amount = units.money(row.managerDelta + row.ibDelta, digits)
    ticket = units.BONUS_TICKETS + row.bonusHistoryId
    return _movement(ticket, trader, DealKind.BONUS, amount, row.comment, row.changeBonusTimestamp, digits)


def _movement(
    ticket: int,
    trader: Trader,
    kind: DealKind,
    amount: Decimal,
    comment: str,
    at_msc: int,
    digits: int,
    *,
    balance_after: Decimal | None = None,
    balance_version: int | None = None,
) -> Deal:
    return Deal(
        ticket=ticket,
        login=trader.login,
        kind=kind,
        side=None,
        entry=None,
        reason="client",
        is_service=False,
        order_ticket=0,
        position_id=0,
        symbol="",
        volume_lots=_ZERO,
        volume_closed_lots=None,
        contract_size=_ZERO,
        price=_ZERO,
        position_price=None,
        market_bid=None,
        market_ask=None,
        profit=amount,
        swap=_ZERO,
        commission=_ZERO,
        fee=_ZERO,
        profit_rate=None,
        comment=comment,
        manager_login=0,
        modify_flags=0,
        server_time_msc=at_msc,
        money_digits=digits,
        balance_after=balance_after,
        balance_version=balance_version,
        is_copied=trader.is_copying,
    )
