"""What every bundle says about the brand itself. The other tables of a bundle belong to the features that read them.

A struct refuses by raising ValueError from `__post_init__`; `Refused` also names the field, so that the answer carries
its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SLUG = re.compile(r"[a-z][a-z0-9-]{1,30}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2}|_\d{3})?")
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{2,7}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_FILE = re.compile(r"[a-z0-9][a-z0-9._-]*\.(svg|png|ico)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Refused(ValueError):
    """A value of a bundle that may not be; `field` is the key beside which the sentence is shown."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The shape that all structs of a bundle share: a key that nobody reads is refused, not ignored."""


class TenantSection(Section, frozen=True):
    """`[tenant]`: who the brand is and when it works."""

    slug: str
    name: str
    short_name: str
    timezone: str
    sandbox: bool = False
    weekend: tuple[Weekday, ...] = ("saturday", "sunday")
    holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.slug):
            raise Refused("slug", "A slug is 2 to 31 small letters, digits and hyphens, and begins with a letter.")
        _require_text(self.name, "name", 80)
        _require_text(self.short_name, "short_name", 20)
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise Refused("timezone", f"There is no time zone named `{self.timezone}`.") from None
        if len(set(self.weekend)) == len(WEEKDAYS):
            raise Refused("weekend", "A week needs at least one working day.")
        _require_distinct(self.weekend, "weekend")
        _require_distinct(self.holidays, "holidays")

    @property
    def weekend_numbers(self) -> frozenset[int]:
        """The days off as Python numbers weekdays: Monday is 0."""
        return frozenset(WEEKDAYS.index(day) for day in self.weekend)


class HostsSection(Section, frozen=True):
    """`[hosts]`: the host names on which each audience answers. The first of each list is the one that links use.

    Without `api` the brand has no addresses for programs.
    """

    cabinet: tuple[str, ...]
    office: tuple[str, ...]
    partner: tuple[str, ...]
    api: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for audience, hosts in self.by_audience().items():
            if not hosts:
                raise Refused(audience, "Each audience needs at least one host name.")
            for host in hosts:
                if not _HOST.fullmatch(host):
                    raise Refused(audience, f"`{host}` is no host name: small letters, digits, hyphens and points.")
                if host in seen:
                    raise Refused(audience, f"The host name `{host}` stands in this bundle twice.")
                seen.add(host)

    def by_audience(self) -> Mapping[str, tuple[str, ...]]:
        people = {"cabinet": self.cabinet, "office": self.office, "partner": self.partner}
        return {**people, "api": self.api} if self.api else people


class LanguagesSection(Section, frozen=True):
    """`[languages]`: what the brand offers, its own language first. Its switcher shows the complete ones."""

    offered: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.offered:
            raise Refused("offered", "A brand speaks at least one language.")
        for code in self.offered:
            if not _LOCALE.fullmatch(code):
                raise Refused("offered", f"`{code}` is no language code such as `en` or `pt_BR`.")
        _require_distinct(self.offered, "offered")


class CurrenciesSection(Section, frozen=True):
    """`[currencies]`: in which currencies a client may keep money, and in which the brand counts."""

    wallets: tuple[str, ...]
    base: str

    def __post_init__(self) -> None:
        for code in self.wallets:
            if not _CURRENCY.fullmatch(code):
                raise Refused("wallets", f"`{code}` is no currency code such as `USD`.")
        _require_distinct(self.wallets, "wallets")
        if self.base not in self.wallets:
            raise Refused("base", f"The base currency `{self.base}` is not among the wallet currencies.")


class BrandingSection(Section, frozen=True):
    """`[branding]`: the look. Contrast is computed from these colours, never asked of the brand."""

    primary: str
    accent: str
    sidebar: str
    radius: Literal[0, 6, 10, 14] = 6
    font: Literal["inter", "system", "serif", "humanist", "rounded"] = "inter"
    logo_light: str = "logo-light.svg"
    logo_dark: str = "logo-dark.svg"
    logo_square: str = "logo-square.svg"
    favicon: str = "favicon.svg"
    tagline: dict[str, str] = {}

    def __post_init__(self) -> None:
        for name in ("primary", "accent", "sidebar"):
            value = getattr(self, name)
            if not _COLOUR.fullmatch(value):
                raise Refused(name, f"`{value}` is no colour: write it as `#` and six small hexadecimal digits.")
        for name in ("logo_light", "logo_dark", "logo_square", "favicon"):
            value = getattr(self, name)
            if not _FILE.fullmatch(value):
                raise Refused(name, f"`{value}` is no file of the brand folder: an SVG, PNG or ICO by its plain name.")
        _require_languages(self.tagline, "tagline")

    @property
    def files(self) -> Mapping[str, str]:
        """The brand's files by the key that names them."""
        return {
            "logo_light": self.logo_light,
            "logo_dark": self.logo_dark,
            "logo_square": self.logo_square,
            "favicon": self.favicon,
        }


class CompanySection(Section, frozen=True):
    """`[company]`: the legal person behind the brand, and what the law wants written under each page."""

    legal_name: str
    registration: str
    address: str
    licence: str = ""
    risk_warning: dict[str, str] = {}

    def __post_init__(self) -> None:
        _require_text(self.legal_name, "legal_name", 120)
        _require_languages(self.risk_warning, "risk_warning")


class SupportSection(Section, frozen=True):
    """`[support]`: whom a client turns to."""

    email: str
    phone: str = ""
    hours: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not _EMAIL.fullmatch(self.email):
            raise Refused("email", f"`{self.email}` is no e-mail address.")
        _require_languages(self.hours, "hours")


BASE_SECTIONS: Mapping[str, type[Section]] = {
    "tenant": TenantSection,
    "hosts": HostsSection,
    "languages": LanguagesSection,
    "currencies": CurrenciesSection,
    "branding": BrandingSection,
    "company": CompanySection,
    "support": SupportSection,
}


def in_language(texts: Mapping[str, str], locale: str, default: str) -> str:
    """The brand's own text in this language, else in the brand's first one, else in English, else in any."""
    for code in (locale, locale.partition("_")[0], default, "en", *texts):
        if code in texts:
            return texts[code]
    return ""


def _require_text(value: str, field: str, longest: int) -> None:
    if not value.strip() or len(value) > longest or value != value.strip():
        raise Refused(field, f"Write 1 to {longest} characters, without blanks at either end.")


def _require_distinct(values: Iterable[object], field: str) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise Refused(field, f"`{value}` stands here twice.")
        seen.add(value)


def _require_languages(texts: Mapping[str, str], field: str) -> None:
    for code, text in texts.items():
        if not _LOCALE.fullmatch(code):
            raise Refused(field, f"`{code}` is no language code such as `en` or `pt_BR`.")
        if not text.strip():
            raise Refused(field, f"The text in `{code}` is empty.")
