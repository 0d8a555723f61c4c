"""The sponsor tree at size: moving a structure, opening a partner's network, and the path at the bottom of a chain."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from bench import page
from bench.harness import Bench, benchmark, milliseconds, percentile
from tools import roles
from tools.children import PROJECT
from tools.product import bundles, flask

BRAND, NEIGHBOUR = "aurora", "najm"
PEOPLE = 100_000  # Below one partner; half of them below one of theirs, who is moved.
DEPTH = 10_000
MOVE_SECONDS_MAX, PAGE_MS_MAX = 10, 50
TIMES = 200
# Person 1 has fifty people of their own; person 2 is one of them and has the second half of everybody below.
CLIENTS = """
INSERT INTO identity_user (tenant_id, id, kind, email, email_norm, name, country, language, theme, timezone, status,
  client_id, created_at)
SELECT %(tenant)s, md5(%(mark)s || 'u' || n)::uuid, 'client', n || %(mark)s || '@bench.example',
  n || %(mark)s || '@bench.example', 'Tree ' || n, 'DE', 'en', 'auto', 'UTC', 'active',
  md5(%(mark)s || 'c' || n)::uuid, '2020-01-01Z'
FROM generate_series(1, %(most)s) AS n;
"""
ROWS = """
INSERT INTO client (tenant_id, id, user_id, number, name, name_sort, email, email_norm, country, language, status,
  kyc_level, signup_ip, created_at)
SELECT %(tenant)s, md5(%(mark)s || 'c' || n)::uuid, md5(%(mark)s || 'u' || n)::uuid, %(first)s + n, 'Tree ' || n,
  'tree ' || n, n || %(mark)s || '@bench.example', n || %(mark)s || '@bench.example', 'DE', 'en', 'active', 0, '',
  '2020-01-01Z'
FROM generate_series(1, %(most)s) AS n;
"""
LINKS = """
INSERT INTO partner_link (tenant_id, id, child_id, parent_id, valid_from, valid_to, reason, actor_kind, actor_name,
  request_id, created_at)
SELECT %(tenant)s, md5(%(mark)s || 'l' || n)::uuid, md5(%(mark)s || 'c' || n)::uuid, {parent}, '2020-01-01Z',
  '9999-12-31Z', 'bench', 'system', 'bench', %(mark)s || n, '2020-01-01Z'
FROM generate_series(1, %(most)s) AS n WHERE {parent} IS NOT NULL;
"""
WIDE = """CASE
  WHEN n = 1 THEN %(partner)s
  WHEN n <= 51 THEN md5(%(mark)s || 'c1')::uuid
  WHEN n <= %(most)s / 2 THEN md5(%(mark)s || 'c' || 3 + (n - 52) / 8)::uuid
  WHEN n <= %(most)s / 2 + 60 THEN md5(%(mark)s || 'c2')::uuid
  ELSE md5(%(mark)s || 'c' || %(most)s / 2 + 1 + (n - %(most)s / 2 - 61) / 8)::uuid
END"""
# What the people on the pages traded in the last month, and the line that each trade gave the partner above them.
TRADERS, TRADES_EACH = 2_000, 40
TRADED = """
INSERT INTO trading_platform (tenant_id, id, code, kind, name, server_name, settings, password_secret, bridge_secret,
  is_active, created_at)
VALUES (%(tenant)s, md5('tree p')::uuid, 'tree', 'mt5', 'Tree', 'Tree', '{}', '', '', false, '2020-01-01Z');
INSERT INTO account_type (tenant_id, id, code, platform_id, label, description, groups, leverages, default_leverage,
  leverage_warning_above, min_deposit, is_hedging, is_swap_free, is_demo, demo_deposit, accounts_max, position,
  is_offered)
VALUES (%(tenant)s, md5('tree t')::uuid, 'tree', md5('tree p')::uuid, '{}', '{}', '{}', '[100]', 100, 100, 0, true,
  false, false, 0, 10, 0, false);
INSERT INTO trading_account (tenant_id, id, client_id, platform_id, type_id, login, group_name, currency, leverage,
  nickname, status, is_demo, is_hedging, reference, created_at, opened_at)
VALUES (%(tenant)s, md5('tree a')::uuid, md5('widec1')::uuid, md5('tree p')::uuid, md5('tree t')::uuid, 1, 'standard',
  'USD', 100, '', 'active', false, true, 'A-tree', '2020-01-01Z', '2020-01-01Z');
