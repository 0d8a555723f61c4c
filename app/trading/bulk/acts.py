"""What one row of a change asks for, by the same service functions as a change of a single account."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.core.actor import Actor
from app.core.errors import Invalid
from app.kit.money import Money
from app.kit.text import Message, _l
from app.restrictions import service as restrictions
from app.trading import permissions
from app.trading.access import rules as access
from app.trading.bulk import queries
from app.trading.bulk.models import BulkKind
from app.trading.models import TradingAccount
from app.trading.queries import accounts
from app.trading.service import account_changes, change_leverage, credit
from app.trading.service.requesting import Requested, ready

NEAR_MARGIN_CALL = _l("Its margin level would come near a margin call.")
OPEN_POSITIONS = _l("It has open positions. The platform may refuse the move.")
CLIENT_LOCKED = _l("Changing the leverage is locked for this client. Staff may do it all the same.")


def check_target(kind: BulkKind, target: Mapping[str, Any]) -> dict[str, Any]:
    """The target as it is kept. Raises Invalid naming the field."""
    if kind is BulkKind.LEVERAGE:
        leverage = str(target.get("leverage", ""))
        if not (leverage.isascii() and leverage.isdigit() and 1 <= int(leverage) <= 5000):
            raise Invalid(_l("Choose one of the options."), field="leverage")
        return {"leverage": int(leverage)}
    if kind is BulkKind.GROUP:
        if not target.get("group"):
            raise Invalid(_l("Choose one of the options."), field="group")
        return {"group": str(target["group"])}
    if kind is BulkKind.TYPE:
        if accounts.account_type(str(target.get("type", ""))) is None:
            raise Invalid(_l("Choose one of the account types."), field="type")
        return {"type": str(target["type"])}
    if kind is BulkKind.RIGHTS:
        functions = sorted(set(target.get("functions") or ()))
        if not functions or not set(functions) <= access.RIGHTS.keys():
            raise Invalid(_l("Choose at least one right."), field="functions")
        return {"functions": functions, "is_taken": bool(target.get("is_taken"))}
    money: Money = target["money"]
    return {"amount": f"{money.amount:f}", "currency": money.currency, "is_taken": bool(target.get("is_taken"))}


def describe(kind: BulkKind, target: Mapping[str, Any]) -> Message:
    """The target in words."""
    if kind is BulkKind.LEVERAGE:
        return _l("Leverage 1:%(leverage)s", leverage=target["leverage"])
    if kind is BulkKind.GROUP:
        return _l("Group %(group)s", group=target["group"])
    if kind is BulkKind.TYPE:
        return _l("Account type %(type)s", type=target["type"])
    if kind is BulkKind.RIGHTS:
        labels = {function.code: str(function.label) for function in permissions.FUNCTIONS}
        names = ", ".join(labels.get(code, code) for code in target["functions"])
        if target["is_taken"]:
            return _l("Taken away: %(rights)s", rights=names)
        return _l("Given back: %(rights)s", rights=names)
    money = f"{target['amount']} {target['currency']}"
    if target["is_taken"]:
        return _l("Credit taken back: %(money)s", money=money)
    return _l("Credit given: %(money)s", money=money)


def ask(
    kind: BulkKind,
    target: Mapping[str, Any],
    account: TradingAccount,
    *,
    reason: str,
    key: str,
    by: Actor,
    accepted: bool,
) -> Requested | None:
    """Ask for the change of one account; None when there was nothing left to ask for. Refuses as the single act
    does."""
    if kind is BulkKind.LEVERAGE:
        return change_leverage(account.id, int(target["leverage"]), key=key, by=by, reason=reason, accepted=accepted)
    if kind is BulkKind.GROUP:
        return account_changes.change_group(account.id, str(target["group"]), reason=reason, key=key, by=by)
    if kind is BulkKind.TYPE:
        return account_changes.change_type(account.id, str(target["type"]), reason=reason, key=key, by=by)
    if kind is BulkKind.RIGHTS:
        chosen = set(target["functions"])
        ready(account.id, lock=True)  # Somebody else may be withholding another right at this moment.
        wanted = account.withheld.keys() | chosen if target["is_taken"] else account.withheld.keys() - chosen
        return account_changes.withhold_rights(account.id, wanted, reason=reason, key=key, by=by)
    money = Money(Decimal(target["amount"]), target["currency"])
    return credit.move_credit(account.id, money, is_taken=target["is_taken"], reason=reason, key=key, by=by)


def warning_of(kind: BulkKind, account: TradingAccount) -> Message | None:
    """What staff should know of an account before they change it."""
    if kind is BulkKind.LEVERAGE and restrictions.is_locked(permissions.LEVERAGE, account.client_id):
        return CLIENT_LOCKED
    if kind in (BulkKind.GROUP, BulkKind.TYPE) and queries.has_open_positions(account):
        return OPEN_POSITIONS
    return None
