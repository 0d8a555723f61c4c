"""What an adoption decides without a database: which groups a mask means, what night is, what a sheet says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo
from decimal import Decimal
from fnmatch import fnmatchcase

from app.clients.rules import sort_key
from app.core.errors import Invalid
from app.identity import rules as identity
from app.kit.text import _l
from app.trading.platforms.base import AccountRecord, Deal

NIGHT_FROM, NIGHT_UNTIL = time(22), time(6)  # By the brand's own clock.
SLICE_MSC = 14 * 86_400_000
SETTLED_MSC = 2_000  # A deal older than this has surely reached the balance of its account.
SHEET_ROWS_MAX = 50_000

_LOGIN_HEADS = ("login", "account", "account number")
_CLIENT_HEADS = ("client", "client number", "number", "email", "e-mail")


def choose_groups(known: Iterable[str], masks: Sequence[str]) -> list[str]:
    """The groups that the masks mean: `*` stands for any text, and a mask that begins with `!` leaves out."""
    wanted = [mask.lower() for mask in masks if not mask.startswith("!")]
    unwanted = [mask[1:].lower() for mask in masks if mask.startswith("!")]
    return sorted(
        name
        for name in set(known)
        if any(_fits(name, mask) for mask in wanted) and not any(_fits(name, mask) for mask in unwanted)
    )


def _fits(name: str, mask: str) -> bool:
    return fnmatchcase(name.lower(), mask.replace("[", "[[]").replace("?", "[?]"))


def is_night(now: datetime, zone: tzinfo) -> bool:
    """Whether it is the time of day at which a broker's server has least to do."""
    at = now.astimezone(zone).time()
    return at >= NIGHT_FROM or at < NIGHT_UNTIL


def usable_email(email: str) -> str:
    """The address in the form in which clients' are compared; empty when it is none."""
    return identity.normal_email(email) if identity.is_email(email) else ""


def person_key(name: str) -> str:
    """Equal for the spellings of one person's name: whatever its case, its accents and the order of its words."""
    return " ".join(sorted(sort_key(name).replace(",", " ").split()))


@dataclass(frozen=True, slots=True)
class Opening:
    """Where our books of an account begin: its balance at an instant of the platform's own time."""

    record: AccountRecord
    at_msc: int
    balance: Decimal


def opening(before: AccountRecord, after: AccountRecord, deals: Sequence[Deal], at_msc: int) -> Opening | None:
    """The balance at `at_msc`, a moment ago, from two readings of the account and the deals since then between them.

    None while the account moves: of a deal so young nobody can say whether the balance knows it. It is read again.
    """
    is_moving = any(deal.login == after.login and deal.server_time_msc >= at_msc for deal in deals)
    if is_moving or before.balance != after.balance:
        return None
    return Opening(after, at_msc, after.balance)


def history_slice(cursor_msc: int, end_msc: int) -> tuple[int, int]:
    """The next stretch of the past to read."""
    return cursor_msc, min(cursor_msc + SLICE_MSC, end_msc)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A line of a sheet as it was written."""

    line: int
    login: str
    client: str


def read_sheet(content: bytes) -> list[SheetRow]:
    """The rows of a CSV with the columns login and e-mail (or client number), with or without a heading.

    Raises Invalid naming the field when the file is no such sheet at all.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(_l("Save the sheet as CSV in UTF-8."), field="sheet") from None
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in (";", "\t") if mark in first), ",")
    try:
        lines = [
            (number, [cell.strip() for cell in cells])
            for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1)
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error:
        raise Invalid(_l("Save the sheet as CSV in UTF-8."), field="sheet") from None
    login_at, client_at = 0, 1
    if lines and not lines[0][1][0].isdigit():
        heads = [cell.lower() for cell in lines[0][1]]
        places = [next((heads.index(h) for h in names if h in heads), -1) for names in (_LOGIN_HEADS, _CLIENT_HEADS)]
        if -1 in places:
            raise Invalid(_l("Name the columns “login” and “email” or “client”."), field="sheet")
        login_at, client_at = places
        lines = lines[1:]
    if not lines:
        raise Invalid(_l("The sheet has no rows."), field="sheet")
    if len(lines) > SHEET_ROWS_MAX:
        raise Invalid(_l("A sheet has at most %(most)s rows.", most=SHEET_ROWS_MAX), field="sheet")

    def cell(cells: list[str], place: int) -> str:
        return cells[place].removeprefix("'") if place < len(cells) else ""

    return [SheetRow(number, cell(cells, login_at), cell(cells, client_at)) for number, cells in lines]
