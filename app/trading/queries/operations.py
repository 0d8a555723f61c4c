"""Operations as the connector sees them: what to send, what to look for, and the one update that allows sending."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from app.core.db import execute_sql, session
from app.core.errors import NotFound
from app.trading.models import OperationState, PlatformOperation, TradingAccount
from app.trading.queries.leases import Lease


def claim(operation_id: UUID, lease: Lease, owner: str, now: datetime) -> Row[Any] | None:
    """Turn `requested` into `sent`, if it still may be sent and the caller's lease is alive under this epoch.

    Whoever gets the row may write the frame within the next seconds; nobody else ever gets it for this operation.
    """
    return execute_sql(
        "UPDATE platform_operation AS o SET state = 'sent', sent_at = :now, epoch = :epoch FROM trading_account AS a"
        " WHERE o.tenant_id = :tenant_id AND o.id = :id AND o.platform_id = :platform_id AND o.state = 'requested'"
        " AND o.expires_at > :now AND a.tenant_id = o.tenant_id AND a.id = o.account_id"
        " AND EXISTS (SELECT FROM platform_lease AS l WHERE l.tenant_id = o.tenant_id"
        "  AND l.platform_id = o.platform_id AND l.owner = :owner AND l.epoch = :epoch"
        "  AND l.expires_at > clock_timestamp())"
        " RETURNING o.kind, o.reference, o.payload, o.amount_minor, o.currency, a.login, a.group_name",
        id=operation_id,
        platform_id=lease.platform_id,
        owner=owner,
        epoch=lease.epoch,
        now=now,
    ).one_or_none()


def lock(operation_id: UUID) -> PlatformOperation:
    """The operation, locked and read fresh. Raises NotFound."""
    statement = (
        select(PlatformOperation)
        .where(PlatformOperation.id == operation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row = session().scalars(statement).one_or_none()
    if row is None:
        raise NotFound
    return row


def find_with_account(operation_id: UUID) -> PlatformOperation:
    """The operation read fresh, and its account as well: whoever holds the account sees what became of it. Raises
    NotFound."""
    statement = (
        select(PlatformOperation, TradingAccount)
        .join(TradingAccount, TradingAccount.id == PlatformOperation.account_id)
        .where(PlatformOperation.id == operation_id)
    )
    row = session().execute(statement.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound
    operation: PlatformOperation = row[0]
    return operation


def find(operation_id: UUID) -> PlatformOperation:
    """The operation, read fresh. Raises NotFound."""
    statement = select(PlatformOperation).where(PlatformOperation.id == operation_id)
    row = session().scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound
    return row


def by_key(key: str) -> PlatformOperation | None:
    """The operation that was begun under this key."""
    return session().scalars(select(PlatformOperation).where(PlatformOperation.key == key)).one_or_none()


def expired(platform_id: UUID, now: datetime) -> Sequence[UUID]:
    """Operations that were not sent in time."""
    statement = select(PlatformOperation.id).where(
        PlatformOperation.platform_id == platform_id,
        PlatformOperation.state == OperationState.REQUESTED,
        PlatformOperation.expires_at <= now,
    )
    return session().scalars(statement.order_by(PlatformOperation.created_at)).all()


def due(platform_id: UUID, now: datetime, requested_before: datetime) -> Sequence[UUID]:
    """Operations that wait to be sent and came by no message. Those with a password can be sent from their message
    only."""
    statement = select(PlatformOperation.id).where(
        PlatformOperation.platform_id == platform_id,
        PlatformOperation.state == OperationState.REQUESTED,
        PlatformOperation.has_secret.is_(False),
        PlatformOperation.expires_at > now,
        PlatformOperation.created_at < requested_before,
    )
    return session().scalars(statement.order_by(PlatformOperation.created_at).limit(50)).all()


def abandoned(platform_id: UUID, epoch: int, sent_before: datetime) -> Sequence[UUID]:
    """Operations that an earlier owner sent and never finished, and our own that are overdue."""
    statement = select(PlatformOperation.id).where(
        PlatformOperation.platform_id == platform_id,
        PlatformOperation.state == OperationState.SENT,
        (PlatformOperation.epoch < epoch) | (PlatformOperation.sent_at < sent_before),
    )
    return session().scalars(statement).all()


def to_look_for(platform_id: UUID, now: datetime) -> Sequence[PlatformOperation]:
    """Operations with an unknown outcome whose next look is due."""
    statement = (
        select(PlatformOperation)
        .where(
            PlatformOperation.platform_id == platform_id,
            PlatformOperation.state == OperationState.UNKNOWN,
            PlatformOperation.next_look_at <= now,
        )
        .order_by(PlatformOperation.next_look_at)
        .limit(20)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()
