"""What is the matter with a connection, in words that staff can act upon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.kit.text import Message, _l
from app.trading.models import PlatformStatus
from app.trading.platforms.base import Trouble
from app.trading.sync_health import rules


@dataclass(frozen=True, slots=True)
class Advice:
    """A trouble in one sentence, and what to do about it."""

    what: Message
    action: Message


_BY_ITSELF = _l("Nothing needs to be done: it is tried again by itself.")

_ADVICE: Final = {
    Trouble.NOT_CONFIGURED: Advice(
        _l("The connection is not configured completely."),
        _l("Enter the missing secret or file of this platform; the detail names it."),
    ),
    Trouble.NETWORK: Advice(
        _l("Nobody answers at the platform's address."),
        _l("Check address, port and firewall. If the server is being restarted, the connection returns by itself."),
    ),
    Trouble.CLOSED: Advice(
        _l("The server hangs up as soon as it is called."),
        _l(
            "It is restarting, or it blocks our address for calling too often. We call ever more rarely; if it lasts,"
            " ask the server's administrator to look at its flood protection."
        ),
    ),
    Trouble.SLOW: Advice(
        _l("The server is there, but does not answer in time."),
        _l("If it lasts, ask the server's administrator about its load."),
    ),
    Trouble.CERTIFICATE: Advice(
        _l("The server's certificate is not one that we trust."),
        _l("Check the server's name and the pinned certificate authority in the brand's configuration."),
    ),
    Trouble.CERTIFICATE_EXPIRED: Advice(
        _l("The server's certificate has expired."),
        _l("Ask the server's administrator to renew it. The connection returns by itself afterwards."),
    ),
    Trouble.CREDENTIALS: Advice(
        _l("The server refuses the manager login or its password."),
        _l("Enter the password again in the brand's secrets, and check that the manager login is enabled."),
    ),
    Trouble.SIGN_IN_STOPPED: Advice(
        _l("The server has refused the manager login five times, so we have stopped trying."),
        _l("Enter the right password: it is tried at once. Otherwise we try again every quarter of an hour."),
    ),
    Trouble.ADDRESS_NOT_ALLOWED: Advice(
        _l("The server does not allow the manager login from our address."),
        _l("Ask the server's administrator to allow our address for this manager login."),
    ),
    Trouble.MISSING_RIGHT: Advice(
        _l("The manager login lacks a right."),
        _l("Run the connection test: it names the right. The server's administrator can grant it."),
    ),
    Trouble.UNKNOWN_GROUP: Advice(
        _l("A group of the brand's configuration does not exist on the platform, or the manager login cannot see it."),
        _l("Correct the group's name in the account types, or ask the server's administrator to create it."),
    ),
    Trouble.MAINTENANCE: Advice(
        _l("The trade server is in maintenance."),
        _l("Nothing needs to be done: what was asked waits, and the connection returns by itself."),
    ),
    Trouble.TOO_FREQUENT: Advice(
        _l("The server says that we ask too often."),
        _l("Lower the number of requests per second in the brand's configuration if it lasts."),
    ),
    Trouble.MALFORMED: Advice(
        _l("The server answered with something that cannot be read."),
        _l("Check that address and port are those of the right service. If so, tell us: the detail helps to find it."),
    ),
    Trouble.OVERSIZED: Advice(
        _l("The server's answer is larger than we accept."),
        _l("Tell us: the detail names the question. Everything else goes on."),
    ),
    Trouble.CLOCK: Advice(
        _l("The server's clock cannot be believed."),
        _l("Ask the server's administrator to set its clock and time zone."),
    ),
    Trouble.DATABASE: Advice(_l("Our own database did not answer in time."), _BY_ITSELF),
    Trouble.OTHER: Advice(
        _l("Something unexpected went wrong."),
        _l("It is tried again by itself. If it lasts, tell us: the log of the connector says more."),
    ),
}

_UNATTENDED: Final = Advice(
    _l("No connector looks at this platform."),
    _l("Requests wait and nothing is read. Ask those who run this system to start a connector."),
)

_WORK: Final = {
    "link": _l("Connection"),
    "reports": _l("Storing what the platform sends"),
    "check_groups": _l("Groups"),
    "catch_up": _l("Reading deals"),
    "read_watched": _l("Reading figures of open pages"),
    "read_refreshed": _l("Reading figures after a trade"),
    "read_settings": _l("Reading accounts"),
    "enforce_locks": _l("Trading locks"),
    "compare": _l("Comparison with the platform"),
    "do_chores": _l("Sending requests"),
}


def advice(trouble: Trouble) -> Advice:
    """What to say about a trouble."""
    return _ADVICE[trouble]


def unattended(status: PlatformStatus, now: datetime) -> Advice | None:
    """What to say when no connector looks at a platform; None while one does."""
    return _UNATTENDED if rules.is_unattended(status.link, status.checked_at, now) else None


def work(source: str) -> Message:
    """What part of the work fails."""
    return _WORK.get(source, _l("Other work"))
