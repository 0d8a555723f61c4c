"""What an account's owner may read."""

from __future__ import annotations

from operator import attrgetter

from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.margin import margin_of, unrealized_of
from app.simulators.ctrader.openapi import wire
from app.simulators.ctrader.openapi.requests import Call, request
from app.simulators.ctrader.proto import sim_openapi_pb2 as pb
from app.simulators.ctrader.records import Deal

created_at = attrgetter("created_at")
_WEEK_MS = 604_800_000
_END_OF_TIME = 2_147_483_646_000


@request(pb.ProtoOAAssetListReq)
def assets(call: Call, asked: pb.ProtoOAAssetListReq) -> pb.ProtoOAAssetListRes:
    call.account(asked.ctidTraderAccountId)
    return pb.ProtoOAAssetListRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        asset=[
            pb.ProtoOAAsset(assetId=asset.id, name=asset.name, displayName=asset.name, digits=asset.digits)
            for asset in call.plant.assets.values()
        ],
    )


@request(pb.ProtoOASymbolsListReq)
def symbols(call: Call, asked: pb.ProtoOASymbolsListReq) -> pb.ProtoOASymbolsListRes:
    call.account(asked.ctidTraderAccountId)
    return pb.ProtoOASymbolsListRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        symbol=[
            pb.ProtoOALightSymbol(
                symbolId=symbol.id,
                symbolName=symbol.name,
                enabled=True,
                baseAssetId=symbol.base.id,
                quoteAssetId=symbol.quote.id,
                symbolCategoryId=symbol.category,
                description=symbol.description,
            )
            for symbol in call.plant.symbols.values()
        ],
    )


@request(pb.ProtoOASymbolByIdReq)
def symbols_by_id(call: Call, asked: pb.ProtoOASymbolByIdReq) -> pb.ProtoOASymbolByIdRes:
    _, trader = call.account(asked.ctidTraderAccountId)
    if any(number not in call.plant.symbols for number in asked.symbolId):
        raise Refusal("SYMBOL_NOT_FOUND", "Symbol is not found")
    profile = call.plant.profiles.get(call.plant.groups[trader.group_id].commission_profile)
    return pb.ProtoOASymbolByIdRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        symbol=[wire.symbol_message(call.plant.symbols[number], profile) for number in asked.symbolId],
    )


@request(pb.ProtoOATraderReq)
def trader(call: Call, asked: pb.ProtoOATraderReq) -> pb.ProtoOATraderRes:
    link, _ = call.account(asked.ctidTraderAccountId)
    return pb.ProtoOATraderRes(
        ctidTraderAccountId=asked.ctidTraderAccountId, trader=wire.trader_message(call.plant, link)
    )


@request(pb.ProtoOAReconcileReq)
def reconcile(call: Call, asked: pb.ProtoOAReconcileReq) -> pb.ProtoOAReconcileRes:
    _, owner = call.account(asked.ctidTraderAccountId)
    waiting = [order for order in call.plant.orders.values() if order.trader_id == owner.trader_id]
    return pb.ProtoOAReconcileRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        position=[wire.position_message(owner, own) for own in call.plant.positions_of(owner.trader_id)],
        order=[wire.order_message(order) for order in waiting],
    )


@request(pb.ProtoOADealListReq, is_historical=True)
def deals(call: Call, asked: pb.ProtoOADealListReq) -> pb.ProtoOADealListRes:
    rows = _deals(call, asked.ctidTraderAccountId, asked.fromTimestamp, asked.toTimestamp)
    page, has_more = call.page(rows, created_at, asked.maxRows)
    return pb.ProtoOADealListRes(
        ctidTraderAccountId=asked.ctidTraderAccountId, deal=[wire.deal_message(deal) for deal in page], hasMore=has_more
    )


@request(pb.ProtoOADealListByPositionIdReq, is_historical=True)
def deals_of_position(call: Call, asked: pb.ProtoOADealListByPositionIdReq) -> pb.ProtoOADealListByPositionIdRes:
    rows = _deals(call, asked.ctidTraderAccountId, asked.fromTimestamp, asked.toTimestamp)
    numbers = call.plant.deals_of_position.get(asked.positionId, [])
    page, has_more = call.page([deal for deal in rows if deal.deal_id in numbers], created_at)
    return pb.ProtoOADealListByPositionIdRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        deal=[wire.deal_message(deal) for deal in page],
        hasMore=int(has_more),
    )


@request(pb.ProtoOADealOffsetListReq)
def offsets(call: Call, asked: pb.ProtoOADealOffsetListReq) -> pb.ProtoOADealOffsetListRes:
    """Which deals a deal closed, and which closed it. Openings are used up oldest first."""
    _, owner = call.account(asked.ctidTraderAccountId)
    deal = call.plant.deals.by_id.get(asked.dealId)
    if deal is None or deal.trader_id != owner.trader_id:
        raise Refusal("ENTITY_NOT_FOUND", "Deal is not found")
    answer = pb.ProtoOADealOffsetListRes(ctidTraderAccountId=asked.ctidTraderAccountId)
    for opening, closing, volume in _matched(call, deal.position_id):
        if closing is deal:
            answer.offsetting.append(_offset(opening, volume))
        elif opening is deal:
            answer.offsetBy.append(_offset(closing, volume))
    return answer