INSERT INTO closed_trade (tenant_id, platform_id, closing_deal, leg, id, account_id, client_id, login, position_id,
  opening_deal, symbol, symbol_class, side, volume_lots, contract_size, opened_at, closed_at, holding_ms,
  holding_nearest_ms, open_price, close_price, profit, swap, commission, fee, profit_currency, account_currency,
  is_demo, is_partial, is_close_by, is_edited, reason, arrived_at, batch_no, revision)
SELECT %(tenant)s, md5('tree p')::uuid, made.id, 1, made.id, md5('tree a')::uuid, made.client_id, 1, made.id, made.id,
  'EURUSD', 'fx', 'buy', 0.5, 100000, made.at - interval '1 hour', made.at, 3600000, 3600000, 1.1, 1.101, 0, 0, 0, 0,
  'USD', 'USD', false, false, false, false, 'client', made.at, 1, 0
FROM (
  SELECT 1000000000 + trade * %(traders)s + n AS id, md5('widec' || n)::uuid AS client_id,
    now() - trade * interval '17 hours' AS at
  FROM generate_series(1, %(traders)s) AS n CROSS JOIN generate_series(1, %(each)s) AS trade
) AS made
ORDER BY made.id;
INSERT INTO commission_line (tenant_id, partner_id, trade_id, revision, track, component, business_date, distance,
  level, rate, amount_before_cap, amount, cap)
SELECT %(tenant)s, %(partner)s, t.id, 0, 'god', 'base', t.closed_at::date, 9, 9, 1, 0.5, 0.5, ''
FROM closed_trade AS t WHERE t.tenant_id = %(tenant)s AND t.platform_id = md5('tree p')::uuid
ORDER BY t.id;
"""
CHAIN = "CASE WHEN n > 1 THEN md5(%(mark)s || 'c' || n - 1)::uuid END"


@benchmark("tree")
def run(bench: Bench) -> None:
    """Server time of pages in this process; the move in a thread of it, beside another brand's pages."""
    env = dict(bench.env)
    for brand in bundles(bench.data):
        env |= brand.env
    flask(env, "tenants", "apply", "--dir", str(PROJECT / "tenants"))
    flask(env, "demo", "seed")
    _app, open_network = page.sign_in("cabinet", f"partner@{BRAND}.example")
    _other, open_clients = page.sign_in("office", f"admin@{NEIGHBOUR}.example", brand=NEIGHBOUR)
    tenant, partner = make_people(bench)
    network(bench, open_network)
    path(bench, tenant)
    move(bench, tenant, partner, partial(open_clients, "/clients"))


def network(bench: Bench, open_page: Callable[[str], None]) -> None:
    """A partner's network page with a hundred thousand people below: the first level, and a level further down."""
    inner = one_id("c3")
    for name, address in (
        ("tree.portal_page", "/partner/network"),
        ("tree.portal_level", f"/partner/network/{inner}"),
        ("tree.portal_full_level", f"/partner/network/{one_id('c1')}"),  # Fifty rows, each with forty trades.
        ("tree.portal_search", "/partner/network?q=100777"),
        ("tree.portal_as_of", "/partner/network?at=2025-01-01"),
    ):
        show = partial(open_page, address)
        milliseconds(show, times=10)  # The first calls pay for what is loaded and planned once.
        taken = milliseconds(show, times=TIMES)
        bench.report(f"{name}.p50", percentile(taken, 0.5), "ms")
        bench.report(f"{name}.p95", percentile(taken, 0.95), "ms", goal=PAGE_MS_MAX, goal_is="value", better="lower")
    count = milliseconds(lambda: open_page(f"/partner/network/{one_id('c1')}/below"), times=5)
    bench.report("tree.portal_count", percentile(count, 0.5), "ms")


def path(bench: Bench, tenant: int) -> None:
    """Everybody above the last of a chain, as of an instant."""
    from app.core import db
    from app.referrals import queries

    bottom = one_id(f"c{DEPTH + 1}", mark="deep")
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def walk() -> None:
        with db.tenant_scope(tenant), db.transaction():
            assert len(queries.path_at(bottom, at)) == DEPTH

    walk()
    bench.report("tree.path", percentile(milliseconds(walk, times=20), 0.5), "ms")


