"""Puts the product together: settings, the explicit list of features, guards, pages. Nothing is scanned."""

from __future__ import annotations

import importlib
from pathlib import Path

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from jinja2 import ChoiceLoader, FileSystemLoader
from starlette.applications import Starlette

from app.config import settings
from app.core import events, features, jobs
from app.core.features import Feature
from app.core.logs import configure_logging
from app.demo.cli import demo_commands
from app.demo.hooks import Hooks
from app.ui.setup import init_ui
from app.web import proofs, sandbox
from app.web.application import Kontor, audience_url
from app.web.errors import init_errors
from app.web.guard import init_guard
from app.web.shell import brand_of, current_brand, init_shell, select_locale, select_timezone

ROOT = Path(__file__).parent

# The floors from the bottom up; events reach subscribers in this order.
FEATURES: tuple[str, ...] = (
    "audit",
    "tenancy",
    "notifications",
    "restrictions",
    "identity",
    "rates",
    "ledger",
    "clients",
    "referrals",
    "trading",
    "payments",
    "partners",
    "copytrading",
    "web.cabinet",
    "web.office",
    "web.operator",
)


class CsrfSession(SecureCookieSessionInterface):
    """Flask's signed cookie holds the form token and passing messages, no sign-in. Plain http is for loopback alone."""

    def get_cookie_name(self, app: Flask) -> str:
        return "__Host-form" if self.get_cookie_secure(app) else "form"

    def get_cookie_secure(self, app: Flask) -> bool:
        from flask import has_request_context, request

        return has_request_context() and request.is_secure

    def get_cookie_domain(self, app: Flask) -> str | None:
        return None


def load_features() -> list[Feature]:
    """The manifests of the features, imported by their names in the list."""
    return [importlib.import_module(f"app.{name}.feature").FEATURE for name in FEATURES]


def install_features() -> list[Feature]:
    """Make the features known to this process: manifests, subscribers, jobs. For pages, workers and commands alike."""
    found = load_features()
    features.install(found)
    for feature in found:
        for event_type, handler in feature.subscribers:
            events.subscribe(event_type, handler)
        jobs.load_modules(feature.jobs)
    return found


def create_app() -> Flask:
    """The Flask application with every audience, ready to serve."""
    configure_logging("web")
    app = Kontor("app", root_path=str(ROOT), static_folder=None, template_folder=None)
    app.config.update(
        SECRET_KEY=settings().secret_key,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        WTF_CSRF_TIME_LIMIT=None,  # The token lives as long as the session that it is bound to.
        MAX_CONTENT_LENGTH=12 * 1024 * 1024,
        PROPAGATE_EXCEPTIONS=False,
        TRAP_HTTP_EXCEPTIONS=False,
    )
    app.session_interface = CsrfSession()
    found = install_features()
    app.jinja_loader = ChoiceLoader([FileSystemLoader(path) for path in _template_folders(found)])
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["kontor.audience_url"] = audience_url
    init_guard(app)
    CSRFProtect(app)
    init_errors(app)
    init_shell(app)
    init_ui(
        app,
        select_locale=select_locale,
        select_timezone=select_timezone,
        current_brand=current_brand,
        brand_of=brand_of,
    )
    for feature in found:
        for audience, blueprints in feature.blueprints.items():
            for blueprint in blueprints:
                app.register_blueprint(blueprint, subdomain=audience)
        for group in feature.cli:
            app.cli.add_command(group)
    app.cli.add_command(demo_commands(demo_hooks()))
    return app


def demo_hooks() -> Hooks:
    """The inside doors that the demonstrations may use."""
    return Hooks(
        ensure_person=sandbox.ensure_person,
        sandboxes=sandbox.sandboxes,
        move_clock=sandbox.move_clock,
        business_now=sandbox.business_now,
        day=sandbox.day,
        port=sandbox.port,
        control_url=sandbox.control_url,
        other_clocks=sandbox.other_clocks,
        terms=sandbox.terms,
        holdings=sandbox.holdings,
        platform_money=sandbox.platform_money,
        settled_days=sandbox.settled_days,
        release=sandbox.release,
        totals=sandbox.totals,
        process_ids=sandbox.process_ids,
        flush_redis=sandbox.flush_redis,
        proofs=proofs.proofs,
    )


def _template_folders(found: list[Feature]) -> list[Path]:
    names = ["ui", "web", *(feature.name for feature in found)]
    folders = [ROOT / name / "templates" for name in names]
    folders += sorted((ROOT / "web").glob("*/templates"))
    return [folder for folder in folders if folder.is_dir()]


def create_asgi(app: Flask) -> Starlette:
    """The same pages plus the event streams and the platforms' bridge, on one port and origin."""
    from app.web.asgi import build_asgi

    return build_asgi(app)
