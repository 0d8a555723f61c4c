"""Records as the Manager API writes them."""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import Message

from app.simulators.ctrader.catalogue import Asset, Symbol
from app.simulators.ctrader.config import CommissionProfile, GroupConfig, Switches
from app.simulators.ctrader.margin import margin_of
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.records import Bonus, Cash, CloseDetail, Deal, Order, Position, Trader
from app.simulators.ctrader.state import Event, Plant

_M = TypeVar("_M", bound=Message)
FOREX_TYPE = 1


def trader_message(trader: Trader) -> pb.ProtoTrader:
    """An account. Its password never leaves the platform."""
    message = pb.ProtoTrader(
        traderId=trader.trader_id,
        login=trader.login,
        groupId=trader.group_id,
        balance=trader.balance,
        accountType=trader.account_type,
        registrationTimestamp=trader.registered_at,
        online=trader.is_online,
        utcLastUpdateTimestamp=trader.updated_at,
        deleted=trader.is_deleted,
        balanceVersion=trader.balance_version,
        introducingBroker=trader.is_introducing_broker,
        managerBonus=trader.manager_bonus,
        ibBonus=trader.ib_bonus,
        accessRights=trader.access_rights,
        sendOwnStatement=trader.sends_own_statement,
        depositAssetId=trader.deposit_asset_id,
        swapFree=trader.is_swap_free,
        nonWithdrawableBonus=trader.nonwithdrawable_bonus,
        leverageInCents=trader.leverage_cents,
        totalMarginCalculationType=trader.margin_calculation,
        brokerName=trader.broker_name,
        version=trader.version,
        disablePasswordLogin=trader.is_password_login_disabled,
        isLimitedRisk=trader.is_limited_risk,
        moneyDigits=trader.money_digits,
        sendStatementToBroker=trader.sends_statement_to_broker,
    )
    _set_given(
        message,
        name=trader.name,
        lastName=trader.last_name,
        email=trader.email,
        phone=trader.phone,
        countryId=trader.country_id,
        state=trader.state,
        city=trader.city,
        address=trader.address,
        zipCode=trader.zip_code,
        documentId=trader.document_id,
        description=trader.description,
        status=trader.status,
        comment=trader.comment,
        lastConnectTimestamp=trader.connected_at,
        parentIntroducingBrokerId=trader.parent_broker_id,
        subAccountOf=trader.sub_account_of,
        maxLeverage=trader.max_leverage,
    )
    return message


def trader_fields(message: pb.ProtoTrader) -> dict[str, object]:
    """What a request gives of an account: only fields that are present."""
    names = {
        "groupId": "group_id",
        "accountType": "account_type",
        "accessRights": "access_rights",
        "leverageInCents": "leverage_cents",
        "maxLeverage": "max_leverage",
        "totalMarginCalculationType": "margin_calculation",
        "swapFree": "is_swap_free",
        "isLimitedRisk": "is_limited_risk",
        "disablePasswordLogin": "is_password_login_disabled",
        "name": "name",
        "lastName": "last_name",
        "email": "email",
        "phone": "phone",
        "countryId": "country_id",
        "state": "state",
        "city": "city",
        "address": "address",
        "zipCode": "zip_code",
        "documentId": "document_id",
        "description": "description",
        "status": "status",
        "comment": "comment",
        "sendOwnStatement": "sends_own_statement",
        "sendStatementToBroker": "sends_statement_to_broker",
        "introducingBroker": "is_introducing_broker",
        "parentIntroducingBrokerId": "parent_broker_id",
        "subAccountOf": "sub_account_of",
        "depositAssetId": "deposit_asset_id",
        "brokerName": "broker_name",
        "passwordHash": "password_hash",
    }
    return {name: getattr(message, wire) for wire, name in names.items() if message.HasField(wire)}  # type: ignore[arg-type]


