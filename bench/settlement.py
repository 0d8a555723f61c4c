"""Settlement from closed trades to posted wallets, against a floor that inserts the same lines and does nothing else.

The floor is one `INSERT ... SELECT` of the lines into a table with the same columns and unique key, on the same server,
measured right after the run. A run also reads the trades, works out who gets what, keeps a row per trade and a reason
for everybody who gets nothing, sums up, posts, writes statements, and proves all of it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from bench.harness import Bench, benchmark, percentile
from tools import roles

TENANT = 9_002
CLIENTS = 100_000
DEEPEST = 500
SMALL, LARGE = 100_000, 1_000_000
DAY = date(2026, 11, 20)

# Everybody but the first stands below somebody: paths of eight on average, one branch 500 deep. One in ten has an
# amount per lot.
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
SELECT {TENANT}, md5('l' || n)::uuid, md5('c' || n)::uuid,
  md5('c' || CASE WHEN n > {CLIENTS - DEEPEST} THEN n - 1 ELSE greatest(1, n / 5) END)::uuid, '2020-01-01Z',
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
SELECT {TENANT}, md5('p')::uuid, n, 1, n, md5('a' || 1 + n * 7 %% {CLIENTS})::uuid,
  md5('c' || 1 + n * 7 %% {CLIENTS})::uuid, 1, n, n + 10000000, (ARRAY['EURUSD', 'GBPUSD', 'XAUUSD'])[1 + n %% 3],
  'fx', 'buy', (1 + n %% 300) / 100.0, 100000, at - interval '1 hour', at, 3600000, 3600000, 1.10012, 1.101, 1.1,
  1.1 + (5 + n %% 20) * 0.00001, 1.101, 1.10112, 0, 0, 0, 0, 'USD', 'USD', false, false, false, false, 'client',
  at, 1, 0
FROM (
  SELECT n, timestamptz '2026-11-20Z' + n * interval '1 day' / (%(trades)s + 1) AS at
  FROM generate_series(1, %(trades)s) AS n
) AS made
"""
FLOOR = """
CREATE TABLE floor_line (LIKE commission_line INCLUDING DEFAULTS);
ALTER TABLE floor_line ADD PRIMARY KEY (tenant_id, partner_id, trade_id, revision, track, component);
"""
LEVELS = [{"name": str(place), "share": share} for place, share in enumerate(("0.3", "0.15", "0.05"), 1)]
PLAIN: dict[str, Any] = {"god": {"nested_policy": "difference"}}
CAPPED: dict[str, Any] = {"god": {"nested_policy": "full"}, "caps": {"max_total_per_lot": "25"}}
WITHIN = 1 / 3  # Of the floor.


@benchmark("settlement")
def run(bench: Bench) -> None:
    """Lines per second of a whole run at two sizes, what a line costs, and who waits while a run goes on."""
    make_world(bench)
    reference = reference_rate()
    measured = {}
    for trades in (SMALL, LARGE):
        done = measured[trades] = settle(bench, PLAIN, trades)
        bench.say(f"{trades} trades, {done.lines} lines: {done.seconds:.1f} s; {done.parts()}")
        bench.say(f"without posting, statements and proof: {done.lines / done.computing:.0f} lines/s")
    large = measured[LARGE]
    bench.report("settlement.lines", large.rate, "1/s", floor=large.floor, goal=WITHIN)
    bench.report("settlement.lines_100k", measured[SMALL].rate, "1/s", floor=measured[SMALL].floor)
    bench.report(
        "settlement.scaling", large.rate / measured[SMALL].rate, "of the rate at 100k", goal=0.8, goal_is="value"
    )
    bench.report("settlement.line_size", large.bytes_per_line, "bytes")
    bench.report("settlement.memory", large.memory_mb, "MB")
    bench.report("settlement.portal_wait", large.longest_wait_ms, "ms", goal=1000, goal_is="value", better="lower")
    bench.report("settlement.reference", reference, "1/s")
    capped = settle(bench, CAPPED, SMALL)
    bench.say(f"with a cap: {capped.lines} lines in {capped.seconds:.1f} s; {capped.parts()}")
    bench.report("settlement.lines_capped", capped.rate, "1/s", floor=capped.floor)


