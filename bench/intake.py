"""Deals from received bytes to committed deals and closed trades, against a floor that only copies the deals.

The tables hold some deals of the tenant already, and statistics as autovacuum keeps them, for ours and the floor alike.
"""

from __future__ import annotations

import gc
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg

from bench import deals
from bench.harness import Bench, benchmark

DEALS = 100_000
PER_ANSWER = 5_000
ANSWERS_BEFORE = 4  # So many are stored before the clock starts.
GOAL_SHARE, GOAL_PER_S = 0.2, 10_000.0
PLATFORM_ID = UUID(hashlib.md5(b"p", usedforsecurity=False).hexdigest())  # As the world's SQL writes it.


@benchmark("intake.mt5")
def mt5(bench: Bench) -> None:
    """`intake.mt5`: deals per second, judged against the floor and against the rate that is asked for."""
    from app.trading.platforms.mt5 import codec

    def read(body: bytes) -> Sequence[Any]:
        return [codec.deal(row) for row in codec.parse_answer(body).records]

    tenant = 9_003
    deals.world(bench, tenant, "mt5")
    total = DEALS + ANSWERS_BEFORE * PER_ANSWER
    measure(bench, "intake.mt5", tenant, list(deals.mt5_bodies(deals.executions(total), PER_ANSWER)), read)


@benchmark("intake.ctrader")
def ctrader(bench: Bench) -> None:
    """`intake.ctrader`: the same, from the messages of the Manager API."""
    from app.trading.platforms.ctrader.deals import Signs
    from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
    from app.trading.platforms.ctrader.world import World

    world = World(Signs())
    world.catalogue.take_symbols(
        pb.ProtoManagerSymbol(symbolId=number, name=name, digits=5, lotSize=deals.CTRADER_LOT)
        for name, number in deals.CTRADER_SYMBOLS.items()
    )
    for login in range(deals.FIRST_LOGIN, deals.FIRST_LOGIN + deals.ACCOUNTS):
        world.take_trader(pb.ProtoTrader(traderId=login, login=login, moneyDigits=2, version=1))

    def read(body: bytes) -> Sequence[Any]:
        found = []
        for row in pb.ProtoManagerDealListRes.FromString(body).deal:
            trader = world.traders.by_number(row.traderId)
            assert trader is not None
            found.append(world.trade_deal(row, trader))
        return found

    tenant = 9_004
    deals.world(bench, tenant, "ctrader")
    total = DEALS + ANSWERS_BEFORE * PER_ANSWER
    measure(bench, "intake.ctrader", tenant, list(deals.ctrader_bodies(deals.executions(total), PER_ANSWER)), read)


def measure(
    bench: Bench, name: str, tenant: int, bodies: Sequence[bytes], read: Callable[[bytes], Sequence[Any]]
) -> None:
    """Take the answers in, repeat their rows against the floor, and report both."""
    from app.factory import install_features

    install_features()
    gc.freeze()  # As worker.py does for every process.
    take_in(tenant, bodies[:ANSWERS_BEFORE], read)
    with deals.owner(bench) as connection:
        connection.execute("ANALYZE deal, closed_trade")
        seconds = take_in(tenant, bodies[ANSWERS_BEFORE:], read)
        floor = copy_and_upsert(connection, tenant)
        found = connection.execute(
            "SELECT (SELECT count(*) FROM deal WHERE tenant_id = %(t)s),"
            " (SELECT count(*) FROM closed_trade WHERE tenant_id = %(t)s)",
            {"t": tenant},
        ).fetchone()
    assert found is not None
    assert found[0] == DEALS + ANSWERS_BEFORE * PER_ANSWER
    size = sum(map(len, bodies[ANSWERS_BEFORE:])) / 1e6
    bench.say(
        f"{DEALS} deals in {size:.0f} MB: {seconds:.2f} s; {found[1]} closed trades; the floor took {floor:.2f} s"
    )
    bench.report(name, DEALS / seconds, "1/s", floor=DEALS / floor, goal=GOAL_SHARE)
    bench.report(f"{name}.per_second", DEALS / seconds, "1/s", goal=GOAL_PER_S, goal_is="value")


def take_in(tenant: int, bodies: Sequence[bytes], read: Callable[[bytes], Sequence[Any]]) -> float:
    """Read each answer and store it, the next one being read while the last is stored, as the connector does."""
    from app.core import db
    from app.core.actor import acting_as
    from app.trading import ingest
    from app.trading.ingest import Batch
    from app.trading.service.outcomes import CONNECTOR

    def store(found: Sequence[Any]) -> None:
        with db.tenant_scope(tenant), acting_as(CONNECTOR), db.transaction():
            ingest.store(PLATFORM_ID, Batch(deals=found))

    began = time.perf_counter()
    with ThreadPoolExecutor(1) as storing:
        pending: Future[None] | None = None
        for body in bodies:
            found = read(body)
            if pending is not None:
                pending.result()
            pending = storing.submit(store, found)
        if pending is not None:
            pending.result()
    return time.perf_counter() - began


def copy_and_upsert(connection: psycopg.Connection[Any], tenant: int) -> float:
    """Seconds for the same rows by COPY into a staging table and one upsert into a copy of the deal table."""
    names = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'deal'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    changed = ", ".join(f"{name} = excluded.{name}" for (name,) in names)
    before = ANSWERS_BEFORE * PER_ANSWER
    connection.execute("CREATE TABLE floor_deal (LIKE deal INCLUDING ALL)")
    connection.execute("CREATE TEMP TABLE floor_stage (LIKE deal INCLUDING DEFAULTS)")
    connection.execute(f"INSERT INTO floor_deal SELECT * FROM deal WHERE tenant_id = {tenant} AND ticket <= {before}")
    select = f"SELECT * FROM deal WHERE tenant_id = {tenant} AND ticket > {before} ORDER BY ticket"
    with connection.cursor().copy(f"COPY ({select}) TO STDOUT".encode()) as copy:
        rows = [bytes(block) for block in copy]
    began = time.perf_counter()
    with connection.transaction():
        with connection.cursor().copy(b"COPY floor_stage FROM STDIN") as copy:
            for block in pieces(rows):
                copy.write(block)
        connection.execute(
            "INSERT INTO floor_deal SELECT * FROM floor_stage"
            f" ON CONFLICT (tenant_id, platform_id, ticket) DO UPDATE SET {changed}".encode()
        )
    seconds = time.perf_counter() - began
    connection.execute("DROP TABLE floor_deal")
    connection.execute("DROP TABLE floor_stage")
    return seconds


def pieces(rows: Sequence[bytes]) -> Iterator[bytes]:
    for begin in range(0, len(rows), 1000):
        yield b"".join(rows[begin : begin + 1000])
