"""The database and its scopes. A transaction outside every scope raises; only this module commits.

`tenant_scope` is for a request, a job or a connector task: row security shows that tenant's rows and no others.
`directory_scope` is for what comes before a tenant is known: global tables only, a tenant table errors there by itself.
`batch_scope` is for named work across tenants, on an engine and a role of its own.

Sessions hang on the scope and not on a web request, because jobs, connector threads and commands have none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

from psycopg.pq import ExecStatus
from sqlalchemy import (
    BigInteger,
    Connection,
    CursorResult,
    Date,
    DateTime,
    Dialect,
    Engine,
    Integer,
    Numeric,
    Text,
    TextClause,
    TypeDecorator,
    Uuid,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria
from sqlalchemy.pool import ConnectionPoolEntry

from app.config import settings
from app.kit.ids import new_id

P = ParamSpec("P")
R = TypeVar("R")

__all__ = [
    "BulkModel",
    "GlobalModel",
    "TenantModel",
    "after_commit",
    "batch_scope",
    "directory_scope",
    "execute_sql",
    "get",
    "in_transaction",
    "load_sql",
    "session",
    "status_column",
    "tenant_id",
    "tenant_scope",
    "transaction",
    "undone",
]


IDLE_SECONDS = 2.0


class NoScope(RuntimeError):
    """The database was asked outside every scope, or for a tenant where none is bound: a programming error."""


@dataclass(slots=True)
class Scope:
    """One bound piece of work: which engine it may use, as which tenant, and what happens after its commit."""

    kind: str
    tenant_id: int | None = None
    name: str = ""
    session: Session | None = None
    hooks: list[Callable[[], None]] = field(default_factory=list)

    def open_session(self) -> Session:
        if self.session is None:
            self.session = Session(
                batch_engine() if self.kind == "batch" else app_engine(), expire_on_commit=False, autoflush=True
            )
            self.session.info["scope"] = self
        return self.session


_scope: ContextVar[Scope | None] = ContextVar("database_scope", default=None)

# What a feature wants bound whenever a tenant's scope opens (the business clock): tenant id -> context manager.
_on_tenant: list[Callable[[int], AbstractContextManager[Any]]] = []


def on_tenant_scope(binder: Callable[[int], AbstractContextManager[Any]]) -> None:
    """Let `binder` wrap every tenant scope. Called once at import by the feature that owns the fact."""
    if binder not in _on_tenant:
        _on_tenant.append(binder)


def _begin(connection: Connection) -> None:
    """First statement of every transaction: `SET LOCAL`, since `set_config()` does not reach Citus workers."""
    scope = _scope.get()
    if scope is None:
        raise NoScope("A transaction needs tenant_scope, directory_scope or batch_scope.")
    if scope.kind == "tenant":
        bind = f"SET LOCAL app.tenant_id = '{int(cast(int, scope.tenant_id))}'"
        driver: Any = connection.connection.dbapi_connection
        # One round trip for both. The driver sees the transaction open and sends no BEGIN of its own; when this fails,
        # the plain way fails again and tells the pool what is wrong.
        if driver.pgconn.exec_(f"BEGIN; {bind}".encode()).status != ExecStatus.COMMAND_OK:
            connection.exec_driver_sql(bind)


def _refuse_outside_batch(_connection: Connection) -> None:
    scope = _scope.get()
    if scope is None or scope.kind != "batch":
        raise NoScope("The batch engine is used inside batch_scope only.")


def _make_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        pool_size=settings().pool_size,
        max_overflow=4,
        connect_args={"options": "-c timezone=UTC -c statement_timeout=120000 -c lock_timeout=15000"},
    )
    event.listen(engine, "checkin", _note_idle)
    event.listen(engine, "checkout", _ask_the_idle)
    return engine


def _note_idle(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["idle_since"] = time.monotonic()


def _ask_the_idle(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask a connection that has lain idle whether its server is still there; a busy one is spared the round trip."""
    if time.monotonic() - record.info.get("idle_since", 0.0) < IDLE_SECONDS or "idle_since" not in record.info:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except Exception:
        raise DisconnectionError from None  # The pool forgets this connection and makes another.


