"""`flask demo seed` makes the sign-ins that the demo prints; `flask demo day` drives a whole business day."""

from __future__ import annotations

import json

import click

from app.demo import proving
from app.demo.browsing import PageRefused
from app.demo.day import CHAOS, run_day
from app.demo.hooks import Hooks
from app.demo.people import OPERATOR, PASSWORD, country_of, people_of
from app.demo.terminal import OrderRefused


def demo_commands(hooks: Hooks) -> click.Group:
    """The command group, with the product's inside doors bound."""
    group = click.Group("demo", help="Demonstrations on sandbox tenants.")

    @group.command("seed")
    def seed() -> None:
        """Make the demo sign-ins where they are missing, and print them as JSON in the last line."""
        shown: dict[str, object] = {}
        for slug in hooks.sandboxes():
            places: dict[str, dict[str, str]] = {}
            for person in people_of(slug):
                hooks.ensure_person(slug, person.email(slug), person.name, person.roles, PASSWORD, country_of(slug))
                places.setdefault(person.audience, {"email": person.email(slug), "password": PASSWORD})
            shown[slug] = places
        email = OPERATOR.email("kontor")
        hooks.ensure_person("operator", email, OPERATOR.name, OPERATOR.roles, PASSWORD, "")
        shown["operator"] = {"email": email, "password": PASSWORD}
        click.echo(json.dumps(shown))

    @group.command("day")
    @click.option("--tenant", required=True, help="Slug of a sandbox tenant.")
    @click.option("--clients", default=200, show_default=True, type=click.IntRange(1, 20_000))
    @click.option(
        "--depth", default=6, show_default=True, type=click.IntRange(1, 60), help="Levels of the partner tree."
    )
    @click.option("--seed", default=1, show_default=True, help="The same seed makes the same tree, amounts and orders.")
    @click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 16), help="People at a time.")
    @click.option(
        "--chaos", multiple=True, type=click.Choice(CHAOS), help="What breaks in the middle; may be repeated."
    )
    def day(tenant: str, clients: int, depth: int, seed: int, threads: int, chaos: tuple[str, ...]) -> None:
        """Drive a whole business day of a running brand as its users would, and prove its books.

        Ends with status 1 when a proof fails or a step is refused.
        """
        if tenant not in hooks.sandboxes():
            raise click.UsageError(f"{tenant} is no sandbox here. There are: {', '.join(hooks.sandboxes())}.")
        try:
            holds = run_day(hooks, tenant, clients=clients, depth=depth, seed=seed, trouble=chaos, threads=threads)
        except (PageRefused, OrderRefused, TimeoutError) as failure:
            raise click.ClickException(str(failure)) from failure
        if not holds:
            raise click.ClickException("A proof fails.")

    @group.command("prove")
    @click.option("--tenant", required=True, help="Slug of a sandbox tenant.")
    def prove(tenant: str) -> None:
        """Prove a sandbox's books now: among themselves, and against its platform. Ends with status 1 if one fails."""
        found = proving.proofs(hooks, tenant)
        for proof in found:
            click.echo(f"{'holds' if proof.holds else 'FAILS'}  {proof.name}: {proof.detail}")
        if not all(proof.holds for proof in found):
            raise SystemExit(1)

    return group
