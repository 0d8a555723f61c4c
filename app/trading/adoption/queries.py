"""What adoption asks of the database: runs, logins, and the matching of many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from app.clients.models import Client
from app.core.db import execute_sql, session, tenant_id
from app.core.errors import NotFound
from app.trading.adoption.models import AdoptedLogin, AdoptionImport, AdoptionRun, LoginState, RunState
from app.trading.models import TradingAccount

_UNDER_WAY = (RunState.READING, RunState.MATCHING)


def runs_of(platform_id: UUID, limit: int = 20) -> Sequence[AdoptionRun]:
    """A platform's runs, latest first, read fresh."""
    statement = (
        select(AdoptionRun)
        .where(AdoptionRun.platform_id == platform_id)
        .order_by(AdoptionRun.started_at.desc(), AdoptionRun.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()


def run(run_id: UUID, *, lock: bool = False) -> AdoptionRun:
    """One run, read fresh. Raises NotFound."""
    statement = select(AdoptionRun).where(AdoptionRun.id == run_id).execution_options(populate_existing=True)
    row = session().scalars(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFound
    return row


def run_under_way(platform_id: UUID) -> AdoptionRun | None:
    """The run that reads or matches accounts now."""
    statement = select(AdoptionRun).where(AdoptionRun.platform_id == platform_id, AdoptionRun.state.in_(_UNDER_WAY))
    return session().scalars(statement.execution_options(populate_existing=True)).one_or_none()


def run_with_history(platform_id: UUID) -> AdoptionRun | None:
    """The oldest run whose past is still to be read."""
    statement = (
        select(AdoptionRun)
        .where(AdoptionRun.platform_id == platform_id, AdoptionRun.history_state.in_(("waiting", "running")))
        .order_by(AdoptionRun.started_at)
        .limit(1)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).one_or_none()


def login(platform_id: UUID, number: int, *, lock: bool = False) -> AdoptedLogin:
    """One login, read fresh. Raises NotFound."""
    statement = select(AdoptedLogin).where(AdoptedLogin.platform_id == platform_id, AdoptedLogin.login == number)
    statement = statement.execution_options(populate_existing=True)
    row = session().scalars(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFound
    return row


def lock_logins(platform_id: UUID, numbers: Iterable[int]) -> dict[int, AdoptedLogin]:
    """These logins, locked in order and read fresh."""
    statement = (
        select(AdoptedLogin)
        .where(AdoptedLogin.platform_id == platform_id, AdoptedLogin.login.in_(sorted(numbers)))
        .order_by(AdoptedLogin.login)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.login: row for row in session().scalars(statement)}


def matched_logins(platform_id: UUID, limit: int) -> list[tuple[str, int]]:
    """(group, login) of logins that have their client and are to be taken over."""
    statement = (
        select(AdoptedLogin.group_name, AdoptedLogin.login)
        .where(AdoptedLogin.platform_id == platform_id, AdoptedLogin.state == LoginState.MATCHED)
        .order_by(AdoptedLogin.login)
        .limit(limit)
    )
    return [(row.group_name, row.login) for row in session().execute(statement)]


def ignored_logins(platform_id: UUID) -> set[int]:
    """The logins that somebody has put aside."""
    statement = select(AdoptedLogin.login).where(
        AdoptedLogin.platform_id == platform_id, AdoptedLogin.state == LoginState.IGNORED
    )
    return set(session().scalars(statement))


def count_by_state(platform_id: UUID, run_id: UUID | None = None) -> dict[LoginState, int]:
    """How many logins stand in each state; of one run's reading only, when it is named."""
    statement = select(AdoptedLogin.state, func.count()).where(AdoptedLogin.platform_id == platform_id)
    if run_id is not None:
        statement = statement.where(AdoptedLogin.run_id == run_id)
    found: dict[LoginState, int] = {row[0]: row[1] for row in session().execute(statement.group_by(AdoptedLogin.state))}
    return {state: found.get(state, 0) for state in LoginState}


def waiting_logins() -> int:
    """How many logins of all platforms wait for a client."""
    statement = select(func.count()).select_from(AdoptedLogin).where(AdoptedLogin.state == LoginState.WAITING)
    return session().scalar(statement) or 0


@dataclass(frozen=True, slots=True)
class LoginFilter:
    """What the queue is narrowed to. Empty values narrow nothing."""

    state: LoginState | None = None
    obstacle: str = ""
    group: str = ""
    search: str = ""


def page_of_logins(
    platform_id: UUID, wanted: LoginFilter, *, limit: int, offset: int
) -> tuple[list[tuple[AdoptedLogin, Client | None]], int]:
    """A part of the narrowed queue with each login's client, and how many there are altogether."""
    total = session().scalar(select(func.count()).select_from(_narrowed(platform_id, wanted).subquery())) or 0
    statement = _narrowed(platform_id, wanted).order_by(AdoptedLogin.login).limit(limit).offset(offset)
    rows = list(session().scalars(statement.execution_options(populate_existing=True)))
    clients = _clients({row.client_id for row in rows if row.client_id is not None})
    return [(row, clients.get(row.client_id) if row.client_id else None) for row in rows], total


def _clients(ids: set[UUID]) -> dict[UUID, Client]:
    if not ids:
        return {}
    return {row.id: row for row in session().scalars(select(Client).where(Client.id.in_(ids)))}


def _narrowed(platform_id: UUID, wanted: LoginFilter) -> Select[AdoptedLogin]:
    statement = select(AdoptedLogin).where(AdoptedLogin.platform_id == platform_id)
    if wanted.state is not None:
        statement = statement.where(AdoptedLogin.state == wanted.state)
    if wanted.obstacle:
        statement = statement.where(AdoptedLogin.obstacle == wanted.obstacle)
    if wanted.group:
        statement = statement.where(AdoptedLogin.group_name == wanted.group)
    if wanted.search.isascii() and wanted.search.isdigit() and len(wanted.search) < 19:
        statement = statement.where(AdoptedLogin.login == int(wanted.search))
    elif wanted.search:
        statement = statement.where(
            or_(
                AdoptedLogin.email_norm.icontains(wanted.search, autoescape=True),
                AdoptedLogin.name.icontains(wanted.search, autoescape=True),
            )
        )
    return statement


def groups_found(platform_id: UUID) -> list[str]:
    """The groups in which logins were found."""
    statement = select(AdoptedLogin.group_name).where(AdoptedLogin.platform_id == platform_id).distinct()
    return sorted(session().scalars(statement))


def store_logins(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what the platform says of logins. What was decided about them here stays as it is."""
    if not rows:
        return
    statement = insert(AdoptedLogin).values([{"tenant_id": tenant_id(), **row} for row in rows])
    kept = {"platform_id", "login", "state", "obstacle", "matched_by", "note"}
    changed = {name: statement.excluded[name] for name in rows[0] if name not in kept}
    session().execute(
        statement.on_conflict_do_update(index_elements=["tenant_id", "platform_id", "login"], set_=changed)
    )


def join_known_accounts(platform_id: UUID, now: datetime) -> None:
    """Logins that are accounts of ours already need no client any more."""
    execute_sql(
        "UPDATE adopted_login AS l SET state = 'adopted', obstacle = '', account_id = a.id, client_id = a.client_id,"
        "  type_id = a.type_id, decided_at = :now"
        " FROM trading_account AS a WHERE a.tenant_id = l.tenant_id AND a.platform_id = l.platform_id"
        " AND a.login = l.login AND l.tenant_id = :tenant_id AND l.platform_id = :platform_id AND l.state <> 'adopted'",
        platform_id=platform_id,
        now=now,
    )


def match_by_email(platform_id: UUID, now: datetime) -> int:
    """Give waiting logins the one client with their e-mail, and say of the others what is in the way.

    An e-mail under which several people have accounts decides nothing. Answers how many were matched.
    """
    rows = execute_sql(
        "UPDATE adopted_login AS l SET obstacle = v.obstacle,"
        "  type_id = coalesce(v.type_id, l.type_id),"
        "  state = CASE WHEN v.obstacle = '' THEN 'matched' ELSE l.state END,"
        "  client_id = CASE WHEN v.obstacle = '' THEN v.client_id END,"
        "  matched_by = CASE WHEN v.obstacle = '' THEN 'email' ELSE '' END,"
        "  decided_at = CASE WHEN v.obstacle = '' THEN CAST(:now AS timestamptz) END"
        " FROM ("
        "  SELECT w.login, w.client_id, w.type_id, CASE WHEN w.email_norm = '' THEN 'no_email'"
        "   WHEN w.is_shared THEN 'shared_email' WHEN w.client_id IS NULL THEN 'no_client'"
        "   WHEN w.type_id IS NULL THEN 'no_type' ELSE '' END AS obstacle"
        "  FROM ("
        "   SELECT q.login, q.email_norm, c.id AS client_id, s.email_norm IS NOT NULL AS is_shared,"
        "    coalesce(q.type_id, m.type_id, r.default_type_id) AS type_id"
        "   FROM adopted_login AS q JOIN adoption_run AS r ON r.tenant_id = q.tenant_id AND r.id = q.run_id"
        "   LEFT JOIN client AS c ON c.tenant_id = q.tenant_id AND c.email_norm = q.email_norm"
        "   LEFT JOIN ("
        "    SELECT e.email_norm FROM adopted_login AS e WHERE e.tenant_id = :tenant_id"
        "     AND e.platform_id = :platform_id AND e.email_norm <> '' AND e.state <> 'ignored'"
        "     GROUP BY e.email_norm HAVING count(DISTINCT e.name_sort) > 1"
        "   ) AS s ON s.email_norm = q.email_norm"
        "   LEFT JOIN LATERAL ("
        "    SELECT t.id AS type_id FROM account_type AS t, jsonb_each_text(t.groups) AS g"
        "     WHERE t.tenant_id = q.tenant_id AND t.platform_id = q.platform_id AND g.value = q.group_name"
        "     ORDER BY t.is_offered DESC, t.position LIMIT 1"
        "   ) AS m ON true"
        "   WHERE q.tenant_id = :tenant_id AND q.platform_id = :platform_id AND q.state = 'waiting'"
        "  ) AS w"
        " ) AS v"
        " WHERE l.tenant_id = :tenant_id AND l.platform_id = :platform_id AND l.login = v.login"
        " AND l.state = 'waiting' RETURNING l.state",
        platform_id=platform_id,
        now=now,
    )
    return sum(1 for state in rows.scalars() if state == LoginState.MATCHED)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A person whom the platform knows and we do not."""

    email: str
    name: str


def newcomers(run_id: UUID, limit: int) -> list[Newcomer]:
    """People of a run's logins who are no clients yet, each once."""
    rows = execute_sql(
        "SELECT DISTINCT ON (l.email_norm) l.email, l.name FROM adopted_login AS l"
        " WHERE l.tenant_id = :tenant_id AND l.run_id = :run_id AND l.state = 'waiting' AND l.obstacle = 'no_client'"
        " AND NOT EXISTS (SELECT FROM client AS c WHERE c.tenant_id = l.tenant_id AND c.email_norm = l.email_norm)"
        " ORDER BY l.email_norm, l.login LIMIT :limit",
        run_id=run_id,
        limit=limit,
    )
    return [Newcomer(row.email, row.name) for row in rows]


def type_of_group(platform_id: UUID, group: str) -> UUID | None:
    """The account type that names a group."""
    found: UUID | None = execute_sql(
        "SELECT t.id FROM account_type AS t, jsonb_each_text(t.groups) AS g WHERE t.tenant_id = :tenant_id"
        " AND t.platform_id = :platform_id AND g.value = :group ORDER BY t.is_offered DESC, t.position LIMIT 1",
        platform_id=platform_id,
        group=group,
    ).scalar_one_or_none()
    return found


def oldest_registration(run_id: UUID) -> int | None:
    """The registration of the run's oldest login, in the platform's time."""
    statement = select(func.min(AdoptedLogin.registered_msc)).where(
        AdoptedLogin.run_id == run_id, AdoptedLogin.registered_msc > 0
    )
    return session().scalar(statement)


def clients_by_email(emails: Iterable[str]) -> dict[str, UUID]:
    """The clients with these addresses."""
    rows = session().execute(select(Client.email_norm, Client.id).where(Client.email_norm.in_(sorted(set(emails)))))
    return {row.email_norm: row.id for row in rows}


def clients_by_number(numbers: Iterable[int]) -> dict[int, UUID]:
    """The clients with these numbers."""
    rows = session().execute(select(Client.number, Client.id).where(Client.number.in_(sorted(set(numbers)))))
    return {row.number: row.id for row in rows}


def logins_by_number(platform_id: UUID, numbers: Iterable[int]) -> dict[int, AdoptedLogin]:
    """What was found under these logins."""
    statement = select(AdoptedLogin).where(
        AdoptedLogin.platform_id == platform_id, AdoptedLogin.login.in_(sorted(set(numbers)))
    )
    return {row.login: row for row in session().scalars(statement.execution_options(populate_existing=True))}


def sheet(import_id: UUID, *, lock: bool = False) -> AdoptionImport:
    """An uploaded sheet. Raises NotFound."""
    statement = select(AdoptionImport).where(AdoptionImport.id == import_id)
    statement = statement.execution_options(populate_existing=True)
    row = session().scalars(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise NotFound
    return row


def known_logins(platform_id: UUID, numbers: Iterable[int]) -> set[int]:
    """Those of these logins that are accounts of ours."""
    statement = select(TradingAccount.login).where(
        TradingAccount.platform_id == platform_id, TradingAccount.login.in_(sorted(numbers))
    )
    return {int(number) for number in session().scalars(statement) if number is not None}


def logins_with_deals(platform_id: UUID, numbers: Sequence[int]) -> set[int]:
    """Those of these logins of which a deal is stored."""
    rows = execute_sql(
        "SELECT w.login FROM unnest(CAST(:logins AS bigint[])) AS w (login) WHERE EXISTS ("
        " SELECT FROM deal AS d WHERE d.tenant_id = :tenant_id AND d.platform_id = :platform_id AND d.login = w.login)",
        platform_id=platform_id,
        logins=list(numbers),
    )
    return set(rows.scalars())


def opened_money(platform_id: UUID) -> dict[str, Decimal]:
    """What stood on the platform when accounts were taken over, per currency; real accounts only."""
    rows = execute_sql(
        "SELECT currency, sum(opening_balance) AS opened FROM trading_account WHERE tenant_id = :tenant_id"
        " AND platform_id = :platform_id AND opening_balance IS NOT NULL AND NOT is_demo GROUP BY currency"
        " ORDER BY currency",
        platform_id=platform_id,
    )
    return {row.currency: row.opened for row in rows}
