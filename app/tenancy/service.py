"""The bound tenant: its bundle as typed values, its sections, its sandbox clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from app.core import db, features
from app.core.errors import Conflict
from app.kit import clock
from app.kit.text import _l
from app.tenancy import directory, queries
from app.tenancy.bundles.schema import (
    BASE_SECTIONS,
    BrandingSection,
    CompanySection,
    CurrenciesSection,
    HostsSection,
    LanguagesSection,
    SupportSection,
    TenantSection,
)
from app.tenancy.models import OPERATOR, AppliedBundle
from app.ui.locales import complete_languages


class NoSandbox(Conflict):
    message = _l("Only a sandbox tenant's business clock can be moved.")


@dataclass(frozen=True)
class TenantConfig:
    """A tenant as its bundle describes it, in one version."""

    id: int
    slug: str
    name: str
    short_name: str
    is_sandbox: bool
    version: int
    timezone: ZoneInfo
    weekend: frozenset[int]
    holidays: frozenset[date]
    languages: tuple[str, ...]
    currencies: tuple[str, ...]
    base_currency: str
    branding: BrandingSection
    company: CompanySection
    support: SupportSection
    hosts: HostsSection | None
    document: Mapping[str, Any] = field(repr=False)

    @property
    def default_language(self) -> str:
        return self.languages[0]

    def section(self, name: str) -> Any:
        """A feature's part of the bundle, as that feature's type. Raises KeyError when the bundle has no such part."""
        return _section(self.id, self.version, name)

    def has_section(self, name: str) -> bool:
        return name in self.document


_OPERATOR_DOCUMENT: Mapping[str, Any] = {
    "tenant": {"slug": "operator", "name": "Kontor", "short_name": "Kontor", "timezone": "UTC"},
    "languages": {"offered": ["en", "ar", "ru"]},
    "currencies": {"wallets": ["USD"], "base": "USD"},
    "branding": {"primary": "#2f5d8a", "accent": "#3a7d6d", "sidebar": "#182433", "radius": 6},
    "company": {"legal_name": "Kontor", "registration": "", "address": ""},
    "support": {"email": "operator@kontor.example"},
}


_applying: ContextVar[tuple[int, int, bool] | None] = ContextVar("bundle_being_applied", default=None)


@contextmanager
def version_in_force(tenant: int, version: int, *, is_sandbox: bool) -> Iterator[None]:
    """Let `current()` answer this version inside the block, before the directory names it: it is being applied."""
    token = _applying.set((tenant, version, is_sandbox))
    try:
        yield
    except BaseException:
        forget()  # The version may never come to be; another document may get its number.
        raise
    finally:
        _applying.reset(token)


def current() -> TenantConfig:
    """The bound tenant. Read from the database once for each version of its bundle."""
    tenant = db.tenant_id()
    applying = _applying.get()
    if applying is not None and applying[0] == tenant:
        return _config(*applying)
    entry = directory.directory().tenants.get(tenant)
    if entry is None:
        directory.forget()
        entry = directory.directory().tenants[tenant]
    return _config(tenant, entry.config_version, entry.is_sandbox)


def of(tenant: int) -> TenantConfig:
    """A tenant that need not be bound."""
    with db.tenant_scope(tenant):
        return current()


@lru_cache(maxsize=4096)
def _config(tenant: int, version: int, is_sandbox: bool) -> TenantConfig:
    document = _document(tenant, version)
    base: dict[str, Any] = {
        name: msgspec.convert(document[name], kind, strict=False)
        for name, kind in BASE_SECTIONS.items()
        if name in document
    }
    who: TenantSection = base["tenant"]
    spoken: LanguagesSection = base["languages"]
    money: CurrenciesSection = base["currencies"]
    complete = complete_languages()
    languages = tuple(code for code in spoken.offered if code in complete) or ("en",)
    return TenantConfig(
        id=tenant,
        slug=who.slug,
        name=who.name,
        short_name=who.short_name,
        is_sandbox=is_sandbox,
        version=version,
        timezone=ZoneInfo(who.timezone),
        weekend=who.weekend_numbers,
        holidays=frozenset(who.holidays),
        languages=languages,
        currencies=money.wallets,
        base_currency=money.base,
        branding=base["branding"],
        company=base["company"],
        support=base["support"],
        hosts=base.get("hosts"),
        document=document,
    )


@lru_cache(maxsize=4096)
def _document(tenant: int, version: int) -> Mapping[str, Any]:
    if tenant == OPERATOR:
        return _OPERATOR_DOCUMENT
    row = (
        db.session()
        .execute(select(AppliedBundle).where(AppliedBundle.tenant_id == tenant, AppliedBundle.version == version))
        .scalar_one()
    )
    return row.document


@lru_cache(maxsize=16384)
def _section(tenant: int, version: int, name: str) -> Any:
    for feature in features.features():
        if feature.bundle is not None and feature.bundle.name == name:
            return msgspec.convert(_document(tenant, version)[name], feature.bundle.type, strict=False)
    raise KeyError(name)


def forget() -> None:
    """Read everything anew at the next question: for tests, which reuse a tenant's number."""
    directory.forget()
    for cached in (_config, _document, _section):
        cached.cache_clear()


def move_business_clock(tenant: int, to: datetime) -> None:
    """Set a sandbox tenant's business clock forward to `to`. Raises NoSandbox; a clock never goes back.

    Works as batch, since the directory belongs to no tenant; commits by itself.
    """
    with db.batch_scope("business clock"), db.transaction():
        offset = (to - clock.now()) // timedelta(seconds=1)
        if not queries.move_clock(tenant, offset):
            raise NoSandbox
    directory.forget()
