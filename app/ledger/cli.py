"""`flask ledger`: the proof of the books for people at a terminal."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.core.db import tenant_scope
from app.ledger import service
from app.tenancy import directory

ledger = AppGroup("ledger", help="The books.")


@ledger.command("verify")
@click.option("--tenant", "slug", help="Only this tenant; without it, every one.")
def verify(slug: str | None) -> None:
    """Recompute every balance from its postings. Ends non-zero and names each difference when the books differ."""
    entries = [t for t in directory.directory().tenants.values() if t.id > 0 and slug in (None, t.slug)]
    if not entries:
        raise click.ClickException("There is no such tenant.")
    found = 0
    for entry in sorted(entries, key=lambda t: t.id):
        with tenant_scope(entry.id):
            differences = service.verify()
        for difference in differences:
            click.echo(f"{entry.slug}: {difference}")
        if not differences:
            click.echo(f"{entry.slug}: the books balance")
        found += len(differences)
    if found:
        raise SystemExit(1)
