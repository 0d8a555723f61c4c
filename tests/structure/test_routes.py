"""Every address of the product: whose it is, who may ask it, and what a change must pass."""

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from app.core import features
from app.core.http import marks_of

SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def routes() -> tuple[Flask, list[Rule]]:
    from app.factory import create_app

    app = create_app()
    return app, list(app.url_map.iter_rules())


def marks(app: Flask, rule: Rule) -> dict[str, Any]:
    return dict(marks_of(app.view_functions[rule.endpoint]))


def named(rule: Rule) -> str:
    return f"{rule.subdomain} {rule.rule} -> {rule.endpoint}"


def test_every_route_belongs_to_an_audience(routes: tuple[Flask, list[Rule]]) -> None:
    _, rules = routes
    known = {*features.AUDIENCES, "webhooks"}

    assert len(rules) > 0
    assert [named(rule) for rule in rules if rule.subdomain not in known] == []


def test_every_view_is_public_or_asks_a_known_permission(routes: tuple[Flask, list[Rule]]) -> None:
    app, rules = routes
    codes = set(features.permissions())
    unmarked = [
        named(rule)
        for rule in rules
        if not marks(app, rule).get("public") and marks(app, rule).get("permission") not in codes
    ]

    assert unmarked == []


def test_no_view_is_public_and_guarded_at_once(routes: tuple[Flask, list[Rule]]) -> None:
    app, rules = routes

    assert [named(r) for r in rules if marks(app, r).get("public") and marks(app, r).get("permission")] == []


def test_every_change_asks_the_ban_matrix_or_says_why_not(routes: tuple[Flask, list[Rule]]) -> None:
    app, rules = routes
    functions = set(features.functions())
    silent = []
    for rule in rules:
        found = marks(app, rule)
        if not (rule.methods or set()) - SAFE or found.get("public"):
            continue
        if found.get("restricted") not in functions and not found.get("unrestricted"):
            silent.append(named(rule))

    assert silent == []


def test_no_view_is_exempt_from_the_form_token(routes: tuple[Flask, list[Rule]]) -> None:
    app, _ = routes
    csrf = app.extensions["csrf"]

    assert app.config.get("WTF_CSRF_ENABLED", True) is not False
    assert (csrf._exempt_views, csrf._exempt_blueprints) == (set(), set())


def test_reading_changes_nothing(routes: tuple[Flask, list[Rule]]) -> None:
    """An address whose view is named after a change is not there for GET alone."""
    _, rules = routes
    change = re.compile(r"(delete|remove|approve|reject|revoke|void|cancel|sign_out|lift|lock)(_|$)")
    found = [
        named(rule)
        for rule in rules
        if "POST" not in (rule.methods or set()) and change.match(rule.endpoint.rpartition(".")[2])
    ]

    assert found == []


def test_menus_and_panels_point_somewhere(routes: tuple[Flask, list[Rule]]) -> None:
    app, _ = routes
    codes = set(features.permissions())
    lost = []
    for feature in features.features():
        for entry in feature.menu:
            if entry.endpoint not in app.view_functions or entry.permission not in codes:
                lost.append(f"{feature.name}: menu {entry.endpoint} ({entry.permission})")
        for panel in feature.panels:
            if panel.permission not in codes:
                lost.append(f"{feature.name}: panel {panel.name} ({panel.permission})")
            try:
                app.jinja_env.get_template(panel.template)
            except Exception as error:
                lost.append(f"{feature.name}: panel {panel.name}: {error}")

    assert lost == []
