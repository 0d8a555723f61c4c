"""Sign-up, confirmation, sign-in, reset, password and profile."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

import structlog

from app import tenancy
from app.audit import service as audit
from app.core.actor import Actor, system_actor
from app.core.db import session
from app.core.errors import DomainError, Invalid
from app.core.events import publish
from app.identity import passwords, queries, rules
from app.identity.events import UserConfirmed, UserProfileChanged, UserRegistered
from app.identity.models import PasswordCredential, User
from app.identity.permissions import SIGN_IN
from app.identity.rules import TokenPurpose, UserKind, UserStatus
from app.identity.service import mails, throttle
from app.identity.service.sessions import NewSession, end_sessions_of, forget_sessions_of, start_session
from app.kit import clock
from app.kit.ids import new_id
from app.kit.text import _l
from app.notifications import service as notifications
from app.restrictions import service as restrictions

log = structlog.get_logger()

NAME_LENGTH_MAX = 100


class WrongCredentials(DomainError):
    """The same for an unknown address, a wrong password and a login that may not be used."""

    status_code = 422
    message = _l("The e-mail or the password is not right.")


class AwaitsConfirmation(NamedTuple):
    """The password is right, and nobody has shown yet that the mailbox is theirs: a new link is on its way."""

    email: str


class WrongPassword(Invalid):
    message = _l("The present password is not right.")


def register(
    *, email: str, name: str, country: str, password: str, language: str, by: Actor, referral_code: str = ""
) -> None:
    """Sign a person up as a client of the bound tenant and mail them a link to confirm.

    The answer is the same for an address that is known already; its owner learns of the try by mail. Raises Invalid
    naming the field, and TooManyTries.
    """
    if not throttle.limit("register", by.ip, times=60, seconds=3600):
        raise throttle.TooManyTries
    email, name = email.strip(), _checked_name(name)
    email_norm = _checked_email(email)
    check_password(password, UserKind.CLIENT, email_norm, field="password")
    hashed = passwords.hash_password(password)  # For a known address too, so that both take as long.
    queries.lock_email(UserKind.CLIENT, email_norm)
    known = queries.user_by_email(UserKind.CLIENT, email_norm)
    if known is None:
        user = _new_client(email, name, country, language, hashed, by, referral_code, is_confirmed=False)
        _send_confirmation(user)
    elif known.confirmed_at is None:
        # Whoever signed up first has not shown that the mailbox is theirs, so the password of the latest try counts.
        # The link asks for that password too: nobody can make the owner confirm a stranger's.
        store_password(known, hashed)
        if throttle.limit("confirm_mail", email_norm, times=5, seconds=3600):
            _send_confirmation(known)
    elif throttle.limit("known_mail", email_norm, times=3, seconds=3600):
        notifications.notify("identity.already_registered", mails.recipient(known))


def create_trader(
    *, email: str, name: str, country: str, password: str, language: str, referral_code: str = ""
) -> User:
    """A client whose e-mail counts as confirmed: for a tenant that moves in with clients, and for demonstrations."""
    hashed = passwords.hash_password(password)
    by = system_actor("import")
    return _new_client(email.strip(), name, country, language, hashed, by, referral_code, is_confirmed=True)


def register_invited(*, email: str, name: str, country: str, password: str, language: str, by: Actor) -> User:
    """Sign up the person whose mailbox a mailed link has just proved; the link is the caller's to check and use up.

    Raises Invalid naming the field, also for an address that has a login already, and TooManyTries.
    """
    if not throttle.limit("register", by.ip, times=60, seconds=3600):
        raise throttle.TooManyTries
    name, email_norm = _checked_name(name), _checked_email(email)
    check_password(password, UserKind.CLIENT, email_norm, field="password")
    hashed = passwords.hash_password(password)
    queries.lock_email(UserKind.CLIENT, email_norm)
    if queries.user_by_email(UserKind.CLIENT, email_norm) is not None:
        raise Invalid(_l("A client with this e-mail exists already."), field="email")
    return _new_client(email.strip(), name, country, language, hashed, by, "", is_confirmed=True)


def create_lead(*, email: str, name: str, country: str = "", language: str = "") -> User:
    """A client whom the tenant knows from elsewhere: no password, mailbox not confirmed, no mail sent.

    The person comes in by "forgot password", which proves the mailbox. Raises Invalid naming the field.
    """
    email_norm = _checked_email(email)
    queries.lock_email(UserKind.CLIENT, email_norm)
    if queries.user_by_email(UserKind.CLIENT, email_norm) is not None:
        raise Invalid(_l("A client with this e-mail exists already."), field="email")
    by = system_actor("import")
    return _new_client(email.strip(), _checked_name(name), country, language, None, by, "", is_confirmed=False)


def confirm_email(token: str, password: str, *, audience: str, by: Actor) -> NewSession:
    """Confirm the e-mail that a link was mailed to, and sign its owner in. Raises LinkExpired, WrongCredentials.

    The password is asked for because the link alone proves the mailbox, not who signed up with it.
    """
    user = mails.user_of_link(TokenPurpose.CONFIRM_EMAIL, token)
    _prove_password(user, password, by)
    user = mails.use_link(TokenPurpose.CONFIRM_EMAIL, token)
    _mark_confirmed(user, by)
    return _enter(user, audience, by)


def sign_in(email: str, password: str, *, audience: str, by: Actor) -> NewSession | AwaitsConfirmation:
    """Sign a person in at an audience. `by` is the visitor, with address and browser.

    Raises TooManyTries, WrongCredentials, Restricted. An unknown address answers like a wrong password, as slowly.
    """
    kind = rules.KIND_OF_AUDIENCE[audience]
    email_norm = rules.normal_email(email)
    user = queries.user_by_email(kind, email_norm)
    _prove_password(user, password, by, kind=kind, email_norm=email_norm)
    assert user is not None  # Proving the password refuses an unknown address.
    if user.confirmed_at is None:
        if throttle.limit("confirm_mail", email_norm, times=5, seconds=3600):
            _send_confirmation(user)
        return AwaitsConfirmation(user.email)
    return _enter(user, audience, by)


def request_password_reset(email: str, *, audience: str, by: Actor) -> None:
    """Mail a reset link to the address if it can sign in at this audience. Nothing tells whether it can."""
    kind, email_norm = rules.KIND_OF_AUDIENCE[audience], rules.normal_email(email)
    if not throttle.limit("reset", by.ip, times=60, seconds=3600):
        raise throttle.TooManyTries
    user = queries.user_by_email(kind, email_norm)
    if user is None or user.status is not UserStatus.ACTIVE:
        return
    if not throttle.limit("reset_mail", email_norm, times=5, seconds=3600):
        return
    token = mails.issue_link(user, TokenPurpose.RESET_PASSWORD)
    notifications.notify("identity.reset_password", mails.recipient(user), token=token, audience=audience)
    audit.record("identity.password.reset_requested", user, by=by)


def reset_password(token: str, password: str, *, by: Actor) -> User:
    """Set a new password with a mailed link and end every session. Raises LinkExpired, Invalid.

    A second factor, where there is one, stays on. Reading the link proves the mailbox, so it also confirms it.
    """
    user = mails.user_of_link(TokenPurpose.RESET_PASSWORD, token)
    check_password(password, user.kind, user.email_norm, field="password")
    hashed = passwords.hash_password(password)
    user = mails.use_link(TokenPurpose.RESET_PASSWORD, token)
    if user.status is not UserStatus.ACTIVE:
        raise mails.LinkExpired
    store_password(user, hashed)
    _mark_confirmed(user, by)
    end_sessions_of(user.id, by=by, reason="password_reset")
    throttle.succeeded(user.kind, user.email_norm)
    audit.record("identity.password.reset", user, by=by)
    notifications.notify("identity.password_changed", mails.recipient(user), at=clock.now(), ip=by.ip)
    return user


def change_password(user_id: UUID, *, current: str, new: str, by: Actor) -> None:
    """Change one's password; every other session ends. Raises WrongPassword, Invalid, TooManyTries naming the field."""
    user = queries.lock_user(user_id)
    throttle.take_turn(user.kind, user.email_norm, by.ip)
    stored = queries.credential(user.id)
    if not passwords.verify_password(stored.hash if stored else None, current):
        throttle.failed(by.ip)
        raise WrongPassword(field="current")
    throttle.succeeded(user.kind, user.email_norm)
    check_password(new, user.kind, user.email_norm, field="new")
    if new == current:
        raise Invalid(_l("Choose a password that differs from the present one."), field="new")
    store_password(user, passwords.hash_password(new))
    end_sessions_of(user.id, by=by, reason="password_changed", but=by.session_id)
    audit.record("identity.password.change", user, by=by)
    notifications.notify("identity.password_changed", mails.recipient(user), at=clock.now(), ip=by.ip)


