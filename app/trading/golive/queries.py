"""The facts behind the list, read across what trading keeps of a platform."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import session
from app.trading.adoption.models import AdoptedLogin, AdoptionRun, LoginState
from app.trading.golive.models import GoLiveMark
from app.trading.link_tests.models import ConnectionTest
from app.trading.models import (
    AccountStatus,
    OperationKind,
    OperationState,
    PlatformOperation,
    SymbolRow,
    TradingAccount,
)
from app.trading.platforms.base import Trouble
from app.trading.sync_health.models import IncidentKind, PlatformTrouble, SyncSubscription


def marks(platform_id: UUID) -> dict[str, GoLiveMark]:
    """What was confirmed by hand, by step."""
    rows = session().scalars(select(GoLiveMark).where(GoLiveMark.platform_id == platform_id))
    return {row.step: row for row in rows}


def latest_test(platform_id: UUID) -> ConnectionTest | None:
    """The last test of the connection that came to its end."""
    statement = (
        select(ConnectionTest)
        .where(ConnectionTest.platform_id == platform_id, ConnectionTest.finished_at.is_not(None))
        .order_by(ConnectionTest.finished_at.desc())
    )
    return session().scalars(statement.limit(1)).one_or_none()


def symbol_count(platform_id: UUID) -> int:
    statement = select(func.count()).select_from(SymbolRow).where(SymbolRow.platform_id == platform_id)
    return session().scalar(statement) or 0


def unknown_groups(platform_id: UUID) -> Sequence[str]:
    """What the connector says about groups that the platform does not have."""
    statement = select(PlatformTrouble.detail).where(
        PlatformTrouble.platform_id == platform_id, PlatformTrouble.trouble == Trouble.UNKNOWN_GROUP
    )
    return session().scalars(statement).all()


def accounts_opened_before(platform_id: UUID, instant: datetime) -> int:
    """Active accounts that we opened before an instant. Adopted ones are the server's own."""
    statement = (
        select(func.count())
        .select_from(TradingAccount)
        .where(
            TradingAccount.platform_id == platform_id,
            TradingAccount.status == AccountStatus.ACTIVE,
            TradingAccount.created_at < instant,
            TradingAccount.adopted_at.is_(None),
        )
    )
    return session().scalar(statement) or 0


def waiting_logins(platform_id: UUID) -> int:
    """Accounts on the server that wait for a client."""
    statement = (
        select(func.count())
        .select_from(AdoptedLogin)
        .where(AdoptedLogin.platform_id == platform_id, AdoptedLogin.state == LoginState.WAITING)
    )
    return session().scalar(statement) or 0


def adoption_runs(platform_id: UUID) -> Sequence[AdoptionRun]:
    statement = select(AdoptionRun).where(AdoptionRun.platform_id == platform_id)
    return session().scalars(statement).all()


def confirmed_since(platform_id: UUID, instant: datetime) -> dict[str, int]:
    """How many movements of clients' money a platform has confirmed since an instant, by kind."""
    statement = (
        select(PlatformOperation.kind, func.count())
        .where(
            PlatformOperation.platform_id == platform_id,
            PlatformOperation.state.in_((OperationState.CONFIRMED, OperationState.RECONCILED)),
            PlatformOperation.kind.in_((OperationKind.FUND, OperationKind.WITHDRAW)),
            PlatformOperation.created_at >= instant,
        )
        .group_by(PlatformOperation.kind)
    )
    rows: Sequence[Any] = session().execute(statement).all()
    return {row[0].value: row[1] for row in rows}


def watchers(platform_id: UUID) -> int:
    """How many members of staff get mail when the connection is down."""
    rows = session().scalars(select(SyncSubscription.kinds).where(SyncSubscription.platform_id == platform_id))
    return sum(IncidentKind.LINK_DOWN.value in kinds for kinds in rows)
