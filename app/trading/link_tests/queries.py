"""Readings about tests of connections."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select

from app.core.db import execute_sql, session
from app.trading.link_tests.models import ConnectionTest
from app.trading.models import TradingAccount


def latest(platform_id: UUID) -> ConnectionTest | None:
    """The newest test of a platform, read fresh."""
    statement = (
        select(ConnectionTest)
        .where(ConnectionTest.platform_id == platform_id)
        .order_by(ConnectionTest.requested_at.desc(), ConnectionTest.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).one_or_none()


def lock(test_id: UUID) -> ConnectionTest | None:
    """One test, locked."""
    statement = select(ConnectionTest).where(ConnectionTest.id == test_id).with_for_update()
    return session().scalars(statement.execution_options(populate_existing=True)).one_or_none()


def unfinished(platform_id: UUID) -> ConnectionTest | None:
    """The test that is asked for or under way, locked."""
    statement = select(ConnectionTest).where(ConnectionTest.platform_id == platform_id, ConnectionTest.state != "done")
    statement = statement.with_for_update().execution_options(populate_existing=True)
    return session().scalars(statement).one_or_none()


def wait_for_requests(platform_id: UUID) -> None:
    """Tests of a platform are asked for one at a time."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('test link'), hashtext(:platform))", platform=str(platform_id))


def is_clients_login(platform_id: UUID, login: int) -> bool:
    """Whether a client's real account bears this login."""
    statement = select(TradingAccount.id).where(
        TradingAccount.platform_id == platform_id, TradingAccount.login == login, TradingAccount.is_demo.is_(False)
    )
    return session().scalars(statement.limit(1)).one_or_none() is not None
