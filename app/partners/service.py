"""What people do with commission: grant god-mode, judge a trade."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, load_sql, session
from app.core.errors import Conflict, Invalid
from app.kit import clock
from app.kit.text import _l
from app.partners import receivers, versions
from app.partners.models import GodGrant
from app.partners.rules.facts import Verdict
from app.referrals import queries as tree
from app.referrals.rules import FOREVER

RATE_MAX = Decimal(1000)


def move_moment(when: str, now: datetime) -> datetime:
    """When a move of a client takes effect: at once or with the next settlement day, as asked or as the plan says."""
    plan = versions.plan_for_receivers()
    chosen = when if when != "plan" else (plan.move_effective if plan is not None else "immediate")
    if chosen == "immediate":
        return now
    cut = versions.day_cut()
    return cut.end_of(cut.day_of(now))


def grant_god_mode(
    partner_id: UUID, rate_per_lot: Decimal | None, *, reason: str, by: Actor, request_id: str
) -> GodGrant | None:
    """Give a partner an amount per lot over everybody below, from now on; None takes it away. Never retroactive.

    The same `request_id` answers the first grant. Raises NotFound, Invalid naming the field.
    """
    client = clients.get(partner_id)
    if rate_per_lot is not None and not 0 < rate_per_lot <= RATE_MAX:
        raise Invalid(_l("Give an amount per lot above 0 and at most %(most)s.", most=f"{RATE_MAX:f}"), field="rate")
    if not reason.strip():
        raise Invalid(_l("Say why this partner's amount per lot changes."), field="reason")
    tree.lock_tree(exclusively=True)
    standing = session().scalar(select(GodGrant).where(GodGrant.request_id == request_id))
    if standing is not None:
        return standing
    now = clock.business_now()
    old = session().scalar(
        select(GodGrant)
        .where(GodGrant.partner_id == client.id, GodGrant.valid_from <= now, GodGrant.valid_to > now)
        .with_for_update()
    )
    if old is not None:
        old.valid_to = now
        session().flush()
    grant = None
    if rate_per_lot is not None:
        grant = GodGrant(
            partner_id=client.id,
            rate_per_lot=rate_per_lot,
            valid_from=now,
            valid_to=FOREVER,
            reason=reason.strip()[:500],
            actor_kind=by.kind,
            actor_id=by.id,
            actor_name=by.name,
            request_id=request_id,
            created_at=clock.now(),
        )
        session().add(grant)
        try:
            session().flush()
        except IntegrityError as error:
            raise Conflict from error
    receivers.refresh([person for person in tree.below_from(client.id, now) if person != client.id], now)
    audit.record(
        "partners.god_mode.grant",
        grant or ("client", client.id),
        by=by,
        before={"rate_per_lot": str(old.rate_per_lot) if old is not None else None},
        after={"rate_per_lot": str(rate_per_lot) if rate_per_lot is not None else None},
        reason=reason.strip(),
        client_id=client.id,
    )
    live.publish(f"partner:{client.id}", "commission-changed")
    return grant


def record_verdict(trade_id: int, verdict: Verdict, *, reason: str, by: Actor) -> None:
    """Say that a closed trade pays no commission (`reject`), that its lines wait (`hold`), or that it is clear.

    Counts for runs that start from now on; a hold that became clear is settled by the next run.
    """
    execute_sql(
        load_sql("app.partners", "sql/record_verdict.sql"),
        trade_id=trade_id,
        verdict=verdict,
        reason=reason,
        by=by.name,
        by_id=by.id,
        now=clock.now(),
    )
    audit.record("partners.verdict", ("closed_trade", trade_id), by=by, after={"verdict": verdict}, reason=reason)
