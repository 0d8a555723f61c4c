"""Bringing the database back to the state before a test, quickly: only tables that changed are touched."""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql

_LARGE = 5_000
"""Tables with more rows at the start hold reference data: of them only growth is noticed."""


@dataclass(frozen=True)
class _Kept:
    content: bytes
    rows: int
    digest: object


class Baseline:
    """The rows that stand in the database between tests. Works as the server's administrator, past row security."""

    def __init__(self, admin: str) -> None:
        self._connection = psycopg.connect(admin, autocommit=True)
        self._connection.execute(
            "SET session_replication_role = replica"
        )  # Restoring fires no trigger and no key check.
        self._connection.execute("SET lock_timeout = '5s'")
        names = self._connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND relname <> 'alembic_version' ORDER BY relname"
        )
        self._tables = [name for (name,) in names]
        self._kept: dict[str, _Kept] = {}
        self.capture()

    def capture(self) -> None:
        """Take the present rows as the state to come back to."""
        self._kept = {}
        for table in self._filled(self._tables):
            (rows,) = self._one(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table)))
            with self._connection.cursor().copy(self._copy(table, "TO STDOUT")) as copy:
                content = b"".join(bytes(part) for part in copy)
            self._kept[table] = _Kept(content, rows, self._digest(table, rows))

    def restore(self) -> list[str]:
        """Undo what a test committed, and say which tables it had changed."""
        grown = self._filled([name for name in self._tables if name not in self._kept])
        changed = [name for name, kept in self._kept.items() if self._digest(name, kept.rows) != kept.digest]
        if grown or changed:
            self._empty([*grown, *changed])
        for name in changed:
            self._fill(name, self._kept[name].content)
        return grown + changed

    def close(self) -> None:
        self._connection.close()

    def _empty(self, tables: list[str]) -> None:
        # DELETE is faster than TRUNCATE for the few rows of a test; identity columns may run on.
        with self._connection.transaction():
            for table in tables:
                self._connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))

    def _fill(self, table: str, content: bytes) -> None:
        with self._connection.cursor().copy(self._copy(table, "FROM STDIN")) as copy:
            copy.write(content)

    def _copy(self, table: str, where: LiteralString) -> sql.Composed:
        columns = self._connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
            " AND attgenerated = '' ORDER BY attnum",
            (f'public."{table}"',),
        )
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in columns)
        return sql.SQL("COPY {} ({}) " + where).format(sql.Identifier(table), names)

    def _filled(self, tables: list[str]) -> list[str]:
        if not tables:
            return []
        probe = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
            for name in tables
        )
        return [name for (name,) in self._connection.execute(probe)]

    def _digest(self, table: str, rows: int) -> object:
        if rows > _LARGE:
            return self._one(sql.SQL("SELECT pg_relation_size({})").format(sql.Literal(f'public."{table}"')))
        return self._one(
            sql.SQL("SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {} AS t").format(sql.Identifier(table))
        )

    def _one(self, query: sql.Composed) -> tuple[Any, ...]:
        row = self._connection.execute(query).fetchone()
        assert row is not None
        return row
