"""Catching up after downtime: a million deals read over the wire from the simulator, stored, and nothing of it kept in
memory.

Every reading runs in a process of its own, whose highest memory the system tells at its end.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from bench import deals
from bench.harness import Bench, benchmark
from bench.intake import PLATFORM_ID

FEW, SOME, MANY = 100_000, 300_000, 1_000_000
PATIENCE_S = 240
GOAL_MEMORY = 1.5
MANAGER, PASSWORD = 1000, "Password1"


@benchmark("catchup.mt5")
def mt5(bench: Bench) -> None:
    """`catchup.mt5`: rows per second of a million; `catchup.mt5.memory`: its peak, over that of a tenth of them."""
    measure(bench, "mt5", 9_010)


@benchmark("catchup.ctrader")
def ctrader(bench: Bench) -> None:
    """The same for cTrader."""
    measure(bench, "ctrader", 9_020)


def measure(bench: Bench, kind: str, tenant: int) -> None:
    with simulator(bench, kind) as place:
        few = read_written(bench, tenant, kind, FEW, place)
        count = affordable(bench, FEW / few["seconds"])
        many = read_written(bench, tenant + 1, kind, count, place)
    bench.report(f"catchup.{kind}", count / many["seconds"], "1/s")
    bench.report(
        f"catchup.{kind}.memory", many["peak_mb"], "MB", floor=few["peak_mb"], goal=GOAL_MEMORY, better="lower"
    )


def affordable(bench: Bench, per_second: float) -> int:
    """A million, unless this machine would need too long for them and nobody insists."""
    if per_second * PATIENCE_S >= MANY or os.environ.get("KONTOR_BENCH_WHOLE"):
        return MANY
    bench.say(
        f"At {per_second:.0f} a second {MANY} deals would take longer than {PATIENCE_S} s: {SOME} are read instead."
        " Set KONTOR_BENCH_WHOLE=1 to read them all."
    )
    return SOME


def read_written(bench: Bench, tenant: int, kind: str, count: int, place: dict[str, Any]) -> dict[str, Any]:
    """Catch up on so many deals of a new tenant: how long it took and how much memory it needed."""
    deals.world(bench, tenant, kind, read_until_msc=deals.BEGINS_MSC)
    path = bench.data / f"deals-{kind}-{count}"
    made = deals.executions(count)
    if kind == "mt5":
        with path.open("wb") as file:
            file.writelines(deals.mt5_lines(made))
    else:
        deals.write_ctrader(path, made, open_accounts(bench, tenant, place), symbols_of(place))
    httpx.post(f"{place['control']}/written", json={"path": str(path)}, timeout=120).raise_for_status()
    found = catch_up(bench, tenant, place)
    path.unlink()
    rows, legs = stored(bench, tenant)
    assert rows == count, f"{rows} of {count} deals were stored."
    bench.say(f"{count} deals, {legs} closed trades: {found['seconds']:.1f} s, at most {found['peak_mb']:.0f} MB")
    return found


def open_accounts(bench: Bench, tenant: int, place: dict[str, Any]) -> list[int]:
    """The tenant's accounts as the plant has them, which gives them their numbers: opened once, for every tenant."""
    if "traders" not in place:
        with httpx.Client(base_url=place["control"], timeout=30) as control:
            place["traders"] = [
                control.post("/accounts", json={"group": "Standard"}).json() for _ in range(deals.ACCOUNTS)
            ]
    traders: list[dict[str, int]] = place["traders"]
    with deals.owner(bench) as connection:
        connection.execute(
            "UPDATE trading_account AS a SET login = n.login, group_name = 'Standard'"
            " FROM unnest(%s::bigint[], %s::bigint[]) AS n (was, login) WHERE a.tenant_id = %s AND a.login = n.was",
            (
                list(range(deals.FIRST_LOGIN, deals.FIRST_LOGIN + deals.ACCOUNTS)),
                [-trader["login"] for trader in traders],  # Negative first: old and new numbers may meet.
                tenant,
            ),
        )
        connection.execute("UPDATE trading_account SET login = -login WHERE tenant_id = %s AND login < 0", (tenant,))
        connection.execute('UPDATE account_type SET groups = \'{"USD": "Standard"}\' WHERE tenant_id = %s', (tenant,))
    return [trader["trader_id"] for trader in traders]


