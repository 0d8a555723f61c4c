"""What identity decides without a database: limits of sessions, acceptable passwords, delays after failed sign-ins."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple
from zoneinfo import available_timezones

from app.kit.text import Message, _l

CONFIRM_LINK_LIFETIME = timedelta(days=2)
RESET_LINK_LIFETIME = timedelta(minutes=30)
INVITATION_LIFETIME = timedelta(days=7)
FRESH_FOR = timedelta(minutes=5)  # After a strong check; dangerous acts ask for one no older than this.

PASSWORD_LENGTH_MAX = 128
FREE_FAILURES = 5  # Mistyping happens. From here on every further try on the same account waits.
DELAY_MAX = timedelta(minutes=5)  # There is no hard lock: a stranger's guesses must not shut the owner out for good.


class UserKind(StrEnum):
    """Which population a login belongs to. The same e-mail may stand once in each."""

    CLIENT = "client"
    STAFF = "staff"
    OPERATOR = "operator"


class UserStatus(StrEnum):
    """Whether a login may be used at all."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"

    @property
    def label(self) -> Message:
        return _STATUS_LABELS[self]

    @property
    def tone(self) -> str:
        return {"invited": "warning", "active": "success", "disabled": "danger"}[self.value]


_STATUS_LABELS = {
    UserStatus.INVITED: _l("Invited"),
    UserStatus.ACTIVE: _l("Active"),
    UserStatus.DISABLED: _l("Disabled"),
}


class TokenPurpose(StrEnum):
    """What a mailed link may do."""

    CONFIRM_EMAIL = "confirm_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105  # The name of a purpose, not a secret.
    INVITATION = "invitation"


class SessionLimits(NamedTuple):
    """How long a session lives: without a request, and at most."""

    idle: timedelta
    absolute: timedelta


SESSION_LIMITS = {
    "cabinet": SessionLimits(timedelta(minutes=30), timedelta(hours=24)),
    "partner": SessionLimits(timedelta(minutes=30), timedelta(hours=24)),
    "office": SessionLimits(timedelta(minutes=30), timedelta(hours=12)),
    "operator": SessionLimits(timedelta(minutes=15), timedelta(hours=8)),
}

KIND_OF_AUDIENCE = {
    "cabinet": UserKind.CLIENT,
    "partner": UserKind.CLIENT,
    "office": UserKind.STAFF,
    "operator": UserKind.OPERATOR,
}

STAFF_ROLES: dict[str, Message] = {
    "admin": _l("Administrator"),
    "finance": _l("Finance"),
    "compliance": _l("Compliance"),
    "sales": _l("Sales"),
    "support": _l("Support"),
    "dealing": _l("Dealing"),
    "partner_desk": _l("Partner desk"),
}
CLIENT_ROLES = frozenset({"trader", "partner"})
OPERATOR_ROLES = frozenset({"operator"})

_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\]\\]{1,64}@(?=.{4,190}$)([^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")


def normal_email(email: str) -> str:
    """The form in which two spellings of one address are equal: trimmed, Unicode composed, lower case."""
    return unicodedata.normalize("NFC", email).strip().lower()


def is_email(email: str) -> bool:
    """Whether the text looks like one deliverable address. Only a mailed link proves that it is."""
    return _EMAIL.fullmatch(unicodedata.normalize("NFC", email).strip()) is not None


def digest(secret: str) -> str:
    """The form in which cookies and mailed links are stored. They hold 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def delay_after(failures: int) -> timedelta:
    """How long after its last try an account refuses the next one: nothing at first, then doubling up to a limit."""
    if failures < FREE_FAILURES:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE_FAILURES + 1, 10)), DELAY_MAX)


@cache
def common_passwords() -> frozenset[str]:
    """Passwords that guessers try first, in lower case (most frequent first of the zxcvbn list, and our additions)."""
    text = resources.files(__package__).joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.split())


def password_problem(password: str, *, kind: UserKind, email: str, words: Iterable[str] = ()) -> Message | None:
    """Why this password is not accepted, or None. `words` are the broker's own, which guessers would try.

    There is no composition rule and no forced change: length and not being guessable are what counts.
    """
    length_min = 8 if kind is UserKind.CLIENT else 12
    if len(password) < length_min:
        return _l("Use at least %(length)s characters.", length=length_min)
    if len(password) > PASSWORD_LENGTH_MAX:
        return _l("Use at most %(length)s characters.", length=PASSWORD_LENGTH_MAX)
    lowered = unicodedata.normalize("NFKC", password).lower()
    if lowered in common_passwords() or len(set(lowered)) < 4:
        return _l("This password is easy to guess. Choose one that is not on lists of common passwords.")
    # What is left when the guessable word is taken out must still be a password of some length.
    for word in {email.partition("@")[0], email, *words}:
        if len(word) >= 4 and word.lower() in lowered and len(lowered.replace(word.lower(), "")) < 6:
            return _l("This password contains your e-mail or our name. Choose one that is harder to guess.")
    return None


def browser_name(user_agent: str) -> str:
    """Browser and system in a few words for the list of sessions, such as "Firefox, Linux". Empty when unknown."""
    browsers = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
    systems = (
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    )
    browser = next((name for mark, name in browsers if mark in user_agent), "")
    system = next((name for mark, name in systems if mark in user_agent), "")
    return ", ".join(part for part in (browser, system) if part)


@cache
def timezones() -> tuple[str, ...]:
    """The time zones that a person may choose: places, and UTC."""
    regions = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    places = (name for name in available_timezones() if name.partition("/")[0] in regions and "/" in name)
    return ("UTC", *sorted(places))
