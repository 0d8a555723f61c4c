"""A lock on trading is a right taken away on the platform: who may trade there follows from the ban matrix, and
stays so."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.core.actor import Actor
from app.kit.ids import new_id, reference
from app.restrictions import service as restrictions
from app.trading import permissions
from app.trading.models import OperationKind, TradingAccount
from app.trading.queries import accounts as queries
from app.trading.service import operations, outcomes

EXPIRES_S = 3600  # A lock waits for a platform that is away; it is asked for again until it holds.


def enforce_for(client_id: UUID, *, by: Actor) -> int:
    """Bring the client's accounts in line with the locks that are in force now. Answers how many are to be changed."""
    is_locked = restrictions.is_locked(permissions.TRADE, client_id)
    return _enforce(queries.active_accounts_of(client_id), {client_id} if is_locked else set(), by)


def enforce_on(platform_id: UUID, *, by: Actor = outcomes.CONNECTOR) -> int:
    """The same for every account of a platform: locks that ended by themselves, and rights that somebody changed
    there."""
    locked = restrictions.locked_clients(permissions.TRADE)
    return _enforce(queries.accounts_to_enforce(platform_id, locked), locked, by)


def _enforce(accounts: Sequence[TradingAccount], locked: set[UUID], by: Actor) -> int:
    asked = 0
    for account in accounts:
        is_locked = account.client_id in locked
        if is_locked != account.may_trade or queries.has_open_operation(account.id, OperationKind.SET_RIGHTS):
            continue
        if not is_locked and not queries.was_locked_by_us(account.id):
            continue  # The broker's own people took the right away on the platform: it is theirs to give back.
        operations.request(
            OperationKind.SET_RIGHTS,
            account,
            key=f"rights:{account.id}:{new_id()}",
            reference=reference("R"),
            by=by,
            expires_s=EXPIRES_S,
            payload={"allowed": not is_locked},
        )
        asked += 1
    return asked
