"""The database as it is: every tenant table walled, every key composite, every right as small as it should be."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from tests.support.servers import TestServers
from tools import roles

GLOBAL_TABLES = {
    "alembic_version",
    "connector_presence",  # Connectors share the platforms of every tenant among them.
    "currency",
    "instance_lease",
    "platform_lease",  # Connectors look for work of every tenant; a bridge's key answers which tenant it means.
    "process_heartbeat",
    "reference_rate",
    "tenant",
    "tenant_host",  # Read before the tenant is known: it answers which tenant a host means.
}


@pytest.fixture
def catalogue(servers: TestServers) -> Iterator[psycopg.Connection[Any]]:
    address = roles.libpq(roles.address_for(servers.admin, database=servers.database))
    with psycopg.connect(address, autocommit=True, row_factory=namedtuple_row) as connection:
        yield connection


def names(rows: Any) -> set[str]:
    return {row[0] for row in rows}


TABLES = """
SELECT c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       c.relispartition AS is_part, pg_get_userbyid(c.relowner) AS owner,
       EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS has_tenant
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY 1
"""


def test_a_table_is_either_a_tenants_or_on_the_short_list(catalogue: psycopg.Connection[Any]) -> None:
    tables = catalogue.execute(TABLES).fetchall()

    assert {t.name for t in tables if not t.has_tenant} <= GLOBAL_TABLES
    assert {t.name for t in tables if not t.enabled and not t.is_part} <= GLOBAL_TABLES
    assert {t.owner for t in tables} == {roles.OWNER}


def test_row_security_is_forced_with_the_one_policy(catalogue: psycopg.Connection[Any]) -> None:
    tables = [t for t in catalogue.execute(TABLES) if t.has_tenant and t.name not in GLOBAL_TABLES and not t.is_part]
    policies: dict[str, list[tuple[str, str, str]]] = {}
    for row in catalogue.execute(
        "SELECT tablename, cmd, permissive, qual, with_check, roles::text AS roles FROM pg_policies"
    ):
        policies.setdefault(row.tablename, []).append((row.cmd, row.qual, row.with_check))
    wanted = "(tenant_id = (current_setting('app.tenant_id'::text))::integer)"  # As the server writes it back.

    assert len(tables) > 5
    assert [t.name for t in tables if not (t.enabled and t.forced)] == []
    assert {t.name: policies.get(t.name) for t in tables if policies.get(t.name) != [("ALL", wanted, wanted)]} == {}


def test_partitions_are_not_reachable_past_their_parent(catalogue: psycopg.Connection[Any]) -> None:
    reachable = catalogue.execute(
        "SELECT c.relname FROM pg_class AS c WHERE c.relispartition AND c.relkind IN ('r', 'p')"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        " AND has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE')",
        (roles.APP,),
    )

    assert names(reachable) == set()


KEYS = """
SELECT c.relname AS name, i.indisprimary AS is_primary, i.indexrelid::regclass::text AS index,
       (SELECT a.attname FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = i.indkey[0]) AS first
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND i.indisunique AND NOT c.relispartition
  AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
"""


def test_every_key_of_a_tenant_table_starts_with_the_tenant(catalogue: psycopg.Connection[Any]) -> None:
    keys = [row for row in catalogue.execute(KEYS) if row.name not in GLOBAL_TABLES]
    tables = {
        t.name for t in catalogue.execute(TABLES) if t.has_tenant and t.name not in GLOBAL_TABLES and not t.is_part
    }

    assert [(key.name, key.index) for key in keys if key.first != "tenant_id"] == []
    assert tables - {key.name for key in keys if key.is_primary} == set()


def test_the_tenant_is_an_int_and_never_null(catalogue: psycopg.Connection[Any]) -> None:
    wrong = catalogue.execute(
        "SELECT attrelid::regclass::text FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant_id'"
        " AND (a.atttypid <> 'int'::regtype OR NOT a.attnotnull)"
    )

    assert names(wrong) == set()


def test_foreign_keys_between_tenant_tables_carry_the_tenant(catalogue: psycopg.Connection[Any]) -> None:
    """PostgreSQL checks foreign keys past row security: a single-column one would accept another tenant's row."""
    loose = catalogue.execute(
        "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint AS k"
        " WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        " AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'tenant_id')"
        " AND NOT EXISTS (SELECT FROM unnest(conkey, confkey) AS pair (here, there)"
        "  JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = here AND a.attname = 'tenant_id'"
        "  JOIN pg_attribute AS b ON b.attrelid = confrelid AND b.attnum = there AND b.attname = 'tenant_id')"
    )

    assert names(loose) == set()


