"""The three scopes: what each may touch, and that nothing works outside them."""

from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from app.core import db
from app.kit import clock
from tools import roles

pytestmark = pytest.mark.usefixtures("database")


def plant(tenant: int, job: str = "a.job") -> None:
    db.execute_sql(
        "INSERT INTO outbox (tenant_id, id, job, queue, payload, due_at, created_at)"
        " VALUES (:tenant, :id, :job, 'mail', '{}', :now, :now)",
        tenant=tenant,
        id=uuid4(),
        job=job,
        now=clock.now(),
    )


def count() -> int:
    return int(db.execute_sql("SELECT count(*) FROM outbox").scalar_one())


@pytest.fixture
def two_tenants() -> tuple[int, int]:
    with db.batch_scope("test"), db.transaction():
        for number in (901, 902):
            db.execute_sql(
                "INSERT INTO tenant (id, slug, name, status, is_sandbox, created_at)"
                " VALUES (:id, :slug, 'x', 'active', true, :now)",
                id=number,
                slug=f"t{number}",
                now=clock.now(),
            )
    return 901, 902


def test_nothing_reaches_the_database_outside_a_scope() -> None:
    with pytest.raises(db.NoScope):
        db.session()
    with pytest.raises(db.NoScope), db.app_engine().begin():
        pass


def test_a_tenant_sees_and_writes_its_own_rows_alone(two_tenants: tuple[int, int]) -> None:
    ours, theirs = two_tenants
    with db.tenant_scope(ours), db.transaction():
        plant(ours)
    with db.tenant_scope(theirs):
        assert count() == 0
        with pytest.raises(DBAPIError, match="row-level security"):
            plant(ours)
    with db.tenant_scope(ours):
        assert count() == 1


def test_the_directory_scope_cannot_read_a_tenant_table(two_tenants: tuple[int, int]) -> None:
    with db.directory_scope(), pytest.raises(DBAPIError, match=r"app\.tenant_id|invalid input syntax"):
        count()


def test_the_batch_scope_sees_all_tenants_and_the_app_engine_does_not_serve_it(two_tenants: tuple[int, int]) -> None:
    for number in two_tenants:
        with db.tenant_scope(number), db.transaction():
            plant(number)
    with db.batch_scope("test"):
        assert count() == 2
    with pytest.raises(db.NoScope), db.tenant_scope(901), db.batch_engine().begin():
        pass


def test_leaving_a_scope_undoes_what_was_not_committed(two_tenants: tuple[int, int]) -> None:
    with db.tenant_scope(901):
        plant(901)
    with db.tenant_scope(901):
        assert count() == 0


def test_what_waits_for_the_commit_runs_once_after_it_and_never_after_a_rollback(two_tenants: tuple[int, int]) -> None:
    heard: list[str] = []
    with db.tenant_scope(901):
        with db.transaction():
            db.after_commit(lambda: heard.append("kept"))
            assert heard == []
        assert heard == ["kept"]
        with pytest.raises(ZeroDivisionError):
            db.in_transaction(lambda: (db.after_commit(lambda: heard.append("dropped")), 1 / 0))
        with db.transaction():
            plant(901)
    assert heard == ["kept"]


def try_and_fail() -> None:
    with db.undone():
        plant(901)
        raise ZeroDivisionError


def test_what_is_only_tried_is_undone_with_what_it_left_for_the_commit(two_tenants: tuple[int, int]) -> None:
    heard: list[str] = []
    with db.tenant_scope(901):
        with db.transaction():
            db.after_commit(lambda: heard.append("kept"))
            with db.undone():
                plant(901)
                db.after_commit(lambda: heard.append("tried"))
                assert count() == 1
            assert count() == 0
            with pytest.raises(ZeroDivisionError):
                try_and_fail()
            plant(901)
        assert count() == 1
    assert heard == ["kept"]


def test_the_next_user_of_a_pooled_connection_does_not_inherit_a_tenant(two_tenants: tuple[int, int]) -> None:
    with db.tenant_scope(901):
        count()
    with db.directory_scope(), pytest.raises(DBAPIError):
        count()


def test_the_product_refuses_to_run_as_a_role_that_passes_row_security(
    database: roles.Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.refuse_strong_role()
    monkeypatch.setattr(db, "app_engine", db.batch_engine)
    monkeypatch.setattr(db, "directory_scope", lambda: db.batch_scope("test"))
    with pytest.raises(RuntimeError, match="refuses to run as kontor_batch"):
        db.refuse_strong_role()


def test_a_connection_that_died_while_it_lay_idle_is_replaced(
    database: roles.Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.directory_scope():
        dead = db.execute_sql("SELECT pg_backend_pid()").scalar_one()
    with psycopg.connect(roles.libpq(database.app), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (dead,))
    monkeypatch.setattr(db, "IDLE_SECONDS", 0.0)

    for _ in range(20):
        with db.directory_scope():
            assert db.execute_sql("SELECT pg_backend_pid()").scalar_one() != dead


def test_a_connection_that_dies_in_use_fails_once_and_is_forgotten(
    two_tenants: tuple[int, int], database: roles.Addresses
) -> None:
    db.dispose_engines()  # So that the connection that dies is the one that the next scope takes.
    with db.tenant_scope(901):
        dead = db.execute_sql("SELECT pg_backend_pid()").scalar_one()
    with psycopg.connect(roles.libpq(database.app), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (dead,))
    with db.tenant_scope(901), pytest.raises(DBAPIError):
        count()

    with db.tenant_scope(901):
        assert db.execute_sql("SELECT pg_backend_pid()").scalar_one() != dead
        assert count() == 0