def symbols_of(place: Mapping[str, Any]) -> dict[str, int]:
    """The plant's numbers of our symbols."""
    from app.simulators.ctrader.catalogue import SYMBOLS

    numbers = {symbol.name: symbol.id for symbol in SYMBOLS}
    return {name: numbers[name] for name in deals.SYMBOLS}


def catch_up(bench: Bench, tenant: int, place: Mapping[str, Any]) -> dict[str, Any]:
    """Run one catch-up in a process of its own, as the connector would: its seconds and its highest memory."""
    where = json.dumps({name: value for name, value in place.items() if name != "traders"})
    words = [sys.executable, "-m", "bench.catchup", "--tenant", str(tenant)]
    done = subprocess.run([*words, "--place", where], env=bench.env, stdout=subprocess.PIPE, check=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def stored(bench: Bench, tenant: int) -> tuple[int, int]:
    with deals.owner(bench) as connection:
        rows = connection.execute("SELECT count(*) FROM deal WHERE tenant_id = %s", (tenant,)).fetchone()
        legs = connection.execute("SELECT count(*) FROM closed_trade WHERE tenant_id = %s", (tenant,)).fetchone()
    assert rows is not None
    assert legs is not None
    return rows[0], legs[0]


@contextmanager
def simulator(bench: Bench, kind: str) -> Iterator[dict[str, Any]]:
    """A trade server in a process of its own: where it answers."""
    directory = bench.data / f"catchup-{kind}"
    directory.mkdir(exist_ok=True)
    config = directory / "config.json"
    server: dict[str, Any] = {
        "name": "bench", "data_dir": str(directory), "managers": [{"login": MANAGER, "password": PASSWORD}]
    }  # fmt: skip
    if kind == "ctrader":
        server["list_chunk"] = 1_000
    config.write_text(json.dumps({"servers": [server]}))
    process = subprocess.Popen(
        [sys.executable, "-m", f"app.simulators.{kind}", "--config", str(config)],
        env=bench.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        (address,) = json.loads(process.stdout.readline())["servers"]
        port = address["port"] if kind == "mt5" else address["manager_port"]
        yield {"kind": kind, "port": port, "control": address["control_url"], "ca_file": address["ca_file"]}
    finally:
        process.terminate()
        process.wait(30)


def child() -> None:
    """The process that catches up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenant", type=int, required=True)
    parser.add_argument("--place", type=json.loads, required=True)
    options = parser.parse_args()
    from app.factory import install_features

    install_features()
    gc.freeze()  # As worker.py does for every process.
    began = time.perf_counter()
    asyncio.run(read_everything(options.tenant, options.place))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak}))


async def read_everything(tenant: int, place: Mapping[str, Any]) -> None:
    from app.trading.connector.catching_up import CatchingUp
    from app.trading.connector.threads import Threads
    from app.trading.queries.leases import Lease
    from app.trading.service import connections

    platform = platform_at(place)
    threads = Threads()
    await platform.connect()
    plan = await threads.as_tenant(tenant, connections.plan_catch_up, PLATFORM_ID, every_s=1, without_bridge_s=1)
    assert plan is not None
    await CatchingUp(Lease(tenant, PLATFORM_ID, 1), threads, platform, plan).run(await platform.server_time_msc())
    await platform.close()
    threads.close()


def platform_at(place: Mapping[str, Any]) -> Any:
    """The adapter, asking as fast as the simulator answers."""
    from app.trading.platforms.ctrader.adapter import CTraderPlatform
    from app.trading.platforms.ctrader.link import LinkSettings
    from app.trading.platforms.ctrader.session import Endpoint as Plant
    from app.trading.platforms.mt5.adapter import MT5Platform
    from app.trading.platforms.mt5.connection import Endpoint
    from app.trading.platforms.mt5.pool import PoolSettings

    authority = Path(place["ca_file"]).read_text()
    if place["kind"] == "mt5":
        endpoint = Endpoint("127.0.0.1", place["port"], MANAGER, PASSWORD, authority, "localhost")
        return MT5Platform(endpoint, PoolSettings(requests_per_s=1_000))
    plant = Plant("127.0.0.1", place["port"], "stubplant", "demo", MANAGER, PASSWORD, authority, "localhost")
    return CTraderPlatform(plant, settings=LinkSettings(requests_per_s=1_000))


if __name__ == "__main__":
    child()
