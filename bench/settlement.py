"""Settlement lines against a floor that inserts the same rows into a table with the same columns and unique key."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg

from bench.harness import Bench, benchmark
from tools import roles

TENANT = 9_002
CLIENTS = 3_000
TRADES = 100_000
DAY = date(2026, 11, 20)

# Everybody but the first stands below somebody: paths of seven on average. One in ten has an amount per lot.
PEOPLE = f"""
INSERT INTO identity_user (tenant_id, id, kind, email, email_norm, name, country, language, theme, timezone, status,
  client_id, created_at)
SELECT {TENANT}, md5('u' || n)::uuid, 'client', n || '@bench.example', n || '@bench.example', 'Client ' || n, 'DE',
  'en', 'auto', 'UTC', 'active', md5('c' || n)::uuid, '2020-01-01Z'
FROM generate_series(1, {CLIENTS}) AS n;
INSERT INTO client (tenant_id, id, user_id, number, name, name_sort, email, email_norm, country, language, status,
  kyc_level, signup_ip, created_at)
SELECT {TENANT}, md5('c' || n)::uuid, md5('u' || n)::uuid, 1000000 + n, 'Client ' || n, 'client ' || n,
  n || '@bench.example', n || '@bench.example', 'DE', 'en', 'active', 0, '', '2020-01-01Z'
FROM generate_series(1, {CLIENTS}) AS n;
INSERT INTO partner_link (tenant_id, id, child_id, parent_id, valid_from, valid_to, reason, actor_kind, actor_name,
  request_id, created_at)
SELECT {TENANT}, md5('l' || n)::uuid, md5('c' || n)::uuid, md5('c' || greatest(1, n / 3))::uuid, '2020-01-01Z',
  '9999-12-31Z', 'bench', 'system', 'bench', n::text, '2020-01-01Z'
FROM generate_series(2, {CLIENTS}) AS n;
INSERT INTO god_grant (tenant_id, id, partner_id, rate_per_lot, valid_from, valid_to, reason, actor_kind, actor_name,
  request_id, created_at)
SELECT {TENANT}, md5('g' || n)::uuid, md5('c' || n)::uuid, 3 + n % 6, '2020-01-01Z', '9999-12-31Z', 'bench', 'system',
  'bench', n::text, '2020-01-01Z'
FROM generate_series(1, {CLIENTS}, 10) AS n;
INSERT INTO trading_platform (tenant_id, id, code, kind, name, server_name, settings, password_secret, bridge_secret,
  is_active, created_at)
VALUES ({TENANT}, md5('p')::uuid, 'bench', 'mt5', 'Bench', 'Bench', '{{}}', '', '', false, '2020-01-01Z');
INSERT INTO account_type (tenant_id, id, code, platform_id, label, description, groups, leverages, default_leverage,
  leverage_warning_above, min_deposit, is_hedging, is_swap_free, is_demo, demo_deposit, accounts_max, position,
  is_offered)
VALUES ({TENANT}, md5('t')::uuid, 'bench', md5('p')::uuid, '{{}}', '{{}}', '{{}}', '[100]', 100, 100, 0, true, false,
  false, 0, 10, 0, true);
INSERT INTO trading_account (tenant_id, id, client_id, platform_id, type_id, login, group_name, currency, leverage,
  nickname, status, is_demo, is_hedging, reference, created_at, opened_at)
SELECT {TENANT}, md5('a' || n)::uuid, md5('c' || n)::uuid, md5('p')::uuid, md5('t')::uuid, n, 'standard', 'USD', 100,
  '', 'active', false, true, 'A-' || n, '2020-01-01Z', '2020-01-01Z'
FROM generate_series(1, {CLIENTS}) AS n;
"""
CLOSED = f"""
INSERT INTO closed_trade (tenant_id, platform_id, closing_deal, leg, id, account_id, client_id, login, position_id,
  opening_deal, symbol, symbol_class, side, volume_lots, contract_size, opened_at, closed_at, holding_ms,
  holding_nearest_ms, open_price, close_price, open_bid, open_ask, close_bid, close_ask, profit, swap, commission, fee,
  profit_currency, account_currency, is_demo, is_partial, is_close_by, is_edited, reason, arrived_at, batch_no,
  revision)
SELECT {TENANT}, md5('p')::uuid, n, 1, n, md5('a' || 1 + n * 7 % {CLIENTS})::uuid,
  md5('c' || 1 + n * 7 % {CLIENTS})::uuid, 1, n, n + 10000000, (ARRAY['EURUSD', 'GBPUSD', 'XAUUSD'])[1 + n % 3], 'fx',
  'buy', (1 + n % 300) / 100.0, 100000, at - interval '1 hour', at, 3600000, 3600000, 1.10012, 1.101, 1.1,
  1.1 + (5 + n % 20) * 0.00001, 1.101, 1.10112, 0, 0, 0, 0, 'USD', 'USD', false, false, false, false, 'client', at, 1, 0
