"""Host names to tenants: read before a tenant is known, remembered for a second in each process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from app.config import settings
from app.core import db
from app.kit import clock
from app.tenancy.models import OPERATOR, TenantHost, TenantRow, TenantStatus

_TTL_SECONDS = 1.0
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Entry:
    """A tenant as the directory knows it."""

    id: int
    slug: str
    name: str
    status: TenantStatus
    is_sandbox: bool
    business_offset: timedelta
    config_version: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request arrived: whose host it was and which audience it shows."""

    tenant_id: int
    audience: str
    host: str


@dataclass(frozen=True, slots=True)
class Directory:
    """All tenants and hosts at one instant."""

    tenants: Mapping[int, Entry]
    places: Mapping[str, Place]
    hosts: Mapping[tuple[int, str], str]


_known: tuple[float, Directory] | None = None


def directory() -> Directory:
    """The directory, at most a second old."""
    global _known
    known = _known
    if known is not None and time.monotonic() - known[0] < _TTL_SECONDS:
        return known[1]
    with _lock:
        if _known is known or _known is None or time.monotonic() - _known[0] >= _TTL_SECONDS:
            _known = (time.monotonic(), _load())
        return _known[1]


def forget() -> None:
    """Read the directory anew at the next question. After a bundle was applied or a clock was moved."""
    global _known
    _known = None


def _load() -> Directory:
    with db.directory_scope():
        rows = db.session().execute(select(TenantRow)).scalars()
        tenants = {
            row.id: Entry(
                row.id,
                row.slug,
                row.name,
                row.status,
                row.is_sandbox,
                timedelta(seconds=row.business_offset_seconds),
                row.config_version,
            )
            for row in rows
        }
        places: dict[str, Place] = {}
        hosts: dict[tuple[int, str], str] = {}
        for host in db.session().execute(select(TenantHost)).scalars():
            places[host.host] = Place(host.tenant_id, host.audience, host.host)
            if host.is_primary:
                hosts[(host.tenant_id, host.audience)] = host.host
    for name in settings().operator_hosts:
        places[name] = Place(OPERATOR, "operator", name)
        hosts.setdefault((OPERATOR, "operator"), name)
    return Directory(tenants, places, hosts)


def find_place(host: str) -> Place | None:
    """Whose host this is; None for an unknown host and for a tenant that is not active."""
    known = directory()
    place = known.places.get(host.lower().rstrip(".").partition(":")[0])
    if place is None or known.tenants[place.tenant_id].status is not TenantStatus.ACTIVE:
        return None
    return place


def active_tenants() -> list[Entry]:
    """The brands that are open for business, by number; the operator's realm is not one."""
    return [e for _, e in sorted(directory().tenants.items()) if e.id != OPERATOR and e.status is TenantStatus.ACTIVE]


@contextmanager
def _bind_business_clock(tenant: int) -> Iterator[None]:
    entry = directory().tenants.get(tenant)
    with clock.bind_business_offset(entry.business_offset if entry else timedelta(0)):
        yield


db.on_tenant_scope(_bind_business_clock)
