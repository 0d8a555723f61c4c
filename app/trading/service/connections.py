"""What a connector writes down about its connections, and what it must know to open them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from app.config import settings
from app.core import live
from app.core.db import session
from app.kit import clock
from app.tenancy import secrets
from app.tenancy import service as tenancy
from app.trading.models import ServerOffset, TradingPlatform
from app.trading.queries import ingest as ingest_queries
from app.trading.queries import platforms as queries
from app.trading.sync_health import service as gaps
from app.trading.sync_health.models import GapReason

log = structlog.get_logger()

_ROUND = timedelta(minutes=15)
_FARTHEST = timedelta(hours=15)  # No place on earth is farther from UTC; more means that one of the clocks is wrong.
QUIET = timedelta(seconds=5)  # The newest deals may still be on their way through the access server.
BRIDGE_SILENCE = timedelta(seconds=10)


class NotConfigured(RuntimeError):
    """The platform cannot be reached as its bundle says: a secret, a file or the simulator is missing."""


@dataclass(frozen=True, slots=True)
class CopyPage:
    """The vendor's page for copying, and how WebServices is asked for the code that opens it."""

    url: str
    code_path: str
    user_field: str
    code_field: str


@dataclass(frozen=True, slots=True)
class PlantSettings:
    """Which environment of a cTrader plant is meant, and how it is worked with."""

    plant: str
    environment: str
    web_services: str
    broker: str
    write_path: str
    signs: str
    subscribes: bool
    copy_page: CopyPage | None = None


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """All that is needed to open a connection. Holds a password: never log it."""

    kind: str
    host: str
    port: int
    login: int
    password: str = field(repr=False)
    ca_pem: str = field(repr=False)
    tls_name: str
    connections: int
    requests_per_s: float
    send_within_s: float = 5.0
    answer_within_s: float = 10.0
    close_only_groups: Mapping[str, str] = field(default_factory=dict)
    plant: PlantSettings | None = None  # Of cTrader.


def connection_settings(platform_id: UUID) -> ConnectionSettings:
    """How to reach a platform. Raises NotConfigured."""
    platform = queries.platform(platform_id)
    wanted: Mapping[str, Any] = platform.settings
    address, ca_file, tls_name, login = wanted["address"], wanted["ca_file"], wanted["tls_name"], wanted["login"]
    simulator: Mapping[str, Any] = {}
    if address == "simulator":
        simulator = _simulator(tenancy.current().slug, platform.kind)
        address = f"{simulator['host']}:{simulator['port']}"
        ca_file = simulator.get("ca_file", ca_file)
        tls_name = simulator.get("tls_name", tls_name)
        login = simulator.get("login", login)
    try:
        password = secrets.get(platform.password_secret)
    except secrets.SecretMissing as error:
        raise NotConfigured(str(error)) from None
    host, _, port = str(address).rpartition(":")
    try:
        ca_pem = Path(ca_file).read_text(encoding="ascii") if ca_file else ""
    except OSError:
        raise NotConfigured(f"The certificate file {ca_file} cannot be read.") from None
    return ConnectionSettings(
        kind=platform.kind,
        host=host,
        port=int(port),
        login=int(login),
        password=password,
        ca_pem=ca_pem,
        tls_name=tls_name,
        connections=int(wanted["connections"]),
        requests_per_s=float(Decimal(wanted["requests_per_s"])),
        send_within_s=float(Decimal(wanted.get("send_within_s", 5))),
        answer_within_s=float(Decimal(wanted.get("answer_within_s", 10))),
        close_only_groups=dict(wanted.get("close_only_groups", {})),
        plant=_plant(wanted, simulator) if platform.kind == "ctrader" else None,
    )


def _plant(wanted: Mapping[str, Any], simulator: Mapping[str, Any]) -> PlantSettings:
    return PlantSettings(
        plant=simulator.get("plant", wanted.get("plant", "")),
        environment=simulator.get("environment", wanted.get("environment", "")),
        web_services=simulator.get("web_services", wanted.get("web_services", "")),
        broker=wanted.get("broker", ""),
        write_path=wanted.get("write_path", "web"),
        signs=wanted.get("signs", "check"),
        subscribes=bool(wanted.get("subscribe_events", False)),
        copy_page=_copy_page(wanted, simulator),
    )


def _copy_page(wanted: Mapping[str, Any], simulator: Mapping[str, Any]) -> CopyPage | None:
    known = wanted.get("copy_page")
    if not known:
        return None
    page = CopyPage(**known)
    return replace(page, url=str(simulator.get("copy_page", ""))) if page.url == "simulator" else page


def copy_page(platform: TradingPlatform) -> CopyPage | None:
    """The page for copying of a platform that has one. Raises NotConfigured."""
    wanted: Mapping[str, Any] = platform.settings
    if not wanted.get("copy_page"):
        return None
    is_simulated = wanted["address"] == "simulator"
    return _copy_page(wanted, _simulator(tenancy.current().slug, platform.kind) if is_simulated else {})


def _simulator(slug: str, kind: str) -> Mapping[str, Any]:
    """Where this instance runs the brand's simulator; one of another kind than MT5 stands under that kind's name."""
    try:
        found = json.loads(settings().simulators).get(slug)
    except ValueError:
        found = None
    if isinstance(found, dict) and kind != "mt5":
        found = found.get(kind)
    if not isinstance(found, dict):
        raise NotConfigured(f"This instance runs no simulator for {slug}.")
    return found


