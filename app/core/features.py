"""The manifest of a feature: everything the factory must know to hang it into the product. Nothing is scanned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.kit.text import Message

AUDIENCES = ("cabinet", "office", "partner", "operator", "api")


@dataclass(frozen=True, slots=True)
class Permission:
    """Something a role may do. The roles named here have it by default; nobody else does."""

    code: str
    label: Message
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class RestrictedFunction:
    """One function of the ban matrix: what a lock may take from a client."""

    code: str
    label: Message
    description: Message | None = None


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A line of an audience's navigation, shown to actors with the permission where `is_offered` does not say no.

    `badge` counts what waits.
    """

    audience: str
    label: Message
    endpoint: str
    icon: str
    order: int
    permission: str
    phone: bool = False
    badge: Callable[[], int] | None = None
    is_offered: Callable[[], bool] | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a composed page ("client360", "dashboard", "office_home", "account").

    `load` answers the template's context for the page's subject (a client id, an account's id on "account", or None);
    the template is a fragment.
    `refresh_on` names the live events on which the browser fetches the panel again.
    """

    audience: str
    page: str
    name: str
    label: Message
    template: str
    load: Callable[[UUID | None], Mapping[str, Any]]
    order: int
    permission: str
    tab: str = "overview"
    refresh_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BundleSection:
    """A feature's part of a tenant bundle: its typed shape, further checks, and what applying it does.

    `check(value)` yields pairs (dotted key, sentence) for what the type cannot say; `check_with(value, tables)` does so
    with the other tables of the bundle at hand, and its keys begin at the top of the bundle. `apply(value)` runs in the
    tenant's scope and transaction and must do nothing the second time.
    """

    name: str
    type: type
    check: Callable[[Any], Iterable[tuple[str, str]]] | None = None
    apply: Callable[[Any], None] | None = None
    required: bool = False
    check_with: Callable[[Any, Mapping[str, Any]], Iterable[tuple[str, str]]] | None = None


@dataclass(frozen=True, slots=True)
class TimelineSource:
    """A feature's rows on a client's timeline: newest first, at most `limit`, before an instant."""

    name: str
    load: Callable[[UUID, Any, int], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class HomeTile:
    """A queue on the office's home page: how much waits, since when, and where. Answered by the port `home_tiles`."""

    label: Message
    count: int
    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)
    oldest_at: datetime | None = None
    late_after: timedelta = timedelta(hours=4)
    icon: str = "list-check"


@dataclass(frozen=True, slots=True)
class SearchHit:
    """Something that the office's global search found. Answered by the port `search`: a function (words) -> hits."""

    kind: Message
    title: str
    endpoint: str
    values: Mapping[str, Any] = field(default_factory=dict)
    sub: str = ""
    icon: str = "file-text"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature as the factory sees it. `label` is what people call it, where its permissions are listed."""

    name: str
    label: Message | None = None
    blueprints: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    menu: Sequence[MenuEntry] = ()
    panels: Sequence[Panel] = ()
    permissions: Sequence[Permission] = ()
    functions: Sequence[RestrictedFunction] = ()
    jobs: Sequence[str] = ()
    subscribers: Sequence[tuple[type, Callable[[Any], None]]] = ()
    bundle: BundleSection | None = None
    timeline: Sequence[TimelineSource] = ()
    cli: Sequence[Any] = ()
    ports: Mapping[str, Any] = field(default_factory=dict)


_features: list[Feature] = []


def install(features: Sequence[Feature]) -> None:
    """Remember the features of this process, in order. Called by the factory."""
    _features[:] = features


def features() -> Sequence[Feature]:
    """The features of this process."""
    return tuple(_features)


def permissions() -> dict[str, Permission]:
    """Every permission by its code."""
    return {permission.code: permission for feature in _features for permission in feature.permissions}


def functions() -> dict[str, RestrictedFunction]:
    """Every restricted function by its code."""
    return {function.code: function for feature in _features for function in feature.functions}


def panels(audience: str, page: str) -> list[Panel]:
    """The panels of a composed page, in order."""
    found = [p for feature in _features for p in feature.panels if (p.audience, p.page) == (audience, page)]
    return sorted(found, key=lambda panel: panel.order)


def port(name: str) -> list[Any]:
    """What features above registered for a question of a feature below, in order."""
    return [feature.ports[name] for feature in _features if name in feature.ports]
