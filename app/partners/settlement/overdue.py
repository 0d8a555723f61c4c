"""Money that has been held for longer than the plan says: people are told, and time alone never ends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql
from app.identity import queries as people
from app.identity import service as identity
from app.identity.models import User
from app.identity.rules import UserStatus
from app.kit import clock
from app.notifications.service import Recipient, notify
from app.partners import permissions, versions
from app.partners.settlement.facts import sql
from app.tenancy import service as tenancy


def held_since() -> date | None:
    """What is held since this day, or longer, has waited for too long; None where the brand has no plan."""
    plan = versions.plan_for_receivers()
    if plan is None:
        return None
    return versions.day_cut().day_of(clock.business_now()) - timedelta(days=plan.max_hold_days)


def holds(*, limit: int, offset: int = 0) -> tuple[Sequence[Any], int]:
    """What has been held for too long, the oldest first, and how much there is."""
    since = held_since()
    if since is None:
        return [], 0
    rows = execute_sql(sql("overdue_holds"), since=since, limit=limit, offset=offset).all()
    return rows, count()


def count() -> int:
    """How many amounts have been held for too long."""
    since = held_since()
    return 0 if since is None else int(execute_sql(sql("overdue_count"), since=since).scalar_one())


def escalate(by: Actor) -> int:
    """Write to the staff about what has come to be held for too long, once for each amount. Answers how many.

    A trade that a person held goes to that person while they are active; all else to compliance.
    """
    since = held_since()
    if since is None:
        return 0
    day = versions.day_cut().day_of(clock.business_now())
    found = [
        row for name in ("escalate_lines", "escalate_awards") for row in execute_sql(sql(name), day=day, since=since)
    ]
    if not found:
        return 0
    staff = {user.id: (user, roles) for user, roles in people.staff(status=UserStatus.ACTIVE)}
    told: dict[UUID, tuple[User, int, date]] = {}
    for row in found:
        own = staff.get(row.decided_by_id)
        for user in [own[0]] if own is not None else _responsible(list(staff.values())):
            _, times, oldest = told.get(user.id, (user, 0, row.since))
            told[user.id] = (user, times + row.times, min(oldest, row.since))
    for user, times, oldest in told.values():
        recipient = Recipient(user.email, user.name, user.language)
        notify("partners.holds_overdue", recipient, times=times, since=oldest)
    total = int(sum(row.times for row in found))
    audit.record("partners.hold.escalate", ("tenant", tenancy.current().id), by=by, after={"holds": total})
    live.publish("office", "settlement-changed")
    return total


def _responsible(staff: Sequence[tuple[User, Any]]) -> list[User]:
    """Compliance; where there is none, all who may sign a settled day."""
    compliance = [user for user, roles in staff if "compliance" in roles]
    return compliance or [
        user for user, roles in staff if permissions.SETTLEMENT_SIGN in identity.permissions_of(roles)
    ]
