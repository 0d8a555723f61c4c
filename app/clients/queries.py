"""Reading clients: one, the list with its filters, the search, the notes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from app.clients import rules
from app.clients.models import Client, ClientNote
from app.clients.rules import ClientStatus
from app.core.db import execute_sql, session, tenant_id
from app.core.errors import NotFound
from app.restrictions.models import Restriction
from app.tenancy import current as current_tenant

FOUND_MAX = 500  # What a search answers at most; whoever wants the five hundred and first types another letter.
SORTS = {"name": Client.name_sort, "created": Client.created_at, "number": Client.number, "country": Client.country}
DEFAULT_SORT = "-created"


@dataclass(frozen=True, slots=True)
class ClientFilter:
    """What the list is narrowed to. Empty values narrow nothing."""

    search: str = ""
    status: ClientStatus | None = None
    kyc_level: int | None = None
    country: str = ""
    owner_id: UUID | None = None
    is_unowned: bool = False
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class ClientPage:
    """A page of the list. `before` and `after` are the cursors of its neighbours, None at either end."""

    rows: Sequence[Client]
    total: int
    before: str | None
    after: str | None


def find(client_id: UUID) -> Client | None:
    """The tenant's client, or None."""
    return session().execute(select(Client).where(Client.id == client_id)).scalar_one_or_none()


def get(client_id: UUID) -> Client:
    """The tenant's client. Raises NotFound, also for another tenant's id."""
    client = find(client_id)
    if client is None:
        raise NotFound
    return client


require = get


def of_user(user_id: UUID) -> Client | None:
    """The client behind a login."""
    return session().execute(select(Client).where(Client.user_id == user_id)).scalar_one_or_none()


def by_number(number: int) -> Client | None:
    """The client with this number."""
    return session().execute(select(Client).where(Client.number == number)).scalar_one_or_none()


def names_of(client_ids: Iterable[UUID]) -> dict[UUID, tuple[str, int]]:
    """Name and number of each of these clients, for lists of something else. One query however many."""
    wanted = list(set(client_ids))
    if not wanted:
        return {}
    rows = session().execute(select(Client.id, Client.name, Client.number).where(Client.id.in_(wanted)))
    return {row.id: (row.name, row.number) for row in rows}


def search(text: str, limit: int = 20) -> list[UUID]:
    """Ids of clients whose name, e-mail or number has the text in it, the closest first.

    Asks a function that passes row security, because such conditions would otherwise read every client of the tenant;
    the tenant's condition stands inside it.
    """
    word = rules.search_word(text)
    if not word:
        return []
    found = execute_sql("SELECT id FROM client_search(:wanted, :most)", wanted=word, most=min(limit, FOUND_MAX))
    return list(found.scalars())


def search_clients(text: str, limit: int = 20) -> list[Client]:
    """As `search`, the clients themselves."""
    ids = search(text, limit)
    rows = session().execute(select(Client).where(Client.id.in_(ids))).scalars()
    by_id = {client.id: client for client in rows}
    return [by_id[client_id] for client_id in ids if client_id in by_id]


def page_of_clients(
    wanted: ClientFilter, *, sort: str = DEFAULT_SORT, size: int = 50, after: str = "", before: str = ""
) -> ClientPage:
    """One page of the list by its neighbours' cursors, so that the thousandth page costs what the first does.

    A cursor that cannot be read, or was made under another sort, leads to the first page.
    """
    statement = _narrowed(wanted)
    total = session().execute(select(func.count()).select_from(statement.subquery())).scalar_one()
    key = sort.removeprefix("-")
    column = SORTS.get(key, Client.created_at)
    is_descending = sort.startswith("-")
    cursor = _read_cursor(before or after, sort)
    is_backward = bool(before) and cursor is not None
    if cursor is not None:
        place = tuple_(column, Client.id)
        goes_up = is_descending == is_backward
        statement = statement.where(place > cursor if goes_up else place < cursor)
    downward = is_descending != is_backward
    order = (column.desc(), Client.id.desc()) if downward else (column.asc(), Client.id.asc())
    rows = list(session().execute(statement.order_by(*order).limit(size + 1)).scalars())
    has_more, rows = len(rows) > size, rows[:size]
    if is_backward:
        rows.reverse()
    has_before = has_more if is_backward else cursor is not None
    has_after = True if is_backward else has_more
    return ClientPage(
        rows,
        total,
        _cursor(sort, rows[0]) if rows and has_before else None,
        _cursor(sort, rows[-1]) if rows and has_after else None,
    )


