"""Deals from received bytes to committed deals and closed trades, against a floor that only copies the deals."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from bench import deals
from bench.harness import Bench, benchmark

DEALS = 100_000
PER_ANSWER = 5_000
GOAL_SHARE, GOAL_PER_S = 0.2, 10_000.0
FLOOR = """
CREATE TABLE floor_deal (LIKE deal INCLUDING ALL);
CREATE TEMP TABLE floor_stage (LIKE deal INCLUDING DEFAULTS);
"""


@benchmark("intake.mt5")
def mt5(bench: Bench) -> None:
    """`intake.mt5`: deals per second, twice judged: against the floor, and against the rate that is asked for."""
    tenant = 9_003
    deals.world(bench, tenant, "mt5")
    bodies = list(deals.mt5_bodies(deals.executions(DEALS), PER_ANSWER))
    bench.say(f"{DEALS} deals in {sum(map(len, bodies)) / 1e6:.0f} MB")
    measure(bench, "intake.mt5", tenant, bodies)


def measure(bench: Bench, name: str, tenant: int, bodies: Sequence[bytes]) -> None:
    seconds = take_in(tenant, bodies)
    with deals.owner(bench) as connection:
        floor = copy_and_upsert(connection, tenant)
        counted = connection.execute(
            "SELECT (SELECT count(*) FROM deal WHERE tenant_id = %(t)s),"
            " (SELECT count(*) FROM closed_trade WHERE tenant_id = %(t)s)",
            {"t": tenant},
        ).fetchone()
    assert counted is not None
    bench.say(f"{counted[0]} deals and {counted[1]} closed trades in {seconds:.2f} s; floor {counted[0] / floor:.0f}/s")
    bench.report(name, counted[0] / seconds, "1/s", floor=counted[0] / floor, goal=GOAL_SHARE)
    bench.report(f"{name}.per_second", counted[0] / seconds, "1/s", goal=GOAL_PER_S, goal_is="value")


def take_in(tenant: int, bodies: Sequence[bytes]) -> float:
    """Read each answer and store it, the next one being read while the last is stored, as the connector does."""
    import hashlib
    from uuid import UUID

    from app.core import db
    from app.core.actor import acting_as
    from app.factory import install_features
    from app.trading import ingest
    from app.trading.ingest import Batch
    from app.trading.platforms.mt5 import codec
    from app.trading.service.outcomes import CONNECTOR

    install_features()
    gc.freeze()  # As worker.py does for every process.
    platform_id = UUID(hashlib.md5(b"p", usedforsecurity=False).hexdigest())

    def store(found: Sequence[Any]) -> None:
        with db.tenant_scope(tenant), acting_as(CONNECTOR), db.transaction():
            ingest.store(platform_id, Batch(deals=found))

    began = time.perf_counter()
    with ThreadPoolExecutor(1) as storing:
        pending = None
        for body in bodies:
            found = [codec.deal(row) for row in codec.parse_answer(body).records]
            if pending is not None:
                pending.result()
            pending = storing.submit(store, found)
        if pending is not None:
            pending.result()
    return time.perf_counter() - began


def copy_and_upsert(connection: psycopg.Connection[Any], tenant: int) -> float:
    """Seconds for the same rows by COPY into a staging table and one upsert into a copy of the deal table."""
    connection.execute(FLOOR.encode())
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'deal'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    ]
    with connection.cursor().copy(
        f"COPY (SELECT * FROM deal WHERE tenant_id = {tenant} ORDER BY ticket) TO STDOUT".encode()
    ) as copy:
        rows = [bytes(block) for block in copy]
    changed = ", ".join(
        f"{name} = excluded.{name}" for name in columns if name not in ("tenant_id", "platform_id", "ticket")
    )
    began = time.perf_counter()
    with connection.transaction():
        with connection.cursor().copy(b"COPY floor_stage FROM STDIN") as copy:
            for block in pieces(rows):
                copy.write(block)
        connection.execute(
            f"INSERT INTO floor_deal SELECT * FROM floor_stage"
            f" ON CONFLICT (tenant_id, platform_id, ticket) DO UPDATE SET {changed}".encode()
        )
    seconds = time.perf_counter() - began
    connection.execute("DROP TABLE floor_deal; DROP TABLE floor_stage")
    return seconds


def pieces(rows: Sequence[bytes]) -> Iterator[bytes]:
    for begin in range(0, len(rows), 1000):
        yield b"".join(rows[begin : begin + 1000])
