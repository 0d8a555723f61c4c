"""Judges a rendered page as a browser and a screen reader would meet it. Every page that tests fetch goes here."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser

import polib

from app.ui import locales

_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
        "path",
        "rect",
        "circle",
        "line",
        "polyline",
        "polygon",
        "use",
    ]
)
_UNLABELLED_TYPES = frozenset({"hidden", "submit", "button", "reset", "image"})
_ID_LISTS = ("aria-describedby", "aria-labelledby", "aria-controls")
_LEFTOVERS = re.compile(r"%\(\w+\)[sd]|\{\{|\{%|\bMessage\(|<[\w.]+ object at 0x|\bUndefined\b")
_SWITCHED = ("hx-on", "on")


class PageError(AssertionError):
    """What is wrong with a page, one finding a line."""


class _Element:
    def __init__(self, tag: str, attrs: dict[str, str], parent: _Element | None) -> None:
        self.tag, self.attrs, self.parent = tag, attrs, parent
        self.text = ""

    def inside(self, tag: str) -> bool:
        above = self.parent
        while above is not None:
            if above.tag == tag:
                return True
            above = above.parent
        return False

    def __str__(self) -> str:
        shown = " ".join(f'{name}="{value[:40]}"' for name, value in list(self.attrs.items())[:4])
        return f"<{self.tag} {shown}>".replace(" >", ">")


class _Page(HTMLParser):
    """The elements of a page in order, with the text that each holds."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[_Element] = []
        self.texts: list[tuple[_Element, str]] = []
        self.doctype = ""
        self._open: list[_Element] = []
        self.feed(html)
        self.close()

    def handle_decl(self, decl: str) -> None:
        self.doctype = self.doctype or decl.lower()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = _Element(tag, {name: value or "" for name, value in attrs}, self._open[-1] if self._open else None)
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self._open and self._open[-1].tag == tag and tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        text = data.strip()
        if not text or not self._open:
            return
        self.texts.append((self._open[-1], text))
        for element in self._open:
            element.text = f"{element.text} {text}".strip()

    def all(self, *tags: str) -> list[_Element]:
        return [element for element in self.elements if element.tag in tags]


def lint_page(html: str, lang: str, *, is_sample: bool = False) -> None:
    """Raise PageError unless this whole page, rendered in `lang`, keeps the rules of the house.

    The texts of a sample page may be English in any language.
    """
    page = _Page(html)
    findings = [
        *_frame(page, lang),
        *_ids(page),
        *_labels(page),
        *_buttons_and_links(page),
        *_forbidden(page),
        *_forms(page),
        *_tables(page),
        *_words(page, locales.SOURCE if is_sample else lang),
    ]
    if findings:
        raise PageError("\n".join(findings))


def _frame(page: _Page, lang: str) -> list[str]:
    found = []
    roots = page.all("html")
    root = roots[0].attrs if roots else {}
    if page.doctype != "doctype html":
        found.append("The page has no doctype.")
    if root.get("lang", "") != lang.replace("_", "-"):
        found.append(f"lang is {root.get('lang')!r} and should be {lang!r}.")
    if root.get("dir") != locales.direction(lang):
        found.append(f"dir is {root.get('dir')!r} in {lang}.")
    for tag in ("h1", "main", "title"):
        count = sum(1 for element in page.all(tag) if not element.inside("svg"))
        if count != 1:
            found.append(f"The page has {count} <{tag}>.")
    found += [f"{e} is empty." for e in page.all("title", "h1", "h2", "h3", "legend") if not e.text and not _drawn(e)]
    return found


def _drawn(element: _Element) -> bool:
    return element.inside("dialog") or element.inside("template")


def _ids(page: _Page) -> list[str]:
    ids = Counter(element.attrs["id"] for element in page.elements if element.attrs.get("id"))
    found = [f"The id {name!r} stands {count} times." for name, count in ids.items() if count > 1]
    for element in page.elements:
        wanted = [name for key in _ID_LISTS for name in element.attrs.get(key, "").split()]
        wanted += [element.attrs["for"]] if element.tag == "label" and "for" in element.attrs else []
        found += [f"{element} names the id {name!r}, which is not there." for name in wanted if not _known(name, ids)]
    return found