@dataclass
class Measured:
    """One whole run: its lines, how long each step took, and what the same lines cost alone."""

    lines: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    floor: float = 0.0
    bytes_per_line: float = 0.0
    memory_mb: float = 0.0
    waits_ms: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(self.steps.values())

    @property
    def rate(self) -> float:
        return self.lines / self.seconds

    @property
    def computing(self) -> float:
        return sum(self.steps.get(step, 0.0) for step in ("complete", "frozen", "computed"))

    @property
    def longest_wait_ms(self) -> float:
        return percentile(self.waits_ms, 1.0) if self.waits_ms else 0.0

    def parts(self) -> str:
        return ", ".join(f"{step} {seconds:.1f}" for step, seconds in self.steps.items())


def make_world(bench: Bench) -> None:
    """A tenant and its tree, written straight into the tables by their owner."""
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


def make_trades(bench: Bench, trades: int) -> None:
    """A day of so many closed trades, and nothing of earlier runs."""
    with owner(bench) as connection:
        for table in ("closed_trade", *RUN_TABLES, *BOOKS):
            connection.execute(f"DELETE FROM {table} WHERE tenant_id = {TENANT}".encode())
        connection.execute(CLOSED.encode(), {"trades": trades})
        connection.execute(f"VACUUM ANALYZE closed_trade, {', '.join((*RUN_TABLES, *BOOKS))}".encode())
        connection.execute("ANALYZE")


def settle(bench: Bench, plan: dict[str, Any], trades: int) -> Measured:
    """Settle a day of so many trades under a plan from the beginning, and measure the floor of its lines."""
    from app.core import db
    from app.factory import install_features
    from app.kit.ids import new_id
    from app.partners import receivers
    from app.partners.models import PlanVersion
    from app.referrals.rules import BEGINNING

    install_features()
    make_trades(bench, trades)
    done = Measured()
    with db.tenant_scope(TENANT):
        with db.transaction():
            db.session().add(
                PlanVersion(
                    number=1, name="Bench", currency="USD", effective_from=BEGINNING, body=body_of(plan),
                    digest=str(new_id()), published_at=BEGINNING, published_by="bench",
                )
            )  # fmt: skip
            db.session().flush()
            receivers.rebuild()
        with watched(bench, done):
            settle_by_steps(done)
        with db.transaction():
            done.lines = db.execute_sql(
                "SELECT count(*) FROM commission_line WHERE tenant_id = :tenant_id"
            ).scalar_one()
    with floor_table(bench) as connection:
        began = time.perf_counter()
        connection.execute("INSERT INTO floor_line SELECT * FROM commission_line WHERE tenant_id = %s", (TENANT,))
        done.floor = done.lines / (time.perf_counter() - began)
        size = connection.execute("SELECT pg_total_relation_size('commission_line')").fetchone()
        assert size is not None
        done.bytes_per_line = size[0] / done.lines
    return done


def settle_by_steps(done: Measured) -> None:
    """The day's run as a job does it; what each step took stands between the moments at which the steps were noted."""
    from sqlalchemy import event

    from app.core.actor import system_actor
    from app.partners.models import SettlementRun
    from app.partners.settlement import run as settlement

    moments: list[tuple[str, float]] = []

    def note(_run: SettlementRun, step: str, _before: object, _initiator: object) -> None:
        moments.append((str(step), time.perf_counter()))

    event.listen(SettlementRun.step, "set", note)
    began = time.perf_counter()
    try:
        found = settlement.settle_day(DAY, by=system_actor("bench"))
    finally:
        event.remove(SettlementRun.step, "set", note)
    moments[-1] = (moments[-1][0], time.perf_counter())
    assert found.is_proved, (found.step, found.failure)
    for step, at in moments:
        done.steps[step] = done.steps.get(step, 0.0) + at - began
        began = at


