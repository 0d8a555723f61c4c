"""Asking for a test of a connection, and writing down what it found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Invalid
from app.kit import clock
from app.kit.text import _l
from app.trading.link_tests import queries
from app.trading.link_tests.models import ConnectionTest
from app.trading.platforms.base import Finding
from app.trading.queries import platforms

LATE: Final = timedelta(seconds=120)  # A test that is not done by then is given up.


class TestUnderWay(Conflict):
    __test__ = False
    message = _l("A test of this platform is under way already.")


@dataclass(frozen=True, slots=True)
class Job:
    """A test that the connector has taken."""

    test_id: UUID
    login: int | None


def request(platform_id: UUID, login: int | None, *, by: Actor) -> ConnectionTest:
    """Ask the owner of the connection to test it. With `login`, a test account, a hundredth moves in and out there.

    Raises NotFound, TestUnderWay, and Invalid when the login is a client's.
    """
    platform = platforms.platform(platform_id)
    if login is not None and queries.is_clients_login(platform_id, login):
        raise Invalid(_l("This is a client's account. Use an account that belongs to nobody."), field="login")
    queries.wait_for_requests(platform_id)
    standing = queries.unfinished(platform_id)
    if standing is not None:
        if clock.now() - standing.requested_at < LATE:
            raise TestUnderWay
        _end(standing, [Finding("answer", False, "", "")])
    row = ConnectionTest(
        platform_id=platform.id,
        login=login,
        state="requested",
        requested_by=by.id,
        requested_by_name=by.name,
        requested_at=clock.now(),
    )
    session().add(row)
    session().flush()
    audit.record("trading.platform.test", platform, by=by, after={"login": login})
    live.publish("office", "platforms-changed")
    return row


def take(platform_id: UUID) -> Job | None:
    """The test that waits, if one does: the caller carries it out. Nobody else gets it."""
    row = queries.unfinished(platform_id)
    if row is None or row.state != "requested":
        return None
    row.state, row.started_at = "running", clock.now()
    live.publish("office", "platforms-changed")
    return Job(row.id, row.login)


def finish(test_id: UUID, findings: Sequence[Finding]) -> None:
    """Write down what a test found."""
    row = queries.lock(test_id)
    if row is not None and row.state == "running":
        _end(row, findings)


def _end(row: ConnectionTest, findings: Sequence[Finding]) -> None:
    row.state, row.finished_at = "done", clock.now()
    row.findings = [{**asdict(finding), "detail": finding.detail[:300]} for finding in findings]
    session().flush()
    live.publish("office", "platforms-changed")
