"""Keys for programs: made once, shown once, reading one's own data alone, and never more than that."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.core import db
from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.identity.permissions import SIGN_IN
from app.kit import clock
from app.partners import permissions
from app.partners.plan import Caps
from app.partners.tokens import service
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from app.tenancy import service as tenancy
from tests.partners import world
from tests.partners.test_pages import DAY, NOON, add_partners
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY
from tests.support.brands import (
    Brand,
    Person,
    acting,
    app,
    brands,
    browser_of,
    hash_once,
    make_trader,
    north,
    run_jobs,
    south,
)
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "south"]

REASON = next(iter(REASONS))


def api_host(brand: Brand) -> str:
    """Give the brand a host for programs."""
    host = f"api.{brand.slug}.example"
    with db.batch_scope("test"), db.transaction():
        db.execute_sql(
            "INSERT INTO tenant_host (host, tenant_id, audience) VALUES (:host, :id, 'api')"
            " ON CONFLICT (host) DO NOTHING",
            host=host,
            id=brand.id,
        )
    tenancy.forget()
    return host


@pytest.fixture
def pia(north: Brand) -> Person:
    add_partners(north)
    api_host(north)
    person = make_trader(north, "pia@example.com", name="Pia Partner")
    dan = make_trader(north, "dan@example.com", name="Dan Trader")
    with tenant_scope(north.id):
        with transaction():
            world.link(client(dan), client(person))
            world.publish(plan_with(god=None, caps=Caps(max_total_per_lot=dec(10)), audit_days=1))
            trade = {"client_id": client(dan), "opened_at": NOON - timedelta(minutes=10), "closed_at": NOON}
            world.make_platform().store([trade])
        world.settle(DAY)
    return person


def client(person: Person) -> UUID:
    assert person.client_id is not None
    return person.client_id


def key_of(brand: Brand, person: Person, name: str = "Sheet", days: int = 30) -> str:
    with acting(brand, person.actor()):
        return service.make_token(client(person), name, days, by=person.actor())[1]


def ask(app: Flask, brand: Brand, path: str, key: str = "", ip: str = "203.0.113.7") -> TestResponse:
    return Visitor(app, api_host(brand), ip=ip).get(path, **with_key(key))


def with_key(key: str) -> dict[str, Any]:
    return {"environ_overrides": {"HTTP_AUTHORIZATION": f"Bearer {key}"}} if key else {}


def test_a_key_is_shown_once_and_then_only_its_end(app: Flask, north: Brand, pia: Person) -> None:
    browser = browser_of(app, north, pia, "partner")
    browser.get("/keys/")
    shown = browser.post("/keys/", {"name": "Sheet", "days": "90"})

    assert shown.status_code == 200
    [secret] = set(re.findall(r"kpt_[\w-]{43}", shown.text))
    assert secret not in browser.get("/keys/").text
    assert secret[-4:] in text_of(browser.get("/keys/"))
    assert browser.post("/keys/", {"name": " sheet ", "days": "90"}).status_code == 422  # Sent again: refused.
    assert browser.post("/keys/", {"name": "Other", "days": "9999"}).status_code == 422
    assert browser.post("/keys/", {"name": "x" * 61, "days": "90"}).status_code == 422
    run_jobs(north)
    with tenant_scope(north.id):
        rows = in_transaction(
            lambda: execute_sql("SELECT secret_hash::text AS kept FROM api_token WHERE tenant_id = :tenant_id").all()
        )
        audit = in_transaction(
            lambda: execute_sql(
                "SELECT after::text AS said FROM audit_record WHERE tenant_id = :tenant_id"
                " AND action = 'partners.token.make'"
            ).all()
        )
        mail = in_transaction(
            lambda: execute_sql(
                "SELECT text FROM mail WHERE tenant_id = :tenant_id AND template = 'partners.token_made'"
            ).scalar_one()
        )
    assert len(rows) == len(audit) == 1
    assert all(secret not in said for said in (rows[0].kept, audit[0].said, mail))
    assert ask(app, north, "/api/v1/", secret).status_code == 200


def test_a_program_reads_what_the_partner_reads(app: Flask, north: Brand, pia: Person) -> None:
    key = key_of(north, pia)

    def read(path: str) -> dict[str, Any]:
        answer = ask(app, north, path, key)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        found: dict[str, Any] = answer.json  # type: ignore[assignment]
        return found

    index = read("/api/v1/")
    assert index["currency"] == "USD"
    assert read(index["links"]["balances"])["data"] == [
        {"currency": "USD", "under_audit": "4.80", "redeemable": "0.00"}
    ]
    [line] = read(index["links"]["earnings"])["data"]
    assert (line["amount"], line["kind"], line["level"]) == ("4.8000000000", "referral", 1)
    assert line["client"]["name"] == "Dan T."
    assert read("/api/v1/earnings?kind=unpaid")["data"] == []
    people = read("/api/v1/clients?size=25")
    assert (people["total"], people["size"], people["data"][0]["name"]) == (1, 25, "Dan T.")
    assert "Dan Trader" not in str(people)
    assert read("/api/v1/statements")["data"][0]["day"] == DAY.isoformat()
    statement = read(f"/api/v1/statements/{DAY.isoformat()}")
    assert statement["statement"]["posted"] == statement["posted"][0]["posted"] == "4.80"
    assert [row["amount"] for row in statement["data"]] == ["4.8000000000"]
    assert read("/api/v1/earnings?page=2")["data"] == []
    assert ask(app, north, "/api/v1/statements/nonsense", key).status_code == 404


def test_without_a_key_in_force_there_is_nothing(app: Flask, north: Brand, pia: Person) -> None:
    key = key_of(north, pia)
    for wrong in ("", "kpt_" + "x" * 43, key + "x", key[:-1] + "_", "short"):
        answer = ask(app, north, "/api/v1/balances", wrong)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert answer.mimetype == "application/problem+json"
    browser = browser_of(app, north, pia, "partner")
    with tenant_scope(north.id):
        [token] = in_transaction(lambda: list(service.tokens_of(client(pia))))
    assert browser.post(f"/keys/{token.id}/withdraw").status_code == 303
    assert browser.post(f"/keys/{token.id}/withdraw").status_code == 303
    assert ask(app, north, "/api/v1/balances", key).status_code == 401


def test_an_expired_key_is_refused(app: Flask, north: Brand, pia: Person) -> None:
    key = key_of(north, pia)
    with acting(north):
        execute_sql("UPDATE api_token SET last_used_at = NULL WHERE tenant_id = :tenant_id")
    with clock.frozen(clock.now() + timedelta(days=31)):
        assert ask(app, north, "/api/v1/balances", key).status_code == 401


@pytest.mark.parametrize("function", [SIGN_IN, permissions.PARTNER_API])
def test_a_lock_on_the_owner_ends_the_programs_too(app: Flask, north: Brand, pia: Person, function: str) -> None:
    key = key_of(north, pia)
    assert ask(app, north, "/api/v1/balances", key).status_code == 200
    with acting(north):
        restrictions.lock(client(pia), function, reason_code=REASON, by=BY)

    assert ask(app, north, "/api/v1/balances", key).status_code == 403


def test_a_locked_partner_makes_no_key_but_withdraws_one(app: Flask, north: Brand, pia: Person) -> None:
    key_of(north, pia)
    with acting(north):
        restrictions.lock(client(pia), permissions.PARTNER_API, reason_code=REASON, by=BY)
    browser = browser_of(app, north, pia, "partner")
    with tenant_scope(north.id):
        [token] = in_transaction(lambda: list(service.tokens_of(client(pia))))

    assert browser.post("/keys/", {"name": "New", "days": "30"}).status_code == 403
    assert browser.post(f"/keys/{token.id}/withdraw").status_code == 303


def test_a_key_opens_no_page_and_changes_nothing(app: Flask, north: Brand, pia: Person) -> None:
    key = key_of(north, pia)
    for host in (north.partner, north.cabinet, north.office):
        answer = Visitor(app, host).get("/", **with_key(key))
        assert answer.status_code == 303
        assert "sign-in" in answer.location
    visitor = Visitor(app, api_host(north))
    for path in ("/api/v1/balances", "/api/v1/earnings"):
        assert visitor.post(path, {}, **with_key(key)).status_code in (400, 405)
    assert visitor.get("/payout", **with_key(key)).status_code == 404


def test_a_session_is_no_key(app: Flask, north: Brand, pia: Person) -> None:
    signed_in = browser_of(app, north, pia, "partner")
    cookie = next(iter(signed_in.client._cookies.values()))  # type: ignore[union-attr]
    visitor = Visitor(app, api_host(north))
    visitor.client.set_cookie(cookie.key, cookie.value, domain=api_host(north))

    assert visitor.get("/api/v1/balances").status_code == 401


def test_nobody_reads_with_anothers_key_or_of_another_brand(
    app: Flask, north: Brand, south: Brand, pia: Person
) -> None:
    key = key_of(north, pia)
    add_partners(south)
    olga = make_trader(south, "olga@example.com", name="Olga Outside")
    theirs = key_of(south, olga)
    assert ask(app, south, "/api/v1/balances", key).status_code == 401
    assert ask(app, north, "/api/v1/balances", theirs).status_code == 401
    quentin = make_trader(north, "q@example.com", name="Quentin Quiet")
    other = key_of(north, quentin)
    assert ask(app, north, "/api/v1/earnings", other).json["data"] == []  # type: ignore[index]
    assert ask(app, north, f"/api/v1/statements/{DAY.isoformat()}", other).status_code == 404
    with tenant_scope(north.id):
        [token] = in_transaction(lambda: list(service.tokens_of(client(pia))))
    for browser in (browser_of(app, north, quentin, "partner"), browser_of(app, south, olga, "partner")):
        assert browser.post(f"/keys/{token.id}/withdraw").status_code == 404
    assert ask(app, north, "/api/v1/balances", key).status_code == 200


def test_too_many_calls_are_refused_for_a_while(
    app: Flask, north: Brand, pia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CALLS_PER_MINUTE", 3)
    monkeypatch.setattr(service, "WRONG_KEYS_MAX", 2)
    key = key_of(north, pia)
    answers = [ask(app, north, "/api/v1/", key).status_code for _ in range(5)]
    assert answers.count(200) >= 3
    assert answers[-1] == 429
    wrong = [ask(app, north, "/api/v1/", "kpt_" + "x" * 43, ip="198.51.100.9").status_code for _ in range(4)]
    assert wrong[0] == 401
    assert wrong[-1] == 429


def test_a_client_has_a_limited_number_of_keys(north: Brand, pia: Person) -> None:
    for number in range(service.TOKENS_MAX):
        key_of(north, pia, f"Key {number}")
    with pytest.raises(service.TooManyTokens):
        key_of(north, pia, "One more")
