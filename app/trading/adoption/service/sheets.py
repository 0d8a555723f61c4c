"""A broker's own list of whose each login is: checked line by line, shown, and applied as a whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Invalid
from app.kit import clock
from app.kit.text import Message, _l
from app.trading.adoption import queries, rules
from app.trading.adoption.models import AdoptedLogin, AdoptionImport, LoginState
from app.trading.adoption.service import logins
from app.trading.queries import platforms

_DIGITS_MAX = 18


class SheetHasErrors(Conflict):
    message = _l("The sheet has lines with errors. Correct them and upload it again; nothing has been changed.")


class SheetApplied(Conflict):
    message = _l("This sheet has been applied already.")


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A line of the sheet: what it means, or what is wrong with it."""

    line: int
    login: str
    client: str
    problem: Message | None
    row: AdoptedLogin | None
    client_id: UUID | None
    is_done: bool  # It is that client's already: nothing is to be done.


def upload(platform_id: UUID, content: bytes, *, by: Actor) -> AdoptionImport:
    """Keep a sheet so that it can be looked at. Raises Invalid at `sheet`."""
    platforms.platform(platform_id)
    rows = rules.read_sheet(content)
    if any(len(row.login) > 200 or len(row.client) > 200 for row in rows):
        raise Invalid(_l("A cell of this sheet is too long."), field="sheet")
    kept = AdoptionImport(
        platform_id=platform_id,
        rows=[[row.line, row.login, row.client] for row in rows],
        made_by=by.id,
        made_by_name=by.name,
        made_at=clock.now(),
    )
    session().add(kept)
    session().flush()
    return kept


def check(sheet: AdoptionImport) -> list[CheckedRow]:
    """What each line of the sheet means now. Writes nothing."""
    found = queries.logins_by_number(sheet.platform_id, [int(row[1]) for row in sheet.rows if _is_whole(row[1])])
    emails = queries.clients_by_email(rules.usable_email(row[2]) for row in sheet.rows)
    numbers = queries.clients_by_number(int(text) for row in sheet.rows if _is_whole(text := row[2].removeprefix("#")))
    seen: dict[str, int] = {}
    checked = []
    for line, login, client in sheet.rows:
        row = found.get(int(login)) if _is_whole(login) else None
        client_id = emails.get(rules.usable_email(client)) if "@" in client else None
        if client_id is None and _is_whole(text := client.removeprefix("#")):
            client_id = numbers.get(int(text))
        problem, is_done = _problem(login, client, row, client_id, seen.get(login))
        seen.setdefault(login, line)
        checked.append(CheckedRow(line, login, client, problem, row, client_id, is_done))
    return checked


def _problem(
    login: str, client: str, row: AdoptedLogin | None, client_id: UUID | None, earlier: int | None
) -> tuple[Message | None, bool]:
    if not _is_whole(login):
        return _l("“%(login)s” is no login.", login=login[:40]), False
    if earlier is not None:
        return _l("This login stands in line %(line)s already.", line=earlier), False
    if row is None:
        return _l("No account with this login was read from the platform."), False
    if not client:
        return _l("The line names no client."), False
    if client_id is None:
        return _l("No client has this e-mail or number."), False
    if row.state in (LoginState.MATCHED, LoginState.ADOPTED):
        if row.client_id == client_id:
            return None, True
        return _l("This account belongs to another client already."), False
    if row.type_id is None and logins.type_for(row) is None:
        return _l("No account type names the group of this account."), False
    return None, False


def apply(import_id: UUID, *, by: Actor) -> int:
    """Give the sheet's logins their clients: all of them, or none when a line has an error by now.

    Answers how many. Raises SheetHasErrors, SheetApplied.
    """
    sheet = queries.sheet(import_id, lock=True)
    if sheet.applied_at is not None:
        raise SheetApplied
    queries.lock_logins(sheet.platform_id, [int(row[1]) for row in sheet.rows if _is_whole(row[1])])
    checked = check(sheet)
    if any(row.problem is not None for row in checked):
        raise SheetHasErrors
    count = _assign(checked)
    sheet.applied_at = clock.now()
    audit.record("trading.adoption.sheet", sheet, by=by, after={"lines": len(checked), "assigned": count})
    live.publish("office", "adoption-changed")
    return count


def _assign(checked: Sequence[CheckedRow]) -> int:
    wanted = [(row.row, row.client_id) for row in checked if row.row and row.client_id and not row.is_done]
    logins.assign_from_sheet(wanted)
    return len(wanted)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