@cache
def app_engine() -> Engine:
    """The engine of pages and jobs, as the unprivileged role."""
    engine = _make_engine(settings().database_url)
    event.listen(engine, "begin", _begin)
    return engine


@cache
def batch_engine() -> Engine:
    """The engine of named cross-tenant work."""
    engine = _make_engine(settings().database_batch_url)
    event.listen(engine, "begin", _refuse_outside_batch)
    return engine


def dispose_engines(*, close: bool = True) -> None:
    """Forget pooled connections: with `close=False` in a forked child, whose parent still uses them."""
    for make in (app_engine, batch_engine):
        if make.cache_info().currsize:
            make().dispose(close=close)


def refuse_strong_role() -> None:
    """Raise unless the app's login is unprivileged: no superuser, no BYPASSRLS. Asked by every process at its start."""
    with directory_scope():
        row = session().execute(
            text("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname IN (current_user, session_user)")
        )
        strong = [name for name, is_strong in row if is_strong]
    if strong:
        raise RuntimeError(f"The product refuses to run as {strong[0]}: this role passes row security.")


@contextmanager
def _bind(scope: Scope) -> Iterator[None]:
    token = _scope.set(scope)
    try:
        yield
    finally:
        try:
            if scope.session is not None:
                scope.session.close()
        finally:
            _scope.reset(token)


@contextmanager
def tenant_scope(tenant: int) -> Iterator[None]:
    """Work as one tenant. What is not committed when the block ends is rolled back."""
    if not isinstance(tenant, int):
        raise TypeError("A tenant is named by its number.")
    with ExitStack() as stack:
        for binder in _on_tenant:
            stack.enter_context(binder(tenant))
        stack.enter_context(_bind(Scope("tenant", tenant)))
        yield


@contextmanager
def directory_scope() -> Iterator[None]:
    """Work before a tenant is known: global tables only."""
    with _bind(Scope("directory")):
        yield


@contextmanager
def batch_scope(name: str) -> Iterator[None]:
    """Named work across tenants, as the batch role. The name stands in `pg_stat_activity` while it runs."""
    with _bind(Scope("batch", name=name)):
        session().execute(text("SELECT set_config('application_name', :name, true)"), {"name": f"kontor batch {name}"})
        yield


def current_scope() -> Scope:
    """The scope that is bound now; raises NoScope outside."""
    scope = _scope.get()
    if scope is None:
        raise NoScope("No scope is bound.")
    return scope


def session() -> Session:
    """The session of the bound scope, opened at its first use."""
    return current_scope().open_session()


def tenant_id() -> int:
    """The tenant that is bound; raises NoScope where none is."""
    scope = _scope.get()
    if scope is None or scope.tenant_id is None:
        raise NoScope("No tenant is bound.")
    return scope.tenant_id


def after_commit(hook: Callable[[], None]) -> None:
    """Run `hook` once after the present transaction has committed; a rollback drops it."""
    current_scope().hooks.append(hook)


def commit() -> None:
    """Commit the scope's session and run what waited for it. For `core` alone: services never commit."""
    scope = current_scope()
    if scope.session is not None:
        scope.session.commit()
    hooks, scope.hooks = scope.hooks, []
    for hook in hooks:
        hook()


def rollback() -> None:
    """Undo what the scope's session has not committed, and drop what waited for the commit."""
    scope = current_scope()
    scope.hooks = []
    if scope.session is not None:
        scope.session.rollback()


@contextmanager
def transaction() -> Iterator[Session]:
    """A block that commits at its end or rolls back when it raises: for jobs and commands, not for requests."""
    try:
        yield session()
    except BaseException:
        rollback()
        raise
    commit()