def _matched(call: Call, position_id: int) -> list[tuple[Deal, Deal, int]]:
    """Opening and closing deals of a position by first in, first out."""
    own = [call.plant.deals.by_id[number] for number in call.plant.deals_of_position.get(position_id, [])]
    left = [[deal, deal.opened_volume] for deal in own if deal.detail is None or deal.position_id != position_id]
    pairs: list[tuple[Deal, Deal, int]] = []
    for closing in own:
        need = closing.detail.closed_volume if closing.detail and closing.position_id == position_id else 0
        for entry in left:
            opening, available = entry
            assert isinstance(opening, Deal)
            assert isinstance(available, int)
            volume = min(need, available)
            if volume:
                pairs.append((opening, closing, volume))
                entry[1] = available - volume
                need -= volume
    return pairs


def _offset(deal: Deal, volume: int) -> pb.ProtoOADealOffset:
    return pb.ProtoOADealOffset(
        dealId=deal.deal_id, volume=volume, executionTimestamp=deal.executed_at, executionPrice=deal.price
    )


@request(pb.ProtoOACashFlowHistoryListReq)
def cash_flow(call: Call, asked: pb.ProtoOACashFlowHistoryListReq) -> pb.ProtoOACashFlowHistoryListRes:
    """Balance operations of at most a week."""
    _, owner = call.account(asked.ctidTraderAccountId)
    if not 0 <= asked.toTimestamp - asked.fromTimestamp <= _WEEK_MS:
        raise Refusal("INCORRECT_BOUNDARIES", "The window is longer than a week")
    rows = call.plant.cash.window(asked.fromTimestamp, asked.toTimestamp, [owner.trader_id])
    return pb.ProtoOACashFlowHistoryListRes(
        ctidTraderAccountId=asked.ctidTraderAccountId, depositWithdraw=[wire.cash_message(row) for row in rows]
    )


@request(pb.ProtoOAOrderListReq)
def orders(call: Call, asked: pb.ProtoOAOrderListReq) -> pb.ProtoOAOrderListRes:
    _, owner = call.account(asked.ctidTraderAccountId)
    end = asked.toTimestamp or _END_OF_TIME
    page, has_more = call.page(
        call.plant.done_orders.window(asked.fromTimestamp, end, [owner.trader_id]), attrgetter("updated_at")
    )
    return pb.ProtoOAOrderListRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        order=[wire.order_message(order) for order in page],
        hasMore=has_more,
    )


@request(pb.ProtoOAOrderDetailsReq)
def order_details(call: Call, asked: pb.ProtoOAOrderDetailsReq) -> pb.ProtoOAOrderDetailsRes:
    _, owner = call.account(asked.ctidTraderAccountId)
    order = call.plant.done_orders.by_id.get(asked.orderId) or call.plant.orders.get(asked.orderId)
    if order is None or order.trader_id != owner.trader_id:
        raise Refusal("ORDER_NOT_FOUND", "Order is not found")
    rows = call.plant.deals.window(0, _END_OF_TIME, [owner.trader_id])
    return pb.ProtoOAOrderDetailsRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        order=wire.order_message(order),
        deal=[wire.deal_message(deal) for deal in rows if deal.order_id == order.order_id],
    )


@request(pb.ProtoOAGetPositionUnrealizedPnLReq)
def unrealized(call: Call, asked: pb.ProtoOAGetPositionUnrealizedPnLReq) -> pb.ProtoOAGetPositionUnrealizedPnLRes:
    _, owner = call.account(asked.ctidTraderAccountId)
    answer = pb.ProtoOAGetPositionUnrealizedPnLRes(
        ctidTraderAccountId=asked.ctidTraderAccountId, moneyDigits=owner.money_digits
    )
    for position in call.plant.positions_of(owner.trader_id):
        gross, net = unrealized_of(call.plant, owner, position)
        answer.positionUnrealizedPnL.add(
            positionId=position.position_id, grossUnrealizedPnL=gross, netUnrealizedPnL=net
        )
    return answer


@request(pb.ProtoOAExpectedMarginReq)
def expected_margin(call: Call, asked: pb.ProtoOAExpectedMarginReq) -> pb.ProtoOAExpectedMarginRes:
    _, owner = call.account(asked.ctidTraderAccountId)
    symbol = call.plant.symbols.get(asked.symbolId)
    if symbol is None:
        raise Refusal("SYMBOL_NOT_FOUND", "Symbol is not found")
    margins = [(volume, margin_of(call.plant, owner, symbol, volume)) for volume in asked.volume]
    return pb.ProtoOAExpectedMarginRes(
        ctidTraderAccountId=asked.ctidTraderAccountId,
        margin=[pb.ProtoOAExpectedMargin(volume=volume, buyMargin=it, sellMargin=it) for volume, it in margins],
        moneyDigits=owner.money_digits,
    )


def _deals(call: Call, ctid: int, start: int, end: int) -> list[Deal]:
    _, owner = call.account(ctid)
    end = end or _END_OF_TIME
    if start > end or end > _END_OF_TIME:
        raise Refusal("INCORRECT_BOUNDARIES", "The window is not one")
    return call.plant.deals.window(start, end, [owner.trader_id])
