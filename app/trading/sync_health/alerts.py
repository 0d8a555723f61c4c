"""Who is told of what by mail: subscriptions of staff, incidents from their beginning to their end, and the mails.

An incident brings one mail to a person and one more when it is over. It is over only after some calm minutes, so that a
connection that comes and goes fills no mailbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from app.audit import service as audit
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Invalid
from app.identity import queries as people
from app.identity import service as identity
from app.identity.rules import UserKind, UserStatus
from app.kit import clock
from app.kit.text import _l
from app.notifications.service import Recipient, notify
from app.tenancy import service as tenancy
from app.trading import permissions
from app.trading.models import TradingPlatform
from app.trading.queries import platforms
from app.trading.sync_health import queries, rules
from app.trading.sync_health.models import IncidentKind, SyncIncident, SyncIncidentMail, SyncSubscription

log = structlog.get_logger()

DEFAULT_MINUTES = 5


def subscribe(platform_id: UUID, kinds: Iterable[str], link_down_minutes: int, *, by: Actor) -> None:
    """Set what the acting member of staff is told of a platform; nothing at all ends it. Raises Invalid, NotFound."""
    assert by.id is not None, "Only a person can be written to."
    platform = platforms.platform(platform_id)
    wanted = sorted({IncidentKind(kind).value for kind in kinds})
    if not 1 <= link_down_minutes <= 1440:
        raise Invalid(_l("Choose between 1 and 1440 minutes."), field="link_down_minutes")
    row = queries.subscription(platform_id, by.id)
    before = sorted(row.kinds) if row is not None else []
    if not wanted:
        if row is not None:
            session().delete(row)
    else:
        if row is None:
            row = SyncSubscription(platform_id=platform_id, user_id=by.id)
            session().add(row)
        row.kinds, row.link_down_minutes, row.changed_at = list(wanted), link_down_minutes, clock.now()
    session().flush()
    after = {"kinds": wanted, "link_down_minutes": link_down_minutes}
    audit.record("trading.platform.alerts", platform, by=by, before={"kinds": before}, after=after)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is so now: how many there are, and since when where that is known."""

    kind: IncidentKind
    count: int
    since: datetime | None = None


def conditions(platform: TradingPlatform, now: datetime) -> list[Condition]:
    """What is wrong with a platform at this moment."""
    found = queries.conditions(platform.id)
    if not found:
        return []
    seen: list[Condition] = []
    if found["link"] == "down":
        seen.append(Condition(IncidentKind.LINK_DOWN, 1, found["link_changed_at"]))
    elif rules.is_unattended(found["link"], found["checked_at"], now):
        seen.append(Condition(IncidentKind.LINK_DOWN, 1, found["checked_at"]))
    for kind, name in (
        (IncidentKind.UNKNOWN_MONEY, "unknown_money"),
        (IncidentKind.DIFFERENCE, "differences"),
        (IncidentKind.SUSPENSE, "suspense"),
        (IncidentKind.SIGN_IN_STOPPED, "stopped"),
    ):
        if found[name]:
            seen.append(Condition(kind, int(found[name])))
    has_bridge = found["bridge_epoch"] is not None
    silent_since = found["bridge_seen_at"] or now - rules.BRIDGE_SILENT_FOR
    if has_bridge and found["link"] == "up" and now - silent_since >= rules.BRIDGE_SILENT_FOR:
        seen.append(Condition(IncidentKind.BRIDGE_SILENT, 1, silent_since))
    return seen


def watch(now: datetime | None = None) -> None:
    """Open, keep and close the incidents of the tenant's platforms, and write to those who asked for it."""
    instant = now or clock.now()
    for platform in platforms.platforms():
        if platform.is_active:
            _watch_platform(platform, instant)


def _watch_platform(platform: TradingPlatform, now: datetime) -> None:
    seen = {condition.kind: condition for condition in conditions(platform, now)}
    for kind in IncidentKind:
        incident = queries.lock_incident(platform.id, kind)
        condition = seen.get(kind)
        if condition is not None:
            incident = _keep(platform, incident, condition, now)
            _tell_beginning(platform, incident, now)
        elif incident is not None:
            _calm_down(platform, incident, now)
    session().flush()


def _keep(
    platform: TradingPlatform, incident: SyncIncident | None, condition: Condition, now: datetime
) -> SyncIncident:
    if incident is None:
        incident = SyncIncident(
            platform_id=platform.id,
            kind=condition.kind,
            count=condition.count,
            detail="",
            opened_at=condition.since or now,
            calm_since=None,
            closed_at=None,
        )
        session().add(incident)
        log.warning("trading.incident_opened", platform=platform.code, kind=condition.kind.value)
    incident.count, incident.calm_since = condition.count, None
    session().flush()
    return incident


def _calm_down(platform: TradingPlatform, incident: SyncIncident, now: datetime) -> None:
    incident.calm_since = incident.calm_since or now
    if now - incident.calm_since < rules.CALM_FOR:
        return
    incident.closed_at = incident.calm_since
    log.info("trading.incident_closed", platform=platform.code, kind=incident.kind.value)
    for user_id, mail in queries.incident_mails(incident.id).items():
        recipient = _recipient(user_id)
        if mail.end_sent_at is None and recipient is not None:
            mail.end_sent_at = now
            _write("incident_over", platform, incident, recipient)


def _tell_beginning(platform: TradingPlatform, incident: SyncIncident, now: datetime) -> None:
    """Write to those who asked for it, have waited as long as they wished, and have not been told yet."""
    told = queries.incident_mails(incident.id)
    brand = tenancy.current()
    weekend = rules.is_weekend(now.astimezone(brand.timezone), brand.weekend)
    for subscription in _interested(platform.id, incident.kind):
        minutes = rules.minutes_before_mail(incident.kind, subscription.link_down_minutes, weekend=weekend)
        if subscription.user_id in told or now - incident.opened_at < timedelta(minutes=minutes):
            continue
        recipient = _recipient(subscription.user_id)
        if recipient is None:
            continue
        if queries.mails_since(subscription.user_id, now - timedelta(hours=1)) >= rules.MAILS_PER_HOUR:
            log.warning("trading.alert_withheld", platform=platform.code, kind=incident.kind.value)
            continue
        session().add(
            SyncIncidentMail(incident_id=incident.id, user_id=subscription.user_id, sent_at=now, end_sent_at=None)
        )
        session().flush()
        _write("incident", platform, incident, recipient)


def _interested(platform_id: UUID, kind: IncidentKind) -> Sequence[SyncSubscription]:
    return [row for row in queries.subscriptions(platform_id) if kind.value in row.kinds]


def _recipient(user_id: UUID) -> Recipient | None:
    """The person as a recipient, if that person still works here and may still see the platforms."""
    user = people.user(user_id)
    may_see = permissions.PLATFORM_READ in identity.permissions_of(people.roles_of(user))
    if user.kind is not UserKind.STAFF or user.status is not UserStatus.ACTIVE or not may_see:
        return None
    return Recipient(user.email, user.name, user.language)


def _write(template: str, platform: TradingPlatform, incident: SyncIncident, to: Recipient) -> None:
    notify(
        f"trading.{template}",
        to,
        platform_id=str(platform.id),
        platform_name=platform.name,
        kind=incident.kind.value,
        count=incident.count,
        opened_at=incident.opened_at,
        closed_at=incident.closed_at,
    )
