"""What every page's frame shows: brand, navigation, languages, the person, the live channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Flask, g, request, url_for
from werkzeug.routing import BuildError

from app.core import features, live
from app.core.actor import current_actor
from app.kit.text import _l
from app.tenancy import directory
from app.tenancy import service as tenancy
from app.tenancy.bundles.schema import in_language
from app.tenancy.service import TenantConfig
from app.ui import locales
from app.ui.branding import Branding
from app.ui.setup import brand_file_url

LANGUAGE_COOKIE = "language"
THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class NavLine:
    """One line of the navigation as the layout draws it."""

    label: str
    url: str
    icon: str
    active: bool
    badge: int
    phone: bool
    group: str = ""


_OFFICE_GROUPS = ((50, _l("Partners")), (90, _l("Administration")))
"""The headings of the office's navigation, and the order from which each holds."""


def select_locale() -> str:
    """The reader's language: what this browser was switched to, their profile's, the browser's, the brand's first."""
    tenant: TenantConfig | None = g.get("tenant")
    if tenant is None:
        return "en"
    for wish in (request.args.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, ""), current_actor().language):
        if wish in tenant.languages:
            return wish
    best = request.accept_languages.best_match([code.replace("_", "-") for code in tenant.languages])
    return best.replace("-", "_") if best else tenant.default_language


def navigation(audience: str) -> list[NavLine]:
    """The lines that this actor may follow, in order, the present one marked."""
    actor = current_actor()
    entries = [e for f in features.features() for e in f.menu if e.audience == audience and actor.may(e.permission)]
    lines = []
    for entry in sorted(entries, key=lambda e: e.order):
        if entry.is_offered is not None and not entry.is_offered():
            continue
        url = url_for(entry.endpoint)
        here = request.path == url or (url != "/" and request.path.startswith(url.rstrip("/") + "/"))
        badge = entry.badge() if entry.badge is not None else 0
        lines.append(NavLine(str(entry.label), url, entry.icon, here, badge, entry.phone, _group(entry)))
    longest = max((len(line.url) for line in lines if line.active), default=0)
    return [line if not line.active or len(line.url) == longest else replace(line, active=False) for line in lines]


def _group(entry: features.MenuEntry) -> str:
    """The heading under which a line stands, by its order; none for the first ones and outside the office."""
    headings = [label for begins, label in _OFFICE_GROUPS if entry.audience == "office" and entry.order >= begins]
    return str(headings[-1]) if headings else ""


def channels() -> str:
    """The signed list of what this page listens to; empty for a visitor."""
    actor = current_actor()
    if actor.id is None or actor.session_id is None:
        return ""
    receivers = [f"u:{actor.id}", *g.get("watched", ())]
    if actor.client_id is not None:
        receivers += [f"client:{actor.client_id}", f"partner:{actor.client_id}"]
    if actor.kind == "staff":
        receivers.append("office")
    return live.sign_channels(g.tenant_id, actor.session_id, select_locale(), receivers)


def watch(*receivers: str) -> None:
    """Let this page listen to more than the actor's own, such as `client:<id>`; its view has checked the right."""
    g.watched = [*g.get("watched", ()), *receivers]


def init_shell(app: Flask) -> None:
    """Give every template the frame's context."""
    app.context_processor(_context)
    app.after_request(_remember_language)


def _remember_language(response: Any) -> Any:
    wish = request.args.get("lang", "")
    tenant: TenantConfig | None = g.get("tenant")
    if tenant is not None and wish in tenant.languages:
        response.set_cookie(LANGUAGE_COOKIE, wish, max_age=31536000, samesite="Lax", secure=request.is_secure)
    return response


def _context() -> dict[str, Any]:
    tenant: TenantConfig | None = g.get("tenant")
    if tenant is None or "audience" not in g:
        return {}
    audience: str = g.audience
    actor = current_actor()
    locale = select_locale()
    signed_in = g.get("signed_in")
    theme = request.cookies.get("theme") or (signed_in.theme if signed_in else "auto")
    return {
        "tenant": _brand(tenant),
        "audience": audience,
        "actor": actor if actor.id is not None else None,
        "locale": locale,
        "theme": theme if theme in THEMES else "auto",
        "languages": [
            {"code": code, "name": locales.OWN_NAMES.get(code, code), "url": _same_page(code), "active": code == locale}
            for code in tenant.languages
        ],
        "nav": navigation(audience) if actor.id is not None else [],
        "home_url": "/",
        "sign_out_url": _url_or_none(f"identity_{audience}.sign_out"),
        "user_menu": _user_menu(audience),
        "live_channels": channels(),
    }


def _same_page(code: str) -> str:
    args = {**request.args.to_dict(flat=True), "lang": code}
    return f"{request.path}?{urlencode(args)}"


def _url_or_none(endpoint: str) -> str | None:
    try:
        return url_for(endpoint)
    except BuildError:
        return None


def _user_menu(audience: str) -> list[dict[str, str]]:
    url = _url_or_none(f"identity_{audience}.profile")
    return [{"label": str(_l("Profile and security")), "url": url, "icon": "user"}] if url else []


def _brand(tenant: TenantConfig) -> Mapping[str, Any]:
    locale = select_locale()
    return {
        "id": tenant.id,
        "name": tenant.name,
        "short_name": tenant.short_name,
        "is_sandbox": tenant.is_sandbox,
        "logo": brand_file_url(tenant.slug, tenant.branding.logo_light),
        "logo_dark": brand_file_url(tenant.slug, tenant.branding.logo_dark),
        "favicon": brand_file_url(tenant.slug, tenant.branding.favicon),
        "claim": in_language(tenant.branding.tagline, locale, tenant.default_language),
        "risk_warning": in_language(tenant.company.risk_warning, locale, tenant.default_language),
        "company": tenant.company,
        "support": tenant.support,
        "currencies": tenant.currencies,
    }


def _branding(tenant: TenantConfig) -> Branding:
    look = tenant.branding
    return Branding(look.primary, look.accent, look.sidebar, look.radius, look.font)


def current_brand() -> tuple[str, Branding] | None:
    """The brand of the running request, for the page's stylesheet."""
    tenant: TenantConfig | None = g.get("tenant")
    return (tenant.slug, _branding(tenant)) if tenant is not None else None


def brand_of(slug: str) -> Branding | None:
    """A brand's colours by its slug, outside any request; None for a slug that nobody has."""
    for entry in directory.directory().tenants.values():
        if entry.slug == slug:
            return _branding(tenancy.of(entry.id))
    return None


def select_timezone() -> str:
    """The reader's time zone: their own, else the brand's."""
    signed_in = g.get("signed_in")
    tenant: TenantConfig | None = g.get("tenant")
    return (signed_in.timezone if signed_in else "") or (str(tenant.timezone) if tenant else "UTC")
