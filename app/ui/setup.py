"""Brings the user interface into a Flask application: macros, formats, languages, static files, brand stylesheets."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlencode

import flask_babel
from babel.support import NullTranslations, Translations
from flask import Flask, get_flashed_messages, has_request_context, request
from flask_wtf.csrf import generate_csrf
from jinja2 import ChoiceLoader, FileSystemLoader
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response

from app.kit import ids
from app.kit.money import Money
from app.kit.text import Message, install_translator
from app.ui import branding, figures, formats, locales
from app.ui.assets import Assets
from app.ui.branding import Branding

TEMPLATES = Path(__file__).parent / "templates"
TENANTS = locales.ROOT / "tenants"
MACROS = ("ui", "form", "table", "money", "chart")
_BRAND_SHEET = re.compile(r"/brand/([a-z0-9][a-z0-9-]{0,62})-([0-9a-f]{12})\.css")
_BRAND_FILE = re.compile(r"/brand/([a-z0-9][a-z0-9-]{0,62})/([0-9a-f]{12})/([a-z0-9][a-z0-9-]{0,62}\.(?:svg|png|ico))")
_FOREVER = "public, max-age=31536000, immutable"


def init_ui(
    app: Flask,
    *,
    select_locale: Callable[[], str | None] | None = None,
    select_timezone: Callable[[], str | None] | None = None,
    current_brand: Callable[[], tuple[str, Branding] | None] | None = None,
    brand_of: Callable[[str], Branding | None] | None = None,
    prefers_arabic_indic: Callable[[], bool] | None = None,
) -> None:
    """Register everything that templates need. Call it once, before the first template is loaded.

    `select_locale` and `select_timezone` answer for the running request. `current_brand` gives the running page's slug
    and colours; `brand_of` gives the colours of a slug, outside any request, for the stylesheet's own address. A plain
    Flask application without them works in English, in UTC, in the product's own colours.
    """
    flask_babel.Babel(
        app,
        default_locale=locales.SOURCE,
        default_timezone="UTC",
        default_translation_directories=str(locales.compile_catalogues()),
        locale_selector=select_locale or _locale_from_cookie,
        timezone_selector=select_timezone or (lambda: None),
    )
    install_translator(translate)
    if prefers_arabic_indic is not None:
        formats.install_digit_preference(prefers_arabic_indic)

    assets = Assets(watch=bool(app.debug))
    app.extensions["kontor.assets"] = assets
    app.wsgi_app = assets.wrap(_BrandFiles(app, app.wsgi_app, brand_of or (lambda _slug: None)))  # type: ignore[method-assign]

    loaders = [loader for loader in (app.jinja_loader, FileSystemLoader(TEMPLATES)) if loader is not None]
    app.jinja_loader = ChoiceLoader(loaders)
    environment = app.jinja_env
    environment.policies["ext.i18n.trimmed"] = True
    environment.trim_blocks = True
    environment.lstrip_blocks = True
    environment.filters["groupby_order"] = groupby_order

    def brand_url() -> str | None:
        brand = current_brand() if current_brand is not None else None
        return brand_stylesheet_url(*brand) if brand else None

    def side_is_light() -> bool:
        brand = current_brand() if current_brand is not None else None
        return brand is not None and branding.text_on(branding.parse_colour(brand[1].sidebar)) == branding.BLACK

    # Macro modules see the globals of the moment they are loaded, so everything they use comes first.
    environment.globals.setdefault("csrf_token", generate_csrf)
    environment.globals.update(
        asset=assets.url,
        brand_url=brand_url,
        side_is_light=side_is_light,
        url_with=url_with,
        new_once_key=lambda: ids.new_token(128),
        fmt=_namespace(),
    )
    for name in MACROS:
        environment.globals[name] = environment.get_template(f"macros/{name}.html").module
    app.context_processor(_page_context)


def _locale_from_cookie() -> str | None:
    asked = request.cookies.get("lang", "") if has_request_context() else ""
    offered = locales.complete_languages()
    if asked in offered:
        return asked
    return request.accept_languages.best_match(offered) if has_request_context() else None


def _page_context() -> dict[str, Any]:
    theme = request.cookies.get("theme", "") if has_request_context() else ""
    return {"theme": theme if theme in ("light", "dark") else "auto", "locale": locales.current_code()}


@cache
def _translations(code: str) -> NullTranslations:
    return Translations.load(str(locales.compile_catalogues()), [code])


def translate(message: Message) -> str:
    """A message in the reader's language, with its values written as that reader sees them."""
    found = _translations(locales.current_code())
    if message.plural is not None and message.count is not None:
        text = found.ungettext(message.text, message.plural, message.count)
    elif message.context is not None:
        text = found.upgettext(message.context, message.text)
    else:
        text = found.ugettext(message.text)
    values = message.values()
    return str(text) % {name: _shown(value) for name, value in values.items()} if values else str(text)


def _shown(value: object) -> object:
    """A value inside a sentence: money and numbers keep their order in text of either direction."""
    if isinstance(value, Money):
        return formats.isolate(formats.money(value))
    if isinstance(value, datetime):
        return formats.instant(value)
    if isinstance(value, date):
        return formats.day(value)
    return formats.number(value) if isinstance(value, Decimal) else value


class Group(NamedTuple):
    """Entries that belong together, under a heading or none."""

    name: object
    items: list[Any]


