"""Jobs: work for later leaves through the outbox and is done at least once, so every job is safe to run twice.

A row is written in the act's own transaction, handed to RQ after the commit, and deleted by the job in the job's own
last transaction. The sweep hands over again what is neither done nor known to Redis: a flushed Redis delays, no more.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import redis
import structlog
from rq import Queue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import text

from app.core import actor, db
from app.core import redis as core_redis
from app.core.logs import redacted_text
from app.kit import clock
from app.kit.ids import new_id

log = structlog.get_logger()

QUEUES = ("money", "platform", "settlement", "mail", "reports")
IN_FLIGHT_MAX = 200  # Jobs of one tenant and queue in RQ at a time; the rest wait in the outbox, taken round robin.
SENT_GRACE = timedelta(seconds=20)
F = TypeVar("F", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class JobKind:
    """A registered job: where it runs and how long it waits after each failure."""

    name: str
    run: Callable[..., None]
    queue: str
    retry: Sequence[int]


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work that comes round. Per tenant it goes through the outbox; of the instance it runs in the scheduler itself."""

    name: str
    seconds: float
    scope: str
    run: Callable[..., None]


_kinds: dict[str, JobKind] = {}
_periodic: dict[str, Periodic] = {}


def tenant_job(name: str, *, queue: str, retry: Sequence[int] = (10, 60, 300, 900, 3600)) -> Callable[[F], F]:
    """Register a job. It takes ids as text, runs in its tenant's scope, and may use `in_transaction` for its steps."""
    assert queue in QUEUES, queue

    def register(run: F) -> F:
        _kinds[name] = JobKind(name, run, queue, tuple(retry))
        return run

    return register


def every(name: str, *, seconds: float, scope: str = "tenant", queue: str = "settlement") -> Callable[[F], F]:
    """Let a job come round every so many seconds: for each tenant through the outbox, or `scope="instance"`."""

    def register(run: F) -> F:
        if scope == "tenant":
            tenant_job(name, queue=queue, retry=())(run)
        _periodic[name] = Periodic(name, seconds, scope, run)
        return run

    return register


def load_modules(modules: Sequence[str]) -> None:
    """Import the modules that register jobs. Called by the factory with the features' lists."""
    for module in modules:
        importlib.import_module(module)


def enqueue_after_commit(name: str, *, due_at: datetime | None = None, **payload: Any) -> UUID:
    """Have the job done after this transaction has committed, at `due_at` (machine time) or at once."""
    kind = _kinds.get(name)
    queue = kind.queue if kind else "money"
    now = clock.now()
    row_id = new_id()
    tenant = db.tenant_id()
    db.execute_sql(
        "INSERT INTO outbox (tenant_id, id, job, queue, payload, due_at, created_at)"
        " VALUES (:tenant_id, :id, :job, :queue, CAST(:payload AS jsonb), :due_at, :now)",
        id=row_id,
        job=name,
        queue=queue,
        payload=_json(payload),
        due_at=due_at or now,
        now=now,
    )
    if due_at is None or due_at <= now:
        db.after_commit(lambda: _send_new(tenant, row_id, queue))
    return row_id


def _json(payload: Mapping[str, Any]) -> str:
    import json

    return json.dumps(payload, default=str)


def _job_id(tenant: int, row_id: UUID) -> str:
    return f"t{tenant}-{row_id}"


def _queue(name: str) -> Queue:
    return Queue(core_redis.key(name), connection=core_redis.client(), serializer=JSONSerializer)


def _send_new(tenant: int, row_id: UUID, queue: str) -> None:
    """Hand a fresh row to RQ unless its tenant already has its share there. Whatever fails here the sweep repeats."""
    try:
        in_flight = core_redis.key("inflight", tenant, queue)
        if int(core_redis.client().scard(in_flight)) >= IN_FLIGHT_MAX:
            return
        _send(tenant, row_id, queue)
    except redis.RedisError as error:
        log.warning("jobs.unsent", job=str(row_id), error=str(error))


def _send(tenant: int, row_id: UUID, queue: str) -> None:
    core_redis.client().sadd(core_redis.key("inflight", tenant, queue), str(row_id))
    _queue(queue).enqueue_call(
        "app.core.jobs.perform",
        args=(tenant, str(row_id)),
        job_id=_job_id(tenant, row_id),
        result_ttl=0,
        failure_ttl=14 * 86400,
        timeout=3600,
    )


def perform(tenant: int, row_id: str) -> None:
    """Do the job of an outbox row. Run again when it is done, it does nothing; a failure is written on the row."""
    with db.tenant_scope(tenant):
        with db.transaction():
            row = db.execute_sql(
                "SELECT job, queue, payload, attempts FROM outbox"
                " WHERE tenant_id = :tenant_id AND id = :id AND failed_at IS NULL",
                id=UUID(row_id),
            ).one_or_none()
        if row is None:
            _landed(tenant, row_id, None)
            return
        kind = _kinds.get(row.job)
        if kind is None:
            _note_failure(row_id, row.job, row.attempts, (), LookupError(f"No job is called {row.job}."))
            return
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(tenant=tenant, job=row.job, job_row=row_id):
            try:
                with actor.acting_as(actor.system_actor(row.job)):
                    kind.run(**row.payload)
                    with db.transaction():
                        db.execute_sql("DELETE FROM outbox WHERE tenant_id = :tenant_id AND id = :id", id=UUID(row_id))
            except Exception as error:
                db.rollback()
                log.exception("job.failed", attempts=row.attempts + 1)
                _note_failure(row_id, row.job, row.attempts, kind.retry, error)
            else:
                log.info("job.done", seconds=round(time.perf_counter() - started, 4))
        _landed(tenant, row_id, row.queue)


