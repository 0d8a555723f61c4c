"""Findings in settlement runs: what waits, what a decision does, what two people decide, and whom it leaves alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.clients.models import Client
from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, session, tenant_scope, transaction
from app.core.errors import Conflict, Invalid, NotFound
from app.identity.models import UserSession
from app.kit import clock
from app.kit.ids import new_id
from app.partners.abuse import queries, service
from app.partners.abuse.models import Finding, FindingKind, FindingState
from app.partners.abuse.terms import (
    AbuseTerms,
    Churning,
    ChurnIntensity,
    Clusters,
    HoldBand,
    PhantomSubPartners,
    Scalping,
)
from app.partners.awards import clawbacks
from app.partners.plan import Plan
from app.partners.settlement import posting, steps
from app.partners.settlement import run as settlement
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY

DAY = date(2026, 11, 16)
NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
SCALPING = AbuseTerms(scalping=Scalping(action="hold", trades_min=2))
LATER = datetime(2026, 12, 20, tzinfo=UTC)


def person(name: str) -> Actor:
    return Actor(kind="staff", id=new_id(), name=name)


ANNA, BEN = person("Anna"), person("Ben")


def plan_of(terms: AbuseTerms, **changes: Any) -> Plan:
    return plan_with(PLAN, god=None, abuse=terms, **changes)


class Pair:
    """A client below a partner, and another client beside them."""

    def __init__(self, plan: Plan) -> None:
        self.partner, self.client, self.other = (world.make_client(name) for name in ("Partner", "Client", "Other"))
        world.link(self.client, self.partner)
        world.link(self.other, self.partner)
        world.publish(plan)
        self.platform = world.make_platform()

    def trades(self, client: UUID, held: Iterable[float], day: int = 0) -> None:
        """Closed trades of one lot on a day; each pays the partner 4.80."""
        at = NOON + timedelta(days=day)
        self.platform.store(
            [{"client_id": client, "opened_at": at - timedelta(seconds=one), "closed_at": at} for one in held]
        )


def settled(plan: Plan, held: Iterable[float] = (60, 600)) -> Pair:
    """A day on which the client made trades of these lengths and the other an ordinary one."""
    with transaction():
        pair = Pair(plan)
        pair.trades(pair.client, held)
        pair.trades(pair.other, [600])
    world.settle(DAY)
    return pair


def findings() -> list[Finding]:
    return in_transaction(lambda: list(queries.queue("", "", limit=100)[0]))


def only_finding() -> Finding:
    [found] = findings()
    return found


def temporary(pair: Pair) -> Decimal:
    return world.balances(pair.partner)["temporary"]


def next_day(day: int) -> None:
    world.settle(DAY + timedelta(days=day))


@pytest.mark.usefixtures("here")
class TestScalper:
    def test_the_clients_lines_wait_and_nobody_elses(self) -> None:
        pair = settled(plan_of(SCALPING))

        found = only_finding()
        assert (found.kind, found.client_id, found.action) == (FindingKind.SCALPER, pair.client, "hold")
        assert found.evidence["share_of_trades"] == "0.5"
        assert in_transaction(settlement.get, DAY).held == 1
        assert temporary(pair) == dec("4.80")
        assert {(line[2], line[3]) for line in world.held()} == {(pair.partner, ("FRAUD_HOLD", "TRADING_PATTERN"))}

    def test_cleared_it_is_paid_with_the_next_day_and_not_raised_again(self) -> None:
        pair = settled(plan_of(SCALPING))

        with transaction():
            found = only_finding()
            service.clear(found.id, "A known strategy.", version=found.version, by=ANNA)
            pair.trades(pair.client, [60, 600], day=1)
        next_day(1)

        assert temporary(pair) == dec("14.40")
        assert [one.state for one in findings()] == [FindingState.CLEARED]

    def test_kept_it_goes_on_waiting_with_what_follows(self) -> None:
        pair = settled(plan_of(SCALPING))

        with transaction():
            found = only_finding()
            service.keep(found.id, "Asked the client.", version=found.version, by=ANNA)
            pair.trades(pair.client, [600], day=1)
        next_day(1)

        assert temporary(pair) == dec("4.80")
        assert in_transaction(queries.at_stake, found.id).held == dec("9.60")

    def test_refused_it_is_given_up(self) -> None:
        pair = settled(plan_of(SCALPING))

        with transaction():
            found = only_finding()
            service.refuse(found.id, "Signals of a robot.", version=found.version, by=ANNA)
        next_day(1)
        next_day(2)

        assert temporary(pair) == dec("4.80")
        outcomes = in_transaction(
            lambda: set(execute_sql("SELECT outcome FROM commission_hold WHERE tenant_id = :tenant_id").scalars())
        )
        assert outcomes == {"rejected"}

    def test_above_the_limit_two_people_refuse(self) -> None:
        settled(plan_of(AbuseTerms(scalping=Scalping(action="hold", trades_min=2), second_person_above=dec(1))))
        found = only_finding()

        with transaction():
            proposed = service.refuse(found.id, "Signals of a robot.", version=found.version, by=ANNA)
            assert proposed.waits_for_second
            version = proposed.version
        with pytest.raises(service.SameDecider), transaction():
            service.agree(found.id, version=version, by=ANNA)
        with transaction():
            service.agree(found.id, version=version, by=BEN)

        assert (only_finding().state, only_finding().decided_by_name) == (FindingState.REFUSED, "Ben")

    def test_a_stale_page_a_missing_reason_and_a_second_decision_are_refused(self) -> None:
        settled(plan_of(SCALPING))
        found = only_finding()

        with pytest.raises(Conflict), transaction():
            service.clear(found.id, "A known strategy.", version=found.version + 1, by=ANNA)
        with pytest.raises(Invalid), transaction():
            service.clear(found.id, " ", version=found.version, by=ANNA)
        with transaction():
            service.clear(found.id, "A known strategy.", version=found.version, by=ANNA)
        with pytest.raises(service.FindingDecided), transaction():
            service.refuse(found.id, "Signals of a robot.", version=found.version, by=BEN)

    def test_in_shadow_it_is_reported_and_paid(self) -> None:
        pair = settled(plan_of(AbuseTerms(scalping=Scalping(action="shadow", trades_min=2))))

        assert only_finding().action == "shadow"
        assert temporary(pair) == dec("9.60")

    def test_switched_off_nothing_is_counted(self) -> None:
        pair = settled(plan_of(AbuseTerms()))

        assert findings() == []
        assert temporary(pair) == dec("9.60")
        counted = in_transaction(lambda: execute_sql("SELECT count(*) FROM client_day WHERE tenant_id = :tenant_id"))
        assert counted.scalar_one() == 0

    def test_a_detector_that_was_wrong_too_often_only_reports(self) -> None:
        terms = AbuseTerms(scalping=Scalping(action="hold", trades_min=2), quiet_days=0, precision_decisions_min=1)
        pair = settled(plan_of(terms))
        with transaction():
            found = only_finding()
            service.clear(found.id, "A known strategy.", version=found.version, by=ANNA)
            pair.trades(pair.client, [60, 600], day=1)
        next_day(1)

        assert {one.action for one in findings() if one.state is FindingState.OPEN} == {"shadow"}
        assert temporary(pair) == dec("14.40")

    def test_what_is_under_audit_is_not_released_until_somebody_decides(self) -> None:
        with transaction():
            pair = Pair(plan_of(SCALPING))
            pair.trades(pair.client, [600])
        world.settle(DAY)
        with transaction():
            pair.trades(pair.client, [60, 60], day=1)
        next_day(1)

        assert in_transaction(queries.at_stake, only_finding().id).under_audit == dec("4.80")
        assert posting.release_due(LATER, BY) == 0
        with transaction():
            found = only_finding()
            service.clear(found.id, "A known strategy.", version=found.version, by=ANNA)
        assert posting.release_due(LATER, BY) == 1

    def test_refused_after_its_settlement_it_is_taken_back_by_somebody_else(self) -> None:
        with transaction():
            pair = Pair(plan_of(SCALPING))
            pair.trades(pair.client, [600])
        world.settle(DAY)
        with transaction():
            pair.trades(pair.client, [60, 60], day=1)
        next_day(1)
        with clock.frozen(NOON + timedelta(days=2)), transaction():
            found = only_finding()
            service.refuse(found.id, "Signals of a robot.", version=found.version, by=ANNA)
        asked = only_finding().clawback_id
        assert asked is not None
        assert posting.release_due(LATER, BY) == 0
        with pytest.raises(clawbacks.SamePerson), transaction():
            clawbacks.decide(asked, agrees=True, by=ANNA)
        with transaction():
            clawbacks.decide(asked, agrees=True, by=BEN)
        next_day(2)

        assert temporary(pair) == 0


@pytest.mark.usefixtures("here")
class TestHoldingTime:
    def test_held_for_a_person_and_paid_when_cleared(self) -> None:
        pair = settled(plan_of(AbuseTerms(), gates={"hold_policy": "hold"}))

        found = only_finding()
        assert (found.kind, temporary(pair)) == (FindingKind.SHORT_HOLD, dec("9.60"))
        with transaction():
            service.clear(found.id, "Closed by news.", version=found.version, by=ANNA)
            pair.trades(pair.client, [179.999], day=1)
        next_day(1)

        assert temporary(pair) == dec("14.40")
        assert sorted(one.state.value for one in findings()) == ["cleared", "open"]  # Each day has its own decision.

    def test_bands_pay_their_share_from_their_lower_bound_on(self) -> None:
        pair = settled(plan_of(AbuseTerms(), gates={"hold_policy": "bands"}), [59.999, 60, 179.999, 180])

        assert temporary(pair) == dec("14.40")  # Nothing, half, half, all; and the other's.
        assert {row[4] for row in world.reasons() if row[2] == pair.partner} == {"HOLD_TOO_SHORT"}

    def test_exempt_groups_need_no_time_and_a_clock_that_runs_backwards_pays_nothing(self) -> None:
        with transaction():
            pair = Pair(plan_of(AbuseTerms(), gates={"exempt_hold_groups": ("vip*",)}))
            values = {"client_id": pair.client, "opened_at": NOON, "closed_at": NOON + timedelta(seconds=1)}
            before = {"closed_at": NOON - timedelta(seconds=1), "holding_ms": None, "holding_nearest_ms": None}
            pair.platform.store([values | {"group": "vip-1"}, values, values | before])
        world.settle(DAY)

        assert temporary(pair) == dec("4.80")
        assert sorted(row[4] for row in world.reasons() if row[2] == pair.partner) == [
            "CLOCK_SUSPECT",
            "HOLD_TOO_SHORT",
        ]

    def test_bands_may_be_a_brands_own(self) -> None:
        bands = (HoldBand(from_seconds=dec(0), share=dec("0.25")), HoldBand(from_seconds=dec(10), share=dec(1)))
        pair = settled(plan_of(AbuseTerms(), gates={"hold_policy": "bands", "hold_bands": bands}), [5])

        assert temporary(pair) == dec("6.00")


def sign_in(client: UUID, device: str, at: datetime = NOON) -> None:
    """A session of the client from a browser."""
    user = session().get_one(Client, (HERE, client)).user_id
    session().add(
        UserSession(
            token_hash=str(new_id()),
            user_id=user,
            audience="cabinet",
            ip="192.0.2.1",
            user_agent="",
            device_hash=device,
            created_at=at,
            last_seen_at=at,
            expires_at=at,
            fresh_until=at,
            ended_at=None,
            end_reason=None,
        )
    )
    session().flush()


class Stopped(Exception):
    """The worker died."""


def stop(_: object) -> None:
    raise Stopped


CLUSTERS = AbuseTerms(clusters=Clusters(action="hold"))


@pytest.mark.usefixtures("here")
class TestClusters:
    def shared(self, plan: Plan | None = None) -> Pair:
        with transaction():
            pair = Pair(plan or plan_of(CLUSTERS))
            for client in (pair.partner, pair.client):
                sign_in(client, "one browser")
            pair.trades(pair.client, [600])
            pair.trades(pair.other, [600])
        world.settle(DAY)
        return pair

    def test_lines_between_two_who_share_a_browser_wait(self) -> None:
        pair = self.shared()

        found = only_finding()
        assert (found.kind, found.partner_id, found.client_id) == (
            FindingKind.SELF_REFERRAL_RING, pair.partner, pair.client,
        )  # fmt: skip
        assert found.evidence["shared"] == ["device"]
        assert temporary(pair) == dec("4.80")

    def test_an_address_alone_links_nobody(self) -> None:
        with transaction():
            pair = Pair(plan_of(CLUSTERS))
            for client, device in ((pair.partner, "his"), (pair.client, "hers")):
                sign_in(client, device)
                session().get_one(Client, (HERE, client)).signup_ip = "192.0.2.1"
            pair.trades(pair.client, [600])
        world.settle(DAY)

        assert findings() == []
        assert temporary(pair) == dec("4.80")

    def test_a_confirmed_link_pays_nothing_from_then_on(self) -> None:
        pair = self.shared()
        with transaction():
            found = only_finding()
            service.refuse(found.id, "One household, one wallet.", version=found.version, by=ANNA)
            pair.trades(pair.client, [600], day=1)
        next_day(1)
        next_day(2)

        assert temporary(pair) == dec("4.80")
        assert {row[4] for row in world.reasons() if row[2] == pair.partner} == {"SAME_CLUSTER"}

    def test_two_who_are_not_one_are_paid_and_not_asked_about_again(self) -> None:
        pair = self.shared()
        with transaction():
            found = only_finding()
            service.clear(found.id, "They share an office.", version=found.version, by=ANNA)
            pair.trades(pair.client, [600], day=1)
        next_day(1)

        assert temporary(pair) == dec("14.40")
        assert [one.state for one in findings()] == [FindingState.CLEARED]

    def test_a_run_goes_on_with_the_links_that_it_has_frozen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with transaction():
            pair = Pair(plan_of(CLUSTERS))
            pair.trades(pair.client, [600])
        with monkeypatch.context() as stopped:
            stopped.setattr(steps, "judge", stop)
            with pytest.raises(Stopped):
                world.settle(DAY)
        with transaction():
            for client in (pair.partner, pair.client):
                sign_in(client, "one browser", NOON)
        world.settle(DAY)
        assert findings() == []

        next_day(1)
        assert [one.kind for one in findings()] == [FindingKind.SELF_REFERRAL_RING]

    def test_a_cluster_that_gets_its_costs_back_is_held(self) -> None:
        """The partner gets 4.80 of the 12.00 that a trade costs: 0.4 of it."""
        terms = AbuseTerms(churning=Churning(action="hold", review_at=dec("0.3"), hold_at=dec("0.4")))
        pair = self.shared(plan_of(terms))

        found = only_finding()
        assert (found.kind, found.partner_id, found.action) == (FindingKind.CHURNING, pair.partner, "hold")
        assert (found.evidence["payback"], found.evidence["paid"]) == ("0.4", "12")
        assert temporary(pair) == dec("4.80")

    def test_below_what_is_held_it_is_only_shown(self) -> None:
        pair = self.shared(plan_of(AbuseTerms(churning=Churning(action="hold", review_at=dec("0.4"), hold_at=dec(1)))))

        assert only_finding().action == "shadow"
        assert temporary(pair) == dec("9.60")


@pytest.mark.usefixtures("here")
def test_commission_far_above_what_was_paid_in_is_found() -> None:
    terms = AbuseTerms(churn_intensity=ChurnIntensity(action="shadow", commission_min=dec(1)))
    pair = settled(plan_of(terms), [600])

    assert {one.client_id for one in findings()} == {pair.client, pair.other}  # Neither has paid anything in.
    assert {one.evidence["share_of_paid_in"] for one in findings()} == {"99"}


@pytest.mark.usefixtures("here")
def test_a_sub_partner_with_two_signs_is_a_phantom_and_only_their_lines_wait() -> None:
    with transaction():
        master, phantom, client = (world.make_client(name) for name in ("Master", "Phantom", "Client"))
        world.link(phantom, master)
        world.link(client, master, valid_to=NOON - timedelta(days=9))
        world.link(client, phantom, valid_from=NOON - timedelta(days=9))
        world.publish(plan_of(AbuseTerms(phantom_sub_partners=PhantomSubPartners(action="hold"))))
        platform = world.make_platform()
        platform.store([{"client_id": client, "opened_at": NOON - timedelta(minutes=10), "closed_at": NOON}])
    world.settle(DAY)

    found = only_finding()
    assert (found.kind, found.partner_id) == (FindingKind.PHANTOM_SUB_PARTNER, phantom)
    assert found.evidence["signs"] == ["clients_of_master", "no_sign_in"]
    assert world.balances(phantom)["temporary"] == 0
    assert world.balances(master)["temporary"] == dec("2.40")


def test_another_brand_sees_and_loses_nothing(here: None) -> None:
    settled(plan_of(SCALPING))
    found = only_finding()

    with tenant_scope(THERE):
        pair = settled(plan_of(AbuseTerms()))
        assert temporary(pair) == dec("9.60")
        assert findings() == []
        with pytest.raises(NotFound), transaction():
            service.clear(found.id, "A known strategy.", version=found.version, by=ANNA)