def update_profile(user_id: UUID, *, name: str, language: str, theme: str, timezone: str, by: Actor) -> User:
    """Change what a person may change themselves. Raises Invalid naming the field."""
    user = queries.lock_user(user_id)
    name = _checked_name(name)
    if language not in tenancy.current().languages:
        raise Invalid(_l("Choose one of the languages."), field="language")
    if theme not in ("auto", "light", "dark"):
        raise Invalid(_l("Choose one of the options."), field="theme")
    if timezone not in rules.timezones():
        raise Invalid(_l("Choose one of the time zones."), field="timezone")
    before = {"name": user.name, "language": user.language, "theme": user.theme, "timezone": user.timezone}
    after = {"name": name, "language": language, "theme": theme, "timezone": timezone}
    if before == after:
        return user
    user.name, user.language, user.theme, user.timezone = name, language, theme, timezone
    audit.record("identity.profile.change", user, by=by, before=before, after=after)
    forget_sessions_of(user.id)
    if user.client_id is not None:
        publish(UserProfileChanged(user.id, user.client_id, name, language))
    return user


def check_password(password: str, kind: UserKind, email: str, *, field: str) -> None:
    """Raise Invalid at `field` unless the password may be used."""
    brand = tenancy.current()
    words = (brand.slug, brand.name, brand.short_name, brand.name.replace(" ", ""))
    problem = rules.password_problem(password, kind=kind, email=email, words=words)
    if problem is not None:
        raise Invalid(problem, field=field)


