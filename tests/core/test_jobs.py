"""The outbox: at least once, after the commit, also when Redis forgets, and fair among tenants."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app.core import db, jobs
from app.core import redis as core_redis
from app.kit import clock

pytestmark = pytest.mark.usefixtures("database")

done: list[tuple[int, str]] = []
failures: list[int] = []


@pytest.fixture(autouse=True)
def tenants() -> Iterator[None]:
    with db.batch_scope("test"), db.transaction():
        for number in (901, 902):
            db.execute_sql(
                "INSERT INTO tenant (id, slug, name, status, is_sandbox, created_at)"
                " VALUES (:id, :slug, 'x', 'active', true, :now)",
                id=number,
                slug=f"t{number}",
                now=clock.now(),
            )
    done.clear()
    failures.clear()

    @jobs.tenant_job("test.note", queue="mail", retry=(0, 0))
    def note(word: str) -> None:
        if failures:
            raise RuntimeError(f"failure {failures.pop()}")
        done.append((db.tenant_id(), word))

    core_redis.client().flushdb()
    yield
    core_redis.client().flushdb()


def rows() -> list[tuple[int, str | None, object]]:
    with db.batch_scope("test"):
        found = db.execute_sql("SELECT attempts, last_error, failed_at FROM outbox ORDER BY id").all()
    return [tuple(row) for row in found]


def enqueue(tenant: int, word: str, **kwargs: object) -> UUID:
    with db.tenant_scope(tenant):
        return db.in_transaction(lambda: jobs.enqueue_after_commit("test.note", word=word, **kwargs))  # type: ignore[arg-type]


def work() -> None:
    queues = [jobs._queue(name) for name in jobs.QUEUES]
    SimpleWorker(queues, connection=core_redis.client(), serializer=JSONSerializer).work(
        burst=True, logging_level="ERROR"
    )


def test_a_job_runs_in_its_tenant_after_the_commit_and_leaves_no_row() -> None:
    enqueue(901, "hello")
    work()

    assert done == [(901, "hello")]
    assert rows() == []


def test_a_job_of_a_rolled_back_act_never_runs() -> None:
    with db.tenant_scope(901):
        jobs.enqueue_after_commit("test.note", word="never")
        db.rollback()
    work()
    jobs.sweep()
    work()

    assert done == []


def test_a_flushed_redis_delays_a_job_and_loses_none() -> None:
    enqueue(901, "late")
    core_redis.client().flushdb()
    work()
    assert done == []

    with clock.frozen(clock.now() + timedelta(seconds=2)):
        jobs.sweep()
    work()

    assert done == [(901, "late")]


def test_a_job_that_redis_still_holds_is_not_sent_twice() -> None:
    enqueue(901, "once")
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        assert jobs.sweep() == 0
    work()

    assert done == [(901, "once")]


def test_a_failure_is_written_down_and_tried_again_and_then_shown() -> None:
    failures.extend([2, 1])
    row = enqueue(901, "third time")
    jobs.perform(901, str(row))
    jobs.perform(901, str(row))
    assert [attempts for attempts, _, _ in rows()] == [2]
    jobs.perform(901, str(row))
    assert done == [(901, "third time")]

    failures.extend([3, 2, 1])
    row = enqueue(902, "never")
    for _ in range(4):
        jobs.perform(902, str(row))
    ((attempts, error, failed_at),) = rows()
    assert (attempts, error) == (3, "RuntimeError: failure 3")
    assert failed_at is not None
    assert len(done) == 1


def test_a_failure_shows_no_values_of_a_statement() -> None:
    @jobs.tenant_job("test.note", queue="mail", retry=())
    def note(word: str) -> None:
        db.execute_sql("SELECT 1 / :divisor, :word", divisor=0, word=word)

    row = enqueue(901, "mona@north.example")
    jobs.perform(901, str(row))

    ((_, error, _),) = rows()
    assert error is not None
    assert "division by zero" in error
    assert "mona" not in error


def test_of_what_comes_round_the_latest_failure_stays() -> None:
    @jobs.every("test.round", seconds=3600)
    def failing() -> None:
        raise RuntimeError(f"failure {failures.pop()}")

    failures.extend([2, 1])
    try:
        for _ in range(2):
            with db.tenant_scope(901):
                row = db.in_transaction(jobs.enqueue_after_commit, "test.round")
            jobs.perform(901, str(row))
    finally:
        del jobs._periodic["test.round"]

    assert [error for _, error, _ in rows()] == ["RuntimeError: failure 2"]


def test_a_job_due_later_waits_for_its_time() -> None:
    enqueue(901, "tomorrow", due_at=clock.now() + timedelta(days=1))
    work()
    jobs.sweep()
    work()
    assert done == []

    with clock.frozen(clock.now() + timedelta(days=1, seconds=5)):
        jobs.sweep()
    work()

    assert done == [(901, "tomorrow")]


def test_the_sweep_takes_tenants_in_turn() -> None:
    for number in range(5):
        enqueue(901, f"a{number}")
    enqueue(902, "b0")
    core_redis.client().flushdb()
    with clock.frozen(clock.now() + timedelta(seconds=2)):
        assert jobs.sweep(limit=2) == 3
    work()

    assert sorted(done) == [(901, "a0"), (901, "a1"), (902, "b0")]
