"""`flask settlement`: settle a day, release what is due, derive the receivers anew."""

from __future__ import annotations

from datetime import date, datetime

import click

from app.core.actor import system_actor
from app.core.db import in_transaction, tenant_scope
from app.core.errors import DomainError
from app.partners import receivers
from app.partners.models import SettlementRun
from app.partners.settlement import run as runs
from app.tenancy import directory

_TENANT = click.option("--tenant", required=True, help="The slug of the brand.")
BY = system_actor("flask settlement")


@click.group()
def settlement() -> None:
    """Commission: the end-of-day run and what belongs to it."""


@settlement.command()
@_TENANT
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The business date; every day that is due without."
)
@click.option("--override", default="", help="Settle although deals are missing; the reason stays on the run.")
def run(tenant: str, day: datetime | None, override: str) -> None:
    """Settle one day, or every day that has ended. Safe to run again."""
    with tenant_scope(_number(tenant)):
        try:
            done = [_one(day.date(), override)] if day is not None else runs.settle_due(BY)
        except DomainError as refusal:
            raise click.ClickException(str(refusal)) from refusal
    for found in done:
        click.echo(_summary(found))
    if any(not found.is_proved for found in done):
        raise click.ClickException("Not every day is proved.")


def _one(day: date, override: str) -> SettlementRun:
    return runs.settle_day(day, by=BY, override_reason=override)


def _summary(found: SettlementRun) -> str:
    state = "proved" if found.is_proved else f"stopped at {found.step}: {found.failure}"
    return (
        f"{found.business_date} {state}; {found.trades} trades ({found.late_trades} late,"
        f" {found.waiting_trades} waiting), {found.lines} lines, {found.reasons} reasons, {found.held} held"
    )


@settlement.command()
@_TENANT
def release(tenant: str) -> None:
    """Release what has come through its audit period by the business clock."""
    with tenant_scope(_number(tenant)):
        click.echo(f"{runs.release(BY)} batches released")


@settlement.command()
@_TENANT
def rebuild(tenant: str) -> None:
    """Derive the receiver table anew from links, grants and the plan."""
    with tenant_scope(_number(tenant)):
        click.echo(f"{in_transaction(receivers.rebuild)} rows")


def _number(slug: str) -> int:
    for entry in directory.active_tenants():
        if entry.slug == slug:
            return entry.id
    raise click.ClickException(f"There is no active tenant {slug}.")
