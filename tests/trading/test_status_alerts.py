"""Who is told of what, and how long things took: mails about incidents, histograms that last, gaps that close."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from app.core import db
from app.identity import service as identity
from app.kit import clock
from app.kit.ids import new_id
from app.notifications.models import Mail
from app.trading import bundle
from app.trading.models import OperationState, SyncDifference, UnmatchedDeal
from app.trading.platforms.base import Trouble
from app.trading.queries import leases
from app.trading.service import fund, operations
from app.trading.sync_health import alerts, rules, service
from app.trading.sync_health import queries as health
from app.trading.sync_health.models import GapReason, IncidentKind, LatencyKind
from app.trading.sync_health.service import Latencies
from tests.support.brands import Brand, Person, browser_of, mails, make_staff
from tests.support.browsing import text_of
from tests.trading.conftest import Connector, Desk, section, wait_until
from tests.trading.front import CLOSE, PASS, Front, running_front
from tests.trading.test_connector import expire_leases, usd
from tests.trading.test_intake import closed, funded, trade
from tests.trading.test_scale import is_up
from tests.trading.test_scale_pressure import gaps_of, stored
from tests.trading.test_status import QUICK

WEDNESDAY = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SATURDAY = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def officer(desk: Desk) -> Person:
    return make_staff(desk.brand, "dealing")


def subscribe(desk: Desk, person: Person, *kinds: IncidentKind, minutes: int = 5) -> None:
    with desk.scope():
        alerts.subscribe(desk.platform_id, [kind.value for kind in kinds], minutes, by=person.actor())


def link(desk: Desk, state: str, since: datetime) -> None:
    with desk.scope():
        db.execute_sql(
            "UPDATE platform_status SET link = :state, link_changed_at = :since, checked_at = '2100-01-01'"
            " WHERE tenant_id = :tenant_id",
            state=state,
            since=since,
        )


def told(desk: Desk, person: Person, now: datetime) -> list[str]:
    """Let the watch look at the platforms at an instant; answers the subjects of every mail so far, oldest first."""
    with desk.scope():
        alerts.watch(now)
    return [mail.subject for mail in reversed(_incident_mails(desk, person))]


def _incident_mails(desk: Desk, person: Person) -> list[Mail]:
    return [mail for mail in mails(desk.brand, person.email) if mail.template.startswith("trading.incident")]


def test_a_connection_that_stays_down_brings_one_mail_and_one_when_it_is_back(desk: Desk, officer: Person) -> None:
    subscribe(desk, officer, IncidentKind.LINK_DOWN, minutes=5)
    link(desk, "down", WEDNESDAY)
    assert told(desk, officer, WEDNESDAY + 4 * MINUTE) == []
    first = ["MT5: The connection is down"]
    assert told(desk, officer, WEDNESDAY + 6 * MINUTE) == first
    assert told(desk, officer, WEDNESDAY + 60 * MINUTE) == first

    link(desk, "up", WEDNESDAY + 61 * MINUTE)
    assert told(desk, officer, WEDNESDAY + 62 * MINUTE) == first
    link(desk, "down", WEDNESDAY + 63 * MINUTE)  # It only came and went: still the same incident.
    assert told(desk, officer, WEDNESDAY + 70 * MINUTE) == first
    link(desk, "up", WEDNESDAY + 71 * MINUTE)
    told(desk, officer, WEDNESDAY + 71 * MINUTE)
    both = [*first, "MT5, over: The connection is down"]
    assert told(desk, officer, WEDNESDAY + 75 * MINUTE) == both
    assert told(desk, officer, WEDNESDAY + 99 * MINUTE) == both
    with desk.scope():
        (incident,) = health.incidents(desk.platform_id, 9)
    assert incident.opened_at == WEDNESDAY
    assert incident.closed_at == WEDNESDAY + 71 * MINUTE


def test_at_weekends_a_short_silence_is_no_news(desk: Desk, officer: Person) -> None:
    subscribe(desk, officer, IncidentKind.LINK_DOWN, minutes=1)
    link(desk, "down", SATURDAY)
    assert told(desk, officer, SATURDAY + 9 * MINUTE) == []
    assert len(told(desk, officer, SATURDAY + 11 * MINUTE)) == 1


def test_a_platform_that_no_connector_looks_at_is_as_good_as_down(app: Flask, desk: Desk, officer: Person) -> None:
    subscribe(desk, officer, IncidentKind.LINK_DOWN, minutes=5)
    with desk.scope():
        db.execute_sql(
            "UPDATE platform_status SET link = 'up', checked_at = :at WHERE tenant_id = :tenant_id", at=WEDNESDAY
        )
    assert told(desk, officer, WEDNESDAY + 4 * MINUTE) == []
    assert told(desk, officer, WEDNESDAY + 6 * MINUTE) == ["MT5: The connection is down"]
    with desk.scope():
        long_ago = clock.now() - timedelta(hours=1)
        db.execute_sql("UPDATE platform_status SET checked_at = :at WHERE tenant_id = :tenant_id", at=long_ago)
    office = browser_of(app, desk.brand, officer, "office")
    for path in ("/platforms", f"/platforms/{desk.platform_id}"):
        page = text_of(office.get(path))
        assert "No connector looks at this platform." in page
        assert "Connected" not in page
    assert "Nobody looks at it" in text_of(office.get("/"))


def test_money_without_an_outcome_is_told(desk: Desk, officer: Person) -> None:
    subscribe(desk, officer, IncidentKind.UNKNOWN_MONEY)
    running = Connector(QUICK)
    account = desk.open()
    desk.give("100")
    running.stop()
    operation_id = desk.ask(fund, account.id, usd("40"), handed_over=False)
    with db.directory_scope(), db.transaction():
        (lease,) = leases.take("one that dies", 9)
    with desk.scope():
        assert operations.claim(operation_id, lease, "one that dies") is not None
        operations.record_unknown(operation_id, "No answer.")
    assert told(desk, officer, WEDNESDAY) == ["MT5: Money was sent and its outcome is unknown"]
    expire_leases()
    running = Connector(QUICK)
    try:
        assert desk.outcome(operation_id) is OperationState.REFUSED
    finally:
        running.stop()
    told(desk, officer, WEDNESDAY + MINUTE)
    assert len(told(desk, officer, WEDNESDAY + 10 * MINUTE)) == 2


def test_each_is_told_after_the_time_that_each_has_chosen(desk: Desk, officer: Person) -> None:
    patient = make_staff(desk.brand, "support")
    subscribe(desk, officer, IncidentKind.LINK_DOWN, minutes=2)
    subscribe(desk, patient, IncidentKind.LINK_DOWN, minutes=30)
    link(desk, "down", WEDNESDAY)
    assert len(told(desk, officer, WEDNESDAY + 3 * MINUTE)) == 1
    link(desk, "up", WEDNESDAY + 4 * MINUTE)
    told(desk, officer, WEDNESDAY + 4 * MINUTE)
    assert len(told(desk, officer, WEDNESDAY + 9 * MINUTE)) == 2
    assert _incident_mails(desk, patient) == []  # Who was not told of the beginning is not told of the end.


def test_only_who_may_see_platforms_is_written_to(desk: Desk, officer: Person, south: Brand) -> None:
    gone, moved = make_staff(desk.brand, "support"), make_staff(desk.brand, "finance")
    admin = make_staff(desk.brand, "admin")
    for person in (officer, gone, moved):
        subscribe(desk, person, IncidentKind.LINK_DOWN)
    with desk.scope(admin.actor()):
        identity.disable_staff(gone.id, reason="Left the house.", by=admin.actor())
        identity.change_roles(moved.id, ["sales"], by=admin.actor())
    link(desk, "down", WEDNESDAY)
    assert len(told(desk, officer, WEDNESDAY + 20 * MINUTE)) == 1
    assert _incident_mails(desk, gone) == _incident_mails(desk, moved) == []
    with db.tenant_scope(south.id), db.transaction():
        alerts.watch(WEDNESDAY + 20 * MINUTE)
    assert [mail for mail in mails(south) if mail.template.startswith("trading.")] == []


def difference(desk: Desk) -> None:
    db.session().add(
        SyncDifference(
            platform_id=desk.platform_id,
            account_id=None,
            kind="balance",
            ours=Decimal(1),
            theirs=Decimal(2),
            found_at=WEDNESDAY,
            resolved_at=None,
        )
    )


def suspense(desk: Desk) -> None:
    db.session().add(
        UnmatchedDeal(
            platform_id=desk.platform_id,
            ticket=4711,
            reason="unmatched",
            login=1,
            account_id=None,
            operation_id=None,
            amount=Decimal(5),
            currency="USD",
            comment="",
            entry_id=None,
            found_at=WEDNESDAY,
            resolved_at=None,
        )
    )


def silent_bridge(desk: Desk) -> None:
    db.execute_sql(
        "UPDATE platform_status SET link = 'up', checked_at = '2100-01-01', bridge_epoch = 'e', bridge_seen_at = :at"
        " WHERE tenant_id = :tenant_id",
        at=WEDNESDAY - 5 * MINUTE,
    )


def refused(desk: Desk) -> None:
    service.note_trouble(desk.platform_id, "link", Trouble.SIGN_IN_STOPPED, "Five times.")


@pytest.mark.parametrize(
    ("make", "kind", "undo"),
    [
        (difference, IncidentKind.DIFFERENCE, "UPDATE sync_difference SET resolved_at = now()"),
        (suspense, IncidentKind.SUSPENSE, "UPDATE unmatched_deal SET resolved_at = now()"),
        (silent_bridge, IncidentKind.BRIDGE_SILENT, "UPDATE platform_status SET bridge_seen_at = '2100-01-01'"),
        (refused, IncidentKind.SIGN_IN_STOPPED, "DELETE FROM platform_trouble"),
    ],
    ids=["difference", "suspense", "silent-bridge", "refused-login"],
)
def test_each_kind_is_told_at_once_to_who_asked_for_it(
    desk: Desk, officer: Person, make: object, kind: IncidentKind, undo: str
) -> None:
    other = make_staff(desk.brand, "support")
    subscribe(desk, officer, kind)
    subscribe(desk, other, *(each for each in IncidentKind if each is not kind))
    with desk.scope():
        make(desk)  # type: ignore[operator]  # One of the functions above.
    subject = kind.label.in_english()
    assert told(desk, officer, WEDNESDAY) == [f"MT5: {subject}"]
    with desk.scope():
        db.execute_sql(f"{undo} WHERE tenant_id = :tenant_id")  # The texts above.
    told(desk, officer, WEDNESDAY + MINUTE)
    assert told(desk, officer, WEDNESDAY + 10 * MINUTE) == [f"MT5: {subject}", f"MT5, over: {subject}"]
    assert _incident_mails(desk, other) == []


def test_a_bad_day_does_not_fill_a_mailbox(desk: Desk, officer: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAILS_PER_HOUR", 2)
    subscribe(desk, officer, *IncidentKind)
    with desk.scope():
        difference(desk)
        suspense(desk)
        refused(desk)
    assert len(told(desk, officer, WEDNESDAY)) == 2
    assert len(told(desk, officer, WEDNESDAY + 61 * MINUTE)) == 3  # It was kept back, not dropped.


def test_the_setting_stands_on_the_page(app: Flask, desk: Desk, officer: Person) -> None:
    office = browser_of(app, desk.brand, officer, "office")
    page = f"/platforms/{desk.platform_id}"
    assert office.post(f"{page}/alerts", {"link_down": "y", "link_down_minutes": "7"}).status_code == 303
    shown = office.get(page).get_data(as_text=True)
    assert 'value="7"' in shown
    assert office.post(f"{page}/alerts", {"link_down": "y", "link_down_minutes": "0"}).status_code == 422
    with desk.scope():
        row = health.subscription(desk.platform_id, officer.id)
        assert row is not None
        assert (row.kinds, row.link_down_minutes) == (["link_down"], 7)
    office.post(f"{page}/alerts", {"link_down_minutes": "7"})
    with desk.scope():
        assert health.subscription(desk.platform_id, officer.id) is None
    stranger = browser_of(app, desk.brand, make_staff(desk.brand, "sales"), "office")
    assert stranger.post(f"{page}/alerts", {"link_down": "y", "link_down_minutes": "7"}).status_code == 403


@given(st.lists(st.integers(0, 200_000).map(lambda tenths: tenths / 10), min_size=1, max_size=200))
def test_percentiles_lie_in_the_bucket_of_the_true_ones(durations: list[float]) -> None:
    counts = [0] * rules.BUCKETS
    for took in durations:
        counts[rules.bucket_of(took)] += 1
    found = rules.percentiles(counts, Decimal(str(max(durations))))

    assert found is not None
    assert found.total == len(durations)
    assert found.p50 <= found.p95 <= found.p99 <= found.slowest
    ordered = sorted(durations)
    for share, value in ((50, found.p50), (95, found.p95), (99, found.p99)):
        true = ordered[max(-(-len(ordered) * share // 100) - 1, 0)]
        place = rules.bucket_of(true)
        low = rules.BOUNDS_MS[place - 1] if place else 0
        high = rules.BOUNDS_MS[place] if place < len(rules.BOUNDS_MS) else max(durations)
        assert low <= value <= max(high, low)


def test_nothing_measured_has_no_percentiles() -> None:
    assert rules.percentiles([0] * rules.BUCKETS, Decimal(0)) is None


def test_durations_add_up_over_restarts_and_tenants_stay_apart(desk: Desk, south: Brand) -> None:
    for took in (3.0, 80.0, 99_999.0):
        fresh = Latencies()  # As after a restart.
        fresh.note(LatencyKind.EVENT, took)
        with desk.scope():
            service.store_latencies(desk.platform_id, fresh.take())
    with desk.scope():
        (row,) = health.latencies(desk.platform_id, health.hours_before(clock.now(), 1))[LatencyKind.EVENT]
        assert (row.total, sum(row.counts), row.slowest_ms) == (3, 3, Decimal(99999))
        assert row.counts[-1] == 1
    with db.tenant_scope(south.id):
        assert not any(health.latencies(desk.platform_id, WEDNESDAY - timedelta(days=999)).values())
    with desk.scope():
        health.forget_latencies(clock.now() + timedelta(hours=2))
        assert not any(health.latencies(desk.platform_id, WEDNESDAY - timedelta(days=999)).values())


@pytest.fixture
def front(desk: Desk, tmp_path: Path) -> Iterator[Front]:
    with running_front(desk.simulator.port, tmp_path) as door:
        with desk.scope():
            bundle.apply(section(desk.simulator, desk.brand, address=f"127.0.0.1:{door.port}"))
        yield door


def test_a_lost_connection_is_a_gap_that_closes_with_what_it_brought(app: Flask, desk: Desk, front: Front) -> None:
    running = Connector(QUICK)
    try:
        account = funded(desk)
        wait_until(lambda: stored(desk) == 1 and all(gap.closed_at for gap in gaps_of(desk)))
        front.begin(CLOSE)
        wait_until(lambda: not is_up(desk))
        trade(desk, account, "0.01", parts=3)
        (gap,) = [gap for gap in gaps_of(desk) if gap.reason is GapReason.LINK]
        assert gap.closed_at is None
        front.begin(PASS)
        wait_until(lambda: len(closed(desk)) == 3 and all(gap.closed_at for gap in gaps_of(desk)))
        (gap,) = [gap for gap in gaps_of(desk) if gap.reason is GapReason.LINK]
        assert gap.deals == 4
        assert gap.from_at is not None
        assert gap.until_at is not None
        wait_until(lambda: _measured(desk, LatencyKind.COMMAND) >= 2 and _measured(desk, LatencyKind.PING) > 0)
    finally:
        running.stop()
    page = text_of(browser_of(app, desk.brand, make_staff(desk.brand, "admin"), "office").get(_page(desk)))
    assert "The connection was lost" in page
    assert "99 of a hundred" in page


def _page(desk: Desk) -> str:
    return f"/platforms/{desk.platform_id}?hours=168"


def _measured(desk: Desk, kind: LatencyKind) -> int:
    with desk.scope():
        return sum(row.total for row in health.latencies(desk.platform_id, clock.now() - timedelta(hours=2))[kind])


def test_a_gap_that_opens_while_another_is_read_stays_open(desk: Desk) -> None:
    with desk.scope():
        service.begin_reading(desk.platform_id, "start")
        service.open_gap(desk.platform_id, GapReason.LINK)
        assert service.end_reading(desk.platform_id, clock.now())
        (remaining,) = [gap for gap in health.gaps(desk.platform_id, 9) if gap.closed_at is None]
        assert remaining.reason is GapReason.LINK
        service.begin_reading(desk.platform_id, "gap")
        assert not service.end_reading(desk.platform_id, clock.now())


def test_a_gap_found_again_while_it_is_read_is_read_once_more(desk: Desk) -> None:
    with desk.scope():
        service.open_gap(desk.platform_id, GapReason.LINK)
        service.begin_reading(desk.platform_id, "gap")
        service.open_gap(desk.platform_id, GapReason.LINK)
        assert service.end_reading(desk.platform_id, clock.now())


def test_an_unknown_id_is_nobodys_platform(app: Flask, desk: Desk, officer: Person) -> None:
    unknown: UUID = new_id()
    assert browser_of(app, desk.brand, officer, "office").get(f"/platforms/{unknown}").status_code == 404
