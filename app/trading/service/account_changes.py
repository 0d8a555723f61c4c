"""What staff change about an account: group, type, rights. And its name, which is only ours."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import get
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.kit import clock
from app.kit.ids import reference
from app.kit.text import _l
from app.trading import wire
from app.trading.access import rules as access_rules
from app.trading.models import AccountType, OperationKind, TradingAccount, TradingPlatform
from app.trading.permissions import TRADE_OPEN
from app.trading.queries import accounts as queries
from app.trading.queries import operations as operation_queries
from app.trading.service import offers, operations, trading_locks
from app.trading.service.accounts import TooManyAccounts
from app.trading.service.requesting import (
    Requested,
    as_requested,
    content_tag,
    ready,
    require_none_under_way,
    require_reason,
    standing,
)

NICKNAME_LENGTH_MAX = 40
STAFF = "staff"
_MOVES = (OperationKind.SET_GROUP, OperationKind.SET_TYPE, OperationKind.SET_RIGHTS, OperationKind.ARCHIVE_ACCOUNT)


class NoSuchGroup(DomainError):
    status_code, field = 422, "group"
    message = _l("Choose one of the platform's groups in the currency of this account.")


class SameGroup(DomainError):
    status_code, field = 422, "group"
    message = _l("The account is in this group already.")


class NoSuchType(DomainError):
    status_code, field = 422, "account_type"
    message = _l("This type is not offered to this client in the currency of this account.")


class SameType(DomainError):
    status_code, field = 422, "account_type"
    message = _l("The account is of this type already.")


class OtherLeverage(DomainError):
    status_code, field = 422, "account_type"
    message = _l("This type does not offer the account's leverage. Change the leverage first.")


class OnlyCloses(Conflict):
    message = _l("This account may only close positions at the moment. Lift that first.")


class SameRights(DomainError):
    status_code, field = 422, "withheld"
    message = _l("These rights are the same as before.")


def change_group(account_id: UUID, group: str, *, reason: str, key: str, by: Actor) -> Requested:
    """Ask the platform to move an account to another group of its currency. Its type stays as it is."""
    key = f"group:{account_id}:{key}"
    tag = content_tag(key, group)
    earlier = standing(operation_queries.by_key(key), tag)
    if earlier is not None:
        return earlier
    account, _, platform = ready(account_id, lock=True)
    reason = require_reason(reason)
    _require_movable(account)
    if group == account.group_name:
        raise SameGroup
    if group not in offers.groups_for(account, platform):
        raise NoSuchGroup
    payload = {"group": group, "before": account.group_name}
    return _request(OperationKind.SET_GROUP, account, platform, payload, key=key, tag=tag, reason=reason, by=by)


def change_type(account_id: UUID, type_code: str, *, reason: str, key: str, by: Actor) -> Requested:
    """Ask the platform to move an account to the group of another account type, and make it one of that type.

    The type must be offered to the client in the account's currency and with its leverage, on the same platform.
    """
    key = f"type:{account_id}:{key}"
    tag = content_tag(key, type_code)
    earlier = standing(operation_queries.by_key(key), tag)
    if earlier is not None:
        return earlier
    account, kind, platform = ready(account_id, lock=True)
    reason = require_reason(reason)
    _require_movable(account)
    wanted = queries.account_type(type_code)
    if wanted is None or not may_become(account, wanted) or not offers.is_offered(wanted, account.client_id):
        raise NoSuchType
    if wanted.id == kind.id:
        raise SameType
    if account.leverage not in offers.leverages_of(account, wanted):
        raise OtherLeverage
    if queries.count_of_type(account.client_id, wanted.id) >= wanted.accounts_max:
        raise TooManyAccounts
    payload = {
        "type_id": str(wanted.id),
        "type": wanted.code,
        "group": wanted.groups[account.currency],
        "is_hedging": wanted.is_hedging,
        "before": {"type": kind.code, "group": account.group_name},
    }
    return _request(OperationKind.SET_TYPE, account, platform, payload, key=key, tag=tag, reason=reason, by=by)


def may_become(account: TradingAccount, kind: AccountType) -> bool:
    """Whether an account could be one of this type at all: same platform, same currency, real or demo as it is."""
    same_place = kind.platform_id == account.platform_id and kind.is_demo == account.is_demo
    return same_place and account.currency in kind.groups


def withhold_rights(
    account_id: UUID, functions: Collection[str], *, reason: str, key: str, by: Actor
) -> Requested | None:
    """Keep these rights, and no others, from one account. Locks of the client come on top of them.

    Answers None when the platform is as wanted already, because a lock has taken the same right.
    """
    key = f"withhold:{account_id}:{key}"
    tag = content_tag(key, sorted(functions))
    earlier = standing(operation_queries.by_key(key), tag)
    if earlier is not None:
        return earlier
    account, _, platform = ready(account_id, lock=True)
    reason = require_reason(reason)
    if not set(functions) <= access_rules.RIGHTS.keys():
        raise Invalid(_l("Choose one of the options."), field="withheld")
    if set(functions) == account.withheld.keys():
        raise SameRights
    require_none_under_way(account, *_MOVES)
    if TRADE_OPEN in functions and TRADE_OPEN not in account.withheld:
        trading_locks.require_close_only(account)
    before = sorted(account.withheld)
    mark = {"source": STAFF, "at": clock.now().isoformat(), "by": by.name, "reason": reason}
    account.withheld = {function: account.withheld.get(function, mark) for function in sorted(functions)}
    audit.record(
        "trading.account.withhold",
        account,
        by=by,
        before={"withheld": before},
        after={"withheld": sorted(functions)},
        reason=reason,
        client_id=account.client_id,
    )
    live.publish(f"client:{account.client_id}", "accounts-changed")
    if not trading_locks.unsettled(account):
        return None
    payload = {"access": access_rules.as_stored(trading_locks.wanted_access(account))}
    return _request(OperationKind.SET_RIGHTS, account, platform, payload, key=key, tag=tag, reason=reason, by=by)


def rename(account_id: UUID, nickname: str, *, by: Actor) -> TradingAccount:
    """Give an account a name that only this product shows. An empty one takes it away."""
    account = get(TradingAccount, account_id, lock=True)
    if account is None:
        raise NotFound
    nickname = nickname.strip()
    if len(nickname) > NICKNAME_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=NICKNAME_LENGTH_MAX), field="nickname")
    if nickname != account.nickname:
        before, account.nickname = account.nickname, nickname
        audit.record(
            "trading.account.rename",
            account,
            by=by,
            before={"nickname": before},
            after={"nickname": nickname},
            client_id=account.client_id,
        )
        live.publish(f"client:{account.client_id}", "accounts-changed")
    return account


def refresh(account_id: UUID, *, by: Actor) -> TradingAccount:
    """Have an account read anew from the platform at once: settings, money and what is open. Raises AccountNotReady."""
    account, _, _ = ready(account_id)
    wire.ask_reading(account.tenant_id, account.platform_id, int(account.login or 0))
    audit.record("trading.account.refresh", account, by=by, client_id=account.client_id)
    return account


def _require_movable(account: TradingAccount) -> None:
    require_none_under_way(account, *_MOVES)
    if account.may_trade and not account.may_open:
        raise OnlyCloses


def _request(
    kind: OperationKind,
    account: TradingAccount,
    platform: TradingPlatform,
    payload: dict[str, Any],
    *,
    key: str,
    tag: str,
    reason: str,
    by: Actor,
) -> Requested:
    operation = operations.request(
        kind,
        account,
        key=key,
        reference=reference("R" if kind is OperationKind.SET_RIGHTS else "G"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload=payload,
        reason=reason,
        content_tag=tag,
    )
    return as_requested(operation, account)