def record_link(platform_id: UUID, *, is_up: bool, error: str = "", latency_ms: float | None = None) -> None:
    """Note how the link is. A change is told to the office."""
    status = ingest_queries.lock_status(platform_id)
    if status is None:
        return
    link = "up" if is_up else "down"
    now = clock.now()
    last_checked_at = status.checked_at
    status.checked_at, status.last_error = now, error[:300]
    if latency_ms is not None:
        status.latency_ms = Decimal(f"{latency_ms:.1f}")
    if status.link != link:
        if link == "down" and status.link == "up":
            gaps.open_gap(platform_id, GapReason.LINK, from_at=last_checked_at or status.link_changed_at)
        if link == "up" and status.link != "never":
            status.catch_up_wanted = "gap"
        status.link, status.link_changed_at = link, now
        live.publish("office", "platforms-changed")
        log.info("trading.link", platform=str(platform_id), link=link, error=error)
    session().flush()


def record_server_time(platform_id: UUID, server_msc: int, measured_at: datetime) -> bool:
    """Derive the platform's offset from its clock, read at `measured_at`; keep it when it is new.

    Answers whether the clock can be believed: a clock farther from ours than any time zone is not.
    """
    ahead = clock.business_now() - clock.now()
    platform_now = datetime(1970, 1, 1, tzinfo=measured_at.tzinfo) + timedelta(milliseconds=server_msc)
    difference = platform_now - (measured_at + ahead)
    if abs(difference) > _FARTHEST:
        log.warning("trading.server_clock_wrong", platform=str(platform_id), difference_s=difference.total_seconds())
        return False
    minutes = round(difference / _ROUND) * 15
    times = queries.server_clock(platform_id)
    if times is None or times.offset_minutes(server_msc) != minutes:
        ingest_queries.lock_status(platform_id)  # Two measurements at once would both find the change.
        session().merge(
            ServerOffset(platform_id=platform_id, from_msc=server_msc, minutes=minutes, measured_at=clock.now())
        )
        session().flush()
        log.info("trading.server_offset", platform=str(platform_id), minutes=minutes)
    return True


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What a catch-up has to read."""

    reason: str
    groups: list[str]
    logins: list[int]
    from_msc: int
    is_bridge_alive: bool


def plan_catch_up(
    platform_id: UUID, *, every_s: float, without_bridge_s: float, is_told: bool = False
) -> CatchUp | None:
    """The next catch-up, when one is due: at the start, after a gap, and by the clock; oftener while the bridge is
    away, unless the platform itself tells us what happens (`is_told`)."""
    status = queries.status(platform_id)
    now = clock.now()
    is_alive = status.bridge_seen_at is not None and now - status.bridge_seen_at < BRIDGE_SILENCE
    pause = every_s if is_alive or is_told else without_bridge_s
    reason = status.catch_up_wanted
    if not reason and status.caught_up_at is not None and (now - status.caught_up_at).total_seconds() < pause:
        return None
    gaps.begin_reading(platform_id, reason)
    overlap = timedelta(hours=2) if reason else timedelta(minutes=15)
    start = status.high_water_msc or _first_reading(platform_id)
    start -= overlap // timedelta(milliseconds=1)
    return CatchUp(
        reason=reason or "clock",
        groups=queries.groups_in_use(platform_id),
        logins=queries.logins_of(platform_id),
        from_msc=max(start, 0),
        is_bridge_alive=is_alive,
    )


def _first_reading(platform_id: UUID) -> int:
    """Where the first catch-up begins: at the platform's beginning, or where ours does. What lies before is history,
    which an adoption reads in its own time."""
    starts_at = queries.platform(platform_id).starts_at
    times = queries.server_clock(platform_id)
    if starts_at is None or times is None:
        return 0
    return times.server_msc(min(starts_at, clock.business_now()))


def record_read_until(platform_id: UUID, server_msc: int) -> None:
    """Every deal before this server time is stored. A reading that breaks off later goes on from here."""
    status = ingest_queries.lock_status(platform_id)
    if status is not None:
        status.high_water_msc = max(status.high_water_msc, server_msc)
        session().flush()


def record_caught_up(platform_id: UUID, server_msc: int, reason: str) -> None:
    """A reading that began at this time of the platform's own clock is stored: but for its last moments, nothing is
    missing."""
    status = ingest_queries.lock_status(platform_id)
    times = queries.server_clock(platform_id)
    if status is None or times is None:
        return
    status.caught_up_at = clock.now()
    known_until = times.utc(server_msc) - QUIET
    status.complete_until = max(filter(None, (status.complete_until, known_until)))
    status.high_water_msc = max(status.high_water_msc, server_msc)
    if reason in ("start", "gap") and not gaps.end_reading(platform_id, times.utc(server_msc)):
        status.catch_up_wanted = ""
    session().flush()


def want_catch_up(platform_id: UUID, reason: str = "gap", *, because: GapReason = GapReason.ASKED) -> None:
    """Have the deals read again with a wide overlap. A reading that is on its way does not count."""
    status = ingest_queries.lock_status(platform_id)
    if status is not None:
        gaps.open_gap(platform_id, because, from_at=status.complete_until)
        status.catch_up_wanted = status.catch_up_wanted or reason
        session().flush()
