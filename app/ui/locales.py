"""Languages: which exist, which are complete, how they run, and the compiled catalogues.

English is the source and always complete. Every other language is offered only when its catalogue has no gap.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import flask_babel
from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import has_app_context

ROOT = Path(__file__).resolve().parents[2]
TRANSLATIONS = ROOT / "translations"
SOURCE = "en"

# The languages the product is built for, by their own names. A tenant offers some of them.
OWN_NAMES = {
    "en": "English",
    "ar": "العربية",
    "ru": "Русский",
    "de": "Deutsch",
    "es": "Español",
    "kk": "Қазақша",
    "uz": "Oʻzbekcha",
}
RIGHT_TO_LEFT = frozenset({"ar", "fa", "ur", "he"})

_forced: ContextVar[str | None] = ContextVar("ui_locale", default=None)


def current_code() -> str:
    """The reader's language: a forced one, the request's, or English."""
    forced = _forced.get()
    if forced is not None:
        return forced
    locale = flask_babel.get_locale() if has_app_context() else None
    return str(locale) if locale is not None else SOURCE


@cache
def parse(code: str) -> Locale:
    """Babel's locale of a code such as `ar` or `pt_BR`; English for a code that nobody knows."""
    try:
        return Locale.parse(code.replace("-", "_"))
    except (ValueError, TypeError):
        return Locale.parse(SOURCE)


def current() -> Locale:
    """Babel's locale of the reader."""
    return parse(current_code())


@contextlib.contextmanager
def speaking(code: str) -> Iterator[None]:
    """Everything inside is rendered in this language: mails, statements, values on a stream."""
    token = _forced.set(code)
    try:
        if has_app_context():
            with flask_babel.force_locale(code):
                yield
        else:
            yield
    finally:
        _forced.reset(token)


def direction(code: str | None = None) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if (code or current_code()).split("_")[0] in RIGHT_TO_LEFT else "ltr"


def own_name(code: str) -> str:
    """The language's name in itself, for the switcher."""
    known = OWN_NAMES.get(code)
    return known or (parse(code).get_display_name(parse(code)) or code).capitalize()


def catalogue(code: str) -> Path:
    """Where a language's sentences stand."""
    return TRANSLATIONS / code / "LC_MESSAGES" / "messages.po"


def is_complete(code: str) -> bool:
    """Whether every sentence of the catalogue has its translation, all plural forms included, none of them in doubt."""
    if code == SOURCE:
        return True
    path = catalogue(code)
    if not path.exists():
        return False
    return _is_complete(path, path.stat().st_mtime_ns)


@cache
def _is_complete(path: Path, _changed: int) -> bool:
    with path.open("rb") as file:
        messages = read_po(file)
    wanted = [message for message in messages if message.id]
    return bool(wanted) and all(_is_translated(message.string) and not message.fuzzy for message in wanted)


def _is_translated(string: object) -> bool:
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


def complete_languages() -> tuple[str, ...]:
    """The languages that may be offered, English first."""
    return tuple(code for code in OWN_NAMES if is_complete(code))


def compile_catalogues(target: Path | None = None) -> Path:
    """Compile every catalogue that is newer than its compiled form, and answer the directory to read them from.

    Safe when several processes start together: each file is replaced as a whole.
    """
    target = (
        target
        or Path(tempfile.gettempdir())
        / f"kontor-translations-{os.getuid()}"
        / hashlib.sha256(str(TRANSLATIONS).encode()).hexdigest()[:12]
    )
    for path in sorted(TRANSLATIONS.glob("*/LC_MESSAGES/messages.po")):
        code = path.parent.parent.name
        compiled = target / code / "LC_MESSAGES" / "messages.mo"
        if compiled.exists() and compiled.stat().st_mtime_ns >= path.stat().st_mtime_ns:
            continue
        compiled.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as file:
            messages = read_po(file, locale=code)
        draft = compiled.with_suffix(f".{os.getpid()}.tmp")
        with draft.open("wb") as file:
            write_mo(file, messages)
        draft.replace(compiled)
    return target
