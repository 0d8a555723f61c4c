"""Signed in at one brand, with every role there is: each address of another brand's objects answers 404."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from werkzeug.routing import Rule

from tests.structure.test_isolation import VALUES
from tests.support.brands import Brand, browser_of, make_staff, make_trader
from tests.support.browsing import Visitor
from tests.support.servers import TestServers
from tools import roles

STAFF_ROLES = ("admin", "finance", "compliance", "sales", "support", "dealing", "partner_desk")
# Which table's rows an address means by its parts. A new kind of address is added here, and is attacked from then on.
OBJECTS = {
    "account_id": "trading_account",
    "adjustment_id": "adjustment",
    "agreement_id": "share_agreement",
    "banner_id": "partner_banner",
    "booking_id": "suspense_booking",
    "clawback_id": "clawback",
    "client_id": "client",
    "deposit_id": "deposit",
    "difference_id": "sync_difference",
    "dispute_id": "commission_dispute",
    "draft_id": "plan_draft",
    "early_id": "early_release",
    "finding_id": "abuse_finding",
    "import_id": "adoption_import",
    "invitation_id": "sub_ib_invitation",
    "link_id": "campaign_link",
    "mail_id": "mail",
    "operation_id": "platform_operation",
    "partner_id": "client",
    "payout_id": "commission_payout",
    "platform_id": "trading_platform",
    "move_id": "tree_move",
    "reattribution_id": "reattribution",
    "rate_id": "partner_rate",
    "record_id": "audit_record",
    "replay_id": "plan_replay",
    "restriction_id": "restriction",
    "run_id": "bulk_run",
    "session_id": "user_session",
    "strategy_id": "strategy",
    "token_id": "api_token",
    "transfer_id": "transfer",
    "trial_id": "settlement_trial",
    "user_id": "identity_user",
    "withdrawal_id": "withdrawal",
}
OTHER_PARTS = {
    "name": "profile", "tab": "notes", "ticket": "1", "day": "2026-11-20", "track": "referral", "place": "1",
    "trade_id": "1", "revision": "1", "component": "base", "login": "1", "act": "pause", "step": "bridge",
    "what": "leverage", "kind": "rebate",
}  # fmt: skip
"""Parts that name no row of their own: a value that exists."""
COLUMNS = """
SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
AND NOT attisdropped AND attgenerated = '' AND attidentity = '' AND attnotnull ORDER BY attnum
"""
CHECKS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'"


@pytest.fixture
def theirs(servers: TestServers, south: Brand) -> Iterator[dict[str, UUID]]:
    """One row of the other brand in each table that an address can mean, with its id."""
    address = roles.libpq(roles.address_for(servers.admin, database=servers.database))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # Neighbours of the rows are not needed here.
        yield {table: one_row(connection, table, south.id) for table in sorted(set(OBJECTS.values()))}


def one_row(connection: psycopg.Connection[Any], table: str, tenant: int) -> UUID:
    """Write a row with likely values: the first that a check allows, else one of the right type; the rest is empty."""
    checks = " ".join(text for (text,) in connection.execute(CHECKS, (table,)))
    values = {}
    for name, kind in connection.execute(COLUMNS, (table,)).fetchall():
        allowed = re.search(rf"\(?\b{name}\)?(?:::text)? = ANY \(ARRAY\['([^']*)'", checks)
        usual = "'{}'" if kind.endswith("[]") else VALUES[kind]
        values[name] = f"'{allowed[1]}'" if allowed else usual
    values |= {"tenant_id": str(tenant)} | SHAPED.get(table, {})
    names = sql.SQL(", ").join(map(sql.Identifier, values))
    row = sql.SQL(", ").join(sql.SQL(value) for value in values.values())
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING id").format(sql.Identifier(table), names, row)
    try:
        made = connection.execute(query).fetchone()
    except psycopg.errors.CheckViolation as refusal:
        pytest.fail(f"{refusal.diag.message_primary}: say in SHAPED what a row of {table} looks like.", pytrace=False)
    assert made is not None
    return UUID(str(made[0]))


SHAPED: dict[str, dict[str, str]] = {
    "client": {"kyc_level": "0"},
    "identity_user": {"kind": "'staff'"},
    "restriction": {"mode": "'deny'"},
    "suspense_booking": {"house": "'fees'"},
    "trading_platform": {"kind": "'mt5'"},
    "transfer": {"account_id": "gen_random_uuid()"},
    "withdrawal": {"approvals_needed": "1"},
}
"""Columns whose checks ask for more than a value of their type."""


def addresses(app: Flask, audience: str, theirs: dict[str, UUID]) -> Iterator[tuple[str, Rule]]:
    """Every address of an audience that names a row, with the other brand's ids in it."""
    for rule in app.url_map.iter_rules():
        if rule.subdomain != audience or not rule.arguments & set(OBJECTS):
            continue
        parts: dict[str, Any] = {}
        for part in rule.arguments:
            assert part in OBJECTS or part in OTHER_PARTS, f"{rule.rule}: say in OBJECTS what <{part}> means."
            parts[part] = theirs[OBJECTS[part]] if part in OBJECTS else OTHER_PARTS[part]
        yield app.url_map.bind("x", subdomain=audience).build(rule.endpoint, parts), rule


def answers(visitor: Visitor, app: Flask, audience: str, theirs: dict[str, UUID]) -> dict[str, int]:
    """What each address answers that does not answer 404."""
    found = {}
    asked = 0
    for path, rule in addresses(app, audience, theirs):
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            response = visitor.get(path) if method == "GET" else visitor.post(path, {"reason": "test", "note": "test"})
            asked += 1
            if response.status_code != 404:
                found[f"{method} {rule.rule}"] = response.status_code
    assert asked > 5
    return found


def test_another_brands_objects_do_not_exist_in_the_office(
    app: Flask, north: Brand, south: Brand, theirs: dict[str, UUID]
) -> None:
    officer = browser_of(app, north, make_staff(north, *STAFF_ROLES), "office")
    assert officer.get(f"/clients/{make_trader(north).client_id}").status_code == 200  # Our own does exist.

    assert answers(officer, app, "office", theirs) == {}


def test_another_brands_objects_do_not_exist_in_the_cabinet(
    app: Flask, north: Brand, south: Brand, theirs: dict[str, UUID]
) -> None:
    trader = browser_of(app, north, make_trader(north), "cabinet")

    assert answers(trader, app, "cabinet", theirs) == {}
