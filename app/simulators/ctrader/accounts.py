"""Opening, changing and deleting accounts, and their passwords."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from app.simulators.ctrader.enums import AccessRights, AccountType, Operation
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.margin import margin_of
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Event, Plant

_HASH = re.compile(r"[0-9a-f]{32}")

# What an account's owner and a manager may set. Money, versions and times belong to the platform.
EDITABLE = frozenset(
    {
        "group_id", "account_type", "access_rights", "leverage_cents", "max_leverage", "margin_calculation",
        "is_swap_free", "is_limited_risk", "is_password_login_disabled", "name", "last_name", "email", "phone",
        "country_id", "state", "city", "address", "zip_code", "document_id", "description", "status", "comment",
        "sends_own_statement", "sends_statement_to_broker", "is_introducing_broker", "parent_broker_id",
        "sub_account_of",
    }
)  # fmt: skip


def password_digest(password: str) -> str:
    """How the platform sees a password."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def open_account(plant: Plant, fields: dict[str, Any]) -> Trader:
    """Open an account: `group_id` and `deposit_asset_id` are needed, what is absent gets its default."""
    fields = dict(fields)
    asset = plant.assets.get(fields.pop("deposit_asset_id", 0))
    if asset is None or not asset.is_deposit:
        raise Refusal("UNKNOWN_DEPOSIT_CURRENCY", "Deposit asset is unknown")
    broker = fields.pop("broker_name", "") or plant.config.plant
    if broker not in plant.config.broker_names:
        raise Refusal("CH_BROKER_NOT_FOUND", f"Broker {broker} is not found")
    digest = fields.pop("password_hash", "")
    if digest and not _HASH.fullmatch(digest):
        raise Refusal("INVALID_DATA", "Password hash is not an MD5")
    given = {name: value for name, value in fields.items() if name in EDITABLE or name.startswith("strategy_")}
    trader = Trader(
        trader_id=0,
        login=0,
        deposit_asset_id=asset.id,
        money_digits=asset.money_digits,
        broker_name=broker,
        password_hash=digest,
        registered_at=plant.now_ms(),
        **given,
    )
    _check(plant, trader)
    trader.trader_id, trader.login = plant.take("trader"), plant.take("login")
    plant.put_trader(trader, Operation.CREATE)
    return trader


def replace_account(plant: Plant, trader: Trader, fields: dict[str, Any], *, version: int | None = None) -> Trader:
    """Give an account all its settings anew: what is absent goes back to its default.

    With a `version` it must be the present one.
    """
    plain = {field.name: field.default for field in msgspec.structs.fields(Trader) if field.name in EDITABLE}
    plain["group_id"] = trader.group_id
    digest = fields.get("password_hash") or (trader.password_hash if plant.switches.keeps_password_on_update else "")
    return change_account(plant, trader, {**plain, **fields, "password_hash": digest}, version=version)


def change_account(plant: Plant, trader: Trader, fields: dict[str, Any], *, version: int | None = None) -> Trader:
    """Change some settings of an account."""
    if version is not None and version != trader.version:
        raise Refusal("CONCURRENT_MODIFICATION", f"Version {version} is not the present one")
    wanted = msgspec.structs.replace(trader, **{name: value for name, value in fields.items() if name in EDITABLE})
    if fields.get("password_hash") and not _HASH.fullmatch(fields["password_hash"]):
        raise Refusal("INVALID_DATA", "Password hash is not an MD5")
    wanted.password_hash = fields.get("password_hash", trader.password_hash)
    _check(plant, wanted)
    if wanted.account_type != trader.account_type and plant.positions_of(trader.trader_id):
        raise Refusal("TRADER_HAS_POSITIONS", "Account has open positions")
    has_other_leverage = wanted.leverage_cents != trader.leverage_cents
    for name in (*EDITABLE, "password_hash"):
        setattr(trader, name, getattr(wanted, name))
    plant.put_trader(trader, Operation.UPDATE)
    if has_other_leverage:
        _rebind_margin(plant, trader)
    return trader


def _rebind_margin(plant: Plant, trader: Trader) -> None:
    for position in plant.positions_of(trader.trader_id):
        position.used_margin = margin_of(plant, trader, plant.symbols[position.symbol_id], position.volume)
        plant.put_position(position)
        plant.emit(Event("margin", trader.trader_id, position=msgspec.structs.replace(position)))


def delete_account(plant: Plant, trader: Trader) -> None:
    """Delete an account. One with open positions stays."""
    if plant.positions_of(trader.trader_id):
        raise Refusal("TRADER_HAS_POSITIONS", "Account has open positions")
    trader.is_deleted = True
    plant.put_trader(trader, Operation.DELETE)


def change_password(plant: Plant, trader: Trader, digest: str) -> None:
    """Give an account another password. Its version stays."""
    if not _HASH.fullmatch(digest):
        raise Refusal("INVALID_DATA", "Password hash is not an MD5")
    trader.password_hash = digest
    plant.touch("trader", trader.trader_id)


def check_password(trader: Trader, digest: str) -> None:
    """Refuse another password than the account's."""
    if not trader.password_hash or digest != trader.password_hash:
        raise Refusal("WRONG_PASSWORD", "Password is wrong")


def sign_in(plant: Plant, trader: Trader, values: dict[str, Any]) -> int:
    """A terminal connects. Returns the session's number."""
    if trader.access_rights == AccessRights.NO_LOGIN:
        raise Refusal("AUTHENTICATION_FAILED", "Login is forbidden")
    session = plant.take("session")
    plant.sessions[session] = trader.trader_id
    trader.is_online, trader.connected_at = True, plant.now_ms()
    plant.touch("trader", trader.trader_id)
    plant.emit(Event("logon", trader.trader_id, values={**values, "session": session}))
    return session


def sign_out(plant: Plant, session: int) -> None:
    """A terminal leaves."""
    trader_id = plant.sessions.pop(session, 0)
    if not trader_id:
        raise Refusal("ENTITY_NOT_FOUND", f"Session {session} is not found")
    trader = plant.traders[trader_id]
    trader.is_online = trader_id in plant.sessions.values()
    plant.touch("trader", trader_id)
    plant.emit(Event("logout", trader_id, values={"session": session, "is_online": trader.is_online}))


def _check(plant: Plant, trader: Trader) -> None:
    group = plant.groups.get(trader.group_id)
    if group is None:
        raise Refusal("TRADER_GROUP_NOT_FOUND", f"Group {trader.group_id} is not found")
    try:
        AccountType(trader.account_type)
        AccessRights(trader.access_rights)
    except ValueError as error:
        raise Refusal("INVALID_DATA", str(error)) from None
    most = trader.max_leverage or group.max_leverage * 100
    if not 1 <= trader.leverage_cents <= min(most, group.max_leverage * 100):
        raise Refusal("WRONG_LEVERAGE", f"Leverage {trader.leverage_cents} is not allowed")
