"""Taking accounts out of commission, and saying which clients are one person."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select, update

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, session
from app.core.errors import Invalid
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import _l
from app.partners.volume.models import AccountExclusion, SamePerson
from app.referrals.rules import FOREVER
from app.trading.queries import accounts

REASON_MAX = 500


def exclusion_of(account_id: UUID) -> AccountExclusion | None:
    """The exclusion of an account that holds now, if any."""
    now = clock.business_now()
    return session().scalar(
        select(AccountExclusion).where(
            AccountExclusion.account_id == account_id,
            AccountExclusion.valid_from <= now,
            AccountExclusion.valid_to > now,
        )
    )


def exclusions_of(account_id: UUID) -> Sequence[AccountExclusion]:
    """Every exclusion of an account, the newest first."""
    return (
        session()
        .scalars(
            select(AccountExclusion)
            .where(AccountExclusion.account_id == account_id)
            .order_by(AccountExclusion.valid_from.desc())
        )
        .all()
    )


def set_pays(account_id: UUID, *, pays: bool, reason: str, by: Actor) -> None:
    """Take an account out of commission, or back in, for trades closed from now on. Asked twice it does nothing more.

    Raises NotFound, and Invalid that names the field.
    """
    account = accounts.account(account_id)
    told = _reason(reason)
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('account_exclusion'), hashtext(:id))", id=str(account_id))
    now, standing = clock.business_now(), exclusion_of(account_id)
    if pays == (standing is None):
        return
    if standing is not None:
        standing.valid_to = now
    else:
        session().add(
            AccountExclusion(
                id=new_id(),
                account_id=account_id,
                valid_from=now,
                valid_to=FOREVER,
                reason=told,
                actor_name=by.name,
                created_at=clock.now(),
            )
        )
    session().flush()
    audit.record(
        "partners.account.exclude",
        ("trading_account", account.id),
        by=by,
        before={"pays_commission": not pays},
        after={"pays_commission": pays},
        reason=told,
        client_id=account.client_id,
    )
    live.publish("office", "accounts-changed")


def people_like(client_id: UUID) -> Sequence[SamePerson]:
    """The other clients who are the same person as this one."""
    mine = select(SamePerson.person_id).where(SamePerson.client_id == client_id).scalar_subquery()
    return (
        session()
        .scalars(
            select(SamePerson)
            .where(SamePerson.person_id == mine, SamePerson.client_id != client_id)
            .order_by(SamePerson.created_at)
        )
        .all()
    )


def join_people(client_id: UUID, other_number: int, *, reason: str, by: Actor) -> UUID:
    """Say that a client and the one with that number are one person; whoever was one with either is so with both.

    Answers the other's id. Raises NotFound, and Invalid that names the field.
    """
    client, other = clients.get(client_id), clients.by_number(other_number)
    if other is None:
        raise Invalid(_l("There is no client with this number."), field="number")
    if other.id == client.id:
        raise Invalid(_l("This is the client itself."), field="number")
    told = _reason(reason)
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('same_person'), :tenant_id)")
    rows = {
        row.client_id: row
        for row in session().scalars(select(SamePerson).where(SamePerson.client_id.in_((client.id, other.id))))
    }
    persons = sorted({row.person_id for row in rows.values()})
    person = persons[0] if persons else new_id()
    if len(persons) > 1:
        session().execute(update(SamePerson).where(SamePerson.person_id == persons[1]).values(person_id=person))
    for one in (client.id, other.id):
        if one not in rows:
            session().add(
                SamePerson(client_id=one, person_id=person, reason=told, actor_name=by.name, created_at=clock.now())
            )
    session().flush()
    audit.record(
        "partners.person.join", client, by=by, after={"same_person_as": other.number}, reason=told, client_id=client.id
    )
    return other.id


def part_person(client_id: UUID, *, by: Actor) -> None:
    """Say that a client is a person of their own again. Raises NotFound."""
    client = clients.get(client_id)
    gone = session().execute(
        delete(SamePerson).where(SamePerson.client_id == client.id).returning(SamePerson.client_id)
    )
    if gone.scalar_one_or_none() is not None:
        audit.record("partners.person.part", client, by=by, client_id=client.id)


def _reason(text: str) -> str:
    """Why somebody does it. Raises Invalid that names the field."""
    told = text.strip()
    if not told:
        raise Invalid(_l("Say why."), field="reason")
    if len(told) > REASON_MAX:
        raise Invalid(_l("Use at most %(most)s characters.", most=REASON_MAX), field="reason")
    return told