def light_trader_message(trader: Trader) -> pb.ProtoManagerLightTrader:
    message = pb.ProtoManagerLightTrader(
        traderId=trader.trader_id,
        login=trader.login,
        groupId=trader.group_id,
        depositAssetId=trader.deposit_asset_id,
        registrationTimestamp=trader.registered_at,
        brokerName=trader.broker_name,
    )
    return _set_given(
        message,
        name=trader.name,
        lastName=trader.last_name,
        subAccountOf=trader.sub_account_of,
        strategyProviderName=trader.strategy_provider_name,
        strategyProviderId=trader.strategy_provider_id,
    )


def light_group_message(group: GroupConfig, *, has_access: bool) -> pb.ProtoLightGroup:
    return pb.ProtoLightGroup(
        groupId=group.id,
        name=group.name,
        enabled=group.is_enabled,
        swapEnabled=group.is_swap_enabled,
        marginStopout=float(group.stop_out_share),
        description=group.description,
        priceStreamId=1,
        deleted=False,
        hasAccess=has_access,
        copyDisabled=group.is_copy_disabled,
        copyProvidingDisabled=group.is_copy_disabled,
        negativeBalanceProtection=group.has_negative_balance_protection,
    )


def group_message(group: GroupConfig, *, has_access: bool, updated_at: int) -> pb.ProtoGroup:
    return pb.ProtoGroup(
        groupId=group.id,
        name=group.name,
        enabled=group.is_enabled,
        swapEnabled=group.is_swap_enabled,
        marginStopout=float(group.stop_out_share),
        description=group.description,
        utcLastUpdateTimestamp=updated_at,
        priceStreamId=1,
        deleted=False,
        hasAccess=has_access,
        copyDisabled=group.is_copy_disabled,
        copyProvidingDisabled=group.is_copy_disabled,
        negativeBalanceProtection=group.has_negative_balance_protection,
    )


def asset_message(asset: Asset) -> pb.ProtoAsset:
    return pb.ProtoAsset(
        assetId=asset.id,
        name=asset.name,
        description=asset.description,
        type=asset.type,
        depositAsset=asset.is_deposit,
        depositable=asset.is_deposit,
        displayName=asset.name,
        digits=asset.digits,
    )


def symbol_message(symbol: Symbol) -> pb.ProtoManagerSymbol:
    return pb.ProtoManagerSymbol(
        symbolId=symbol.id,
        name=symbol.name,
        digits=symbol.digits,
        pipPosition=symbol.pip_position,
        enabled=True,
        description=symbol.description,
        measurementUnits=symbol.base.name,
        lotSize=symbol.lot_size,
        enableShortSelling=True,
        symbolCategoryId=symbol.category,
        baseAssetId=symbol.base.id,
        quoteAssetId=symbol.quote.id,
        tradingMode=0,
        defaultSwapTime=0,
        defaultSwapPeriod=24,
    )


def profile_message(profile: CommissionProfile) -> pb.ProtoCommissionProfile:
    return pb.ProtoCommissionProfile(
        commissionProfileId=profile.id,
        name=profile.name,
        commissionType=profile.type,
        minCommissionType=1,
        minCommissionAssetId=1,
        preciseTradingCommissionRate=profile.rate,
        preciseMinCommission=profile.minimum,
    )


def position_message(plant: Plant, position: Position) -> pb.ProtoPosition:
    """A position. A closed one has lost its figures, as on the real platform."""
    symbol, trader = plant.symbols[position.symbol_id], plant.traders[position.trader_id]
    is_closed = position.status == 2
    data = pb.ProtoTradeData(
        symbolId=symbol.id,
        volume=position.volume,
        tradeSide=position.side,
        traderId=position.trader_id,
        openTimestamp=position.opened_at,
        measurementUnits=symbol.base.name,
        lotSize=symbol.lot_size,
    )
    _set_given(
        data,
        closeTimestamp=position.closed_at,
        label=position.label,
        comment=position.comment,
        channel=position.channel,
    )
    commission = position.commission * _sign(plant.switches.commission_sign)
    message = pb.ProtoPosition(
        positionId=position.position_id,
        tradeData=data,
        positionStatus=position.status,
        swap=0 if is_closed else _swap(plant.switches, position.swap),
        price=0.0 if is_closed else position.price,
        utcLastUpdateTimestamp=position.updated_at,
        bookType=2,
        commission=0 if is_closed else commission,
        marginRate=position.margin_rate,
        usedMargin=position.used_margin,
        moneyDigits=trader.money_digits,
    )
    return _set_given(message, stopLoss=position.stop_loss, takeProfit=position.take_profit)


