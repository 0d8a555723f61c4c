"""The inside doors of a sandbox that a demonstration may use. Each refuses a tenant that is no sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from app.core import db
from app.core.errors import Forbidden
from app.identity import service as identity
from app.identity.models import User
from app.kit import clock
from app.tenancy import directory
from app.tenancy import service as tenancy
from app.tenancy.models import OPERATOR


def sandboxes() -> list[str]:
    """The slugs of the sandbox tenants, by number."""
    return [entry.slug for entry in directory.active_tenants() if entry.is_sandbox]


def sandbox_id(slug: str) -> int:
    """The number of a sandbox tenant. Raises Forbidden for any other tenant."""
    for entry in directory.active_tenants():
        if entry.slug == slug and entry.is_sandbox:
            return entry.id
    raise Forbidden


def ensure_person(slug: str, email: str, name: str, roles: Sequence[str], password: str, country: str) -> None:
    """Make a sign-in once, with its e-mail confirmed."""
    tenant = OPERATOR if slug == "operator" else sandbox_id(slug)
    with db.tenant_scope(tenant), db.transaction():
        if db.session().execute(select(User.id).where(User.email_norm == email.lower())).first():
            return
        if "operator" in roles:
            identity.create_operator(email=email, name=name, password=password)
        elif "trader" in roles:
            config = tenancy.current()
            identity.create_trader(
                email=email, name=name, country=country, password=password, language=config.default_language
            )
        else:
            identity.create_staff(email=email, name=name, password=password, roles=roles)


def move_clock(slug: str, to: datetime) -> None:
    """Move the sandbox's business clock forward to an instant."""
    tenancy.move_business_clock(sandbox_id(slug), to)


def business_now(slug: str) -> datetime:
    """The present instant of the sandbox's business clock."""
    with db.tenant_scope(sandbox_id(slug)):
        return clock.business_now()
