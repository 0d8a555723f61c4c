"""The operator's console: every tenant by its counts, the instance by its health, and nobody else let in."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from app.core import db, health
from app.identity import service as identity
from app.kit import clock
from app.kit.ids import new_id
from tests.support.brands import OPERATOR, PASSWORD, VISITOR, Brand, acting, browser_of, make_staff, make_trader
from tests.support.browsing import Visitor, text_of

HOST = "operator.localhost"


@pytest.fixture
def as_operator(app: Flask, brands: tuple[Brand, Brand]) -> Visitor:
    with acting(OPERATOR):
        user = identity.create_operator(email="ops@kontor.example", name="Olga Operator", password=PASSWORD)
    with acting(OPERATOR):
        session = identity.start_session(user.id, audience="operator", ip=VISITOR.ip, user_agent=VISITOR.user_agent)
    visitor = Visitor(app, HOST)
    visitor.client.set_cookie("sid", session.token, domain=HOST)
    return visitor


def fail_a_job(brand: Brand) -> str:
    row_id = new_id()
    with db.tenant_scope(brand.id), db.transaction():
        db.execute_sql(
            "INSERT INTO outbox"
            " (tenant_id, id, job, queue, payload, due_at, created_at, attempts, failed_at, last_error)"
            " VALUES (:tenant_id, :id, 'money.lost', 'money', '{}', :now, :now, 6, :now, 'TimeoutError: nobody came')",
            id=row_id,
            now=clock.now(),
        )
    return str(row_id)


def test_tenants_are_listed_with_their_counts(as_operator: Visitor, north: Brand, south: Brand) -> None:
    make_trader(north)
    fail_a_job(south)

    text = text_of(as_operator.get("/"))

    assert "2 brands on this instance" in text
    assert "North office.north.localhost" not in text  # The cabinet's address comes first.
    assert "north.localhost" in text
    assert "Mona" not in text


def test_health_names_processes_queues_and_failed_jobs(as_operator: Visitor, north: Brand) -> None:
    health.beat("web", {"requests": 3})
    row_id = fail_a_job(north)

    text = text_of(as_operator.get("/instance"))
    assert "Works" in text
    assert "Not running" in text
    assert "TimeoutError: nobody came" in text

    as_operator.get("/instance")
    assert as_operator.post(f"/jobs/{north.id}/{row_id}/retry").status_code == 303
    assert as_operator.post(f"/jobs/{north.id}/{row_id}/retry").status_code == 404
    with db.tenant_scope(north.id):
        row = db.execute_sql(
            "SELECT attempts, failed_at FROM outbox WHERE tenant_id = :tenant_id AND job = 'money.lost'"
        )
        assert row.one() == (0, None)
    with db.tenant_scope(OPERATOR):
        found = (
            db.execute_sql("SELECT actor_name FROM audit_record WHERE action = 'operator.job.retry'").scalars().all()
        )
    assert found == ["Olga Operator"]


def test_brands_people_do_not_get_into_the_console(app: Flask, north: Brand) -> None:
    admin = browser_of(app, north, make_staff(north, "admin"), "office")
    token = admin.client.get_cookie("sid", domain=north.office)
    assert token is not None
    stranger = Visitor(app, HOST)
    assert stranger.get("/").status_code == 303
    stranger.client.set_cookie("sid", token.value, domain=HOST)

    assert stranger.get("/").status_code == 303
    assert stranger.get("/instance").status_code == 303
    assert admin.get("/instance").status_code == 404


def test_the_facts_of_a_heartbeat_are_plain(as_operator: Visitor) -> None:
    health.beat("connector", {"leases": 2})
    with db.directory_scope():
        facts = db.execute_sql("SELECT facts FROM process_heartbeat WHERE role = 'connector'").scalar_one()

    assert json.loads(json.dumps(facts)) == {"leases": 2}
    assert "connector" in text_of(as_operator.get("/instance"))
