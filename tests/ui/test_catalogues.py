"""Sentences and their translations."""

from __future__ import annotations

from pathlib import Path

import polib
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.support import Translations

from app.ui import locales
from tools.i18n import catalogues


@pytest.mark.parametrize("code", catalogues.LANGUAGES)
def test_no_translation_is_broken(code: str) -> None:
    assert list(catalogues.findings(code)) == []


def test_arabic_counts_in_six_forms(tmp_path: Path) -> None:
    catalogue = catalogues._new("ar")
    catalogue.add(
        ("%(num)s day", "%(num)s days"), ("لا أيام", "يوم", "يومان", "%(num)s أيام", "%(num)s يومًا", "%(num)s يوم")
    )
    source = tmp_path / "ar/LC_MESSAGES/messages.po"
    source.parent.mkdir(parents=True)
    catalogues._write(source, catalogue)
    with source.open("rb") as file:
        written = read_po(file, locale="ar")
    found = Translations.load(str(_compiled(tmp_path, written)), ["ar"])

    counted = {n: found.ungettext("%(num)s day", "%(num)s days", n) for n in (0, 1, 2, 5, 15, 100)}

    assert counted == {0: "لا أيام", 1: "يوم", 2: "يومان", 5: "%(num)s أيام", 15: "%(num)s يومًا", 100: "%(num)s يوم"}


def _compiled(folder: Path, catalogue: Catalog) -> Path:
    from babel.messages.mofile import write_mo

    with (folder / "ar/LC_MESSAGES/messages.mo").open("wb") as file:
        write_mo(file, catalogue)
    return folder


@pytest.mark.parametrize(
    ("text", "plural", "translated", "is_broken"),
    [
        ("Hello %(name)s", None, "Hallo %(name)s", False),
        ("Hello %(name)s", None, "Hallo", True),
        ("Hello %(name)s", None, "Hallo %(namen)s", True),
        ("Hello %(name)s", None, "Hallo %(name)s 5% mehr", True),
        ("Plain", None, "<b>Schlicht</b>", True),
        ("%(num)s day", "%(num)s days", "ein Tag", False),
    ],
)
def test_a_broken_sentence_is_named(text: str, plural: str | None, translated: str, is_broken: bool) -> None:
    entry = polib.POEntry(msgid=text, msgid_plural=plural or "", msgstr=translated)
    wanted = set(catalogues._PLACE.findall(text))

    assert bool(list(catalogues._broken("de", entry, translated, wanted))) is is_broken


def test_english_is_always_offered_and_a_gap_withholds_a_language() -> None:
    offered = locales.complete_languages()

    assert offered[0] == "en"
    for code in catalogues.LANGUAGES:
        assert (code in offered) is (not catalogues.missing(code))


def test_compiling_again_changes_nothing(tmp_path: Path) -> None:
    first = {path: path.stat().st_mtime_ns for path in locales.compile_catalogues(tmp_path).rglob("*.mo")}
    again = {path: path.stat().st_mtime_ns for path in locales.compile_catalogues(tmp_path).rglob("*.mo")}

    assert first == again
    assert len(first) == len(catalogues.LANGUAGES)
