"""`flask staff invite` and `flask operator invite`: the first people of a new tenant or instance."""

from __future__ import annotations

import click
from flask import g
from flask.cli import with_appcontext

from app.core.actor import system_actor
from app.core.db import tenant_scope, transaction
from app.core.errors import DomainError
from app.core.http import audience_url
from app.identity import rules, service
from app.tenancy import directory
from app.tenancy.models import OPERATOR


def _tenant(slug: str) -> int:
    for entry in directory.directory().tenants.values():
        if entry.slug == slug and entry.id != OPERATOR:
            return entry.id
    raise click.ClickException(f"There is no tenant named {slug}.")


@click.group("staff")
def staff() -> None:
    """The staff of a tenant."""


@staff.command("invite")
@click.option("--tenant", "slug", required=True, help="Slug of the tenant.")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, default=("admin",), type=click.Choice(sorted(rules.STAFF_ROLES)))
@with_appcontext
def invite_staff(slug: str, email: str, name: str, roles: tuple[str, ...]) -> None:
    """Invite a person by mail, and print the link for where no mail arrives yet."""
    _invite(_tenant(slug), "office", email, name, roles)


@click.group("operator")
def operator() -> None:
    """The operators of this instance."""


@operator.command("invite")
@click.option("--email", required=True)
@click.option("--name", required=True)
@with_appcontext
def invite_operator(email: str, name: str) -> None:
    """Invite an operator by mail, and print the link for where no mail arrives yet."""
    _invite(0, "operator", email, name, ())


def _invite(tenant: int, audience: str, email: str, name: str, roles: tuple[str, ...]) -> None:
    by = system_actor("command line")
    g.tenant_id = tenant
    try:
        with tenant_scope(tenant), transaction():
            if audience == "operator":
                _, token = service.invite_operator(email=email, name=name, by=by)
            else:
                _, token = service.invite_staff(email=email, name=name, roles=roles, by=by)
    except DomainError as refusal:
        raise click.ClickException(refusal.message.in_english()) from None
    click.echo(audience_url(audience, f"identity_{audience}.invitation", token=token))
