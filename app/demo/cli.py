"""`flask demo seed` makes the sign-ins that the demo prints; `flask demo day` drives a whole business day."""

from __future__ import annotations

import json

import click

from app.demo.hooks import Hooks
from app.demo.people import OPERATOR, PASSWORD, country_of, people_of


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

    return group