def _known(name: str, ids: Counter[str]) -> bool:
    return name in ids or name == "dialog-title"  # The dialog's heading arrives with its fragment.


def _labels(page: _Page) -> list[str]:
    labelled = {element.attrs.get("for", "") for element in page.all("label") if element.text or element.attrs}
    found = []
    for element in page.all("input", "select", "textarea"):
        if element.attrs.get("type", "text") in _UNLABELLED_TYPES:
            continue
        own = element.attrs.get("aria-label") or element.attrs.get("aria-labelledby")
        if not (own or element.attrs.get("id", "-") in labelled or element.inside("label")):
            found.append(f"{element} has no label.")
    return found


def _buttons_and_links(page: _Page) -> list[str]:
    found = []
    named = {e.parent for e in page.elements if e.attrs.get("aria-label") or (e.tag == "img" and e.attrs.get("alt"))}
    for element in page.all("button", "a"):
        has_name = element.text or element.attrs.get("aria-label") or element.attrs.get("title") or element in named
        if element.tag == "button" and element.attrs.get("type") not in ("button", "submit", "reset"):
            found.append(f"{element} has no type.")
        if element.tag == "a" and not element.attrs.get("href"):
            found.append(f"{element} leads nowhere.")
        if not has_name:
            found.append(f"{element} has no name.")
        if element.inside("button") or element.inside("a"):
            found.append(f"{element} stands inside another control.")
    found += [f"{element} has no alt." for element in page.all("img") if "alt" not in element.attrs]
    return found


def _forbidden(page: _Page) -> list[str]:
    found = []
    for element in page.elements:
        if element.tag == "style":
            found.append("The page holds a <style>.")
        if element.tag == "script" and "src" not in element.attrs and element.attrs.get("type") != "application/json":
            found.append("The page holds an inline script.")
        for name, value in element.attrs.items():
            if name == "style" or name.startswith(_SWITCHED):
                found.append(f"{element} has the attribute {name}.")
            if name.startswith("hx-") and (value.startswith("js:") or (name == "hx-trigger" and "[" in value)):
                found.append(f"{element} needs eval for {name}.")
    return found


def _forms(page: _Page) -> list[str]:
    guarded = {id(_form_of(e)) for e in page.all("input") if e.attrs.get("name") == "csrf_token"}
    found = [f"{element} stands inside another form." for element in page.all("form") if element.inside("form")]
    for element in page.all("form"):
        if element.attrs.get("method", "get").lower() == "post" and id(element) not in guarded:
            found.append(f"{element} posts without a token.")
    return found


def _form_of(element: _Element) -> _Element | None:
    above = element.parent
    while above is not None and above.tag != "form":
        above = above.parent
    return above


def _tables(page: _Page) -> list[str]:
    return [
        f"{element} has no scope." for element in page.all("th") if element.attrs.get("scope") not in ("col", "row")
    ]


def _words(page: _Page, lang: str) -> list[str]:
    found = []
    english = _untranslated_words(lang)
    for element, text in page.texts:
        if element.tag in ("script", "code", "pre", "textarea") or element.inside("textarea"):
            continue
        if _LEFTOVERS.search(text) or text in ("None", "True", "False"):
            found.append(f"{element} shows {text[:80]!r}.")
        elif text in english:
            found.append(f"{element} shows {text[:80]!r} in English.")
    return found


@cache
def _untranslated_words(lang: str) -> frozenset[str]:
    """English sentences that a page in `lang` must not hold; none while the catalogue is still being written."""
    if lang == locales.SOURCE or not locales.is_complete(lang):
        return frozenset()
    entries = polib.pofile(str(locales.catalogue(lang)))
    return frozenset(e.msgid for e in entries if " " in e.msgid and "%(" not in e.msgid and e.msgstr != e.msgid)