def body_of(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan as a version stores it."""
    import msgspec

    from app.partners.plan import Plan

    whole = {
        "name": "Bench",
        "currency": "USD",
        "referral": {"levels": LEVELS},
        "gates": {"client_kyc_level": 0, "min_hold_seconds": "180"},
    }
    body: dict[str, Any] = msgspec.to_builtins(msgspec.convert(whole | plan, Plan, strict=False))
    return body


def reference_rate() -> float:
    """Lines per second of the plain reference, one trade after the other, on a path like those of the run."""
    import msgspec

    from app.partners.plan import Plan
    from app.partners.rules import ClosedTrade, Facts, Path, Upline, settle_trade

    plan = msgspec.convert(body_of(PLAIN), Plan, strict=False)
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    path = Path(tuple(Upline(UUID(int=n), n, god_rate=Decimal(5) if n == 4 else None) for n in range(1, 9)))
    lines, began = 0, time.perf_counter()
    for number in range(10_000):
        bid, spread = Decimal("1.1"), Decimal(5 + number % 20) / 100_000
        closed = ClosedTrade(
            seq=number, client_id=UUID(int=99), symbol="EURUSD", symbol_class="fx", group="standard",
            volume_lots=Decimal(1 + number % 300) / 100, contract_size=Decimal(100_000),
            opened_at=at - timedelta(hours=1), closed_at=at, open_price=bid, close_price=bid, open_bid=bid,
            open_ask=bid + spread, close_bid=bid, close_ask=bid + spread,
        )  # fmt: skip
        lines += len(settle_trade(closed, path, plan, Facts()).lines)
    return lines / (time.perf_counter() - began)


@contextmanager
def watched(bench: Bench, done: Measured) -> Iterator[None]:
    """Beside the block: note the memory of this process and its database's backends, and ask as a partner would."""
    ended = threading.Event()

    def watch_memory() -> None:
        with owner(bench) as connection:
            while not ended.wait(0.3):
                rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE '%backend%'")
                used = sum(private_mb(f"/proc/{row[0]}/status") for row in rows) + private_mb("/proc/self/status")
                done.memory_mb = max(done.memory_mb, used)

    threads = [threading.Thread(target=watch_memory), threading.Thread(target=ask_as_partner, args=(done, ended))]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        done.waits_ms.sort()


def private_mb(status: str) -> float:
    """Memory of a process that it shares with nobody."""
    try:
        text = Path(status).read_text()
    except OSError:
        return 0.0
    found = next((line for line in text.splitlines() if line.startswith("RssAnon")), "RssAnon: 0 kB")
    return int(found.split()[1]) / 1024


def ask_as_partner(done: Measured, ended: threading.Event) -> None:
    """What a partner's first page and a payout read and lock, over and over, with how long each took."""
    from app.core import db
    from app.core.actor import system_actor
    from app.kit.money import Money
    from app.ledger import service as ledger
    from app.partners import queries
    from app.partners.settlement.posting import partner_owner

    by = system_actor("bench")
    with db.tenant_scope(TENANT):
        with db.transaction():
            partner_id = db.execute_sql(
                "SELECT beneficiary_id FROM receiver WHERE tenant_id = :tenant_id LIMIT 1"
            ).scalar_one()
        while not ended.wait(1.0):
            began = time.perf_counter()
            with db.transaction():
                queries.balances(partner_id)
                queries.releases(partner_id)
                queries.earnings(partner_id, queries.EarningFilter(kind="paid"), limit=8)
                redeem = ledger.wallet(partner_owner(partner_id), ledger.REDEEM, "USD")
                main = ledger.wallet(ledger.Owner("client", partner_id), ledger.MAIN, "USD")
                ledger.lock_wallets([redeem.id, main.id])
                ledger.post(
                    f"bench:{began}",
                    "commission.payout",
                    [
                        ledger.Line(redeem.id, -Money.from_minor(1, "USD")),
                        ledger.Line(main.id, Money.from_minor(1, "USD")),
                    ],
                    by,
                )
            done.waits_ms.append((time.perf_counter() - began) * 1000)


BOOKS = ("journal_link", "posting", "journal_entry", "wallet")  # The same day is settled again, from empty wallets.
RUN_TABLES = (
    "commission_hold", "commission_reason", "commission_line", "commission_batch", "commission_statement",
    "settled_trade", "run_rule", "run_term", "run_quote", "run_gate", "run_receiver", "settlement_run", "plan_version",
)  # fmt: skip


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
