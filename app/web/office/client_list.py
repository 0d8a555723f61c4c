"""The clients list: which filters the address holds, which columns it shows, and the same as a table for the export."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import url_for

from app.clients import rules
from app.clients.models import Client
from app.clients.queries import ClientFilter
from app.clients.rules import ClientStatus
from app.identity import queries as logins
from app.kit.money import Money
from app.kit.text import Message, _l
from app.ui import formats
from app.ui.setup import url_with
from app.web import queries as figures
from app.web.office import queries

NOBODY = "none"  # In the address: clients whom nobody looks after.


@dataclass(frozen=True, slots=True)
class Row:
    """A client with what other features know about them."""

    client: Client
    owner: str
    introducer_id: UUID | None
    introducer: str
    wallets: Money | None
    equity: Money | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading, its sort key, and its value in the export."""

    key: str
    label: Message
    value: Callable[[Row], object]
    sort: str | None = None
    is_number: bool = False
    is_default: bool = True


COLUMNS = (
    Column("client", _l("Client"), lambda row: row.client.name, sort="name"),
    Column("number", _l("Number"), lambda row: row.client.number, sort="number", is_default=False),
    Column("email", _l("E-mail"), lambda row: row.client.email, is_default=False),
    Column("country", _l("Country"), lambda row: formats.country(row.client.country), sort="country"),
    Column("status", _l("Status"), lambda row: str(row.client.status.label)),
    Column("kyc", _l("Verification"), lambda row: str(rules.kyc_label(row.client.kyc_level))),
    Column("owner", _l("Looked after by"), lambda row: row.owner),
    Column("introducer", _l("Introduced by"), lambda row: row.introducer),
    Column(
        "wallets",
        _l("Wallets"),
        lambda row: "" if row.wallets is None else str(row.wallets),
        is_number=True,
        is_default=False,
    ),
    Column("equity", _l("Equity"), lambda row: "" if row.equity is None else str(row.equity), is_number=True),
    Column("registered", _l("Registered"), lambda row: formats.iso(row.client.created_at), sort="created"),
)


@dataclass(frozen=True, slots=True)
class ListState:
    """What the address says about the list. Anything unreadable narrows nothing, so that no address is an error."""

    wanted: ClientFilter
    sort: str
    size: int
    columns: tuple[Column, ...]


def read_state(values: Mapping[str, str], chosen: Sequence[str]) -> ListState:
    """From `request.args`; `chosen` are the keys of the columns, none for the default ones."""
    owner = values.get("owner", "")
    wanted = ClientFilter(
        search=values.get("q", "").strip()[:100],
        status=_status(values.get("status", "")),
        kyc_level=_level(values.get("kyc", "")),
        country=values.get("country", "").upper()[:2],
        owner_id=_uuid(owner),
        is_unowned=owner == NOBODY,
        since=_day(values.get("from", "")),
        until=_day(values.get("to", "")),
    )
    sorts = [column.sort for column in COLUMNS if column.sort]
    sort = values.get("sort", "")
    shown = tuple(column for column in COLUMNS if column.key in chosen) or tuple(c for c in COLUMNS if c.is_default)
    if COLUMNS[0] not in shown:
        shown = (COLUMNS[0], *shown)
    return ListState(
        wanted=wanted,
        sort=sort if sort.removeprefix("-") in sorts else "-created",
        size=int(values["size"]) if values.get("size") in ("25", "50", "100") else 50,
        columns=shown,
    )


def rows_of(clients: Sequence[Client]) -> list[Row]:
    """The clients with owner, introducer and wallets, each read once for all of them."""
    ids = [client.id for client in clients]
    owners = staff_names()
    brought, totals, equities = queries.introducers(ids), figures.wallet_totals(ids), figures.equities(ids)
    return [
        Row(
            client=client,
            owner=owners.get(client.owner_id, "") if client.owner_id else "",
            introducer_id=brought[client.id][0] if client.id in brought else None,
            introducer=brought[client.id][1] if client.id in brought else "",
            wallets=totals.get(client.id),
            equity=equities.get(client.id),
        )
        for client in clients
    ]


def export_rows(clients: Iterable[Client], columns: Sequence[Column]) -> Iterable[list[object]]:
    """The list as cells, in parts of five hundred."""
    part: list[Client] = []
    for client in clients:
        part.append(client)
        if len(part) == 500:
            yield from ([column.value(row) for column in columns] for row in rows_of(part))
            part = []
    yield from ([column.value(row) for column in columns] for row in rows_of(part))


def staff_names() -> dict[UUID, str]:
    return {person.id: person.name for person, _roles in logins.staff()}


def chips(wanted: ClientFilter) -> list[dict[str, Any]]:
    """The filters in force, each with the address without it."""
    found: list[tuple[object, dict[str, None]]] = []
    if wanted.search:
        found.append((wanted.search, {"q": None}))
    if wanted.status is not None:
        found.append((wanted.status.label, {"status": None}))
    if wanted.kyc_level is not None:
        found.append((rules.kyc_label(wanted.kyc_level), {"kyc": None}))
    if wanted.country:
        found.append((formats.country(wanted.country), {"country": None}))
    if wanted.is_unowned:
        found.append((_l("Nobody looks after"), {"owner": None}))
    elif wanted.owner_id is not None:
        found.append((staff_names().get(wanted.owner_id, ""), {"owner": None}))
    if wanted.since is not None:
        found.append((_l("From %(day)s", day=formats.day(wanted.since)), {"from": None}))
    if wanted.until is not None:
        found.append((_l("Until %(day)s", day=formats.day(wanted.until)), {"to": None}))
    return [{"label": label, "remove": url_with(**change, after=None, before=None)} for label, change in found]


def client_url(client_id: UUID) -> str:
    return url_for("office.client", client_id=client_id)


def _status(text: str) -> ClientStatus | None:
    return ClientStatus(text) if text in set(ClientStatus) else None


def _level(text: str) -> int | None:
    return int(text) if text in {str(level) for level in rules.KYC_LEVELS} else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