def store_password(user: User, hashed: str) -> None:
    """Make this hash the user's password."""
    row = queries.credential(user.id)
    if row is None:
        session().add(PasswordCredential(user_id=user.id, hash=hashed, changed_at=clock.now()))
    else:
        row.hash, row.changed_at = hashed, clock.now()
    session().flush()


def _new_client(
    email: str,
    name: str,
    country: str,
    language: str,
    hashed: str | None,
    by: Actor,
    referral_code: str,
    *,
    is_confirmed: bool,
) -> User:
    now = clock.now()
    brand = tenancy.current()
    client_id = new_id()
    user = User(
        kind=UserKind.CLIENT,
        email=email,
        email_norm=rules.normal_email(email),
        name=name,
        country=country,
        language=language if language in brand.languages else brand.default_language,
        theme="auto",
        timezone=brand.timezone.key,
        status=UserStatus.ACTIVE,
        client_id=client_id,
        confirmed_at=now if is_confirmed else None,
        created_at=now,
        last_sign_in_at=None,
    )
    session().add(user)
    session().flush()
    if hashed is not None:
        store_password(user, hashed)
    audit.record(
        "identity.register", user, by=by, after={"email": email, "name": name, "country": country}, client_id=client_id
    )
    publish(
        UserRegistered(
            user_id=user.id,
            client_id=client_id,
            email=email,
            email_norm=user.email_norm,
            name=name,
            country=country,
            language=user.language,
            referral_code=referral_code,
            ip=by.ip,
        )
    )
    if is_confirmed:
        publish(UserConfirmed(user.id, client_id))
    return user


def _prove_password(
    user: User | None, password: str, by: Actor, *, kind: UserKind | None = None, email_norm: str = ""
) -> None:
    """Refuse unless the password is this user's. Every refusal costs the same time and says the same."""
    kind, email_norm = (user.kind, user.email_norm) if user is not None else (kind or UserKind.CLIENT, email_norm)
    throttle.take_turn(kind, email_norm, by.ip)
    stored = queries.credential(user.id) if user is not None else None
    proved = stored.hash if stored else None
    fits = passwords.verify_password(proved, password)
    if not fits or user is None or user.status is not UserStatus.ACTIVE:
        throttle.failed(by.ip)
        log.warning("security.sign_in_refused", kind=kind.value, ip=by.ip, user=str(user.id) if user else None)
        raise WrongCredentials
    # Read again under the lock: a password that was changed while this one was being compared no longer opens.
    queries.lock_user(user.id)
    fresh = queries.credential(user.id)
    if fresh is None or user.status is not UserStatus.ACTIVE:
        raise WrongCredentials
    if fresh.hash != proved and not passwords.verify_password(fresh.hash, password):
        raise WrongCredentials
    throttle.succeeded(kind, email_norm)
    if passwords.needs_rehash(fresh.hash):
        fresh.hash = passwords.hash_password(password)


def _enter(user: User, audience: str, by: Actor) -> NewSession:
    if user.client_id is not None:
        restrictions.require(SIGN_IN, user.client_id)
    started = start_session(user.id, audience=audience, ip=by.ip, user_agent=by.user_agent)
    who = started.signed_in.actor(by.ip, by.user_agent)
    audit.record("identity.sign_in", user, by=who, after={"audience": audience})
    return started


def _send_confirmation(user: User) -> None:
    token = mails.issue_link(user, TokenPurpose.CONFIRM_EMAIL)
    notifications.notify("identity.confirm_email", mails.recipient(user), token=token)


def _mark_confirmed(user: User, by: Actor) -> None:
    if user.confirmed_at is None:
        user.confirmed_at = clock.now()
        audit.record("identity.email.confirm", user, by=by)
        if user.client_id is not None:
            publish(UserConfirmed(user.id, user.client_id))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid(_l("Fill in this field."), field="name")
    if len(name) > NAME_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=NAME_LENGTH_MAX), field="name")
    return name


def _checked_email(email: str) -> str:
    if not rules.is_email(email):
        raise Invalid(_l("Enter an e-mail address such as name@example.com."), field="email")
    return rules.normal_email(email)