def in_transaction(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `work`, commit, and answer what it answered."""
    with transaction():
        return work(*args, **kwargs)


@contextmanager
def undone() -> Iterator[None]:
    """A block that tries something: what it wrote is undone at its end, with what it left to be done after the commit.

    For looking whether an act would be refused. A refusal raised inside passes through, undone as well.
    """
    scope = current_scope()
    kept = len(scope.hooks)
    savepoint = session().begin_nested()
    try:
        yield
    finally:
        if savepoint.is_active:
            savepoint.rollback()
        del scope.hooks[kept:]


class StrEnumType(TypeDecorator[StrEnum]):
    """A text column that is a StrEnum in Python. The database holds the CHECK."""

    impl = Text
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.enum(value)


def status_column(enum: type[StrEnum], **kwargs: Any) -> Any:
    """A mapped status: text in the database, `enum` in Python."""
    return mapped_column(StrEnumType(enum), **kwargs)


class Base(DeclarativeBase):
    """Every mapped table. Tables are made by migrations; the mapping only says how rows look."""

    type_annotation_map = {  # SQLAlchemy reads it as a plain class attribute.
        datetime: DateTime(timezone=True),
        date: Date(),
        Decimal: Numeric(),
        int: BigInteger(),
        str: Text(),
        UUID: Uuid(),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
    }


class GlobalModel(Base):
    """A row that belongs to no tenant. The short list of such tables is checked against the database."""

    __abstract__ = True


class TenantScoped(Base):
    """A row of one tenant; the tenant is filled in from the bound scope."""

    __abstract__ = True

    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True, sort_order=-2)  # First in every key.

    def __init__(self, **values: Any) -> None:
        values.setdefault("tenant_id", tenant_id())
        super().__init__(**values)


class BulkModel(TenantScoped):
    """A row of a bulk table: its natural key starts with the tenant."""

    __abstract__ = True


class TenantModel(TenantScoped):
    """A row with the key (tenant_id, id); the id is a uuid v7 known before the row is written."""

    __abstract__ = True

    id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True, sort_order=-1)

    def __init__(self, **values: Any) -> None:
        values.setdefault("id", new_id())
        super().__init__(**values)


@event.listens_for(Session, "do_orm_execute")
def _name_the_tenant(state: ORMExecuteState) -> None:
    """Statements name the tenant themselves, which makes the row policy the second wall (and lets Citus route)."""
    scope = state.session.info.get("scope")
    if scope is None or scope.kind != "tenant" or state.is_column_load or state.is_relationship_load:
        return
    if state.is_select or state.is_update or state.is_delete:
        bound = scope.tenant_id
        state.statement = state.statement.options(
            with_loader_criteria(TenantScoped, lambda cls: cls.tenant_id == bound, include_aliases=True)
        )


M = TypeVar("M", bound=TenantModel)


def get(model: type[M], row_id: UUID, *, lock: bool = False) -> M | None:
    """The tenant's row with this id, or None. With `lock` it is locked first and read fresh."""
    statement = select(model).where(model.id == row_id)
    if lock:
        # NO KEY UPDATE: whoever has locked something else and now writes a row that points here does not wait for us.
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session().execute(statement).scalar_one_or_none()


@lru_cache(maxsize=2048)
def _parsed(statement: str) -> TextClause:
    """A textual statement with its parameters found: once, however often it runs."""
    return text(statement)


def execute_sql(statement: str, params: Sequence[dict[str, Any]] | None = None, /, **values: Any) -> CursorResult[Any]:
    """Run a textual statement; `:tenant_id` is filled in from the scope where the text names it."""
    if ":tenant_id" in statement and "tenant_id" not in values and params is None:
        values["tenant_id"] = tenant_id()
    return cast("CursorResult[Any]", session().execute(_parsed(statement), params if params is not None else values))


@cache
def load_sql(package: str, name: str) -> str:
    """The text of `name`, a .sql file that stands in `package` (or below it: "settlement/sql/lines.sql")."""
    import importlib

    module = importlib.import_module(package)
    assert module.__file__ is not None
    return (Path(module.__file__).parent / name).read_text(encoding="utf-8")
