"""What somebody else at the broker does: accounts, money, settings, copying, rights and credentials."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from app.simulators.ctrader import accounts
from app.simulators.ctrader.config import GroupConfig, ManagerConfig
from app.simulators.ctrader.control.answers import BadInput, body_of, respond
from app.simulators.ctrader.control.keys import simulator_of, trader_of
from app.simulators.ctrader.copying import start_copying
from app.simulators.ctrader.enums import AccessRights, BalanceType, BonusType, Operation
from app.simulators.ctrader.funds import Notes, change_balance, change_bonus, precise_minor
from app.simulators.ctrader.state import Event, Plant

routes = web.RouteTableDef()


@routes.post("/accounts")
async def open_account(request: web.Request) -> web.Response:
    """Open an account: `{"group": "Raw", "currency": "USD", "leverage": 100, "password", "deposit": "1000", ...}`.

    Any other setting of an account may stand there by its name in /accounts.
    """
    plant, body = simulator_of(request).plant, await body_of(request)
    with plant.clock.hold():
        deposit = Decimal(str(body.pop("deposit", 0)))
        currency = str(body.pop("currency", "USD"))
        fields = _settings(plant, {"group": "Standard", **body})
        fields["deposit_asset_id"] = next((it.id for it in plant.assets.values() if it.name == currency), 0)
        trader = accounts.open_account(plant, fields)
        if deposit:
            change_balance(plant, trader, BalanceType.DEPOSIT, precise_minor(trader, deposit))
    return respond({"login": trader.login, "trader_id": trader.trader_id}, status=201)


@routes.patch("/accounts/{login}")
async def change(request: web.Request) -> web.Response:
    """Change settings by hand: `{"leverage": 50, "group": "VIP", "access_rights": "CLOSE_ONLY", ...}`."""
    plant, body = simulator_of(request).plant, await body_of(request)
    trader = accounts.change_account(plant, trader_of(request), _settings(plant, body))
    return respond(msgspec.to_builtins(trader))


@routes.delete("/accounts/{login}")
async def delete(request: web.Request) -> web.Response:
    accounts.delete_account(simulator_of(request).plant, trader_of(request))
    return respond({})


def _settings(plant: Plant, body: dict[str, Any]) -> dict[str, Any]:
    fields = dict(body)
    if "group" in fields:
        fields["group_id"] = plant.group_named(str(fields.pop("group"))).id
    if "leverage" in fields:
        fields["leverage_cents"] = int(Decimal(str(fields.pop("leverage"))) * 100)
    if "password" in fields:
        fields["password_hash"] = accounts.password_digest(str(fields.pop("password")))
    if isinstance(fields.get("access_rights"), str):
        fields["access_rights"] = int(AccessRights[fields["access_rights"]])
    unknown = set(fields) - accounts.EDITABLE - {"password_hash", "broker_name"}
    if unknown:
        raise BadInput(f"There is no setting {sorted(unknown)[0]}.")
    return fields


@routes.post("/balance")
async def balance(request: web.Request) -> web.Response:
    """Move money: `{"login", "amount": "-25.50", "external_id", "comment"}`; `type` is a number of the platform's.

    Without a type the sign says whether it is a deposit or a withdrawal.
    """
    plant, body = simulator_of(request).plant, await body_of(request)
    trader, amount = trader_of(request, body), Decimal(str(body["amount"]))
    plain = BalanceType.WITHDRAW if amount < 0 else BalanceType.DEPOSIT
    texts = (str(body.get(name, "")) for name in ("comment", "external_note", "source", "external_id"))
    with plant.clock.hold():
        kind, minor = int(body.get("type", plain)), precise_minor(trader, abs(amount))
        cash = change_balance(plant, trader, kind, minor, Notes(*texts), is_margin_checked=False)
    return respond({"balance_history_id": cash.balance_history_id, "balance_version": cash.balance_version})


@routes.post("/bonus")
async def bonus(request: web.Request) -> web.Response:
    """Give or take a bonus: `{"login", "amount"}`."""
    plant, body = simulator_of(request).plant, await body_of(request)
    trader, amount = trader_of(request, body), Decimal(str(body["amount"]))
    kind = BonusType.WITHDRAW if amount < 0 else BonusType.DEPOSIT
    given = change_bonus(plant, trader, kind, precise_minor(trader, abs(amount)), Notes(str(body.get("comment", ""))))
    return respond({"bonus_history_id": given.bonus_history_id})


@routes.post("/copy")
async def copy(request: web.Request) -> web.Response:
    """Let an investor copy a strategy: `{"provider", "investor", "amount": "500"}` (logins), `group` is optional."""
    plant, body = simulator_of(request).plant, await body_of(request)
    provider, investor = plant.by_login(int(body["provider"])), plant.by_login(int(body["investor"]))
    group = plant.group_named(str(body.get("group", "Copy")))
    with plant.clock.hold():
        amount = precise_minor(investor, Decimal(str(body["amount"])))
        copier = start_copying(plant, provider, investor, amount, group_id=group.id)
    return respond({"login": copier.login, "trader_id": copier.trader_id}, status=201)


@routes.put("/managers/{login}")
async def manager(request: web.Request) -> web.Response:
    """Give a manager another password, permissions, groups or white labels, or make one.

    Tokens of WebServices die with the password. Accounts that are out of sight afterwards are told of.
    """
    plant, body = simulator_of(request).plant, await body_of(request)
    login = int(request.match_info["login"])
    before = plant.managers.get(login, ManagerConfig(login=login))
    after = msgspec.convert({**msgspec.to_builtins(before), **body, "login": login}, ManagerConfig)
    lost = [it for it in plant.traders.values() if plant.sees(before, it) and not plant.sees(after, it)]
    plant.managers[login] = after
    for trader in lost:
        plant.emit(Event("permission_lost", trader.trader_id, values={"manager_login": login}))
    return respond({"login": login, "permissions": after.permissions, "groups": after.groups})


@routes.patch("/groups/{id}")
async def group(request: web.Request) -> web.Response:
    """Change a group's terms: `{"markup_points": 9, "is_enabled": false, ...}`."""
    plant, body = simulator_of(request).plant, await body_of(request)
    before = plant.groups[int(request.match_info["id"])]
    plant.groups[before.id] = msgspec.convert({**msgspec.to_builtins(before), **body, "id": before.id}, GroupConfig)
    plant.emit(Event("group", group_id=before.id, operation=Operation.UPDATE))
    return respond(msgspec.to_builtins(plant.groups[before.id]))