def groupby_order(entries: Iterable[Any], attribute: str) -> list[Group]:
    """Group entries by an attribute or key, in the order in which the groups first appear."""
    groups: dict[str, Group] = {}
    for entry in entries:
        name = entry.get(attribute) if isinstance(entry, Mapping) else getattr(entry, attribute, None)
        groups.setdefault(str(name or ""), Group(name, [])).items.append(entry)
    return list(groups.values())


def url_with(**changes: object) -> str:
    """The page's own address with some of its parameters replaced; None takes a parameter away."""
    if not has_request_context():
        return ""
    values: MultiDict[str, str] = MultiDict(request.args)
    for name, value in changes.items():
        if value is None:
            values.pop(name, None)
        elif isinstance(value, (list, tuple)):
            values.setlist(name, [str(one) for one in value])
        else:
            values[name] = str(value)
    pairs = [(name, value) for name, value in values.items(multi=True) if value != ""]
    return iri_to_uri(request.path) + ("?" + urlencode(pairs) if pairs else "")


def brand_stylesheet_url(slug: str, brand: Branding) -> str:
    """Where a brand's stylesheet is answered; changes with the brand."""
    return f"/brand/{slug}-{branding.fingerprint(brand)}.css"


def brand_file_url(slug: str, name: str) -> str | None:
    """Where a file of the bundle's `brand` folder (logo, favicon) is answered; None when there is no such file."""
    path = TENANTS / slug / "brand" / name
    if not path.is_file():
        return None
    return f"/brand/{slug}/{_fingerprint_of(path, path.stat().st_mtime_ns)}/{name}"


@cache
def _fingerprint_of(path: Path, _changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


class _BrandFiles:
    """Answers `/brand/…` on every host before the application sees the request: no tenant data is read."""

    def __init__(self, app: Flask, application: Any, brand_of: Callable[[str], Branding | None]) -> None:
        self._app, self._application, self._brand_of = app, application, brand_of

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/brand/") and environ.get("REQUEST_METHOD") in ("GET", "HEAD"):
            answer = self._sheet(path) or self._file(path)
            if answer is not None:
                return answer(environ, start_response)
        return self._application(environ, start_response)

    def _sheet(self, path: str) -> Response | None:
        match = _BRAND_SHEET.fullmatch(path)
        if match is None:
            return None
        with self._app.app_context():
            brand = self._brand_of(match[1])
        if brand is None:
            return None
        # An address of an older brand answers the present one, but is not kept.
        keep = _FOREVER if branding.fingerprint(brand) == match[2] else "no-cache"
        return Response(branding.stylesheet(brand), mimetype="text/css", headers={"Cache-Control": keep})

    def _file(self, path: str) -> Response | None:
        match = _BRAND_FILE.fullmatch(path)
        file = TENANTS / match[1] / "brand" / match[3] if match else None
        if match is None or file is None or not file.is_file():
            return None
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        headers = {
            "Cache-Control": _FOREVER if _fingerprint_of(file, file.stat().st_mtime_ns) == match[2] else "no-cache",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(file.read_bytes(), mimetype=kind, headers=headers)


def html_attributes(*layers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Attributes for a WTForms field, later layers over earlier ones; None takes an attribute away, classes add up."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in (layer or {}).items():
            if name == "class" and merged.get("class") and value:
                merged["class"] = f"{merged['class']} {value}"
            elif value is None:
                merged.pop(name, None)
            else:
                merged[name] = value
    return merged


def said(toasts: Sequence[tuple[object, str]] | None = None) -> list[tuple[object, str]]:
    """What the page has to say when it opens: the given messages and flashed ones, as (text, tone)."""
    tones = {"message": "neutral", "error": "danger"}
    flashed = get_flashed_messages(with_categories=True) if has_request_context() else []
    return [(text, tone) for text, tone in toasts or ()] + [(one[1], tones.get(one[0], one[0])) for one in flashed]


def rows_shown(number: int, size: int, total: int) -> Markup:
    """`1–50 of 1,204`, in the reader's language."""
    first, last = (number - 1) * size + 1, min(number * size, total)
    values = {"first": formats.number(first), "last": formats.number(last), "total": formats.number(total)}
    isolated = {name: Markup('<bdi dir="ltr" class="num">{}</bdi>').format(value) for name, value in values.items()}
    return Markup(flask_babel.gettext("%(first)s–%(last)s of %(total)s")) % isolated  # A sentence of ours.


def _font_file() -> str:
    """The font file that most letters of the reader's language need; exactly this one is preloaded."""
    language = locales.current().language
    if language in ("ar", "fa", "ur"):
        return "vendor/vazirmatn-arabic.woff2"
    return "vendor/inter-cyrillic.woff2" if language in ("ru", "kk") else "vendor/inter-latin.woff2"


def _namespace() -> SimpleNamespace:
    """What macros and pages call as `fmt`."""
    names = [formats, figures]
    public: dict[str, Any] = {
        name: value
        for module in names
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    }
    return SimpleNamespace(
        **public,
        direction=locales.direction,
        html_lang=lambda: locales.current_code().replace("_", "-"),
        browser_locale=lambda: locales.current_code().replace("_", "-") + "-u-nu-latn",
        font_file=_font_file,
        html_attributes=html_attributes,
        said=said,
        rows_shown=rows_shown,
        query=lambda name: request.args.get(name, "") if has_request_context() else "",
        path=lambda: request.path if has_request_context() else "",
    )
