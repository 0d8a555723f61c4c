"""`flask rates`: keeping the reference rates."""

from __future__ import annotations

import click

from app.core import db
from app.rates import service


@click.group()
def rates() -> None:
    """Reference rates between currencies."""


@rates.command()
def load() -> None:
    """Store the history that ships with the product. Run again, it adds only what is new."""
    with db.batch_scope("rates load"), db.transaction():
        changed = service.load_reference_rates()
    click.echo(f"{changed} quotes are new or corrected")
