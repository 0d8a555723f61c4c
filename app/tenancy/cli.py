"""`flask tenants`: check bundles, show what they would change, put them in force."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click
from sqlalchemy import select

from app.config import environment_secret
from app.core import db, features
from app.core.actor import system_actor
from app.core.features import BundleSection
from app.tenancy.bundles import apply as applying
from app.tenancy.bundles.check import Bundle, check_bundle, secrets_named_in
from app.tenancy.bundles.source import BUNDLE_FILE, BundleSource, BundleUnreadable, Problem, read_bundle
from app.tenancy.models import TenantHost, TenantRow, TenantSecret

_FOLDER = click.option(
    "--dir",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("tenants"),
    show_default=True,
    help="The folder that holds one folder per tenant.",
)
_SLUGS = click.argument("slugs", nargs=-1)


@click.group()
def tenants() -> None:
    """Tenants as their bundles describe them."""


@tenants.command()
@_SLUGS
@_FOLDER
def check(slugs: tuple[str, ...], folder: Path) -> None:
    """Say for each bundle whether it may be applied, and if not, where and why."""
    bundles = checked(folder, slugs)
    for bundle in bundles:
        click.echo(f"{bundle.tenant.slug}: in order ({len(bundle.tables)} tables, {len(bundle.secrets)} secrets)")


@tenants.command()
@_SLUGS
@_FOLDER
def plan(slugs: tuple[str, ...], folder: Path) -> None:
    """Show what applying would change. Changes nothing."""
    for bundle in checked(folder, slugs):
        planned = applying.plan(bundle)
        click.echo(f"{bundle.tenant.slug}: {_summary(planned)}")
        for change in planned.changes:
            click.echo(f"  {change}")
        for name in planned.missing_secrets:
            click.echo(f"  + secret {name}")


@tenants.command()
@_SLUGS
@_FOLDER
def apply(slugs: tuple[str, ...], folder: Path) -> None:
    """Put bundles in force, one transaction per tenant. Nothing is written when any of them is refused."""
    for bundle in checked(folder, slugs):
        done = applying.apply(bundle, sections(), by=system_actor("flask tenants apply"))
        click.echo(f"{bundle.tenant.slug}: {_summary(done)}")


def sections() -> list[BundleSection]:
    """The parts of a bundle that this instance's features read."""
    return [feature.bundle for feature in features.features() if feature.bundle is not None]


def checked(folder: Path, slugs: Iterable[str] = ()) -> list[Bundle]:
    """The bundles of a folder, all of them in order; else every problem is written out and the command ends with 1."""
    sources: list[BundleSource] = []
    problems: list[Problem] = []
    wanted = tuple(slugs) or sorted(path.parent.name for path in folder.glob(f"*/{BUNDLE_FILE}"))
    if not wanted:
        raise click.ClickException(f"There is no bundle in {folder}.")
    for slug in wanted:
        try:
            sources.append(read_bundle(folder / slug))
        except BundleUnreadable as unreadable:
            problems.append(unreadable.problem)
    taken, stored = _hosts_in_directory(), _secrets_in_store()
    bundles: list[Bundle] = []
    for source in sources:
        slug = source.folder.name
        given = {name for name in secrets_named_in(source) if environment_secret(slug, name) is not None}
        others = {host: owner for host, owner in taken.items() if owner != slug} | _hosts_of(sources, but=source)
        bundle, found = check_bundle(
            source, sections(), secrets_at_hand=given | stored.get(slug, set()), hosts_of_others=others
        )
        problems += found
        if bundle is not None:
            bundles.append(bundle)
    if problems:
        for problem in problems:
            click.echo(str(problem), err=True)
        raise click.ClickException(f"{len(problems)} problems; nothing was written.")
    return bundles


def _summary(planned: applying.Plan) -> str:
    if planned.tenant_id is None:
        return "new tenant"
    if planned.is_empty:
        return "nothing changes"
    return f"{len(planned.changes)} changes" + (
        f", {len(planned.missing_secrets)} secrets" if planned.missing_secrets else ""
    )


def _hosts_in_directory() -> dict[str, str]:
    with db.directory_scope():
        rows = db.session().execute(
            select(TenantHost.host, TenantRow.slug).join(TenantRow, TenantRow.id == TenantHost.tenant_id)
        )
        return {row.host: row.slug for row in rows}


def _secrets_in_store() -> dict[str, set[str]]:
    with db.directory_scope():
        tenants_known = db.session().execute(select(TenantRow.id, TenantRow.slug)).all()
    found: dict[str, set[str]] = {}
    for number, slug in tenants_known:
        with db.tenant_scope(number):
            found[slug] = set(db.session().execute(select(TenantSecret.name)).scalars())
    return found


def _hosts_of(sources: Iterable[BundleSource], *, but: BundleSource) -> dict[str, str]:
    """Host names that other bundles of this run ask for, as far as they can be read."""
    found: dict[str, str] = {}
    for source in sources:
        hosts = source.document.get("hosts")
        if source is but or not isinstance(hosts, dict):
            continue
        for names in hosts.values():
            if isinstance(names, list):
                found |= {name: source.folder.name for name in names if isinstance(name, str)}
    return found
