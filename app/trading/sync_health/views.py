"""The status page of one platform for staff: how it is followed, and what one wants to be told of by mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField, StringField

from app.core.actor import current_actor
from app.core.db import tenant_id
from app.core.forms import Form, Required
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import Message, _l
from app.trading import permissions
from app.trading.queries import leases, platforms
from app.trading.service.connections import BRIDGE_SILENCE
from app.trading.sync_health import alerts, queries, rules, words
from app.trading.sync_health.models import IncidentKind, LatencyKind, SyncLatency
from app.trading.sync_health.rules import Percentiles

bp = Blueprint("trading_sync", __name__, url_prefix="/platforms")

PERIODS: Final = {1: _l("An hour"), 24: _l("A day"), 168: _l("A week"), 720: _l("A month")}
ROWS_SHOWN: Final = 20
STAFF: Final = "Staff set what they themselves are told; the act is recorded."
# The upper ends of the bars that are drawn, in milliseconds; the buckets behind them are finer.
_BARS: Final = (5, 10, 20, 50, 100, 300, 1000)
_KINDS: Final = {
    LatencyKind.EVENT: _l("From an event's arrival to our records"),
    LatencyKind.COMMAND: _l("A request and its answer"),
    LatencyKind.PING: _l("A bare question to the platform"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """So many took up to `up_to` milliseconds and longer than the bar before; None for all that took longer still."""

    up_to: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Timing:
    """How long something took in the chosen period."""

    label: Message
    figures: Percentiles | None
    bars: Sequence[Bar]


class AlertForm(Form):
    """What a member of staff wants to be told of one platform."""

    link_down = BooleanField(IncidentKind.LINK_DOWN.label)
    unknown_money = BooleanField(IncidentKind.UNKNOWN_MONEY.label)
    difference = BooleanField(IncidentKind.DIFFERENCE.label)
    suspense = BooleanField(IncidentKind.SUSPENSE.label)
    bridge_silent = BooleanField(IncidentKind.BRIDGE_SILENT.label)
    sign_in_stopped = BooleanField(IncidentKind.SIGN_IN_STOPPED.label)
    link_down_minutes = StringField(_l("Minutes without connection before a mail"), [Required()])

    @property
    def minutes(self) -> int:
        """The minutes, 0 for what is no number."""
        text = (self.link_down_minutes.data or "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0

    @property
    def boxes(self) -> list[Any]:
        return [self[kind.value] for kind in IncidentKind]


@bp.get("/<uuid:platform_id>")
@requires(permissions.PLATFORM_READ)
def platform(platform_id: UUID) -> ResponseReturnValue:
    return _page(platform_id, None)


@bp.post("/<uuid:platform_id>/alerts")
@requires(permissions.PLATFORM_READ)
@unrestricted(STAFF)
def subscribe(platform_id: UUID) -> ResponseReturnValue:
    form = AlertForm()
    if form.sent():
        kinds = [kind.value for kind in IncidentKind if form[kind.value].data]
        form.attempt(lambda: alerts.subscribe(platform_id, kinds, form.minutes, by=current_actor()))
    if form.status != 200:
        return _page(platform_id, form)
    toast(_l("Your choice is saved. Mails go to %(email)s.", email=current_actor().email))
    return redirect_to(url_for(".platform", platform_id=platform_id))


def _page(platform_id: UUID, form: AlertForm | None) -> Response:
    row = platforms.platform(platform_id)
    now = clock.now()
    hours = request.args.get("hours", 24, type=int)
    hours = hours if hours in PERIODS else 24
    link = platforms.status(platform_id)
    timed = queries.latencies(platform_id, queries.hours_before(now, hours))
    return render(
        "trading/office/platform.html",
        block="status",
        status=form.status if form else 200,
        platform=row,
        link=link,
        unattended=words.unattended(link, now),
        troubles=[
            (each, words.advice(each.trouble), words.work(each.source)) for each in queries.troubles(platform_id)
        ],
        timings=[Timing(label, *_timing(timed[kind])) for kind, label in _KINDS.items()],
        hours=hours,
        periods=PERIODS,
        operations=queries.operations_by_state(platform_id),
        open_gaps=queries.open_gaps(platform_id),
        gaps=queries.gaps(platform_id, ROWS_SHOWN),
        offsets=queries.offsets(platform_id, ROWS_SHOWN),
        incidents=queries.incidents(platform_id, ROWS_SHOWN),
        lease=leases.lease_of(tenant_id(), platform_id),
        f=form or _form_of(platform_id),
        weekend_minutes=rules.WEEKEND_MINUTES,
        now=now,
        silence=BRIDGE_SILENCE,
    )


def _form_of(platform_id: UUID) -> AlertForm:
    actor = current_actor()
    assert actor.id is not None, "The page asks for a permission, which only persons have."
    row = queries.subscription(platform_id, actor.id)
    chosen = dict.fromkeys(row.kinds, True) if row else {}
    minutes = row.link_down_minutes if row else alerts.DEFAULT_MINUTES
    return AlertForm(formdata=None, data={**chosen, "link_down_minutes": str(minutes)})


def _timing(rows: Sequence[SyncLatency]) -> tuple[Percentiles | None, Sequence[Bar]]:
    counts = rules.merged([row.counts for row in rows])
    slowest = max((row.slowest_ms for row in rows), default=Decimal(0))
    bars, taken = [], 0
    for up_to in _BARS:
        place = rules.BOUNDS_MS.index(up_to) + 1
        bars.append(Bar(up_to, sum(counts[taken:place])))
        taken = place
    return rules.percentiles(counts, slowest), [*bars, Bar(None, sum(counts[taken:]))]