def _note_failure(row_id: str, job: str, attempts: int, retry: Sequence[int], error: Exception) -> None:
    """The next try in so many seconds, or none: then the row stays, visible to the operator.

    Of what comes round by itself the latest failure stays; a fault that lasts would fill the table otherwise.
    """
    now = clock.now()
    again = attempts < len(retry)
    with db.transaction():
        db.execute_sql(
            "UPDATE outbox SET attempts = attempts + 1, last_error = :error, sent_at = NULL, due_at = :due_at,"
            " failed_at = :failed_at WHERE tenant_id = :tenant_id AND id = :id",
            id=UUID(row_id),
            error=redacted_text(f"{type(error).__name__}: {error}")[:500],
            due_at=now + timedelta(seconds=retry[attempts]) if again else now,
            failed_at=None if again else now,
        )
        if job in _periodic and not again:
            db.execute_sql(
                "DELETE FROM outbox WHERE tenant_id = :tenant_id AND job = :job AND id <> :id"
                " AND failed_at IS NOT NULL",
                job=job,
                id=UUID(row_id),
            )


def _landed(tenant: int, row_id: str, queue: str | None) -> None:
    try:
        for name in (queue,) if queue else QUEUES:
            core_redis.client().srem(core_redis.key("inflight", tenant, name), row_id)
    except redis.RedisError:
        log.warning("jobs.not_counted_down", job=row_id)


def sweep(limit: int = IN_FLIGHT_MAX) -> int:
    """Hand over what is due and neither done nor in Redis: one statement for all tenants, each with its fair share."""
    now = clock.now()
    with db.batch_scope("outbox sweep"), db.transaction():
        rows = db.execute_sql(
            "SELECT tenant_id, id, queue FROM ("
            " SELECT o.tenant_id, o.id, o.queue, o.due_at,"
            "  row_number() OVER (PARTITION BY o.tenant_id, o.queue ORDER BY o.due_at, o.id) AS place"
            " FROM outbox AS o WHERE o.failed_at IS NULL AND o.due_at <= :now"
            "  AND (o.sent_at IS NULL OR o.sent_at < :stale) AND o.created_at < :settled"
            ") AS waiting WHERE place <= :limit ORDER BY place, due_at",
            now=now,
            stale=now - SENT_GRACE,
            settled=now - timedelta(seconds=1),
            limit=limit,
        ).all()
        sent = [(row.tenant_id, row.id) for row in rows if _send_missing(row.tenant_id, row.id, row.queue)]
        if sent:
            db.session().execute(
                text("UPDATE outbox SET sent_at = :now WHERE tenant_id = :tenant AND id = :id"),
                [{"now": now, "tenant": tenant, "id": row_id} for tenant, row_id in sent],
            )
    return len(sent)


def _send_missing(tenant: int, row_id: UUID, queue: str) -> bool:
    try:
        job = Job.fetch(_job_id(tenant, row_id), connection=core_redis.client(), serializer=JSONSerializer)
        if job.get_status() in ("queued", "started", "deferred", "scheduled"):
            return False
        job.delete()
    except NoSuchJobError:
        pass
    except InvalidJobOperation:  # A killed worker's last heartbeat can leave a job of which nothing else is known.
        core_redis.client().delete(Job.key_for(_job_id(tenant, row_id)))
    _send(tenant, row_id, queue)
    return True


_last_round: dict[str, int] = {}


def scheduler_tick() -> None:
    """One turn of the scheduler: start what comes round, then sweep. For the holder of the scheduler's lease alone."""
    now = clock.now()
    for periodic in _periodic.values():
        turn = int(now.timestamp() // periodic.seconds)
        if _last_round.get(periodic.name) == turn:
            continue
        _last_round[periodic.name] = turn
        try:
            if periodic.scope == "instance":
                periodic.run()
            else:
                _plant(periodic, now)
        except Exception:
            log.exception("scheduler.round_failed", name=periodic.name)
    sweep()


def _plant(periodic: Periodic, now: datetime) -> None:
    """Write a row for each active tenant that does not have one of this job waiting."""
    with db.batch_scope(periodic.name), db.transaction():
        tenants = db.execute_sql(
            "SELECT t.id FROM tenant AS t WHERE t.status = 'active' AND t.id > 0 AND NOT EXISTS"
            " (SELECT FROM outbox AS o WHERE o.tenant_id = t.id AND o.job = :job AND o.failed_at IS NULL)",
            job=periodic.name,
        ).scalars()
        for tenant in tenants.all():
            db.execute_sql(
                "INSERT INTO outbox (tenant_id, id, job, queue, payload, due_at, created_at)"
                " VALUES (:tenant, :id, :job, :queue, '{}', :now, :created)",
                tenant=tenant,
                id=new_id(),
                job=periodic.name,
                queue=_kinds[periodic.name].queue,
                now=now,
                created=now - timedelta(seconds=2),  # Old enough for the sweep that follows in this turn.
            )


def queue_names() -> list[str]:
    """The names under which this instance's queues stand in Redis, most urgent first. For the workers."""
    return [core_redis.key(name) for name in QUEUES]
