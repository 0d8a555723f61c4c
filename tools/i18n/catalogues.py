"""Catalogues of sentences: collect them from the code, bring every language up to date, and judge the translations.

python -m tools.i18n.catalogues update            collect and bring every catalogue up to date
python -m tools.i18n.catalogues check             exit 1 on a gap in ar or ru, or on a broken sentence
python -m tools.i18n.catalogues missing ar        the untranslated sentences of a language, as JSON
python -m tools.i18n.catalogues fill ar FILE      put translations from such a JSON file into the catalogue
python -m tools.i18n.catalogues compile           compile, as start-up does
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import polib
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

from app.ui import locales

ROOT = locales.ROOT
LANGUAGES = tuple(code for code in locales.OWN_NAMES if code != locales.SOURCE)
MUST_BE_COMPLETE = ("ar", "ru")
# Babel's own header for Arabic swaps the last two forms against the order that translators and gettext tools expect.
PLURAL_FORMS = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
}
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "_l": None,
    "_ln": (1, 2),
    "_lp": ((1, "c"), 2),
}
_PLACE = re.compile(r"%\((\w+)\)[sd]")
_MARKUP = re.compile(r"<[a-zA-Z/]")


def collect() -> Catalog:
    """Every sentence of the code and the templates, with the files it stands in."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]  # Babel leaves this one untyped.
    found = Catalog(project="Kontor", charset="utf-8", fuzzy=False)
    for name, _line, message, comments, context in extract_from_dir(
        ROOT, methods, options, KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
    ):
        found.add(message, None, [(Path(name).as_posix(), 0)], auto_comments=comments, context=context)
    return found


def update() -> None:
    """Bring every catalogue to the sentences of today. A changed sentence loses its translation; none is guessed."""
    template = collect()
    for code in LANGUAGES:
        path = locales.catalogue(code)
        catalogue = _read(path, code) if path.exists() else _new(code)
        catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, catalogue)
        done, wanted = _progress(code)
        print(f"{code}: {done} of {wanted}")


def _new(code: str) -> Catalog:
    catalogue = Catalog(locale=code, project="Kontor", charset="utf-8", fuzzy=False)
    if code in PLURAL_FORMS:
        catalogue.mime_headers = [("Plural-Forms", PLURAL_FORMS[code])]
    return catalogue


def _read(path: Path, code: str) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=code)


def _write(path: Path, catalogue: Catalog) -> None:
    catalogue.header_comment = "# Sentences of the product. Brought up to date by tools/i18n/catalogues.py."
    buffer = BytesIO()
    write_po(buffer, catalogue, width=120, sort_output=True, include_lineno=False, omit_header=False)
    lines = buffer.getvalue().decode().splitlines(keepends=True)
    dated = (
        '"POT-Creation-Date',
        '"PO-Revision-Date',
        '"Generated-By',
        '"Report-Msgid',
        '"Last-Translator',
        '"Language-Team',
    )
    path.write_text("".join(line for line in lines if not line.startswith(dated)))


def _progress(code: str) -> tuple[int, int]:
    entries = [entry for entry in polib.pofile(str(locales.catalogue(code))) if not entry.obsolete]
    return sum(1 for entry in entries if _is_done(entry)), len(entries)


def _is_done(entry: polib.POEntry) -> bool:
    forms = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    return not entry.fuzzy and bool(forms) and all(forms)


def findings(code: str) -> Iterator[str]:
    """What is wrong with the sentences of a language, whether or not it must be complete."""
    path = locales.catalogue(code)
    file = polib.pofile(str(path))
    if code in PLURAL_FORMS and file.metadata.get("Plural-Forms", "").rstrip(";") != PLURAL_FORMS[code].rstrip(";"):
        yield f"{code}: the plural header is not ours."
    for entry in file:
        if entry.obsolete:
            continue
        wanted = set(_PLACE.findall(entry.msgid)) | set(_PLACE.findall(entry.msgid_plural or ""))
        for form in list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]:
            if form:
                yield from _broken(code, entry, form, wanted)


def _broken(code: str, entry: polib.POEntry, form: str, wanted: set[str]) -> Iterator[str]:
    has = set(_PLACE.findall(form))
    may_be_absent = {"num"} if entry.msgid_plural else set()
    if has - wanted or (wanted - has) - may_be_absent:
        yield f"{code}: {entry.msgid!r}: the placeholders are {sorted(has)} and should be {sorted(wanted)}."
    if wanted:
        try:
            form % defaultdict(str)
        except (ValueError, TypeError, KeyError):
            yield f"{code}: {entry.msgid!r}: a percent sign is not doubled, or a placeholder is broken."
    if _MARKUP.search(form):
        yield f"{code}: {entry.msgid!r}: a sentence holds no markup."


def stale(code: str, template: Catalog | None = None) -> list[str]:
    """The sentences of the code that the catalogue does not know yet."""
    template = template or collect()
    known = _read(locales.catalogue(code), code)
    return [str(m.id) for m in template if m.id and known.get(m.id, m.context) is None]


def check() -> list[str]:
    """Everything that must be mended before the product may be shipped."""
    template = collect()
    found = []
    for code in LANGUAGES:
        found += list(findings(code))
        done, wanted = _progress(code)
        print(f"{code}: {done} of {wanted}")
        if code in MUST_BE_COMPLETE:
            found += [f"{code}: not in the catalogue: {text!r}" for text in stale(code, template)]
            found += [f"{code}: not translated: {text!r}" for text in missing(code)]
    return found


def missing(code: str) -> dict[str, Any]:
    """The untranslated sentences: msgid (after `context\\x04` where there is one) to nothing, or to empty forms."""
    file = polib.pofile(str(locales.catalogue(code)))
    return {
        _key(entry): {str(form): "" for form in range(len(entry.msgstr_plural))} if entry.msgid_plural else ""
        for entry in file
        if not entry.obsolete and not _is_done(entry)
    }


def fill(code: str, translations: dict[str, Any]) -> int:
    """Put translations into a catalogue; answers how many sentences they completed. Unknown sentences are ignored."""
    path = locales.catalogue(code)
    file = polib.pofile(str(path), wrapwidth=120)
    count = 0
    for entry in file:
        given = translations.get(_key(entry))
        if not given:
            continue
        if entry.msgid_plural:
            entry.msgstr_plural = {int(form): text for form, text in given.items()}
        else:
            entry.msgstr = given
        entry.flags = [flag for flag in entry.flags if flag != "fuzzy"]
        count += 1
    file.save(str(path))
    _write(path, _read(path, code))
    return count


def _key(entry: polib.POEntry) -> str:
    return f"{entry.msgctxt}\x04{entry.msgid}" if entry.msgctxt else str(entry.msgid)


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("act", choices=["extract", "update", "compile", "check", "missing", "fill"])
    parser.add_argument("language", nargs="?", choices=LANGUAGES)
    parser.add_argument("file", nargs="?", type=Path)
    asked = parser.parse_args(arguments)
    if asked.act == "extract":
        print("\n".join(sorted(str(message.id) for message in collect() if message.id)))
    elif asked.act == "update":
        update()
    elif asked.act == "compile":
        print(locales.compile_catalogues())
    elif asked.act == "missing":
        print(json.dumps(missing(asked.language), ensure_ascii=False, indent=1))
    elif asked.act == "fill":
        print(fill(asked.language, json.loads(asked.file.read_text())))
    else:
        found = check()
        print("\n".join(found))
        return 1 if found else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
