"""Readings about access: who differs from what is wanted, and what was changed by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from app.core.db import execute_sql, load_sql, session
from app.trading.access import rules
from app.trading.access.models import AccessDrift
from app.trading.models import AccountStatus, OperationKind, OperationState, PlatformOperation, TradingAccount
from app.trading.platforms.base import Capabilities

LATE = timedelta(seconds=30)  # A change of rights is on the platform by then, or somebody looks.
FORGOTTEN = timedelta(days=30)


def taken_by_us(account_id: UUID) -> list[str]:
    """The functions whose right the last change that we had carried out took away."""
    statement = (
        select(PlatformOperation.payload)
        .where(
            PlatformOperation.account_id == account_id,
            PlatformOperation.kind == OperationKind.SET_RIGHTS,
            PlatformOperation.state.in_((OperationState.CONFIRMED, OperationState.RECONCILED)),
        )
        .order_by(PlatformOperation.finished_at.desc())
        .limit(1)
    )
    payload = session().scalars(statement).one_or_none()
    return rules.taken_by(payload) if payload is not None else []


def to_enforce(
    platform_id: UUID, locked: Mapping[str, Collection[UUID]], can: Capabilities, now: datetime
) -> Sequence[TradingAccount]:
    """Open accounts that differ from what locks and staff want, none of whose changes is under way. Locks them."""
    ids = execute_sql(
        load_sql("app.trading", "sql/accounts_to_enforce.sql"),
        platform_id=platform_id,
        has_access_levels=can.has_access_levels,
        has_close_only=can.has_close_only,
        has_robots_switch=can.has_robots_switch,
        has_password_switch=can.has_password_switch,
        now=now,
        **{function: list(locked.get(function, ())) for function in rules.RIGHTS},
    ).scalars()
    statement = select(TradingAccount).where(TradingAccount.id.in_(list(ids))).order_by(TradingAccount.id)
    return session().scalars(statement.with_for_update().execution_options(populate_existing=True)).all()


def drifted(platform_id: UUID, *, limit: int = 50) -> Sequence[int]:
    """Logins whose access is another than when we last settled it, and not by a change of ours."""
    return list(
        execute_sql(
            "SELECT a.login FROM trading_account AS a WHERE a.tenant_id = :tenant_id AND a.platform_id = :platform_id"
            " AND a.status = 'active' AND a.access_known <> jsonb_build_object("
            "  'can_sign_in', a.may_sign_in, 'can_trade', a.may_trade, 'can_open', a.may_open,"
            "  'can_use_robots', a.may_use_robots, 'can_change_password', a.may_change_password)"
            " AND NOT EXISTS (SELECT FROM platform_operation AS o WHERE o.tenant_id = a.tenant_id"
            "  AND o.account_id = a.id AND o.kind IN ('set_rights', 'archive_account', 'restore_account')"
            "  AND o.state IN ('requested', 'sent', 'unknown'))"
            " ORDER BY a.id LIMIT :limit",
            platform_id=platform_id,
            limit=limit,
        ).scalars()
    )


def unapplied(now: datetime, *, limit: int = 50) -> Sequence[tuple[PlatformOperation, TradingAccount]]:
    """Accounts whose newest change of rights has no outcome for half a minute, or was refused; the longest first."""
    other = aliased(PlatformOperation)
    newest = (
        select(other.id)
        .where(other.account_id == TradingAccount.id, other.kind == OperationKind.SET_RIGHTS)
        .order_by(other.created_at.desc(), other.id.desc())
        .limit(1)
        .correlate(TradingAccount)
        .scalar_subquery()
    )
    waiting = (OperationState.REQUESTED, OperationState.SENT, OperationState.UNKNOWN)
    statement = (
        select(PlatformOperation, TradingAccount)
        .join(TradingAccount, TradingAccount.id == PlatformOperation.account_id)
        .where(
            PlatformOperation.kind == OperationKind.SET_RIGHTS,
            or_(
                and_(PlatformOperation.state.in_(waiting), PlatformOperation.created_at < now - LATE),
                PlatformOperation.state == OperationState.REFUSED,
            ),
            PlatformOperation.created_at > now - FORGOTTEN,
            TradingAccount.status == AccountStatus.ACTIVE,
            PlatformOperation.id == newest,
        )
        .order_by(PlatformOperation.created_at)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session().execute(statement)]


def changed_since(account_id: UUID, instant: datetime) -> bool:
    """Whether a change of ours that touches what an account may do has no outcome yet, or had it after this instant.

    To put an account away takes every right from it on some platforms.
    """
    statement = select(PlatformOperation.id).where(
        PlatformOperation.account_id == account_id,
        PlatformOperation.kind.in_(
            (OperationKind.SET_RIGHTS, OperationKind.ARCHIVE_ACCOUNT, OperationKind.RESTORE_ACCOUNT)
        ),
        PlatformOperation.finished_at.is_(None) | (PlatformOperation.finished_at >= instant),
    )
    return session().scalars(statement.limit(1)).one_or_none() is not None


def last_change(account_id: UUID) -> PlatformOperation | None:
    """The newest change of an account's rights that was asked for."""
    statement = (
        select(PlatformOperation)
        .where(PlatformOperation.account_id == account_id, PlatformOperation.kind == OperationKind.SET_RIGHTS)
        .order_by(PlatformOperation.created_at.desc(), PlatformOperation.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).one_or_none()


def drift_of(account_id: UUID, *, limit: int = 5) -> Sequence[AccessDrift]:
    """What was changed by hand on the platform, latest first."""
    statement = (
        select(AccessDrift)
        .where(AccessDrift.account_id == account_id)
        .order_by(AccessDrift.found_at.desc(), AccessDrift.id.desc())
        .limit(limit)
    )
    return session().scalars(statement).all()


def as_values(row: AccessDrift) -> dict[str, Any]:
    """A change as the audit keeps it."""
    return {"right": row.access_right, "is_taken": row.is_taken, "handling": row.handling}
