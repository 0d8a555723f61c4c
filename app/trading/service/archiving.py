"""Putting empty accounts away on the platform, and bringing them back."""

from __future__ import annotations

from uuid import UUID

from app.core.actor import Actor
from app.core.db import get
from app.core.errors import Conflict, NotFound
from app.kit.ids import reference
from app.kit.text import _l
from app.trading.models import AccountStatus, OperationKind, TradingAccount
from app.trading.queries import accounts as queries
from app.trading.queries import operations as operation_queries
from app.trading.service import leaving, operations
from app.trading.service.requesting import (
    ChangeUnderWay,
    Requested,
    as_requested,
    ready,
    require_none_under_way,
    require_reason,
    standing,
    surroundings,
)


class NotEmpty(Conflict):
    message = _l("This account still holds money. Take it out first.")


class PositionsOpen(Conflict):
    message = _l("Close the open positions first.")


class NotArchived(Conflict):
    message = _l("This account is not in the archive.")


def archive(account_id: UUID, *, key: str, by: Actor, reason: str = "") -> Requested:
    """Ask the platform to put an account away: nobody can sign in or trade there until it is restored.

    The account must have nothing open and, unless its money is play money, hold none. Staff give a reason.
    """
    key = f"archive:{account_id}:{key}"
    earlier = standing(operation_queries.by_key(key))
    if earlier is not None:
        return earlier
    account, _, platform = ready(account_id, lock=True)
    if by.kind == "staff":
        reason = require_reason(reason)
    if queries.has_anything_open(account.id):
        raise ChangeUnderWay
    if queries.positions_of(account):
        raise PositionsOpen
    state = queries.state_of(account.id)
    if not account.is_demo and (state is None or state.balance or state.credit):
        raise NotEmpty
    operation = operations.request(
        OperationKind.ARCHIVE_ACCOUNT,
        account,
        key=key,
        reference=reference("Z"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload={"must_be_empty": not account.is_demo},
        reason=reason,
    )
    return as_requested(operation, account)


def restore(account_id: UUID, *, key: str, by: Actor, reason: str = "") -> Requested:
    """Ask the platform to bring an archived account back. Locks that hold by now are applied to it at once."""
    key = f"restore:{account_id}:{key}"
    earlier = standing(operation_queries.by_key(key))
    if earlier is not None:
        return earlier
    account = get(TradingAccount, account_id, lock=True)
    if account is None:
        raise NotFound
    if account.status is not AccountStatus.ARCHIVED:
        raise NotArchived
    if by.kind == "staff":
        reason = require_reason(reason)
    require_none_under_way(account, OperationKind.RESTORE_ACCOUNT)
    _, platform = surroundings(account)
    leaving.require_on_server(account, platform)
    operation = operations.request(
        OperationKind.RESTORE_ACCOUNT,
        account,
        key=key,
        reference=reference("Z"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        reason=reason,
    )
    return as_requested(operation, account)
