"""Plan versions: published from the bundle, immutable, each in force from an instant on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from app import tenancy
from app.core.db import execute_sql, load_sql, session
from app.core.errors import DomainError
from app.kit import clock
from app.kit.text import _l
from app.partners.arbitrage import arbitrage_faults, highest_god_rate
from app.partners.calendar import DayCut
from app.partners.faults import faults
from app.partners.models import PlanVersion, SettlementRun
from app.partners.plan import PartnersBundle, Plan
from app.referrals.rules import BEGINNING

BUNDLE = "bundle"  # Who publishes what the bundle says.


class PlanRefused(DomainError):
    """A plan that would lose money or contradicts itself is never published."""

    status_code = 422
    message = _l("The commission plan cannot be published: %(fault)s")


class PlanTooLate(DomainError):
    """A version never changes what is settled."""

    status_code = 422
    message = _l("A plan version cannot take effect before %(instant)s: that day is settled.")


def publish(plan: Plan, *, effective_from: datetime | None, by: str) -> PlanVersion | None:
    """Publish a changed plan as the next version; None when the newest one says the same already.

    A first version holds from the beginning unless dated, a later one from the start of the next unsettled day. Raises
    PlanRefused for a faulty plan or one that fails the no-arbitrage check on the present tree, PlanTooLate.
    """
    for _, sentence in faults(plan):
        raise PlanRefused(fault=sentence)
    for _, sentence in arbitrage_faults(plan, worst_god_rate(plan)):
        raise PlanRefused(fault=sentence)
    body: dict[str, Any] = msgspec.to_builtins(plan)
    digest = digest_of(plan)
    newest = session().scalar(select(PlanVersion).order_by(PlanVersion.number.desc()).limit(1))
    if newest is not None and newest.digest == digest:
        return None
    if newest is not None and newest.currency != plan.currency:  # Grants, carries and lines under way are in it.
        raise PlanRefused(
            fault=_l("The plan's currency stays %(currency)s; amounts under way are in it.", currency=newest.currency)
        )
    settled_until = session().scalar(
        select(SettlementRun.day_end).order_by(SettlementRun.business_date.desc()).limit(1)
    )
    earliest = BEGINNING if newest is None else newest.effective_from
    start = max(earliest, effective_from or (earliest if newest is None else _next_day_start()))
    if settled_until is not None and start < settled_until:
        if effective_from is not None:
            raise PlanTooLate(instant=settled_until.isoformat())
        start = settled_until
    version = PlanVersion(
        number=1 if newest is None else newest.number + 1,
        name=plan.name,
        currency=plan.currency,
        effective_from=start,
        body=body,
        digest=digest,
        published_at=clock.now(),
        published_by=by,
    )
    session().add(version)
    session().flush()
    return version


def digest_of(plan: Plan) -> str:
    """Equal for two plans that say the same."""
    return hashlib.sha256(msgspec.json.encode(msgspec.to_builtins(plan), order="sorted")).hexdigest()


def is_what_the_bundle_said_last(plan: Plan) -> bool:
    """Whether the bundle's newest version says the same: then nothing of it has changed, whoever published since."""
    digest = session().scalar(
        select(PlanVersion.digest)
        .where(PlanVersion.published_by == BUNDLE)
        .order_by(PlanVersion.number.desc())
        .limit(1)
    )
    return digest == digest_of(plan)


def _next_day_start() -> datetime:
    cut = day_cut()
    return cut.end_of(cut.day_of(clock.business_now()))


def all_versions() -> Sequence[PlanVersion]:
    """Every version, the newest first."""
    return session().scalars(select(PlanVersion).order_by(PlanVersion.number.desc())).all()


def plans() -> list[Plan]:
    """The plans of every version."""
    return [version.plan for version in all_versions()]


def version_at(at: datetime) -> PlanVersion | None:
    """The version in force at an instant."""
    return session().scalar(
        select(PlanVersion).where(PlanVersion.effective_from <= at).order_by(PlanVersion.number.desc()).limit(1)
    )


def version(number: int) -> PlanVersion | None:
    """A version by its number."""
    return session().scalar(select(PlanVersion).where(PlanVersion.number == number))


def plan_for_receivers() -> Plan | None:
    """The plan whose policy the receiver table carries: the newest. Runs on older versions derive rows of their own."""
    found = session().scalar(select(PlanVersion).order_by(PlanVersion.number.desc()).limit(1))
    return found.plan if found is not None else None


def settings() -> PartnersBundle | None:
    """The tenant's bundle section, or None where the brand pays no partners."""
    tenant = tenancy.current()
    return tenant.section("partners") if tenant.has_section("partners") else None


def day_cut() -> DayCut:
    """When the tenant's settlement day ends."""
    section = settings()
    return (
        section.day_cut(tenancy.current().timezone)
        if section is not None
        else DayCut.midnight(tenancy.current().timezone)
    )


def worst_client(plan: Plan) -> UUID | None:
    """The client below whom amounts per lot cost most today; None where nobody has one."""
    if plan.god is None:
        return None
    found = execute_sql(
        load_sql("app.partners", "sql/worst_client.sql"),
        now=clock.business_now(),
        adds_up=plan.god.nested_policy == "full",
    ).scalar_one_or_none()
    return UUID(str(found)) if found is not None else None


def worst_god_rate(plan: Plan) -> Decimal:
    """The most that the god-mode partners of any one path get per lot today, before caps."""
    if plan.god is None:
        return Decimal(0)
    worst = execute_sql(
        load_sql("app.partners", "sql/worst_god_rate.sql"),
        now=clock.business_now(),
        adds_up=plan.god.nested_policy == "full",
        highest=highest_god_rate(plan),
    ).scalar_one()
    return Decimal(worst)
