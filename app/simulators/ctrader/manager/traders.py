"""Lists of accounts, their life, and their passwords."""

from __future__ import annotations

from operator import attrgetter

from app.simulators.ctrader import accounts
from app.simulators.ctrader.enums import Operation, Permission
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.manager import wire
from app.simulators.ctrader.manager.requests import Call, request
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.records import Trader

_OPERATION_PERMISSION = {
    Operation.CREATE: Permission.TRADER_CREATE,
    Operation.UPDATE: Permission.TRADER_EDIT,
    Operation.DELETE: Permission.TRADER_DELETE,
}


def _registered(call: Call, start: int, end: int, group_id: int, *, is_sub_only: bool = False) -> list[Trader]:
    """Accounts by time of registration, newest first."""
    found = [
        trader
        for trader in call.plant.traders.values()
        if start <= trader.registered_at <= end
        and not trader.is_deleted
        and (not group_id or trader.group_id == group_id)
        and (not is_sub_only or trader.sub_account_of)
        and call.plant.sees(call.manager, trader)
    ]
    found.sort(key=lambda trader: (trader.registered_at, trader.trader_id), reverse=True)
    return found


@request(pb.ProtoTraderListReq, Permission.TRADER_READ)
def trader_list(call: Call, asked: pb.ProtoTraderListReq) -> pb.ProtoTraderListRes:
    start, end = asked.fromTimestamp, asked.toTimestamp
    page, has_more = call.page(
        _registered(call, start, end, asked.groupId, is_sub_only=asked.onlySubAccounts), attrgetter("registered_at")
    )
    return pb.ProtoTraderListRes(trader=[wire.trader_message(trader) for trader in page], hasMore=has_more)


@request(pb.ProtoManagerLightTraderListReq, Permission.TRADER_READ)
def light_trader_list(call: Call, asked: pb.ProtoManagerLightTraderListReq) -> pb.ProtoManagerLightTraderListRes:
    page, has_more = call.page(
        _registered(call, asked.fromTimestamp, asked.toTimestamp, asked.groupId), attrgetter("registered_at")
    )
    return pb.ProtoManagerLightTraderListRes(
        trader=[wire.light_trader_message(trader) for trader in page], hasMore=has_more
    )


@request(pb.ProtoCSv1TraderListReq, Permission.TRADER_READ)
def changed_trader_list(call: Call, asked: pb.ProtoCSv1TraderListReq) -> pb.ProtoCSv1TraderListRes:
    """Accounts changed since a time, oldest change first: go on from `utcLastUpdateTimestamp` while there are more."""
    if not call.plant.switches.has_changed_since_list:
        raise Refusal("UNSUPPORTED_MESSAGE", "Message 591 is not supported")
    changed = sorted(
        (trader for trader in call.plant.traders.values() if trader.updated_at >= asked.fromTimestamp),
        key=lambda trader: (trader.updated_at, trader.trader_id),
    )
    seen = [
        trader
        for trader in changed
        if not trader.is_deleted
        and call.plant.sees(call.manager, trader)
        and (not asked.groupId or trader.group_id == asked.groupId)
        and (not asked.onlySubAccounts or trader.sub_account_of)
    ]
    page, has_more = call.page(seen, attrgetter("updated_at"))
    gone = [trader.trader_id for trader in changed if trader.is_deleted or not call.plant.sees(call.manager, trader)]
    last = page[-1].updated_at if has_more else call.plant.now_ms()
    return pb.ProtoCSv1TraderListRes(
        trader=[wire.trader_message(trader) for trader in page],
        notAvailableTraderId=[] if has_more else gone,
        utcLastUpdateTimestamp=last,
        hasMore=has_more,
    )


@request(pb.ProtoTraderByIdReq, Permission.TRADER_READ)
def traders_by_id(call: Call, asked: pb.ProtoTraderByIdReq) -> pb.ProtoTraderByIdRes:
    """Accounts by number. What does not exist or cannot be seen is left out."""
    found = [call.plant.traders[number] for number in asked.traderId if number in call.plant.traders]
    return pb.ProtoTraderByIdRes(
        trader=[
            wire.trader_message(trader)
            for trader in found
            if not trader.is_deleted and call.plant.sees(call.manager, trader)
        ]
    )


@request(pb.ProtoCrudTraderReq)
def crud_trader(call: Call, asked: pb.ProtoCrudTraderReq) -> pb.ProtoCrudTraderRes:
    """Create, replace or delete. A partial update is not offered for accounts."""
    try:
        operation = Operation(asked.operation)
        needed = _OPERATION_PERMISSION[operation]
    except (ValueError, KeyError):
        raise Refusal("INVALID_REQUEST", f"Operation {asked.operation} is not supported for traders") from None
    if needed not in call.manager.permissions:
        raise Refusal("NOT_ENOUGH_RIGHTS", f"{needed.name} is missing")
    fields = wire.trader_fields(asked.trader)
    version = asked.trader.version if asked.validateVersion else None
    if operation is not Operation.DELETE and not call.plant.sees_group(call.manager, asked.trader.groupId):
        raise Refusal("TRADER_GROUP_NOT_FOUND", f"Group {asked.trader.groupId} is not found")
    if operation is Operation.CREATE:
        trader = accounts.open_account(call.plant, fields)
    else:
        trader = call.trader(asked.trader.traderId)
        if operation is Operation.UPDATE:
            accounts.replace_account(call.plant, trader, fields, version=version)
        else:
            accounts.delete_account(call.plant, trader)
    return pb.ProtoCrudTraderRes(operation=operation, traderId=trader.trader_id)


@request(pb.ProtoChangeTraderPasswordReq, Permission.TRADER_CHANGE_PASSWORD)
def change_password(call: Call, asked: pb.ProtoChangeTraderPasswordReq) -> pb.ProtoChangeTraderPasswordRes:
    accounts.change_password(call.plant, call.trader(asked.traderId), asked.passwordHash)
    return pb.ProtoChangeTraderPasswordRes(traderId=asked.traderId)


@request(pb.ProtoCheckTraderPasswordReq, Permission.TRADER_READ)
def check_password(call: Call, asked: pb.ProtoCheckTraderPasswordReq) -> pb.ProtoCheckTraderPasswordRes:
    number = asked.traderId or call.plant.trader_ids.get(asked.login, 0)
    trader = call.trader(number)
    accounts.check_password(trader, asked.passwordHash)
    return pb.ProtoCheckTraderPasswordRes(traderId=trader.trader_id)
