"""`--check`: try everything that the bridge needs, and say in words what is missing. Changes nothing anywhere."""

from __future__ import annotations

import email.utils
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kontor_mt5_bridge.config import Config
from kontor_mt5_bridge.link import Link, LinkError, is_failure, load_package
from kontor_mt5_bridge.program import AlreadyRunning, sole_use
from kontor_mt5_bridge.queue import EventQueue
from kontor_mt5_bridge.sender import FAILURES, Answer, Connection

CLOCK_MAX_S = 30
WAIT_S = 15.0

# Right, what the bridge needs it for, and whether it does anything useful without it.
RIGHTS = (
    ("RIGHT_MANAGER", "connecting as a manager", True),
    ("RIGHT_ACC_READ", "accounts: changes of group, leverage and rights", True),
    ("RIGHT_TRADES_READ", "deals, positions and orders", True),
    ("RIGHT_ACC_ONLINE", "sign-ins of terminals", False),
    ("RIGHT_ACC_DETAILS_NAME", "names in account records", False),
)
TOO_MUCH = (
    "RIGHT_ADMIN",
    "RIGHT_ACC_MANAGER",
    "RIGHT_ACC_DELETE",
    "RIGHT_ACCOUNTANT",
    "RIGHT_TRADES_MANAGER",
    "RIGHT_TRADES_DEALER",
)

_REFUSALS = {
    401: "The secret is not the one that Kontor has, or this machine's clock is wrong.",
    403: "Kontor does not know this address: compare it with the one that you were given.",
    404: "Nothing answers at this address: compare it with the one that you were given.",
    429: "Too many refused attempts from this network: wait a minute and try again.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried: fine, worth knowing, or in the way."""

    mark: str
    sentence: str

    @property
    def is_problem(self) -> bool:
        return self.mark == "PROBLEM"


def good(sentence: str) -> Finding:
    return Finding("ok", sentence)


def note(sentence: str) -> Finding:
    return Finding("note", sentence)


def problem(sentence: str) -> Finding:
    return Finding("PROBLEM", sentence)


def check(config: Config) -> Iterator[Finding]:
    """Try everything, in the order in which it must work."""
    yield from check_crm(config)
    try:
        with sole_use(config.bridge.data_dir):
            yield good(f"The data directory {config.bridge.data_dir} can be written.")
            yield from check_mt5(config)
    except AlreadyRunning:
        yield note("The bridge is running: its connection to the trade server is left alone. --status tells how it is.")
    except OSError as error:
        yield problem(f"The data directory {config.bridge.data_dir} cannot be used: {error}.")


def check_crm(config: Config) -> Iterator[Finding]:
    """Address, certificate, key, secret and clock, with a signed batch that contains nothing."""
    body = {"bridge": config.bridge.name, "epoch": f"check-{uuid.uuid4()}", "seq": 0, "sent_at": 0, "events": []}
    connection = Connection(config.crm)
    try:
        answer = connection.post(json.dumps(body).encode())
    except FAILURES as error:
        yield problem(f"{config.crm.url} does not answer: {type(error).__name__}: {error}.")
        return
    finally:
        connection.close()
    yield from _clock(answer)
    if answer.status == 200 and answer.ack is not None:
        yield good(f"{config.crm.url} accepts the signature.")
    elif answer.status in _REFUSALS:
        yield problem(f"{_REFUSALS[answer.status]} (status {answer.status})")
    else:
        yield problem(f"{config.crm.url} answers with status {answer.status}, which no bridge address does.")


def _clock(answer: Answer) -> Iterator[Finding]:
    try:
        ahead = time.time() - email.utils.parsedate_to_datetime(answer.date).timestamp()
    except (TypeError, ValueError):
        return
    if abs(ahead) > CLOCK_MAX_S:
        way = "ahead of" if ahead > 0 else "behind"
        yield problem(f"This machine's clock is {abs(ahead):.0f} seconds {way} Kontor's. More than 60 are refused.")


def check_mt5(config: Config) -> Iterator[Finding]:
    """The package, the connection, what the manager account may do and what it sees."""
    queue = EventQueue(config.bridge.queue_events_max)
    try:
        package = load_package(config.bridge.data_dir)
        link = Link(package, config.mt5, config.bridge.data_dir, queue, config.bridge.reconnect_s)
        link.open()
        link.connect()
    except LinkError as error:
        yield problem(f"No connection to {config.mt5.server} as {config.mt5.login}: {error}")
        return
    try:
        yield good(f"Connected to {config.mt5.server} as {config.mt5.login}.")
        yield from _rights(package, link.manager)
        yield from _sight(link.manager)
        yield from _sync(queue)
    finally:
        link.close()
        link.manager.Disconnect()


def _rights(package: Any, manager: Any) -> Iterator[Finding]:
    current = manager.ManagerCurrent()
    if is_failure(current):
        yield problem("The trade server does not say what this manager account may do.")
        return
    numbers = package.MTConManager.EnManagerRights
    for name, purpose, is_needed in RIGHTS:
        if current.Right(getattr(numbers, name)):
            yield good(f"{name}: {purpose}.")
        elif is_needed:
            yield problem(f"{name} is missing: {purpose}.")
        else:
            yield note(f"{name} is missing: {purpose} will not be told.")
    extra = [name for name in TOO_MUCH if current.Right(getattr(numbers, name))]
    if extra:
        yield note(f"The bridge only reads. Take away what it does not need: {', '.join(extra)}.")


def _sight(manager: Any) -> Iterator[Finding]:
    groups = manager.GroupTotal()
    users = manager.UserGetByGroup("*")
    if is_failure(groups) or not groups:
        yield problem("The manager account sees no group: add the clients' groups to it.")
        return
    yield good(f"It sees {groups} groups.")
    if is_failure(users) or not users:
        yield note("It sees no account yet.")
        return
    yield good(f"It sees {len(users)} accounts.")
    if not any(user.Name for user in users):
        yield note("Names of accounts are empty: RIGHT_ACC_DETAILS_NAME is probably missing.")


def _sync(queue: EventQueue) -> Iterator[Finding]:
    """Events do come: the end of the first load is one."""
    ends, parts = time.monotonic() + WAIT_S, set()
    while time.monotonic() < ends:
        parts |= {item.values["Part"] for item in queue.take(1000, 0.0, 0.2) if item.kind == "part.sync"}
        if {"user", "order", "position"} <= parts:
            yield good("Events arrive.")
            return
    yield problem(f"No end of the first load within {WAIT_S:.0f} seconds: events do not arrive.")