def order_message(plant: Plant, order: Order) -> pb.ProtoOrder:
    symbol, trader = plant.symbols[order.symbol_id], plant.traders[order.trader_id]
    data = pb.ProtoTradeData(
        symbolId=symbol.id,
        volume=order.volume,
        tradeSide=order.side,
        traderId=order.trader_id,
        openTimestamp=order.created_at,
        measurementUnits=symbol.base.name,
        lotSize=symbol.lot_size,
    )
    _set_given(data, label=order.label, comment=order.comment, channel=order.channel)
    message = pb.ProtoOrder(
        orderId=order.order_id,
        tradeData=data,
        orderType=order.type,
        orderStatus=order.status,
        executedVolume=order.executed_volume,
        utcLastUpdateTimestamp=order.updated_at,
        closingOrder=order.is_closing,
        timeInForce=3 if order.type == 1 else 2,
        positionId=order.position_id,
        login=trader.login,
        isStopOut=order.is_stop_out,
        moneyDigits=trader.money_digits,
    )
    return _set_given(
        message,
        expirationTimestamp=order.expires_at,
        executionPrice=order.execution_price,
        stopLoss=order.stop_loss,
        takeProfit=order.take_profit,
        limitPrice=order.limit_price,
        stopPrice=order.stop_price,
        clientOrderId=order.client_order_id,
    )


def deal_message(plant: Plant, deal: Deal) -> pb.ProtoDeal:
    message = pb.ProtoDeal(
        dealId=deal.deal_id,
        orderId=deal.order_id,
        positionId=deal.position_id,
        traderId=deal.trader_id,
        volume=deal.volume,
        filledVolume=deal.filled_volume,
        symbolId=deal.symbol_id,
        createTimestamp=deal.created_at,
        executionTimestamp=deal.executed_at,
        utcLastUpdateTimestamp=deal.updated_at,
        executionPrice=deal.price,
        tradeSide=deal.side,
        dealStatus=deal.status,
        dealType=1,
        marginRate=deal.margin_rate,
        commission=deal.commission * _sign(plant.switches.commission_sign),
        bookType=2,
        lpExecutionPrice=deal.lp_price,
        priceSnapshotId=deal.snapshot_id,
        baseToUsdConversionRate=deal.usd_rate,
        lotSize=deal.lot_size,
        markup=round(deal.markup),
        manual=deal.is_manual,
        equity=deal.equity,
        moneyDigits=deal.money_digits,
    )
    _set_given(message, label=deal.label, comment=deal.comment, channel=deal.channel)
    if deal.detail is not None:
        message.closePositionDetail.CopyFrom(_detail_message(plant.switches, deal, deal.detail))
    return message


