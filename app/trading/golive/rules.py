"""The list of what must hold before a connection goes live. From facts alone, so that nobody ticks what is not so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.kit.text import Message, _l, _ln


class StepState(StrEnum):
    """`check` could not be verified by itself: somebody should look. Only `open` stands in the way."""

    DONE = "done"
    CHECK = "check"
    OPEN = "open"

    @property
    def label(self) -> Message:
        return {"done": _l("In order"), "check": _l("Look at it"), "open": _l("To do")}[self.value]

    @property
    def tone(self) -> str:
        return {"done": "success", "check": "warning", "open": "danger"}[self.value]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a connection. Counts are of now."""

    is_simulator: bool
    has_own_authority: bool
    has_password: bool
    needs_bridge: bool
    has_bridge_secret: bool
    is_up: bool
    last_error: str
    has_clock: bool
    tested_at: datetime | None
    failed_rights: Sequence[str]
    unverified: int
    symbols: int
    unknown_groups: Sequence[str]
    events_arrive: bool
    simulator_accounts: int
    waiting_logins: int
    is_reading_accounts: bool
    has_read_accounts: bool
    starts_at: datetime | None
    compared_at: datetime | None
    differences: int
    suspense: int
    unknown_operations: int
    paid_in: int
    paid_out: int
    watchers: int
    short_looks: bool
    marks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the list. `endpoint` is the page where it is done; `is_by_hand` steps are confirmed by a person."""

    key: str
    title: Message
    text: Message
    state: StepState
    endpoint: str = ""
    is_by_hand: bool = False


OLD_OFFICE, FINANCE, REAL_MONEY, LIVE = "old_office", "finance", "real_money", "live"
BY_HAND = (OLD_OFFICE, FINANCE, REAL_MONEY)


def steps(facts: Facts) -> list[Step]:
    """The whole list, in the order in which an administrator works through it."""
    return [*_reach(facts), *_rights(facts), *_accounts(facts), *_money(facts), *_people(facts)]


def is_ready(found: Sequence[Step]) -> bool:
    """Whether nothing stands in the way any more."""
    return all(step.state is not StepState.OPEN for step in found)


def _state(is_done: bool, otherwise: StepState = StepState.OPEN) -> StepState:
    return StepState.DONE if is_done else otherwise


def _reach(facts: Facts) -> list[Step]:
    found = [
        Step(
            "address",
            _l("The address is the real server's"),
            _l("The bundle still names the simulator. Write the server's address there and apply the bundle.")
            if facts.is_simulator
            else _l("The bundle names a server of its own."),
            _state(not facts.is_simulator),
        ),
        Step(
            "password",
            _l("The manager's password is kept"),
            _l("It is sealed under the name that the bundle gives.")
            if facts.has_password
            else _l("Give the secret that the bundle names, with `flask tenants secret`."),
            _state(facts.has_password),
        ),
        Step(
            "trust",
            _l("The server's certificate is verified"),
            _l("It must come from the authority that the bundle pins.")
            if facts.has_own_authority
            else _l("It must come from an authority that this system trusts, unless the bundle pins another."),
            StepState.DONE,
        ),
        Step(
            "link",
            _l("The connection stands"),
            _l("The platform answers.")
            if facts.is_up
            else _l("It does not answer. The platform's page says why and what to do."),
            _state(facts.is_up),
            "platform",
        ),
        Step(
            "clock",
            _l("The server's clock is known"),
            _l("Its offset was measured and is kept with its dates.")
            if facts.has_clock
            else _l("It is measured as soon as the connection stands."),
            _state(facts.has_clock),
        ),
    ]
    if facts.needs_bridge:
        found.append(
            Step(
                "bridge",
                _l("Events arrive at once"),
                _l("The bridge reports what happens on the server.")
                if facts.events_arrive
                else _l("Without the bridge the platform is asked every few seconds. Install it near the server.")
                if facts.has_bridge_secret
                else _l("Give the bridge's secret that the bundle names, then install the bridge."),
                _state(facts.events_arrive, StepState.CHECK),
                "platform",
            )
        )
    return found


def _rights(facts: Facts) -> list[Step]:
    if facts.tested_at is None:
        state, text = StepState.OPEN, _l("Test the connection: it tries every right and changes nothing.")
    elif facts.failed_rights:
        names = ", ".join(facts.failed_rights)
        state, text = StepState.OPEN, _l("The manager login lacks rights: %(names)s.", names=names)
    elif facts.unverified:
        state, text = (
            StepState.CHECK,
            _ln(
                "One right could not be tried. Test again with a test account.",
                "%(num)s rights could not be tried. Test again with a test account.",
                facts.unverified,
            ),
        )
    else:
        state, text = StepState.DONE, _l("Every right was tried with success.")
    return [
        Step("rights", _l("The manager login has its rights"), text, state, "test"),
        Step(
            "symbols",
            _l("Symbols are known"),
            _ln("%(num)s symbol was read.", "%(num)s symbols were read.", facts.symbols)
            if facts.symbols
            else _l("None was read. The manager login may not see them."),
            _state(facts.symbols > 0),
        ),
        Step(
            "groups",
            _l("The groups of the account types exist"),
            _l("The server has every group that an account type names.")
            if not facts.unknown_groups
            else _l("The server does not have these groups: %(names)s.", names=", ".join(facts.unknown_groups)),
            _state(not facts.unknown_groups),
        ),
    ]


def _accounts(facts: Facts) -> list[Step]:
    if facts.is_reading_accounts:
        adopted, text = StepState.OPEN, _l("The accounts of the server are being read.")
    elif facts.waiting_logins:
        adopted, text = (
            StepState.CHECK,
            _ln(
                "%(num)s account on the server has no client yet.",
                "%(num)s accounts on the server have no client yet.",
                facts.waiting_logins,
            ),
        )
    elif facts.has_read_accounts:
        adopted, text = StepState.DONE, _l("Every account on the server has its client, or was left out on purpose.")
    else:
        adopted, text = (
            StepState.CHECK,
            _l("Nobody has read in the accounts of the server. Do so if it had clients before."),
        )
    return [
        Step(
            "simulator_accounts",
            _l("No account of the simulator is left"),
            _l("All accounts were opened on this server.")
            if not facts.simulator_accounts
            else _ln(
                "%(num)s account was opened before the address changed. Archive it: it is not here.",
                "%(num)s accounts were opened before the address changed. Archive them: they are not here.",
                facts.simulator_accounts,
            ),
            _state(not facts.simulator_accounts),
        ),
        Step("adoption", _l("Accounts that were there before are taken over"), text, adopted, "adoption"),
        Step(
            "start",
            _l("The moment from which we count is set"),
            _l("Commission, risk and notices begin then.")
            if facts.starts_at
            else _l("Nothing was there before: everything counts from the beginning.")
            if not facts.has_read_accounts
            else _l("Without it, trades of the past would earn commission as soon as they are read."),
            _state(facts.starts_at is not None or not facts.has_read_accounts),
            "adoption",
        ),
    ]


def _money(facts: Facts) -> list[Step]:
    compared = facts.compared_at is not None and not facts.differences
    waiting = facts.suspense + facts.unknown_operations
    return [
        Step(
            "comparison",
            _l("The platform counts as we do"),
            _l("The last comparison found no difference.")
            if compared
            else _l("No comparison has run yet.")
            if facts.compared_at is None
            else _ln("There is %(num)s difference.", "There are %(num)s differences.", facts.differences),
            _state(compared),
            "platform",
        ),
        Step(
            "queue",
            _l("Nothing waits for a person"),
            _l("No money is unexplained and no outcome is unknown.")
            if not waiting
            else _ln("%(num)s case waits.", "%(num)s cases wait.", waiting),
            _state(not waiting),
            "queue",
        ),
        Step(
            "waits",
            _l("An unanswered payment is looked for long enough"),
            _l("The waits in the bundle are those of a sandbox. A real server needs at least a minute.")
            if facts.short_looks
            else _l("It is refused only after a minute of looking."),
            _state(not facts.short_looks),
        ),
        Step(
            "round_trip",
            _l("Money went there and back"),
            _l("A deposit to an account and a withdrawal from it were confirmed.")
            if facts.paid_in and facts.paid_out
            else _l("Move a small amount to an account of your own and back."),
            _state(bool(facts.paid_in and facts.paid_out)),
        ),
    ]


def _people(facts: Facts) -> list[Step]:
    by_hand = {
        OLD_OFFICE: (
            _l("The old back office has let go"),
            _l("No other program moves money or changes accounts with a manager login of its own."),
        ),
        FINANCE: (
            _l("Finance knows the queue"),
            _l("Whoever decides unknown payments and unexplained money has done it once in the sandbox."),
        ),
        REAL_MONEY: (
            _l("The house account covers the clients"),
            _l("The money of the clients on this server stands on an account of the broker, and somebody has seen it."),
        ),
    }
    return [
        Step(
            "watchers",
            _l("Somebody is told when the connection breaks"),
            _ln("%(num)s person gets mail.", "%(num)s people get mail.", facts.watchers)
            if facts.watchers
            else _l("Nobody has asked for mail on the platform's page."),
            _state(facts.watchers > 0),
            "platform",
        ),
        *(
            Step(key, title, text, _state(key in facts.marks), is_by_hand=True)
            for key, (title, text) in by_hand.items()
        ),
    ]
