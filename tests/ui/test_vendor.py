"""What came from elsewhere is what was pinned; templates and scripts keep the rules that the content policy needs."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from app.ui.assets import STATIC
from app.ui.locales import ROOT

VENDOR = STATIC / "vendor"
MANIFEST: dict[str, dict[str, str]] = json.loads((VENDOR / "vendor.json").read_text())
TEMPLATES = sorted(path for path in (ROOT / "app").glob("**/templates/**/*.html"))
PAGES = [path for path in TEMPLATES if "mail" not in path.parts and path.name != "email.html"]
SCRIPTS = sorted((STATIC / "js").glob("*.js"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_a_vendored_file_is_as_it_came(name: str) -> None:
    entry = MANIFEST[name]
    path = VENDOR / entry["path"]

    assert sha256(path) == entry["sha256"]
    assert entry["sha256"][:10] in path.name
    assert (VENDOR / entry["path"].split("/")[0] / "LICENSE").stat().st_size > 500
    packed = path.with_name(path.name + ".gz")
    assert not packed.exists() or gzip.decompress(packed.read_bytes()) == path.read_bytes()


def test_every_vendored_file_is_in_the_manifest() -> None:
    known = {entry["path"] for entry in MANIFEST.values()}
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.glob("*/*")}

    assert {path for path in found if not path.endswith((".br", ".gz", "LICENSE"))} == known


def test_the_pins_are_the_versions_that_were_vendored() -> None:
    pins = json.loads((ROOT / "tools/frontend/package.json").read_text())["dependencies"]

    assert {entry["package"]: entry["version"] for entry in MANIFEST.values()} == pins


def test_the_test_only_checker_is_as_it_came() -> None:
    folder = ROOT / "tests/browser/vendor"
    entries = json.loads((folder / "vendor.json").read_text())

    assert {name: sha256(folder / name) for name in entries} == {n: e["sha256"] for n, e in entries.items()}


FORBIDDEN = {
    "an hx-on attribute": r"\bhx-on\b",
    "a js: value": r"""["']js:""",
    "a trigger filter": r"""hx-trigger="[^"]*\[""",
    "the live extension": r"\bhx-live\b",
    "boosting": r"\bhx-boost\b",
    "an event attribute": r"""\son(click|change|submit|load|input|error|key\w+)\s*=""",
    "an inline style": r"""\sstyle=["'][\w-]+\s*:""",
    "a style element": r"<style\b",
    "an inline script": r"<script(?![^>]*\b(src|type=\"application/json\"))",
    "a javascript address": r"javascript:",
    "another host": r"""(?:src|href)="https?://""",
}


@pytest.mark.parametrize("rule", sorted(FORBIDDEN))
def test_no_template_needs_what_the_policy_blocks(rule: str) -> None:
    found = [path.relative_to(ROOT) for path in PAGES if re.search(FORBIDDEN[rule], path.read_text())]

    assert found == []


# Output that is known to be markup of ours. Everything else is escaped.
SAFE_USES: dict[str, int] = {}


def test_nothing_is_marked_safe_that_is_not_listed() -> None:
    found = {
        path.relative_to(ROOT / "app").as_posix(): len(re.findall(r"\|\s*safe\b", path.read_text()))
        for path in TEMPLATES
    }

    assert {path: count for path, count in found.items() if count} == SAFE_USES


def test_every_icon_that_is_named_is_in_the_sprite() -> None:
    sprite = (VENDOR / MANIFEST["icons.svg"]["path"]).read_text()
    there = set(re.findall(r'id="i-([\w-]+)"', sprite))
    named: dict[str, str] = {}
    patterns = (
        r'\bicon\("([a-z][\w-]*)"',
        r'\bicon(?:_end)?=\s*"([a-z][\w-]*)"',
        r'"icon":\s*"([a-z][\w-]*)"',
        r'ui\.empty\(\s*"([a-z][\w-]*)"',
        r"#i-([a-z][\w-]+)\"",
    )
    for path in [*TEMPLATES, *sorted((ROOT / "app").glob("**/*.py"))]:
        for pattern in patterns:
            named |= dict.fromkeys(re.findall(pattern, path.read_text()), path.relative_to(ROOT).as_posix())

    assert {icon: where for icon, where in named.items() if icon not in there} == {}


def test_the_list_of_icons_is_sorted_and_vendored() -> None:
    names = (ROOT / "tools/frontend/icons.txt").read_text().split()
    sprite = (VENDOR / MANIFEST["icons.svg"]["path"]).read_text()

    assert names == sorted(set(names))
    assert set(re.findall(r'id="i-([\w-]+)"', sprite)) == set(names)


def test_our_scripts_stay_small() -> None:
    assert len(gzip.compress(b"".join(path.read_bytes() for path in SCRIPTS), 9)) <= 12 * 1024


def test_the_first_visit_stays_in_its_budget() -> None:
    sheet = len(gzip.compress((STATIC / "css/app.css").read_bytes(), 9))
    kit = (VENDOR / (MANIFEST["kit.ltr.css"]["path"] + ".br")).stat().st_size
    scripts = [MANIFEST[name]["path"] for name in ("bootstrap.bundle.min.js", "htmx.min.js", "hx-sse.min.js")]
    own = len(gzip.compress(b"".join(path.read_bytes() for path in SCRIPTS), 9))

    assert kit + sheet < 50_000
    assert sum((VENDOR / f"{path}.br").stat().st_size for path in scripts) + own < 46_000


PHYSICAL = re.compile(
    r"(?<![\w-])(?:margin|padding|border)-(?:left|right)\b|(?<![\w-])float\s*:\s*(?:left|right)|text-align\s*:\s*(?:left|right)"
)


def test_the_stylesheet_knows_no_left_and_right() -> None:
    assert PHYSICAL.findall((STATIC / "css/app.css").read_text()) == []


def test_own_classes_bear_their_prefix() -> None:
    sheet = re.sub(r"/\*.*?\*/", "", (STATIC / "css/app.css").read_text(), flags=re.S)
    kit = (VENDOR / MANIFEST["kit.ltr.css"]["path"]).read_text()
    ours = set(re.findall(r"\.(-?[_a-zA-Z][\w-]*)", re.sub(r"\{[^{}]*\}", "{}", sheet)))

    assert {name for name in ours if not name.startswith(("x-", "htmx-", "num"))} <= set(
        re.findall(r"\.(-?[_a-zA-Z][\w-]*)", kit)
    )
