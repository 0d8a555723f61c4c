"""Two small brands and the operator's realm, for tests that need people but no trading."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from flask import Flask

from app.core import db, jobs
from app.core import redis as core_redis
from app.core.actor import Actor, ActorKind, acting_as
from app.identity import passwords
from app.identity import service as identity
from app.kit import clock
from app.notifications import queries
from app.notifications.models import Mail
from app.tenancy import service as tenancy

if TYPE_CHECKING:
    from tests.support.browsing import Visitor

OPERATOR = 0
PASSWORD = "a calm river at noon"
# A running server remembers a bundle by its version, and every test makes its brands anew under the same numbers.
_versions = count(2)
VISITOR = Actor("visitor", None, "visitor", ip="203.0.113.7", user_agent="Mozilla/5.0 (X11; Linux) Firefox/128.0")


@dataclass(frozen=True)
class Brand:
    """One of the brands of a test."""

    id: int
    slug: str

    @property
    def cabinet(self) -> str:
        return f"{self.slug}.localhost"

    @property
    def office(self) -> str:
        return f"office.{self.slug}.localhost"

    @property
    def partner(self) -> str:
        return f"partners.{self.slug}.localhost"


@contextmanager
def acting(brand: Brand | int, actor: Actor = VISITOR) -> Iterator[None]:
    """Work as one brand; what the block did is committed at its end."""
    with db.tenant_scope(brand if isinstance(brand, int) else brand.id), acting_as(actor), db.transaction():
        yield


def make_brand(number: int, slug: str) -> Brand:
    """A sandbox brand with its hosts."""
    brand = Brand(number, slug)
    with db.batch_scope("test"), db.transaction():
        db.execute_sql(
            "INSERT INTO tenant (id, slug, name, status, is_sandbox, config_version, created_at)"
            " VALUES (:id, :slug, :name, 'active', true, 1, :now)",
            id=number,
            slug=slug,
            name=slug.title(),
            now=clock.now(),
        )
        for audience in ("cabinet", "office", "partner"):
            db.execute_sql(
                "INSERT INTO tenant_host (host, tenant_id, audience) VALUES (:host, :id, :audience)",
                host=getattr(brand, audience),
                id=number,
                audience=audience,
            )
    document = {
        "tenant": {
            "slug": slug,
            "name": f"{slug.title()} Markets",
            "short_name": slug.title(),
            "timezone": "Asia/Dubai",
        },
        "languages": {"offered": ["en", "ar", "ru"]},
        "currencies": {"wallets": ["USD", "EUR"], "base": "USD"},
        "branding": {"primary": "#2f5d8a", "accent": "#3a7d6d", "sidebar": "#182433", "radius": 6},
        "company": {"legal_name": slug.title(), "registration": "1", "address": "Street 1"},
        "support": {"email": f"help@{slug}.example"},
    }
    with db.tenant_scope(number), db.transaction():
        db.execute_sql(
            "INSERT INTO tenant_config (tenant_id, version, document, digest, applied_at)"
            " VALUES (:tenant_id, 1, CAST(:document AS jsonb), '', :now)",
            document=json.dumps(document),
            now=clock.now(),
        )
    tenancy.forget()
    return brand


def extend_bundle(brand: Brand, **sections: Any) -> None:
    """Add sections to a brand's bundle, as a new version of it."""
    with db.tenant_scope(brand.id), db.transaction():
        version = next(_versions)
        db.execute_sql(
            "INSERT INTO tenant_config (tenant_id, version, document, digest, applied_at)"
            " VALUES (:tenant_id, :version, CAST(:document AS jsonb), :digest, :now)",
            version=version,
            document=json.dumps({**tenancy.current().document, **sections}),
            digest=str(version),
            now=clock.now(),
        )
    with db.batch_scope("test"), db.transaction():
        db.execute_sql("UPDATE tenant SET config_version = :version WHERE id = :id", version=version, id=brand.id)
    tenancy.forget()


@pytest.fixture(scope="session")
def app(servers: object) -> Flask:
    """The whole product."""
    return whole_product()


@cache
def whole_product() -> Flask:
    """The application, made once for all tests of a process."""
    from app.factory import create_app

    return create_app()


@pytest.fixture(scope="session", autouse=True)
def hash_once() -> Iterator[None]:
    """Most tests make people with one and the same password; hashing it once is enough for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "hash_password", cache(passwords.hash_password))
        yield


@pytest.fixture
def brands(app: Flask, database: object) -> Iterator[tuple[Brand, Brand]]:
    """Two brands and an empty Redis."""
    core_redis.client().flushdb()
    yield make_brand(901, "north"), make_brand(902, "south")
    core_redis.client().flushdb()
    tenancy.forget()


@pytest.fixture
def north(brands: tuple[Brand, Brand]) -> Brand:
    return brands[0]


@pytest.fixture
def south(brands: tuple[Brand, Brand]) -> Brand:
    return brands[1]


@dataclass(frozen=True)
class Person:
    """Somebody with a login."""

    id: UUID
    email: str
    client_id: UUID | None = None

    def actor(self, kind: ActorKind = "staff") -> Actor:
        return Actor(kind, self.id, self.email, ip=VISITOR.ip, client_id=self.client_id)


def make_trader(brand: Brand, email: str = "mona@example.com", *, name: str = "Mona Haddad") -> Person:
    """A client with a confirmed e-mail."""
    with acting(brand):
        user = identity.create_trader(email=email, name=name, country="AE", password=PASSWORD, language="en")
        return Person(user.id, user.email, user.client_id)


def make_staff(brand: Brand, *roles: str, email: str = "") -> Person:
    """A member of staff who can sign in."""
    email = email or f"{roles[0]}@{brand.slug}.example"
    with acting(brand):
        user = identity.create_staff(email=email, name=roles[0].title(), password=PASSWORD, roles=roles)
        return Person(user.id, user.email)


def enter(brand: Brand, person: Person, audience: str) -> identity.NewSession:
    """A session of this person."""
    with acting(brand):
        return identity.start_session(person.id, audience=audience, ip=VISITOR.ip, user_agent=VISITOR.user_agent)


def browser_of(app: Flask, brand: Brand, person: Person, audience: str) -> Visitor:
    """A browser in which this person is signed in."""
    from tests.support.browsing import Visitor

    visitor = Visitor(app, getattr(brand, audience))
    visitor.client.set_cookie("sid", enter(brand, person, audience).token, domain=visitor.host)
    visitor.get("/profile")  # For the form token.
    return visitor


def run_jobs(brand: Brand | int) -> list[str]:
    """Do what the brand's outbox holds, through the product's own runner, until nothing is due."""
    tenant = brand if isinstance(brand, int) else brand.id
    done: list[str] = []
    while True:
        with db.tenant_scope(tenant):
            rows = db.execute_sql(
                "SELECT id, job FROM outbox WHERE tenant_id = :tenant_id AND failed_at IS NULL AND due_at <= :now"
                " AND attempts = 0 ORDER BY id",
                now=clock.now(),
            ).all()
        if not rows:
            return done
        with whole_product().app_context():  # As in a worker; requests of the test never see it.
            for row in rows:
                jobs.perform(tenant, str(row.id))
                done.append(row.job)


def mails(brand: Brand | int, to: str = "") -> list[Mail]:
    """What has arrived in the mailbox page, newest first."""
    run_jobs(brand)
    with acting(brand):
        return list(queries.mailbox(to))


def link_in(mail: Mail) -> str:
    """The path of the first link in a mail."""
    found = re.search(r"https?://[^/\s]+(/\S+)", mail.text)
    assert found is not None, mail.text
    return found[1]
