"""The ledger against a floor that makes the same writes with no check: transfers, a hot house account, batches."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from bench.harness import Bench, benchmark
from tools import roles

TENANT = 9_001
THREADS = 8
SECONDS = 4.0
CURRENCY = "USD"

FLOOR = """
CREATE TABLE floor_wallet (LIKE wallet INCLUDING DEFAULTS INCLUDING STORAGE);
ALTER TABLE floor_wallet ADD PRIMARY KEY (tenant_id, id);
CREATE TABLE floor_entry (LIKE journal_entry INCLUDING DEFAULTS);
ALTER TABLE floor_entry ADD PRIMARY KEY (tenant_id, id), ADD UNIQUE (tenant_id, key);
CREATE TABLE floor_posting (LIKE posting INCLUDING DEFAULTS);
ALTER TABLE floor_posting ADD PRIMARY KEY (tenant_id, entry_id, number);
CREATE INDEX ON floor_posting (tenant_id, wallet_id, wallet_seq, entry_id);
INSERT INTO floor_wallet SELECT * FROM wallet;
"""
ENTRY = (
    "INSERT INTO floor_entry (tenant_id, id, key, content_hash, kind, business_date, posted_at, actor_kind, actor_name)"
    " SELECT 9001, e.id, e.id::text, '\\x00', 'bench', current_date, now(), 'system', 'bench'"
    " FROM unnest(%(entries)s::uuid[]) AS e (id)"
)
POSTINGS = (
    "INSERT INTO floor_posting (tenant_id, entry_id, number, wallet_id, wallet_seq, currency, amount_minor,"
    " balance_after_minor) SELECT 9001, p.* FROM unnest(%(ids)s::uuid[], %(numbers)s::smallint[], %(wallets)s::uuid[],"
    " %(seqs)s::bigint[], %(currencies)s::text[], %(amounts)s::bigint[], %(afters)s::bigint[]) AS p"
)
MOVE = (
    "UPDATE floor_wallet SET balance_minor = balance_minor + %s, posting_count = posting_count + 1"
    " WHERE tenant_id = 9001 AND id = %s"
)


@benchmark("ledger")
def run(bench: Bench) -> None:
    """Transfers per second through `ledger.post`, and through `ledger.post_batch`."""
    wallets, house = make_books()
    with floor_tables(bench):
        floor = in_threads(partial(floor_transfers, bench, wallets))
        bench.report("ledger.transfer", in_threads(partial(transfers, wallets)), "1/s", floor=floor, goal=0.65)
        floor = in_threads(partial(floor_transfers, bench, wallets, house))
        bench.report("ledger.hot_account", in_threads(partial(deposits, wallets, house)), "1/s", floor=floor, goal=0.7)
        for size in (100, 1000):
            floor = alone(partial(floor_batches, bench, wallets, size))
            value = alone(partial(batches, wallets, size))
            bench.report(f"ledger.batch_{size}", value, "1/s", floor=floor, goal=0.25)
    prove()


def make_books() -> tuple[list[UUID], UUID]:
    """A tenant with a thousand clients' wallets, each with money in it, and a house account."""
    from app.core.actor import system_actor
    from app.core.db import batch_scope, execute_sql, tenant_scope, transaction
    from app.kit.ids import new_id
    from app.kit.money import Money
    from app.ledger import service as ledger
    from app.ledger.rules import EntryDraft, Line, Owner

    with batch_scope("bench"), transaction():
        execute_sql(
            "INSERT INTO tenant (id, slug, name, status, is_sandbox, config_version, created_at)"
            " VALUES (:id, 'bench', 'Bench', 'active', true, 1, now())",
            id=TENANT,
        )
    with tenant_scope(TENANT), transaction():
        execute_sql(
            "INSERT INTO tenant_config (tenant_id, version, document, digest, applied_at)"
            " VALUES (:tenant_id, 1, CAST(:document AS jsonb), '', now())",
            document=_DOCUMENT,
        )
    with tenant_scope(TENANT):
        with transaction():
            house = ledger.wallet(Owner("house", "bank_wire"), "bank", CURRENCY).id
            wallets = [ledger.wallet(Owner("client", new_id()), ledger.MAIN, CURRENCY).id for _ in range(1000)]
        full = Money.from_minor(1_000_000_00, CURRENCY)
        drafts = [
            EntryDraft(f"fill:{wallet}", "deposit", [Line(house, -full), Line(wallet, full)]) for wallet in wallets
        ]
        result = ledger.post_batch(drafts, system_actor("bench"))
        assert result.refused == []
    return wallets, house


_DOCUMENT = """{
  "tenant": {"slug": "bench", "name": "Bench", "short_name": "Bench", "timezone": "Europe/Berlin"},
  "languages": {"offered": ["en"]}, "currencies": {"wallets": ["USD"], "base": "USD"},
  "branding": {"primary": "#2f5d8a", "accent": "#3a7d6d", "sidebar": "#182433", "radius": 6},
  "company": {"legal_name": "Bench", "registration": "", "address": ""}, "support": {"email": "help@bench.example"}
}"""


