"""Staff of a tenant and operators of the instance: invitations, roles, disabling."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from app import tenancy
from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import get, session, tenant_id
from app.core.errors import Conflict, Invalid, NotFound
from app.identity import passwords, queries, rules
from app.identity.models import User, UserRole, UserSession
from app.identity.rules import TokenPurpose, UserKind, UserStatus
from app.identity.service import mails
from app.identity.service.accounts import check_password, store_password
from app.identity.service.sessions import NewSession, end_session, end_sessions_of, start_session
from app.kit import clock
from app.kit.text import _l
from app.notifications import service as notifications


class LastAdministrator(Conflict):
    message = _l("This is the last administrator. Make somebody else an administrator first.")


class NotYourself(Conflict):
    message = _l("You cannot change your own roles or disable your own sign-in. Ask another administrator.")


class AlreadyMember(Invalid):
    message = _l("Somebody with this e-mail is already on the staff.")


class NotInvited(Conflict):
    message = _l("This person has already accepted the invitation.")


def create_staff(*, email: str, name: str, password: str, roles: Collection[str]) -> User:
    """A member of staff who can sign in at once: for a tenant that moves in, and for demonstrations."""
    user = _new_user(UserKind.STAFF, email, name, UserStatus.ACTIVE)
    store_password(user, passwords.hash_password(password))
    _store_roles(user, roles)
    return user


def create_operator(*, email: str, name: str, password: str) -> User:
    """An operator who can sign in at once. In the operator's realm only."""
    user = _new_user(UserKind.OPERATOR, email, name, UserStatus.ACTIVE)
    store_password(user, passwords.hash_password(password))
    return user


def invite_staff(*, email: str, name: str, roles: Collection[str], by: Actor) -> tuple[User, str]:
    """Invite a person to the tenant's staff by mail, in these roles. Answers the user and the secret of the link.

    Raises Invalid naming the field, AlreadyMember.
    """
    user = _new_user(UserKind.STAFF, email, name, UserStatus.INVITED)
    _store_roles(user, roles)
    audit.record("identity.staff.invite", user, by=by, after={"email": user.email, "roles": sorted(roles)})
    return user, _mail_invitation(user, by)


def invite_operator(*, email: str, name: str, by: Actor) -> tuple[User, str]:
    """Invite an operator by mail. In the operator's realm only."""
    user = _new_user(UserKind.OPERATOR, email, name, UserStatus.INVITED)
    audit.record("identity.operator.invite", user, by=by, after={"email": user.email})
    return user, _mail_invitation(user, by)


def invite_again(user_id: UUID, *, by: Actor) -> User:
    """Mail a new invitation; the earlier link stops working. Raises NotInvited when it was accepted already."""
    user = queries.lock_user(queries.staff_member(user_id).id)
    if user.status is not UserStatus.INVITED:
        raise NotInvited
    audit.record("identity.staff.invite_again", user, by=by)
    _mail_invitation(user, by)
    return user


def accept_invitation(token: str, *, name: str, password: str, by: Actor) -> NewSession:
    """Take up an invitation with a name and a password, and be signed in. Raises LinkExpired, Invalid."""
    user = mails.user_of_link(TokenPurpose.INVITATION, token)
    check_password(password, user.kind, user.email_norm, field="password")
    hashed = passwords.hash_password(password)
    user = mails.use_link(TokenPurpose.INVITATION, token)
    if user.status is not UserStatus.INVITED:
        raise mails.LinkExpired
    store_password(user, hashed)
    user.name = " ".join(name.split())[:100] or user.name
    user.status, user.confirmed_at = UserStatus.ACTIVE, clock.now()
    session().flush()
    audience = "operator" if user.kind is UserKind.OPERATOR else "office"
    started = start_session(user.id, audience=audience, ip=by.ip, user_agent=by.user_agent)
    audit.record("identity.invitation.accept", user, by=started.signed_in.actor(by.ip))
    return started


def change_roles(user_id: UUID, roles: Collection[str], *, by: Actor) -> User:
    """Give a member of staff exactly these roles. Their sessions end, so that no old right outlives the change.

    Raises NotYourself, LastAdministrator, Invalid.
    """
    admins = queries.lock_active_admins()
    user = queries.lock_user(queries.staff_member(user_id).id)
    if user.id == by.id:
        raise NotYourself
    before = queries.roles_of(user)
    if set(before) == set(roles):
        return user
    if "admin" not in roles and list(admins) == [user.id]:
        raise LastAdministrator
    _store_roles(user, roles)
    end_sessions_of(user.id, by=by, reason="roles_changed")
    audit.record("identity.staff.roles", user, by=by, before={"roles": list(before)}, after={"roles": sorted(roles)})
    live.publish("office", "staff-changed")
    return user