FROM (
  SELECT n, timestamptz '2026-11-20Z' + n * interval '1 day' / {TRADES + 1} AS at FROM generate_series(1, {TRADES}) AS n
) AS made;
ANALYZE;
"""
FLOOR = """
CREATE TABLE floor_line (LIKE commission_line INCLUDING DEFAULTS);
ALTER TABLE floor_line ADD PRIMARY KEY (tenant_id, partner_id, trade_id, revision, track, component);
"""
LEVELS = [{"name": str(place), "share": share} for place, share in enumerate(("0.3", "0.15", "0.05"), 1)]
PLANS = {
    "settlement.lines": {"god": {"nested_policy": "difference"}},
    "settlement.lines_capped": {"god": {"nested_policy": "full"}, "caps": {"max_total_per_lot": "25"}},
}
# The step also writes one row per trade and one per reason, which the floor does not.
GOALS = {"settlement.lines": 0.2, "settlement.lines_capped": 0.15}


@benchmark("settlement")
def run(bench: Bench) -> None:
    """Lines per second of the step that computes them, without and with a cap that some trades reach."""
    make_world(bench)
    for name, more in PLANS.items():
        lines, seconds = settle({"name": name, "currency": "USD", "referral": {"levels": LEVELS}, **more})
        bench.say(f"{TRADES} trades, {lines} lines in {seconds:.1f} s")
        with floor_table(bench) as connection:
            began = time.perf_counter()
            connection.execute("INSERT INTO floor_line SELECT * FROM commission_line WHERE tenant_id = %s", (TENANT,))
            floor = lines / (time.perf_counter() - began)
        bench.report(name, lines / seconds, "1/s", floor=floor, goal=GOALS[name])


def make_world(bench: Bench) -> None:
    """A tenant, its tree and its day of trades, written straight into the tables by their owner."""
    with owner(bench) as connection:
        connection.execute(
            "INSERT INTO tenant (id, slug, name, status, is_sandbox, config_version, created_at)"
            " VALUES (%s, 'settles', 'Settles', 'active', true, 1, now())",
            (TENANT,),
        )
        connection.execute(
            "INSERT INTO tenant_config (tenant_id, version, document, digest, applied_at)"
            " VALUES (%s, 1, %s, '', now())",
            (TENANT, json.dumps(_DOCUMENT)),
        )
        connection.execute(PEOPLE.encode())
        connection.execute(CLOSED.encode())


def settle(plan: dict[str, Any]) -> tuple[int, float]:
    """Settle the day under a plan from the beginning: how many lines, and how long computing them took."""
    import msgspec

    from app.core import db
    from app.factory import install_features
    from app.kit.ids import new_id
    from app.partners import receivers
    from app.partners.models import PlanVersion, RunStep, SettlementRun
    from app.partners.plan import Plan
    from app.partners.settlement import compute, facts
    from app.partners.settlement import run as settlement
    from app.referrals.rules import BEGINNING

    install_features()
    body = msgspec.to_builtins(
        msgspec.convert(plan | {"gates": {"client_kyc_level": 0, "min_hold_seconds": "180"}}, Plan, strict=False)
    )
    with owner_of(db) as connection:
        for table in ("commission_hold", "commission_reason", "commission_line", "settled_trade", *RUN_TABLES):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = {TENANT}".encode())
        connection.execute("VACUUM ANALYZE commission_line, settled_trade, commission_reason")
    with db.tenant_scope(TENANT):
        with db.transaction():
            db.session().add(
                PlanVersion(
                    number=1, name=str(plan["name"]), currency="USD", effective_from=BEGINNING, body=body,
                    digest=str(new_id()), published_at=BEGINNING, published_by="bench",
                )
            )  # fmt: skip
            db.session().flush()
            receivers.rebuild()
        with db.transaction():
            settlement._open(DAY)
        with db.transaction():
            found: SettlementRun = settlement.get(DAY)
            facts.freeze(found)
            found.step = RunStep.FROZEN
        began = time.perf_counter()
        compute.compute(found)
        seconds = time.perf_counter() - began
        with db.transaction():
            lines = db.execute_sql("SELECT count(*) FROM commission_line WHERE tenant_id = :tenant_id").scalar_one()
    return int(lines), seconds


RUN_TABLES = (
    "run_rule", "run_term", "run_quote", "run_gate", "run_receiver", "settlement_run", "plan_version",
)  # fmt: skip


def owner_of(db: Any) -> Any:
    from app.config import settings

    return psycopg.connect(roles.libpq(settings().database_owner_url), autocommit=True)


@contextmanager
def owner(bench: Bench) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(roles.libpq(bench.env["DATABASE_OWNER_URL"]), autocommit=True) as connection:
        yield connection


@contextmanager
def floor_table(bench: Bench) -> Iterator[psycopg.Connection[Any]]:
    """A table like that of the lines with its unique key and nothing else; gone afterwards."""
    with owner(bench) as connection:
        connection.execute(FLOOR.encode())
        try:
            yield connection
        finally:
            connection.execute("DROP TABLE floor_line")


_DOCUMENT = {
    "tenant": {"slug": "settles", "name": "Settles", "short_name": "Settles", "timezone": "UTC"},
    "languages": {"offered": ["en"]},
    "currencies": {"wallets": ["USD"], "base": "USD"},
    "branding": {"primary": "#2f5d8a", "accent": "#3a7d6d", "sidebar": "#182433", "radius": 6},
    "company": {"legal_name": "Settles", "registration": "", "address": ""},
    "support": {"email": "help@settles.example"},
    "partners": {"plan": {"name": "Unused", "currency": "USD"}},
}