def _detail_message(switches: Switches, deal: Deal, detail: CloseDetail) -> pb.ProtoClosePositionDetail:
    digits = deal.money_digits if switches.detail_money_digits is None else switches.detail_money_digits
    digits = max(digits, deal.money_digits)
    scale = 10 ** (digits - deal.money_digits)
    message = pb.ProtoClosePositionDetail(
        entryPrice=detail.entry_price,
        swap=_swap(switches, detail.swap) * scale,
        commission=detail.commission * _sign(switches.commission_sign) * scale,
        profit=detail.profit * scale,
        balance=detail.balance * scale,
        quoteToDepositConversionRate=detail.quote_rate,
        closedVolume=detail.closed_volume,
        balanceVersion=detail.balance_version,
        equity=detail.equity * scale,
        minEquity=detail.min_equity * scale,
        maxEquity=detail.max_equity * scale,
        balanceHistoryId=detail.balance_history_id,
        markup=round(detail.markup),
        equityBasedRoi=detail.roi,
        nonWithdrawableBonus=detail.nonwithdrawable_bonus * scale,
        offsetDealTimestamp=detail.opened_at,
        moneyDigits=digits,
    )
    if detail.fee:
        message.pnlConversionFee = detail.fee * scale
    if switches.has_net_profit:
        message.netProfit = detail.net_profit * scale
    return message


def cash_message(cash: Cash) -> pb.ProtoDepositWithdraw:
    message = pb.ProtoDepositWithdraw(
        operationType=cash.type,
        balanceHistoryId=cash.balance_history_id,
        traderId=cash.trader_id,
        balance=cash.balance,
        delta=cash.delta,
        changeBalanceTimestamp=cash.at,
        balanceVersion=cash.balance_version,
        equity=cash.equity,
        nonWithdrawableBonus=cash.nonwithdrawable_bonus,
        moneyDigits=cash.money_digits,
    )
    return _set_given(
        message,
        comment=cash.comment,
        externalNote=cash.external_note,
        source=cash.source,
        externalId=cash.external_id,
    )


def bonus_message(bonus: Bonus) -> pb.ProtoBonusDepositWithdraw:
    message = pb.ProtoBonusDepositWithdraw(
        operationType=bonus.type,
        bonusHistoryId=bonus.bonus_history_id,
        traderId=bonus.trader_id,
        managerBonus=bonus.manager_bonus,
        managerDelta=bonus.manager_delta,
        ibBonus=bonus.ib_bonus,
        ibDelta=bonus.ib_delta,
        changeBonusTimestamp=bonus.at,
        moneyDigits=bonus.money_digits,
    )
    return _set_given(message, comment=bonus.comment, externalNote=bonus.external_note)


def execution_message(plant: Plant, event: Event) -> pb.ProtoExecutionEvent:
    """An execution event with everything that it tells of."""
    message = pb.ProtoExecutionEvent(
        executionType=int(event.execution or 0),
        eventId=event.event_id,
        isServerEvent=bool(event.order and event.order.is_stop_out),
    )
    if event.position is not None:
        message.position.CopyFrom(position_message(plant, event.position))
    if event.order is not None:
        message.order.CopyFrom(order_message(plant, event.order))
    if event.deal is not None:
        message.deal.CopyFrom(deal_message(plant, event.deal))
    if event.cash is not None:
        message.depositWithdraw.CopyFrom(cash_message(event.cash))
    if event.bonus is not None:
        message.bonusDepositWithdraw.CopyFrom(bonus_message(event.bonus))
    if event.error:
        message.errorCode = event.error
    asset = plant.asset_of(plant.traders[event.trader_id])
    message.depositToUsdRate = float(plant.prices.conversion(asset, plant.assets[1], plant.now()))
    return message


def margin_message(plant: Plant, position: Position) -> pb.ProtoMarginChangedEvent:
    trader = plant.traders[position.trader_id]
    used = position.used_margin or margin_of(plant, trader, plant.symbols[position.symbol_id], position.volume)
    return pb.ProtoMarginChangedEvent(positionId=position.position_id, usedMargin=used, moneyDigits=trader.money_digits)


def _sign(switch: str) -> int:
    return 1 if switch == "positive" else -1


def _swap(switches: Switches, swap: int) -> int:
    return -swap if switches.swap_sign == "cost" else swap


def _set_given(message: _M, **values: object) -> _M:
    """Set the fields that have a value; empty ones stay off the wire."""
    for name, value in values.items():
        if value:
            setattr(message, name, value)
    return message
