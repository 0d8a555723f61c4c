"""/webserv/traders: accounts, their money and their passwords."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any

from aiohttp import web

from app.simulators.ctrader import accounts, funds
from app.simulators.ctrader.enums import BalanceType, BonusType, Permission
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.funds import Notes
from app.simulators.ctrader.margin import figures_of
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.timeline import first_page
from app.simulators.ctrader.web.desk import (
    answer,
    body_of,
    desk_of,
    manager_of,
    needed,
    number,
    trader_of,
    window_of,
)
from app.simulators.ctrader.web.shapes import trader_fields, trader_shape

routes = web.RouteTableDef()
_BALANCE_TYPES = {
    "DEPOSIT": BalanceType.DEPOSIT,
    "WITHDRAW": BalanceType.WITHDRAW,
    "DEPOSIT_NONWITHDRAWABLE_BONUS": BalanceType.DEPOSIT_NONWITHDRAWABLE_BONUS,
    "WITHDRAW_NONWITHDRAWABLE_BONUS": BalanceType.WITHDRAW_NONWITHDRAWABLE_BONUS,
}


@routes.post("/webserv/traders")
async def create(request: web.Request) -> web.Response:
    """Open an account. A balance in the body is its first deposit."""
    plant, manager = desk_of(request).plant, manager_of(request, Permission.TRADER_CREATE)
    body = await body_of(request)
    needed(
        body,
        "accessRights", "accountType", "balance", "brokerName", "depositCurrency", "groupName", "hashedPassword",
        "leverageInCents", "totalMarginCalculationType",
    )  # fmt: skip
    with plant.clock.hold():
        fields = trader_fields(plant, body)
        if not plant.sees_group(manager, fields["group_id"]):
            raise Refusal("TRADER_GROUP_NOT_FOUND", "Group is not found")
        fields["broker_name"] = str(body["brokerName"])
        named = [asset for asset in plant.assets.values() if asset.name == body["depositCurrency"]]
        fields["deposit_asset_id"] = named[0].id if named else 0
        trader = accounts.open_account(plant, fields)
        if number(body["balance"]) > 0:
            funds.change_balance(plant, trader, BalanceType.DEPOSIT, number(body["balance"]))
        return answer(request, trader_shape(plant, trader), 201, "trader")


@routes.get("/webserv/traders")
@routes.get("/webserv/traders/")
async def listed(request: web.Request) -> web.Response:
    """Accounts by registration, from `from` up to but without `to`, newest first; `fields` limits the columns."""
    plant, manager = desk_of(request).plant, manager_of(request, Permission.TRADER_READ)
    start, end = window_of(request)
    group = number(request.query.get("groupId", "0"))
    found = sorted(
        (
            trader
            for trader in plant.traders.values()
            if start <= trader.registered_at < end
            and not trader.is_deleted
            and (not group or trader.group_id == group)
            and plant.sees(manager, trader)
        ),
        key=lambda trader: (trader.registered_at, trader.trader_id),
        reverse=True,
    )
    page, has_more = first_page(found, plant.config.list_chunk, attrgetter("registered_at"))
    columns = [name for name in request.query.get("fields", "").split(",") if name]
    with plant.clock.hold():
        shapes = [trader_shape(plant, trader) for trader in page]
    if columns:
        shapes = [{name: shape[name] for name in columns if name in shape} for shape in shapes]
    return answer(request, {"trader": shapes, "hasMore": has_more}, root="traders")


@routes.get("/webserv/traders/{login}")
async def read(request: web.Request) -> web.Response:
    plant, manager = desk_of(request).plant, manager_of(request, Permission.TRADER_READ)
    with plant.clock.hold():
        return answer(request, trader_shape(plant, trader_of(request, manager)), root="trader")


@routes.put("/webserv/traders/{login}")
async def replace(request: web.Request) -> web.Response:
    """Give an account all its settings anew."""
    plant, trader, fields = await _change(request)
    accounts.replace_account(plant, trader, fields)
    return web.Response(status=204)


@routes.patch("/webserv/traders/{login}")
async def change(request: web.Request) -> web.Response:
    """Change what is given, and nothing else."""
    plant, trader, fields = await _change(request)
    accounts.change_account(plant, trader, fields)
    return web.Response(status=204)


async def _change(request: web.Request) -> tuple[Any, Trader, dict[str, Any]]:
    plant, manager = desk_of(request).plant, manager_of(request, Permission.TRADER_EDIT)
    trader = trader_of(request, manager)
    fields = trader_fields(plant, await body_of(request))
    if "group_id" in fields and not plant.sees_group(manager, fields["group_id"]):
        raise Refusal("TRADER_GROUP_NOT_FOUND", "Group is not found")
    return plant, trader, fields


@routes.delete("/webserv/traders/{login}")
async def delete(request: web.Request) -> web.Response:
    plant, manager = desk_of(request).plant, manager_of(request, Permission.TRADER_DELETE)
    accounts.delete_account(plant, trader_of(request, manager))
    return web.Response(status=204)


@routes.post("/webserv/traders/{login}/changebalance")
async def change_balance(request: web.Request) -> web.Response:
    """Move money or credit."""
    plant, body = desk_of(request).plant, await body_of(request)
    kind = _BALANCE_TYPES.get(str(body.get("type")))
    if kind is None:
        raise Refusal("INVALID_REQUEST", "type is unknown")
    right = Permission.TRADER_BONUS_CASHIER if kind.is_credit else Permission.TRADER_CASHIER
    trader = trader_of(request, manager_of(request, right))
    notes = Notes(*(str(body.get(name) or "") for name in ("comment", "externalNote", "source", "externalId")))
    with plant.clock.hold():
        cash = funds.change_balance(plant, trader, kind, _amount(trader, body), notes)
    return answer(request, {"balanceHistoryId": cash.balance_history_id})


@routes.post("/webserv/traders/{login}/changebonus")
async def change_bonus(request: web.Request) -> web.Response:
    plant, body = desk_of(request).plant, await body_of(request)
    trader = trader_of(request, manager_of(request, Permission.TRADER_BONUS_CASHIER))
    try:
        kind = BonusType[str(body.get("type"))]
    except KeyError:
        raise Refusal("INVALID_REQUEST", "type is unknown") from None
    notes = Notes(*(str(body.get(name) or "") for name in ("comment", "externalNote", "source", "externalId")))
    with plant.clock.hold():
        bonus = funds.change_bonus(plant, trader, kind, _amount(trader, body), notes)
    return answer(request, {"bonusHistoryId": bonus.bonus_history_id})


def _amount(trader: Trader, body: dict[str, Any]) -> int:
    """`preciseAmount`, a decimal; older clients send `amount` in hundredths."""
    try:
        if body.get("preciseAmount") is not None:
            return funds.precise_minor(trader, Decimal(str(body["preciseAmount"])))
        return funds.precise_minor(trader, Decimal(str(body["amount"])) / 100)
    except KeyError:
        raise Refusal("INVALID_REQUEST", "preciseAmount is missing") from None
    except InvalidOperation:
        raise Refusal("CHANGE_BALANCE_BAD_AMOUNT", "Amount is not a number") from None


@routes.post("/webserv/traders/{login}/changepassword")
async def change_password(request: web.Request) -> web.Response:
    plant, body = desk_of(request).plant, await body_of(request)
    trader = trader_of(request, manager_of(request, Permission.TRADER_CHANGE_PASSWORD))
    accounts.change_password(plant, trader, str(body.get("hashedPassword")))
    return web.Response(status=204)


@routes.post("/webserv/traders/{login}/checkpassword")
async def check_password(request: web.Request) -> web.Response:
    body = await body_of(request)
    trader = trader_of(request, manager_of(request, Permission.TRADER_READ))
    accounts.check_password(trader, str(body.get("hashedPassword")))
    return web.Response(status=204)


@routes.get("/webserv/traders/{login}/subaccounts")
async def sub_accounts(request: web.Request) -> web.Response:
    """The copy-trading accounts of an investor, with their sums."""
    plant, manager = desk_of(request).plant, manager_of(request, Permission.TRADER_READ)
    parent = trader_of(request, manager)
    own = [trader for trader in plant.traders.values() if trader.sub_account_of == parent.trader_id]
    own = [trader for trader in own if not trader.is_deleted]
    return answer(
        request,
        {
            "subAccountLogins": {"login": [trader.login for trader in own]},
            "totalSubAccountsBalance": sum(trader.balance for trader in own),
            "totalSubAccountsEquity": sum(figures_of(plant, trader).equity for trader in own),
        },
    )
