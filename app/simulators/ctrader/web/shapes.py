"""Accounts as WebServices writes and reads them."""

from __future__ import annotations

from typing import Any

from app.simulators.ctrader.enums import AccessRights, AccountType
from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.margin import figures_of
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Plant
from app.simulators.ctrader.web.desk import number

_MARGIN_KINDS = ("MAX", "SUM", "NET")
_CONTACTS = {
    "address": "address",
    "city": "city",
    "documentId": "document_id",
    "email": "email",
    "phone": "phone",
    "state": "state",
    "zipCode": "zip_code",
}
_TEXTS = {"name": "name", "lastName": "last_name", "description": "description"}
_FLAGS = {
    "swapFree": "is_swap_free",
    "isLimitedRisk": "is_limited_risk",
    "sendOwnStatement": "sends_own_statement",
    "sendStatementToBroker": "sends_statement_to_broker",
}
_NUMBERS = {"leverageInCents": "leverage_cents", "maxLeverage": "max_leverage"}


def trader_shape(plant: Plant, trader: Trader) -> dict[str, Any]:
    """An account with its figures of this moment."""
    figures = figures_of(plant, trader)
    bonus = trader.manager_bonus + trader.ib_bonus
    contacts: dict[str, Any] = {wire: getattr(trader, name) for wire, name in _CONTACTS.items()}
    contacts["countryId"] = trader.country_id
    return {
        "login": trader.login,
        "groupName": plant.groups[trader.group_id].name,
        "brokerName": trader.broker_name,
        "accountType": AccountType(trader.account_type).name,
        "accessRights": AccessRights(trader.access_rights).name,
        "depositCurrency": plant.asset_of(trader).name,
        "balance": trader.balance,
        "equity": figures.equity,
        "usedMargin": figures.used_margin,
        "freeMargin": figures.free_margin,
        "bonus": bonus,
        "nonWithdrawableBonus": trader.nonwithdrawable_bonus,
        "cashEquity": figures.equity - bonus - trader.nonwithdrawable_bonus,
        "moneyDigits": trader.money_digits,
        "leverageInCents": trader.leverage_cents,
        "maxLeverage": trader.max_leverage,
        "totalMarginCalculationType": _MARGIN_KINDS[trader.margin_calculation],
        "minEquityDaily": figures.equity if trader.min_equity_daily is None else trader.min_equity_daily,
        "maxEquityDaily": figures.equity if trader.max_equity_daily is None else trader.max_equity_daily,
        "registrationTimestamp": trader.registered_at,
        "lastUpdateTimestamp": trader.updated_at,
        "lastConnectionTimestamp": trader.connected_at,
        "contactDetails": contacts,
        **{wire: getattr(trader, name) for wire, name in _TEXTS.items()},
        **{wire: getattr(trader, name) for wire, name in _FLAGS.items()},
    }


def trader_fields(plant: Plant, body: dict[str, Any]) -> dict[str, Any]:
    """What a body gives of an account; what is absent or null is left out."""
    given = {name: value for name, value in body.items() if value is not None}
    fields: dict[str, Any] = {}
    for wire, name in _TEXTS.items():
        if wire in given:
            fields[name] = str(given[wire])
    for wire, name in _FLAGS.items():
        if wire in given:
            fields[name] = _flag(given[wire])
    for wire, name in _NUMBERS.items():
        if wire in given:
            fields[name] = number(given[wire])
    if "groupName" in given:
        fields["group_id"] = plant.group_named(str(given["groupName"])).id
    if "accessRights" in given:
        fields["access_rights"] = _named(AccessRights, given["accessRights"])
    if "accountType" in given:
        fields["account_type"] = _named(AccountType, given["accountType"])
    if "totalMarginCalculationType" in given:
        try:
            fields["margin_calculation"] = _MARGIN_KINDS.index(given["totalMarginCalculationType"])
        except ValueError:
            raise Refusal("INVALID_REQUEST", "totalMarginCalculationType is unknown") from None
    contacts = given.get("contactDetails")
    if isinstance(contacts, dict):
        fields |= {name: str(contacts[wire]) for wire, name in _CONTACTS.items() if contacts.get(wire) is not None}
        if contacts.get("countryId") is not None:
            fields["country_id"] = number(contacts["countryId"])
    if "hashedPassword" in given:
        fields["password_hash"] = str(given["hashedPassword"])
    return fields


def _named(kind: type[AccessRights] | type[AccountType], value: object) -> int:
    try:
        return int(kind[str(value)])
    except KeyError:
        raise Refusal("INVALID_REQUEST", f"{value} is unknown") from None


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Refusal("INVALID_REQUEST", f"{value} is neither true nor false")