def disable_staff(user_id: UUID, *, reason: str, by: Actor) -> User:
    """Shut a member of staff out within this request. Raises NotYourself, LastAdministrator, Invalid."""
    admins = queries.lock_active_admins()
    user = queries.lock_user(queries.staff_member(user_id).id)
    if user.id == by.id:
        raise NotYourself
    if list(admins) == [user.id]:
        raise LastAdministrator
    if not reason.strip():
        raise Invalid(_l("Say why the sign-in is disabled."), field="reason")
    if user.status is UserStatus.DISABLED:
        return user
    before, user.status = user.status, UserStatus.DISABLED
    for link in queries.unused_links(user.id, TokenPurpose.INVITATION):
        link.used_at = clock.now()
    end_sessions_of(user.id, by=by, reason="disabled")
    audit.record(
        "identity.staff.disable",
        user,
        by=by,
        before={"status": before},
        after={"status": user.status},
        reason=reason.strip(),
    )
    live.publish("office", "staff-changed")
    return user


def enable_staff(user_id: UUID, *, by: Actor) -> User:
    """Let a disabled member of staff sign in again; whoever never accepted an invitation is invited anew."""
    user = queries.lock_user(queries.staff_member(user_id).id)
    if user.status is not UserStatus.DISABLED:
        return user
    has_password = queries.credential(user.id) is not None
    user.status = UserStatus.ACTIVE if has_password else UserStatus.INVITED
    audit.record(
        "identity.staff.enable", user, by=by, before={"status": UserStatus.DISABLED}, after={"status": user.status}
    )
    if not has_password:
        _mail_invitation(user, by)
    live.publish("office", "staff-changed")
    return user


def end_staff_session(user_id: UUID, session_id: UUID, *, by: Actor) -> None:
    """End one session of a member of staff. Raises NotFound when it is not theirs."""
    user = queries.staff_member(user_id)
    row = get(UserSession, session_id)
    if row is None or row.user_id != user.id:
        raise NotFound
    end_session(session_id, by=by, reason="ended_by_staff")


def _new_user(kind: UserKind, email: str, name: str, status: UserStatus) -> User:
    email, name = email.strip(), " ".join(name.split())
    if not rules.is_email(email):
        raise Invalid(_l("Enter an e-mail address such as name@example.com."), field="email")
    if not name or len(name) > 100:
        raise Invalid(_l("Enter a name of at most 100 characters."), field="name")
    assert (kind is UserKind.OPERATOR) == (tenant_id() == 0), "Operators live in the operator's realm alone."
    email_norm = rules.normal_email(email)
    queries.lock_email(kind, email_norm)
    if queries.user_by_email(kind, email_norm) is not None:
        raise AlreadyMember(field="email")
    brand, now = tenancy.current(), clock.now()
    user = User(
        kind=kind,
        email=email,
        email_norm=email_norm,
        name=name,
        country="",
        language=brand.default_language,
        theme="auto",
        timezone=brand.timezone.key,
        status=status,
        client_id=None,
        confirmed_at=now if status is UserStatus.ACTIVE else None,
        created_at=now,
        last_sign_in_at=None,
    )
    session().add(user)
    session().flush()
    return user


def _store_roles(user: User, roles: Collection[str]) -> None:
    wanted = set(roles)
    if not wanted or not wanted <= rules.STAFF_ROLES.keys():
        raise Invalid(_l("Choose at least one role."), field="roles")
    held = set(queries.roles_of(user))
    for role in sorted(held - wanted):
        row = session().get(UserRole, {"tenant_id": user.tenant_id, "user_id": user.id, "role": role})
        assert row is not None
        session().delete(row)
    session().add_all(UserRole(user_id=user.id, role=role) for role in sorted(wanted - held))
    session().flush()


def _mail_invitation(user: User, by: Actor) -> str:
    token = mails.issue_link(user, TokenPurpose.INVITATION)
    audience = "operator" if user.kind is UserKind.OPERATOR else "office"
    notifications.notify("identity.invitation", mails.recipient(user), token=token, audience=audience, inviter=by.name)
    return token
