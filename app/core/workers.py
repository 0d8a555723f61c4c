"""The pool of processes that do jobs. The app is imported once, before the processes part, so a job starts at once."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import redis
import structlog
from rq import Queue, SimpleWorker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.utils import as_text
from rq.worker_registration import REDIS_WORKER_KEYS

from app.config import settings
from app.core import db
from app.core.jobs import queue_names
from app.core.redis import client

log = structlog.get_logger()
_WORKER_TTL = 90
_PR_SET_PDEATHSIG = 1


class Pool:
    """So many worker processes; one that ends is replaced until the pool is told to stop."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._children: dict[int, float] = {}
        self._stopping = threading.Event()

    def facts(self) -> Mapping[str, Any]:
        """How many processes do jobs now."""
        return {"workers": len(self._children), "ok": self._stopping.is_set() or bool(self._children)}

    def stop(self) -> None:
        """Let every worker finish the job in its hands, and end."""
        self._stopping.set()

    def run(self) -> None:
        """Keep the pool full until `stop`. Call it from the main thread."""
        release_abandoned(queue_names())
        while not self._stopping.is_set():
            while len(self._children) < self.processes:
                self._start_one()
            self._stopping.wait(0.2)
            self._bury_dead()
        self._end()

    def _start_one(self) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _work(parent)
        self._children[pid] = time.monotonic()

    def _bury_dead(self) -> None:
        for pid in list(self._children):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
            lived = time.monotonic() - self._children.pop(pid)
            if self._stopping.is_set():
                continue
            log.warning("jobs.worker_ended", worker_pid=pid, seconds=round(lived, 1))
            release_abandoned(queue_names())
            if lived < 2:
                self._stopping.wait(1)  # Redis or the database is away: do not spin.

    def _end(self, seconds: float = 20) -> None:
        for pid in self._children:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while self._children and time.monotonic() < deadline:
            self._bury_dead()
            time.sleep(0.05)
        for pid in list(self._children):
            log.warning("jobs.worker_killed", worker_pid=pid)
            _signal(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del self._children[pid]


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # It has just ended; the next look buries it.


def _work(parent: int) -> None:
    """The life of one worker process; it never returns."""
    status = 1
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
            if os.getppid() != parent:
                os._exit(0)
        signal.set_wakeup_fd(-1)
        db.dispose_engines(close=False)  # The parent still uses its connections.
        client.cache_clear()
        connection = redis.Redis.from_url(settings().redis_url)
        queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in queue_names()]
        worker = SimpleWorker(
            queues,
            name=f"kontor-{os.uname().nodename}-{os.getpid()}-{time.monotonic_ns() % 1_000_000}",
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL,
            maintenance_interval=60,
            log_job_description=False,
        )
        worker.work(logging_level="WARNING")
        status = 0
    except BaseException:
        log.exception("jobs.worker_failed")
    finally:
        os._exit(status)


def release_abandoned(names: list[str]) -> int:
    """Take back the jobs of workers that have died, so that the sweep hands them out again. Answers how many.

    A job whose process was killed stays "started" in Redis for its whole time limit and would not be sent before.
    """
    connection = client()
    released = 0
    try:
        _forget_dead_workers(connection)
        for name in names:
            registry = StartedJobRegistry(name, connection=connection, serializer=JSONSerializer)
            for job_id, execution_id in registry.get_job_and_execution_ids(cleanup=False):
                job = _fetch(job_id, connection)
                if job is not None and job.worker_name and connection.exists(f"rq:worker:{job.worker_name}"):
                    continue
                connection.zrem(registry.key, f"{job_id}:{execution_id}")
                if job is not None:
                    job.delete()
                released += 1
    except redis.RedisError as error:
        log.warning("jobs.not_released", error=type(error).__name__)
    if released:
        log.info("jobs.released", count=released)
    return released


def _fetch(job_id: str, connection: redis.Redis) -> Job | None:
    try:
        return Job.fetch(job_id, connection=connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return None


def _forget_dead_workers(connection: redis.Redis) -> None:
    """Workers of this machine whose process is gone: their keys would say for minutes that they live."""
    prefix = f"kontor-{os.uname().nodename}-"
    for key in map(as_text, connection.smembers(REDIS_WORKER_KEYS)):
        name = key.removeprefix("rq:worker:")
        if not name.startswith(prefix):
            continue
        try:
            os.kill(int(name.removeprefix(prefix).partition("-")[0]), 0)
        except ProcessLookupError:
            connection.delete(key)
            connection.srem(REDIS_WORKER_KEYS, key)
        except PermissionError:
            continue