def all_of_list(wanted: ClientFilter, *, sort: str = DEFAULT_SORT) -> Iterable[Client]:
    """Every row of the narrowed list in its order, for the export; read in parts."""
    column = SORTS.get(sort.removeprefix("-"), Client.created_at)
    order = (column.desc(), Client.id.desc()) if sort.startswith("-") else (column.asc(), Client.id.asc())
    statement = _narrowed(wanted).order_by(*order).execution_options(yield_per=1000)
    return session().execute(statement).scalars()


def countries() -> list[str]:
    """The countries that the tenant's clients come from: one step in the index for each, not one for each client."""
    found = execute_sql(
        "WITH RECURSIVE seen AS ("
        " (SELECT country FROM client WHERE tenant_id = :tenant_id ORDER BY country LIMIT 1)"
        " UNION ALL SELECT (SELECT c.country FROM client AS c WHERE c.tenant_id = :tenant_id"
        "  AND c.country > seen.country ORDER BY c.country LIMIT 1) FROM seen WHERE seen.country IS NOT NULL"
        ") SELECT country FROM seen WHERE country IS NOT NULL"
    )
    return list(found.scalars())


def notes_of(client_id: UUID, limit: int = 100) -> Sequence[ClientNote]:
    """The notes on a client, newest first."""
    statement = select(ClientNote).where(ClientNote.client_id == client_id)
    return (
        session().execute(statement.order_by(ClientNote.created_at.desc(), ClientNote.id).limit(limit)).scalars().all()
    )


def count_clients() -> int:
    """How many clients the tenant has."""
    return session().execute(select(func.count()).select_from(Client)).scalar_one()


def count_by_status() -> dict[ClientStatus, int]:
    """How many clients stand in each state."""
    rows = session().execute(select(Client.status, func.count()).group_by(Client.status))
    found: dict[ClientStatus, int] = {row[0]: row[1] for row in rows}
    return {status: found.get(status, 0) for status in ClientStatus}


def registrations_between(since: datetime, until: datetime) -> int:
    """How many clients signed up in that time."""
    statement = select(func.count()).select_from(Client)
    return session().execute(statement.where(Client.created_at >= since, Client.created_at < until)).scalar_one()


def unverified() -> tuple[int, datetime | None]:
    """How many active clients are not verified yet, and since when the first of them waits."""
    statement = select(func.count(), func.min(Client.created_at)).where(
        Client.status == ClientStatus.ACTIVE, Client.kyc_level == 0
    )
    row = session().execute(statement.where(Client.tenant_id == tenant_id())).one()
    return row[0], row[1]


def is_lifted(restriction_id: UUID) -> bool:
    """Whether somebody has lifted this lock already."""
    statement = select(Restriction.lifted_at).where(Restriction.id == restriction_id)
    return session().execute(statement).scalar_one() is not None


def _narrowed(wanted: ClientFilter) -> Select[Client]:
    statement = select(Client)
    conditions: list[ColumnElement[bool]] = []
    if wanted.search:
        conditions.append(Client.id.in_(search(wanted.search, FOUND_MAX)))
    if wanted.status is not None:
        conditions.append(Client.status == wanted.status)
    if wanted.kyc_level is not None:
        conditions.append(Client.kyc_level == wanted.kyc_level)
    if wanted.country:
        conditions.append(Client.country == wanted.country)
    if wanted.is_unowned:
        conditions.append(Client.owner_id.is_(None))
    elif wanted.owner_id is not None:
        conditions.append(Client.owner_id == wanted.owner_id)
    if wanted.since is not None:
        conditions.append(Client.created_at >= _midnight(wanted.since))
    if wanted.until is not None:
        conditions.append(Client.created_at < _midnight(wanted.until + timedelta(days=1)))
    return statement.where(*conditions)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), current_tenant().timezone)


def _cursor(sort: str, client: Client) -> str:
    key = sort.removeprefix("-")
    value = {"name": client.name_sort, "number": client.number, "country": client.country}.get(key)
    text = json.dumps([sort, client.created_at.isoformat() if value is None else value, str(client.id)])
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _read_cursor(text: str, sort: str) -> tuple[str | int | datetime, UUID] | None:
    if not text:
        return None
    try:
        made_for, value, client_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if made_for != sort:
            return None
        key = sort.removeprefix("-")
        if key == "number":
            return int(value), UUID(client_id)
        if key in ("name", "country"):
            return str(value), UUID(client_id)
        return datetime.fromisoformat(value), UUID(client_id)
    except (ValueError, TypeError):
        return None