def move(bench: Bench, tenant: int, partner: UUID, open_page: Callable[[], None]) -> None:
    """Half of everybody goes to another partner, receivers and all, while another brand's office opens its pages.

    Then they go back, from below one partner with an amount per lot to below another.
    """
    from app.core import db
    from app.core.actor import system_actor
    from app.referrals import moves

    milliseconds(open_page, times=20)
    quiet = milliseconds(open_page, times=TIMES)
    moved: list[tuple[float, int]] = []

    def enter(parent: UUID, key: str) -> None:
        began = time.perf_counter()
        with db.tenant_scope(tenant), db.transaction():
            done = moves.enter(
                one_id("c2"), parent, when="immediate", reason="bench", by=system_actor("bench"), request_id=key
            )
            people = done.people_count
        moved.append((time.perf_counter() - began, people))

    target = one_id("c1", mark="deep")
    thread = threading.Thread(target=enter, args=(target, "bench"))
    thread.start()
    beside: list[float] = []
    while thread.is_alive():
        beside += milliseconds(open_page, times=1)
    thread.join()
    seconds, people = moved[0]
    bench.say(f"{people} people moved in {seconds:.1f} s; {len(beside)} pages of {NEIGHBOUR} beside it")
    bench.report("tree.move", seconds, "s", goal=MOVE_SECONDS_MAX, goal_is="value", better="lower")
    bench.report("tree.move.other_page_quiet_p95", percentile(quiet, 0.95), "ms")
    bench.report("tree.move.other_page_p95", percentile(sorted(beside), 0.95), "ms")
    grant(bench, tenant, (partner, target))
    enter(one_id("c1"), "back")
    bench.report("tree.move_from_god_mode", moved[1][0], "s", goal=MOVE_SECONDS_MAX, goal_is="value", better="lower")


def grant(bench: Bench, tenant: int, partners: tuple[UUID, UUID]) -> None:
    """Amounts per lot for those above the structure before and after: each of its people has a row that changes."""
    from app.core import db
    from app.partners import receivers

    with psycopg.connect(roles.libpq(bench.env["DATABASE_OWNER_URL"]), autocommit=True) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (str(tenant),))
        for one in partners:
            connection.execute(
                "INSERT INTO god_grant (tenant_id, id, partner_id, rate_per_lot, valid_from, valid_to, reason,"
                " actor_kind, actor_name, request_id, created_at) VALUES (%s, gen_random_uuid(), %s, 5, '2020-01-01Z',"
                " '9999-12-31Z', 'bench', 'system', 'bench', 'tree ' || %s, '2020-01-01Z')",
                (tenant, one, str(one)),
            )
    with db.tenant_scope(tenant), db.transaction():
        receivers.rebuild()


def one_id(name: str, *, mark: str = "wide") -> UUID:
    """The id of a person that `make_people` wrote."""
    return UUID(hashlib.md5(f"{mark}{name}".encode(), usedforsecurity=False).hexdigest())


def make_people(bench: Bench) -> tuple[int, UUID]:
    """A hundred thousand people below the brand's demo partner, a chain beside them, and the receivers of all."""
    from app.core import db
    from app.partners import receivers
    from app.web.sandbox import sandbox_id

    tenant = sandbox_id(BRAND)
    with psycopg.connect(roles.libpq(bench.env["DATABASE_OWNER_URL"]), autocommit=True) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, false)", (str(tenant),))
        partner = connection.execute(
            "SELECT id FROM client WHERE tenant_id = %s AND email_norm = %s", (tenant, f"partner@{BRAND}.example")
        ).fetchone()
        assert partner is not None
        for mark, most, first, parent in (
            ("wide", PEOPLE, 10_000_000, WIDE),
            ("deep", DEPTH + 1, 20_000_000, CHAIN),
        ):
            given: dict[str, Any] = {
                "tenant": tenant, "mark": mark, "most": most, "first": first, "partner": partner[0],
            }  # fmt: skip
            for statement in (CLIENTS, ROWS, LINKS.replace("{parent}", parent)):
                connection.execute(statement.encode(), given)
        traded = {"tenant": tenant, "partner": partner[0], "traders": TRADERS, "each": TRADES_EACH}
        for statement in TRADED.split(";\n")[:-1]:
            connection.execute(statement.encode(), traded)
        connection.execute("VACUUM ANALYZE")
    with db.tenant_scope(tenant), db.transaction():
        began = time.perf_counter()
        rows = receivers.rebuild()
        bench.say(f"{rows} receiver rows derived in {time.perf_counter() - began:.1f} s")
    return tenant, partner[0]