def test_exclusions_name_the_tenant(catalogue: psycopg.Connection[Any]) -> None:
    loose = catalogue.execute(
        "SELECT conrelid::regclass || ' ' || conname FROM pg_constraint"
        " WHERE contype = 'x' AND connamespace = 'public'::regnamespace"
        " AND pg_get_constraintdef(oid) !~ 'EXCLUDE USING gist \\(tenant_id WITH ='"
    )

    assert names(loose) == set()


def test_columns_have_types_that_we_allow(catalogue: psycopg.Connection[Any]) -> None:
    """No binary floats, no instants without a zone, no enum types, no plain `money`, no shared sequences."""
    wrong = catalogue.execute(
        "SELECT attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod)"
        " FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_type AS t ON t.oid = a.atttypid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped"
        " AND (t.typname IN ('float4', 'float8', 'money', 'timestamp', 'time', 'timetz', 'json') OR t.typtype = 'e')"
    )

    assert names(wrong) == set()


def test_the_apps_role_is_weak(catalogue: psycopg.Connection[Any]) -> None:
    app = catalogue.execute("SELECT * FROM pg_roles WHERE rolname = %s", (roles.APP,)).fetchone()
    owned = catalogue.execute("SELECT relname FROM pg_class WHERE relowner = %s::regrole", (roles.APP,))
    rights = catalogue.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND has_table_privilege(%s, oid, 'TRUNCATE, REFERENCES, TRIGGER')",
        (roles.APP,),
    )
    members = catalogue.execute("SELECT FROM pg_auth_members WHERE member = %s::regrole", (roles.APP,)).fetchall()

    assert app is not None
    assert [app.rolsuper, app.rolbypassrls, app.rolcreaterole, app.rolcreatedb, app.rolreplication] == [False] * 5
    assert (names(owned), names(rights), members) == (set(), set(), [])


def test_the_books_and_the_record_are_append_only(catalogue: psycopg.Connection[Any]) -> None:
    changeable = catalogue.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND relname IN ('posting', 'journal_entry', 'audit_record', 'audit_link', 'commission_line',"
        " 'commission_award', 'commission_dispute_message', 'commission_dispute_evidence',"
        " 'abuse_signal', 'abuse_finding_line', 'abuse_finding_batch', 'client_day', 'client_instrument')"
        " AND (has_table_privilege(%s, oid, 'UPDATE') OR has_table_privilege(%s, oid, 'DELETE'))",
        (roles.APP, roles.APP),
    )

    assert names(changeable) == set()


def test_functions_that_pass_row_security_are_pinned(catalogue: psycopg.Connection[Any]) -> None:
    """A definer function belongs to the role for it, has a fixed search path, and is not open to everybody."""
    loose = catalogue.execute(
        "SELECT p.oid::regprocedure::text FROM pg_proc AS p"
        " WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
        " AND (pg_get_userbyid(p.proowner) <> %s"
        "  OR NOT EXISTS (SELECT FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'search_path=%%')"
        "  OR EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a"
        "   WHERE a.grantee = 0))",
        (roles.DEFINER,),
    )

    assert names(loose) == set()


def test_views_see_what_their_reader_may_see(catalogue: psycopg.Connection[Any]) -> None:
    loose = catalogue.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND (relkind = 'm' OR relkind = 'v' AND NOT coalesce(reloptions @> '{security_invoker=true}', false))"
    )

    assert names(loose) == set()