@contextmanager
def floor_tables(bench: Bench) -> Iterator[None]:
    """Tables with the same columns and keys as the ledger's, and no rule, trigger or row security."""
    with psycopg.connect(roles.libpq(bench.servers.database.owner), autocommit=True) as owner:
        owner.execute(FLOOR)
        for table in ("floor_wallet", "floor_entry", "floor_posting"):
            owner.execute(sql.SQL("GRANT ALL ON {} TO {}").format(sql.Identifier(table), sql.Identifier(roles.APP)))
        try:
            yield
        finally:
            owner.execute("DROP TABLE floor_posting, floor_entry, floor_wallet")


Worker = Callable[[threading.Event, random.Random], int]


def in_threads(worker: Worker, threads: int = THREADS) -> float:
    """How many pieces per second so many threads do together."""
    stop, done = threading.Event(), [0] * threads

    def work(number: int) -> None:
        done[number] = worker(stop, random.Random(number))

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    began = time.perf_counter()
    for thread in running:
        thread.start()
    time.sleep(SECONDS)
    stop.set()
    for thread in running:
        thread.join()
    return sum(done) / (time.perf_counter() - began)


def alone(worker: Worker) -> float:
    return in_threads(worker, threads=1)


def transfers(wallets: list[UUID], stop: threading.Event, choose: random.Random) -> int:
    """Transfers between two clients, each one committed."""
    return _posts(stop, lambda: choose.sample(wallets, 2))


def deposits(wallets: list[UUID], house: UUID, stop: threading.Event, choose: random.Random) -> int:
    """Transfers from the one house account to a client."""
    return _posts(stop, lambda: [house, choose.choice(wallets)])


def _posts(stop: threading.Event, pair: Callable[[], list[UUID]]) -> int:
    from app.core.actor import system_actor
    from app.core.db import tenant_scope, transaction
    from app.kit.ids import new_id
    from app.kit.money import Money
    from app.ledger import service as ledger
    from app.ledger.rules import Line

    by, done = system_actor("bench"), 0
    while not stop.is_set():
        giver, taker = pair()
        money = Money.from_minor(1, CURRENCY)
        with tenant_scope(TENANT), transaction():
            ledger.post(f"bench:{new_id()}", "bench", [Line(giver, -money), Line(taker, money)], by)
        done += 1
    return done


def floor_transfers(bench: Bench, wallets: list[UUID], *rest: Any) -> int:
    """Two updates and three rows per transfer in one commit. With a house account first, that one is not updated."""
    *house, stop, choose = rest
    done = 0
    with psycopg.connect(roles.libpq(bench.servers.database.app)) as connection:
        while not stop.is_set():
            pair = [*house, choose.choice(wallets)] if house else sorted(choose.sample(wallets, 2))
            with connection.transaction():
                for wallet in pair[len(house) :]:
                    connection.execute(MOVE, (1, wallet))
                _floor_rows(connection, [pair])
            done += 1
    return done


def _floor_rows(connection: psycopg.Connection[Any], pairs: list[list[UUID]]) -> None:
    from app.kit.ids import new_id

    entries = [new_id() for _ in pairs]
    connection.execute(ENTRY, {"entries": entries})
    connection.execute(
        POSTINGS,
        {
            "ids": [entry for entry in entries for _ in (1, 2)],
            "numbers": [1, 2] * len(pairs),
            "wallets": [wallet for pair in pairs for wallet in pair],
            "seqs": [1, 1] * len(pairs),
            "currencies": [CURRENCY] * 2 * len(pairs),
            "amounts": [-1, 1] * len(pairs),
            "afters": [0, 0] * len(pairs),
        },
    )


def batches(wallets: list[UUID], size: int, stop: threading.Event, choose: random.Random) -> int:
    """Batches of so many transfers through `ledger.post_batch`."""
    from app.core.actor import system_actor
    from app.core.db import tenant_scope
    from app.kit.ids import new_id
    from app.kit.money import Money
    from app.ledger import service as ledger
    from app.ledger.rules import EntryDraft, Line

    by, done, money = system_actor("bench"), 0, Money.from_minor(1, CURRENCY)
    while not stop.is_set():
        drafts = []
        for _ in range(size):
            giver, taker = choose.sample(wallets, 2)
            drafts.append(EntryDraft(f"bench:{new_id()}", "bench", [Line(giver, -money), Line(taker, money)]))
        with tenant_scope(TENANT):
            done += ledger.post_batch(drafts, by).posted
    return done


def floor_batches(bench: Bench, wallets: list[UUID], size: int, stop: threading.Event, choose: random.Random) -> int:
    """The entries and postings of so many transfers, inserted by two statements and one commit."""
    done = 0
    with psycopg.connect(roles.libpq(bench.servers.database.app)) as connection:
        while not stop.is_set():
            with connection.transaction():
                _floor_rows(connection, [choose.sample(wallets, 2) for _ in range(size)])
            done += size
    return done


def prove() -> None:
    """The books balance after all of it."""
    from app.core.db import in_transaction, tenant_scope
    from app.ledger import service as ledger

    with tenant_scope(TENANT):
        assert in_transaction(ledger.verify) == []
