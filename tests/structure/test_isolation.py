"""Plain SQL as the app's own role, for every table there is: another tenant's rows are out of reach."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.structure.test_schema import GLOBAL_TABLES
from tests.support.servers import TestServers
from tools import roles

OURS, THEIRS = 11, 12

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL), a.attgenerated <> '' OR a.attidentity = 'a'
FROM pg_attribute AS a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
VALUES = {
    "uuid": "gen_random_uuid()",
    "text": "'x' || gen_random_uuid()",
    "character varying": "'x' || gen_random_uuid()",
    "integer": "(random() * 1000000)::int",
    "smallint": "1",
    "bigint": "(random() * 1000000)::bigint",
    "numeric": "1",
    "boolean": "true",
    "date": "DATE '2026-01-01'",
    "timestamp with time zone": "TIMESTAMPTZ '2026-01-01 00:00+00'",
    "interval": "interval '1 day'",
    "jsonb": "'{}'",
    "bytea": "'\\x00'",
    "inet": "'127.0.0.1'",
}


@pytest.fixture
def administrator(servers: TestServers) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's transaction that never commits: in it, rules that random rows would break are lifted."""
    address = roles.libpq(roles.address_for(servers.admin, database=servers.database))
    with psycopg.connect(address) as connection:
        yield connection
        connection.rollback()


def tenant_tables(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'tenant_id'"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
    )
    return [name for (name,) in rows if name not in GLOBAL_TABLES]


def lift_rules(connection: psycopg.Connection[Any], table: str) -> None:
    connection.execute("SET LOCAL session_replication_role = replica")
    rules = connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('c', 'x') AND coninhcount = 0",
        (table,),
    ).fetchall()
    for (name,) in rules:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name))
        )


def insert_row(connection: psycopg.Connection[Any], table: str, tenant: int) -> sql.Composed:
    """The statement that writes one row of a tenant with a value of the right type in every column."""
    columns = [(name, kind) for name, kind, is_made in connection.execute(COLUMNS, (table,)).fetchall() if not is_made]
    values = []
    for name, kind in columns:
        if name == "tenant_id":
            values.append(sql.SQL(str(tenant)))
        elif kind.endswith("[]"):
            values.append(sql.SQL("'{{}}'"))
        elif kind.endswith("range"):
            values.append(sql.SQL("'empty'"))
        else:
            assert kind in VALUES, f"{table}.{name} has the type {kind}: say in VALUES what a value of it looks like."
            values.append(sql.SQL(VALUES[kind]))
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    return sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, sql.SQL(", ").join(values))


def rows_of(connection: psycopg.Connection[Any], table: str) -> list[int]:
    """The tenants of the rows that the present role sees."""
    query = sql.SQL("SELECT tenant_id FROM {} ORDER BY 1").format(sql.Identifier(table))
    return [tenant for (tenant,) in connection.execute(query).fetchall()]


def attempt(connection: psycopg.Connection[Any], statement: sql.Composed) -> int:
    """Run a statement of an attack: the rows it reached, 0 when the role or the policy refuses it."""
    try:
        with connection.transaction():
            return connection.execute(statement).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0
    except psycopg.errors.UniqueViolation:
        return 1  # Keys are looked at after the policy has let the row pass.


def test_no_table_gives_another_tenants_rows_to_plain_sql(administrator: psycopg.Connection[Any]) -> None:
    tables = tenant_tables(administrator)
    assert len(tables) > 5
    for table in tables:
        with administrator.transaction(force_rollback=True):
            attack(administrator, table)


def attack(connection: psycopg.Connection[Any], table: str) -> None:
    """Read, insert, change, move and delete across tenants, then ask without naming a tenant at all."""
    named = sql.Identifier(table)
    lift_rules(connection, table)
    for tenant in (OURS, THEIRS):
        connection.execute(insert_row(connection, table, tenant))
    before = [tenant for tenant in rows_of(connection, table) if tenant in (OURS, THEIRS)]
    assert before == [OURS, THEIRS]
    foreign_row, own_row = insert_row(connection, table, THEIRS), insert_row(connection, table, OURS)
    connection.execute(sql.SQL("SET LOCAL app.tenant_id = {}").format(sql.Literal(str(OURS))))
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(roles.APP)))
    may_read = connection.execute("SELECT has_table_privilege(%s, 'SELECT')", (table,)).fetchone() == (True,)
    may_insert = connection.execute("SELECT has_table_privilege(%s, 'INSERT')", (table,)).fetchone() == (True,)

    if may_read:
        assert rows_of(connection, table) == [OURS], f"{table}: another tenant's rows are read."
    assert attempt(connection, foreign_row) == 0, f"{table}: a row is written for another tenant."
    if may_insert:
        assert attempt(connection, own_row) == 1, (
            f"{table}: the tenant's own row is refused, so the attack proves nothing."
        )
    move = sql.SQL("UPDATE {} SET tenant_id = {} WHERE tenant_id = {}")
    assert attempt(connection, move.format(named, sql.Literal(THEIRS), sql.Literal(OURS))) == 0, f"{table}: moved away."
    assert attempt(connection, move.format(named, sql.Literal(OURS), sql.Literal(THEIRS))) == 0, f"{table}: moved here."
    delete = sql.SQL("DELETE FROM {} WHERE tenant_id = {}").format(named, sql.Literal(THEIRS))
    assert attempt(connection, delete) == 0, f"{table}: another tenant's row is deleted."
    attempt(connection, sql.SQL("DELETE FROM {}").format(named))
    connection.execute("RESET ROLE")
    assert rows_of(connection, table).count(THEIRS) == 1, f"{table}: another tenant's row is gone."

    connection.execute("RESET app.tenant_id")
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(roles.APP)))
    connection.execute("SET LOCAL app.tenant_id = ''")
    if may_read:
        with pytest.raises(psycopg.Error), connection.transaction():
            rows_of(connection, table)
