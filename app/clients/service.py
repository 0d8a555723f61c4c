"""What happens to a client: registered, confirmed, suspended and back, verified, looked after, written about."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from app.audit import service as audit
from app.clients import queries, rules
from app.clients.events import ClientActivated, ClientRegistered, KYCLevelChanged
from app.clients.models import Client, ClientNote
from app.clients.rules import ClientStatus
from app.core import live
from app.core.actor import Actor, current_actor
from app.core.db import get, session, tenant_id
from app.core.errors import Conflict, Invalid, NotFound
from app.core.events import publish
from app.identity import permissions as identity
from app.identity import queries as logins
from app.kit import clock
from app.kit.text import _l
from app.restrictions import rules as restriction_rules
from app.restrictions import service as restrictions


class AlreadySuspended(Conflict):
    message = _l("This client is suspended already.")


class NotSuspended(Conflict):
    message = _l("This client is not suspended.")


class SameLevel(Conflict):
    message = _l("The client has this verification level already.")


def register_client(
    *,
    client_id: UUID,
    user_id: UUID,
    name: str,
    email: str,
    email_norm: str,
    country: str,
    language: str,
    referral_code: str,
    ip: str,
) -> Client:
    """Make the client of a new login, under the id that the login already names, and tell the floors above."""
    values = {
        "tenant_id": tenant_id(),
        "id": client_id,
        "user_id": user_id,
        "name": name,
        "name_sort": rules.sort_key(name),
        "email": email,
        "email_norm": email_norm,
        "country": country,
        "language": language,
        "status": ClientStatus.REGISTERED,
        "kyc_level": 0,
        "signup_ip": ip,
        "created_at": clock.now(),
    }
    made = None
    while made is None:  # Numbers are random: now and then one is taken, and the next is tried.
        statement = insert(Client).values(number=rules.new_number(), **values)
        free = statement.on_conflict_do_nothing(index_elements=["tenant_id", "number"]).returning(Client.id)
        made = session().execute(free).scalar_one_or_none()
    client = queries.require(client_id)
    audit.record(
        "clients.register",
        client,
        by=current_actor(),
        after={"name": name, "email": email, "country": country, "language": language, "number": client.number},
        client_id=client_id,
    )
    publish(ClientRegistered(client_id, user_id, name, country, language, referral_code, ip))
    live.publish("office", "clients-changed")
    return client


def confirm_client(client_id: UUID) -> None:
    """The client has confirmed the mailbox, and becomes active unless suspended meanwhile."""
    client = _lock(client_id)
    if client.status is ClientStatus.REGISTERED:
        client.status = ClientStatus.ACTIVE
        publish(ClientActivated(client_id))
        _tell(client_id)


def rename_client(client_id: UUID, *, name: str, language: str) -> None:
    """Follow what the person changed in the profile; the change itself is recorded where it was made."""
    client = _lock(client_id)
    client.name, client.name_sort, client.language = name, rules.sort_key(name), language
    _tell(client_id)


def suspend_client(client_id: UUID, *, reason_code: str, note: str, by: Actor) -> Client:
    """Shut a client out: the sign-in is locked and open sessions end. Money and trades stay as they are.

    Raises AlreadySuspended, Invalid.
    """
    client = _lock(client_id)
    if client.status is ClientStatus.SUSPENDED:
        raise AlreadySuspended
    if reason_code not in restriction_rules.REASONS:
        raise Invalid(_l("Choose a reason."), field="reason_code")
    _check_length(note, "note", rules.REASON_LENGTH_MAX)
    lock = restrictions.lock(client_id, identity.SIGN_IN, reason_code=reason_code, by=by, internal_note=note.strip())
    before = client.status
    client.status, client.suspension_id = ClientStatus.SUSPENDED, lock.id
    audit.record(
        "clients.suspend",
        client,
        by=by,
        before={"status": before},
        after={"status": client.status, "reason": reason_code},
        reason=note.strip(),
        client_id=client_id,
    )
    _tell(client_id)
    return client


def activate_client(client_id: UUID, *, reason: str, by: Actor) -> Client:
    """End a suspension: the lock that it had set is lifted, other locks stay. Raises NotSuspended, Invalid."""
    client = _lock(client_id)
    if client.status is not ClientStatus.SUSPENDED or client.suspension_id is None:
        raise NotSuspended
    reason = _required(reason, "reason", rules.REASON_LENGTH_MAX)
    suspension_id = client.suspension_id
    client.status, client.suspension_id = ClientStatus.ACTIVE, None
    if not queries.is_lifted(suspension_id):
        restrictions.lift(suspension_id, reason=reason, by=by)
    audit.record(
        "clients.activate",
        client,
        by=by,
        before={"status": ClientStatus.SUSPENDED},
        after={"status": client.status},
        reason=reason,
        client_id=client_id,
    )
    publish(ClientActivated(client_id))
    _tell(client_id)
    return client


def set_kyc_level(client_id: UUID, level: int, *, reason: str, by: Actor) -> Client:
    """Set how far the client is verified, with the reason. Raises SameLevel, Invalid."""
    client = _lock(client_id)
    if level not in rules.KYC_LEVELS:
        raise Invalid(_l("Choose one of the levels."), field="level")
    reason = _required(reason, "reason", rules.REASON_LENGTH_MAX)
    if client.kyc_level == level:
        raise SameLevel
    before, client.kyc_level = client.kyc_level, level
    audit.record(
        "clients.kyc.set",
        client,
        by=by,
        before={"kyc_level": before},
        after={"kyc_level": level},
        reason=reason,
        client_id=client_id,
    )
    publish(KYCLevelChanged(client_id, before, level))
    _tell(client_id)
    return client


def assign_client(client_id: UUID, owner_id: UUID | None, *, by: Actor) -> Client:
    """Give the client into the care of a member of staff, or of nobody. Raises Invalid."""
    client = _lock(client_id)
    if owner_id is not None and owner_id not in {person.id for person, _roles in logins.staff(status="active")}:
        raise Invalid(_l("Choose a member of staff."), field="owner_id")
    before, client.owner_id = client.owner_id, owner_id
    if before != owner_id:
        audit.record(
            "clients.assign",
            client,
            by=by,
            before={"owner_id": before},
            after={"owner_id": owner_id},
            client_id=client_id,
        )
        _tell(client_id)
    return client


def add_note(client_id: UUID, text: str, *, by: Actor) -> ClientNote:
    """Write a note on a client. Clients never see notes. Raises Invalid."""
    client = queries.require(client_id)
    assert by.id is not None, "a note has an author"
    note = ClientNote(
        client_id=client.id,
        author_id=by.id,
        author_name=by.name,
        text=_required(text, "text", rules.NOTE_LENGTH_MAX),
        created_at=clock.now(),
    )
    session().add(note)
    session().flush()
    audit.record("clients.note.add", note, by=by, client_id=client_id)
    live.publish("office", "clients-changed")
    return note


def _lock(client_id: UUID) -> Client:
    client = get(Client, client_id, lock=True)
    if client is None:
        raise NotFound
    return client


def _tell(client_id: UUID) -> None:
    live.publish("office", "clients-changed")
    live.publish(f"client:{client_id}", "profile-changed")


def _check_length(text: str, field: str, longest: int) -> None:
    if len(text) > longest:
        raise Invalid(_l("Use at most %(length)s characters.", length=longest), field=field)


def _required(text: str, field: str, longest: int) -> str:
    if not text.strip():
        raise Invalid(_l("Write something here."), field=field)
    _check_length(text, field, longest)
    return text.strip()
