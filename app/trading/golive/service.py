"""Gathering the facts, confirming what only a person knows, and saying that a connection is live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Conflict, Invalid, NotFound
from app.kit import clock
from app.kit.text import _l
from app.tenancy import secrets
from app.trading.golive import queries, rules
from app.trading.golive.models import GoLiveMark
from app.trading.golive.rules import Facts, Step, StepState
from app.trading.models import TradingPlatform
from app.trading.queries import platforms
from app.trading.service.connections import BRIDGE_SILENCE

NOTE_MIN, NOTE_MAX = 5, 500
LOOKS_LAST_S = Decimal(60)


class NotReady(Conflict):
    message = _l("Something still stands in the way. The list says what.")


@dataclass(frozen=True, slots=True)
class GoLive:
    """A platform's list as it stands now."""

    platform: TradingPlatform
    steps: Sequence[Step]
    marks: dict[str, GoLiveMark]

    @property
    def is_ready(self) -> bool:
        return rules.is_ready(self.steps)

    @property
    def live(self) -> GoLiveMark | None:
        """Who said that the connection is live, and when."""
        return self.marks.get(rules.LIVE)

    @property
    def done(self) -> int:
        return sum(step.state is StepState.DONE for step in self.steps)


def look(platform_id: UUID) -> GoLive:
    """The list of one platform. Raises NotFound."""
    platform = platforms.platform(platform_id)
    marks = queries.marks(platform_id)
    return GoLive(platform, rules.steps(facts_of(platform, marks)), marks)


def facts_of(platform: TradingPlatform, marks: dict[str, GoLiveMark]) -> Facts:
    """What is known of a platform's connection now."""
    status = platforms.status(platform.id)
    test = queries.latest_test(platform.id)
    findings = test.findings if test is not None else []
    since = platform.address_since or platform.created_at
    runs = queries.adoption_runs(platform.id)
    confirmed = queries.confirmed_since(platform.id, since)
    waits = [Decimal(str(wait)) for wait in platform.settings["look_after_s"]]
    seen = status.bridge_seen_at
    return Facts(
        is_simulator=platform.settings["address"] == "simulator",
        has_own_authority=bool(platform.settings.get("ca_file")),
        has_password=secrets.exists(platform.password_secret),
        needs_bridge=platform.kind == "mt5",
        has_bridge_secret=bool(platform.bridge_secret) and secrets.exists(platform.bridge_secret),
        is_up=status.link == "up",
        last_error=status.last_error,
        has_clock=platforms.server_clock(platform.id) is not None,
        tested_at=test.finished_at if test is not None and (test.finished_at or since) >= since else None,
        failed_rights=[one.get("right") or one["check"] for one in findings if one["is_ok"] is False],
        unverified=sum(one["is_ok"] is None for one in findings),
        symbols=queries.symbol_count(platform.id),
        unknown_groups=queries.unknown_groups(platform.id),
        events_arrive=seen is not None and clock.now() - seen < BRIDGE_SILENCE,
        simulator_accounts=queries.accounts_opened_before(platform.id, since),
        waiting_logins=queries.waiting_logins(platform.id),
        is_reading_accounts=any(run.state.is_under_way for run in runs),
        has_read_accounts=bool(runs),
        starts_at=platform.starts_at,
        compared_at=status.reconciled_at if (status.reconciled_at or since) >= since else None,
        differences=len(platforms.open_differences(platform.id)),
        suspense=len(platforms.unmatched_deals(platform.id)),
        unknown_operations=len(platforms.unknown_operations(platform.id)),
        paid_in=confirmed.get("fund", 0),
        paid_out=confirmed.get("withdraw", 0),
        watchers=queries.watchers(platform.id),
        short_looks=max(waits, default=Decimal(0)) < LOOKS_LAST_S,
        marks=frozenset(marks),
    )


def confirm(platform_id: UUID, step: str, *, note: str, by: Actor) -> GoLiveMark:
    """Confirm a step that only a person can know. Confirmed again, the newer word counts. Raises NotFound, Invalid."""
    if step not in rules.BY_HAND:
        raise NotFound
    note = " ".join(note.split())
    if len(note) < NOTE_MIN:
        raise Invalid(_l("Say in a few words how you know."), field="note")
    mark = _mark(platform_id, step, note[:NOTE_MAX], by)
    audit.record(
        "trading.go_live.confirm", ("trading_platform", platform_id), by=by, after={"step": step, "note": mark.note}
    )
    return mark


def take_back(platform_id: UUID, step: str, *, by: Actor) -> None:
    """A confirmed step no longer holds. Told twice, it counts once."""
    mark = queries.marks(platforms.platform(platform_id).id).get(step)
    if mark is not None:
        audit.record(
            "trading.go_live.take_back",
            ("trading_platform", platform_id),
            by=by,
            before={"step": step, "note": mark.note},
        )
        session().delete(mark)
        session().flush()
        live.publish("office", "platforms-changed")


def declare_live(platform_id: UUID, *, by: Actor) -> GoLiveMark:
    """Say that clients trade on this server from now on. Raises NotReady while anything stands in the way."""
    found = look(platform_id)
    if not found.is_ready:
        raise NotReady
    if found.live is not None:
        return found.live
    audit.record(
        "trading.go_live.live",
        ("trading_platform", platform_id),
        by=by,
        after={step.key: step.state.value for step in found.steps},
    )
    return _mark(platform_id, rules.LIVE, "", by)


def _mark(platform_id: UUID, step: str, note: str, by: Actor) -> GoLiveMark:
    mark = queries.marks(platforms.platform(platform_id).id).get(step)
    if mark is None:
        mark = GoLiveMark(platform_id=platform_id, step=step)
        session().add(mark)
    mark.note, mark.by_id, mark.by_name, mark.at = note, by.id, by.name, clock.now()
    session().flush()
    live.publish("office", "platforms-changed")
    return mark
