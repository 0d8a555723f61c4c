"""Bundles made for tests: a whole one, and ways to spoil it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from app.core.features import BundleSection
from app.rates.bundle import SECTION as RATES
from app.tenancy.bundles.check import Bundle, check_bundle
from app.tenancy.bundles.schema import Refused, Section
from app.tenancy.bundles.source import Problem, read_bundle

GOOD = """\
[tenant]
slug = "{slug}"
name = "Test Markets"
short_name = "Test"
timezone = "Europe/Berlin"
sandbox = true

[hosts]
cabinet = ["{slug}.test.localhost"]
office = ["office.{slug}.test.localhost"]
partner = ["partners.{slug}.test.localhost"]

[languages]
offered = ["en", "ar"]

[currencies]
wallets = ["USD", "AED"]
base = "USD"

[branding]
primary = "#2f5bd0"
accent = "#0f9d8a"
sidebar = "#141b2d"

[company]
legal_name = "Test Markets Ltd."
registration = "T 1"
address = "Test Street 1"

[support]
email = "help@test.example"

[rates]
pegged = [{{ currency = "AED", anchor = "USD", rate = 3.6725 }}]

[loyalty]
levels = [
  {{ name = "first", share = 0.4 }},
  {{ name = "second", share = 0.2 }},
]
key = "secret:LOYALTY_KEY"
"""

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h4v4z"/></svg>'


class LoyaltyLevel(Section, frozen=True):
    name: str
    share: Decimal


class Loyalty(Section, frozen=True):
    """A feature's table, as any feature would declare it."""

    levels: tuple[LoyaltyLevel, ...] = ()
    key: str = ""
    limits: dict[str, LoyaltyLevel] = {}
    months: int = 1

    def __post_init__(self) -> None:
        if self.months > 12:
            raise Refused("months", "A year has twelve months.")


class Applied:
    """What the feature's `apply` was given, in order."""

    def __init__(self) -> None:
        self.values: list[Loyalty] = []

    def __call__(self, value: Loyalty) -> None:
        self.values.append(value)


def loyalty(apply: Applied | None = None) -> BundleSection:
    def sum_of_shares(value: Loyalty) -> list[tuple[str, str]]:
        total = sum((level.share for level in value.levels), Decimal(0))
        return [("levels.1.share", "The shares of all levels are over 100 %.")] if total > 1 else []

    return BundleSection(name="loyalty", type=Loyalty, check=sum_of_shares, apply=apply)


def write_bundle(folder: Path, slug: str = "brand", text: str | None = None) -> Path:
    """A bundle in `folder/slug`, whole unless other text is given."""
    place = folder / slug
    (place / "brand").mkdir(parents=True, exist_ok=True)
    (place / "tenant.toml").write_text(GOOD.format(slug=slug) if text is None else text, encoding="utf-8")
    for name in ("logo-light.svg", "logo-dark.svg", "logo-square.svg", "favicon.svg"):
        (place / "brand" / name).write_text(SVG)
    return place


def problems_of(place: Path, **given: object) -> list[Problem]:
    return check_bundle(read_bundle(place), [RATES, loyalty()], **given)[1]  # type: ignore[arg-type]


def good_bundle(place: Path, section: BundleSection | None = None) -> Bundle:
    bundle, problems = check_bundle(read_bundle(place), [RATES, section or loyalty()])
    assert bundle is not None, problems
    return bundle
