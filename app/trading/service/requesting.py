"""What requests to a platform share: the account they concern, the message that hands them over, their refusals."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from uuid import UUID

from app.config import settings
from app.core.db import get, session, tenant_id
from app.core.errors import Conflict, Invalid, NotFound
from app.kit.text import Message, _l
from app.trading import wire
from app.trading.models import AccountType, OperationKind, PlatformOperation, TradingAccount, TradingPlatform
from app.trading.queries import accounts as queries

REASON_LENGTH_MAX = 500


class AccountNotReady(Conflict):
    message = _l("This account is not open yet, or no longer.")


class ChangeUnderWay(Conflict):
    message = _l("An earlier change of this account has not been answered yet. Wait a moment and try again.")


class FormChanged(Conflict):
    """The number of a form came again with other content."""

    message = _l("This form was already sent with other values. Reload the page and start again.")


@dataclass(frozen=True, slots=True)
class Requested:
    """An operation that is written down, and the message that hands it to the connector after the commit."""

    operation: PlatformOperation
    account: TradingAccount
    message: str = field(repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)  # Generated ones, to be shown once.

    @property
    def request_key(self) -> str:
        return wire.requests_key(self.operation.tenant_id, self.operation.platform_id)

    @property
    def answer_key(self) -> str:
        return wire.answer_key(self.operation.id)


def as_requested(
    operation: PlatformOperation, account: TradingAccount, secrets: dict[str, str] | None = None, **generated: str
) -> Requested:
    """An operation with its message; `generated` are passwords to be shown once."""
    message = wire.encode_request(tenant_id(), wire.Request(operation.id, secrets or {}))
    return Requested(operation, account, message, dict(generated))


def standing(operation: PlatformOperation | None, tag: str = "") -> Requested | None:
    """The request that was made under the same key, without passwords. Raises FormChanged when it was another one."""
    if operation is None:
        return None
    if tag and operation.content_tag and not hmac.compare_digest(operation.content_tag, tag):
        raise FormChanged
    account = get(TradingAccount, operation.account_id)
    assert account is not None, "The foreign key holds."
    return as_requested(operation, account)


def content_tag(key: str, *content: object) -> str:
    """A short mark of a form's content. It is too short to tell a password by, and long enough to tell two apart."""
    secret = hashlib.sha256(b"operation content" + settings().secret_key.encode()).digest()
    text = json.dumps([key, *(str(part) for part in content)])
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:8]


def ready(account_id: UUID, *, lock: bool = False) -> tuple[TradingAccount, AccountType, TradingPlatform]:
    """An open account with its type and platform. Raises NotFound, AccountNotReady."""
    account = get(TradingAccount, account_id, lock=lock)
    if account is None:
        raise NotFound
    if not account.is_active:
        raise AccountNotReady
    return (account, *surroundings(account))


def surroundings(account: TradingAccount) -> tuple[AccountType, TradingPlatform]:
    """The type and the platform of an account."""
    kind = session().get(AccountType, (account.tenant_id, account.type_id))  # Most pages have read both already.
    platform = session().get(TradingPlatform, (account.tenant_id, account.platform_id))
    assert kind is not None, "The foreign key holds."
    assert platform is not None, "The foreign key holds."
    return kind, platform


def require_none_under_way(account: TradingAccount, *kinds: OperationKind) -> None:
    """Raise ChangeUnderWay when an operation of one of these kinds has no outcome yet."""
    if any(queries.has_open_operation(account.id, kind) for kind in kinds):
        raise ChangeUnderWay


def require_reason(reason: str) -> str:
    """A reason that says something. Raises Invalid."""
    reason = reason.strip()
    if not 5 <= len(reason) <= REASON_LENGTH_MAX:
        raise Invalid(_l("Give a reason of at least 5 and at most 500 characters."), field="reason")
    return reason


_REFUSALS: dict[str, Message] = {
    "not_enough_money": _l("The account does not have enough free margin for this."),
    "amount_too_large": _l("This is more than the platform accepts in one movement."),
    "bad_password": _l("The platform finds this password too weak. Choose another one."),
    "group": _l("The platform does not know this kind of account. We have been told."),
    "open_positions": _l("Close the open positions first."),
    "other_currency": _l("The platform does not move an account to a group with another currency."),
    "other_server": _l("This account lives on another server of the platform."),
    "logins_exhausted": _l("The platform has no free account numbers at the moment. We have been told."),
    "not_found": _l("The platform does not know this account."),
    "not_empty": _l("The account still holds money. Take it out first."),
    "too_frequent": _l("The platform is busy. Try again in a moment."),
    "ignored": _l("The platform kept the old value."),
    "not_sent": _l("The platform cannot be reached at the moment. Nothing has been changed; try again later."),
    "expired": _l("The platform could not be reached in time. Nothing has been changed; try again later."),
    "absent": _l("The platform did not carry it out. Nothing has been changed; you may try again."),
    "declined": _l("A second person has declined it."),
}


def refusal_message(operation: PlatformOperation) -> Message:
    """Why the platform refused, for the person who asked."""
    return _REFUSALS.get(operation.refusal_reason or "", _l("The platform has refused this. Contact support."))
