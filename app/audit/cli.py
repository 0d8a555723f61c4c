"""`flask audit verify`: prove that nobody has touched the audit log."""

from __future__ import annotations

import sys

import click

from app.audit import queries, service
from app.core.db import directory_scope, tenant_scope


@click.group("audit")
def group() -> None:
    """The audit log and its chain."""


@group.command("verify")
@click.option("--tenant", "slug", help="Slug of one tenant; all of them without it.")
def verify(slug: str | None) -> None:
    """Prove the chain of each tenant, and name the first broken link and whatever has waited too long for its seal."""
    with directory_scope():
        tenants = [(number, name) for number, name in queries.tenants() if slug in (None, name)]
    if not tenants:
        raise click.ClickException(f"There is no tenant named {slug}.")
    is_whole = True
    for tenant, name in tenants:
        with tenant_scope(tenant):
            findings = list(service.verify())
            links = queries.sealed_count()
        for finding in findings:
            click.echo(f"{name}: {finding.sentence}", err=True)
        if not findings:
            click.echo(f"{name}: whole, {links} records sealed.")
        is_whole = is_whole and not findings
    if not is_whole:
        sys.exit(1)
