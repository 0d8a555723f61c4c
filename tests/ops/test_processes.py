"""Leases, health addresses and the pool of job processes, with real processes that are really killed."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.core import db, health, jobs, lease
from app.core import redis as core_redis
from app.kit import clock
from tools.children import PROJECT

pytestmark = pytest.mark.usefixtures("database")
TENANT = 911


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)


def test_one_holds_a_lease_and_the_next_takes_it_over_with_a_higher_epoch() -> None:
    first = lease.take("test", "a", seconds=30)
    assert lease.take("test", "b", seconds=30) is None
    assert lease.take("test", "a", seconds=30) == first

    lease.give_back("test", "a")

    second = lease.take("test", "b", seconds=0.2)
    assert (first, second) == (1, 2)
    time.sleep(0.3)
    assert lease.take("test", "a", seconds=30) == 3


def test_a_kept_lease_is_prolonged_while_it_is_wanted() -> None:
    with lease.KeptLease("test", "a", seconds=2) as held:
        time.sleep(2.5)
        assert held.is_held
        with lease.KeptLease("test", "b", seconds=2) as other:
            assert not other.is_held
    assert lease.take("test", "c", seconds=1) is not None


def ask(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def test_a_process_tells_how_it_is_and_beats() -> None:
    facts = {"ok": True, "accounts": 3}
    server = health.HealthServer("testing", port=0, facts=lambda: facts).start()
    try:
        status, body = ask(server.port, "/health")
        assert (status, json.loads(body)["accounts"], json.loads(body)["database"]) == (200, 3, "ok")
        status, body = ask(server.port, "/metrics")
        assert (status, b"python_info" in body) == (200, True)
        assert ask(server.port, "/admin")[0] == 404
        facts["ok"] = False
        assert ask(server.port, "/health")[0] == 503
        wait_for(beats)
    finally:
        server.stop()


def beats() -> bool:
    with db.directory_scope():
        return bool(db.execute_sql("SELECT count(*) FROM process_heartbeat WHERE role = 'testing'").scalar_one())


@pytest.fixture
def tenant() -> Iterator[int]:
    with db.batch_scope("test"), db.transaction():
        db.execute_sql(
            "INSERT INTO tenant (id, slug, name, status, is_sandbox, created_at)"
            " VALUES (:id, 'pool', 'x', 'active', true, :now)",
            id=TENANT,
            now=clock.now(),
        )
    core_redis.client().flushdb()
    yield TENANT
    core_redis.client().flushdb()


POOL = """
import os, signal, sys, time
from app.core import jobs
from app.core import redis as core_redis
from app.core.logs import configure_logging
from app.core.workers import Pool
configure_logging("jobs")

@jobs.tenant_job("test.slow", queue="money", retry=())
def slow() -> None:
    tries = core_redis.client().incr("tries")
    core_redis.client().set("worker", os.getpid())
    if tries == 1:
        time.sleep(60)  # The first process is killed while it sleeps here.

pool = Pool(1)
signal.signal(signal.SIGTERM, lambda *_: pool.stop())
pool.run()
"""


@pytest.fixture
def pool(tenant: int) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", POOL], cwd=PROJECT, env=dict(os.environ))
    yield process
    process.terminate()
    assert process.wait(30) == 0


def redis_number(name: str) -> int:
    return int(core_redis.client().get(name) or 0)


def waiting() -> int:
    with db.batch_scope("test"):
        return int(db.execute_sql("SELECT count(*) FROM outbox WHERE tenant_id = :t", t=TENANT).scalar_one())


@pytest.fixture
def slow_job() -> None:
    @jobs.tenant_job("test.slow", queue="money", retry=())
    def slow() -> None:
        raise AssertionError("It runs in the pool, not here.")


def test_a_job_whose_process_is_killed_is_done_by_the_next_one(
    pool: Any, slow_job: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.tenant_scope(TENANT):
        db.in_transaction(lambda: jobs.enqueue_after_commit("test.slow"))
    wait_for(lambda: redis_number("worker"))
    victim = redis_number("worker")

    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: not os.path.exists(f"/proc/{victim}"))
    wait_for(lambda: (jobs.sweep(), waiting() == 0)[1])

    assert redis_number("tries") == 2
    assert redis_number("worker") != victim


def test_a_flushed_redis_loses_no_job(pool: Any, slow_job: None) -> None:
    core_redis.client().set("tries", 5)
    wait_for(lambda: core_redis.client().smembers("rq:workers"))
    core_redis.client().flushdb()
    core_redis.client().set("tries", 5)
    with db.tenant_scope(TENANT):
        db.in_transaction(lambda: jobs.enqueue_after_commit("test.slow"))

    wait_for(lambda: (jobs.sweep(), waiting() == 0)[1])

    assert redis_number("tries") >= 6
