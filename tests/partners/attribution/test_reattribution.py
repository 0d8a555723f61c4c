"""A wrong attribution put right: old lines reversed, new ones written, each trade paid once, to the right partner."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.core.actor import Actor
from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.partners import queries as commission
from app.partners import receivers
from app.partners.attribution import service as attribution
from app.referrals import corrections, links, moves, queries
from app.referrals.models import Reattribution, ReattributionStatus
from tests.partners import world
from tests.partners.conftest import THERE
from tests.partners.trades import PLAN, dec

FRIDAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 9, tzinfo=UTC)
ANNA = Actor("staff", new_id(), "Anna")
BORIS = Actor("staff", new_id(), "Boris")


class Tree:
    """D was attributed to P, and should have come to Q; E stands below D. P's upline U has an amount per lot."""

    def __init__(self) -> None:
        self.u, self.p, self.q, self.d, self.e = (
            world.make_client(name, created_at=NOON - timedelta(days=20))
            for name in ("Una", "Pia", "Quin", "Dan", "Eva")
        )
        for child, parent in ((self.p, self.u), (self.d, self.p), (self.e, self.d)):
            world.link(child, parent)
        world.grant(self.u, dec(8))
        world.publish(PLAN)
        self.platform = world.make_platform()

    def trade(self, client: UUID, closed_at: datetime) -> int:
        [trade] = self.platform.store(
            [{"client_id": client, "opened_at": closed_at - timedelta(hours=1), "closed_at": closed_at}]
        )
        execute_sql(  # The counter of ingest, which trades written straight into the table have passed by.
            "INSERT INTO ingest_counter (tenant_id, batch_no, closed_trade_id) VALUES (:tenant_id, :no, 1000)"
            " ON CONFLICT (tenant_id) DO UPDATE SET batch_no = :no",
            no=self.platform.batches,
        )
        return trade


@pytest.fixture
def tree(here: None) -> Tree:
    with transaction():
        return Tree()


def propose(tree: Tree, since: datetime, parent: UUID | None = None, by: Actor = ANNA) -> Reattribution:
    with clock.frozen(LATER), transaction():
        return corrections.propose(
            tree.d, parent or tree.q, since=since, reason="paper form of Quin", by=by, request_id=f"fix {since}{parent}"
        )


def approve(row: Reattribution, by: Actor = BORIS) -> Reattribution:
    with clock.frozen(LATER), transaction():
        return corrections.approve(row.id, by=by)


def totals(trade: int) -> dict[UUID, Decimal]:
    """What each partner has for a trade after all reversals."""
    with transaction():
        rows = execute_sql(
            "SELECT partner_id, sum(amount) AS amount FROM commission_line WHERE tenant_id = :tenant_id"
            " AND trade_id = :trade GROUP BY partner_id",
            trade=trade,
        )
        return {row.partner_id: row.amount for row in rows if row.amount}


def test_each_trade_is_paid_once_and_to_the_right_partner(tree: Tree) -> None:
    with transaction():
        before = tree.trade(tree.d, NOON)
        after = tree.trade(tree.d, NOON + timedelta(hours=6))
        below = tree.trade(tree.e, NOON + timedelta(hours=6))
    world.settle(FRIDAY)
    assert totals(after) == {tree.p: dec("4.8"), tree.u: dec("10.4")}

    row = approve(propose(tree, NOON + timedelta(hours=3)))
    assert row.trade_count == 2
    assert in_transaction(receivers.differences) == 0
    world.settle(FRIDAY + timedelta(days=1))

    assert totals(before) == {tree.p: dec("4.8"), tree.u: dec("10.4")}
    assert totals(after) == {tree.q: dec("4.8")}
    assert totals(below) == {tree.d: dec("4.8"), tree.q: dec("2.4")}
    assert world.balances(tree.q)["temporary"] == dec("7.20")
    assert world.balances(tree.p)["temporary"] == dec("4.80")
    assert world.balances(tree.u)["temporary"] == dec("10.40")
    assert world.settle(FRIDAY + timedelta(days=2)).lines == 0


def test_a_paid_line_is_explained_by_the_path_that_paid_it(tree: Tree) -> None:
    with transaction():
        trade = tree.trade(tree.d, NOON + timedelta(hours=6))
    world.settle(FRIDAY)
    approve(propose(tree, NOON))
    world.settle(FRIDAY + timedelta(days=1))

    with transaction():
        old = commission.explain(tree.p, trade, 0, "referral", "base")
        back = commission.explain(tree.p, trade, 0, "referral", "reversal")
        new = commission.explain(tree.q, trade, 1, "referral", "base")
    assert [step.partner_id for step in old.path] == [tree.p, tree.u]
    assert [step.partner_id for step in back.path] == [tree.p, tree.u]
    assert [step.partner_id for step in new.path] == [tree.q]


def test_two_corrections_before_the_next_settlement_count_once(tree: Tree) -> None:
    with transaction():
        trade = tree.trade(tree.d, NOON + timedelta(hours=6))
    world.settle(FRIDAY)
    approve(propose(tree, NOON))
    approve(propose(tree, NOON + timedelta(hours=1), parent=tree.u))
    world.settle(FRIDAY + timedelta(days=1))

    assert totals(trade) == {tree.u: dec("12.8")}
    assert in_transaction(receivers.differences) == 0


def test_two_people_and_one_decision(tree: Tree) -> None:
    row = propose(tree, NOON)
    with pytest.raises(corrections.CorrectionWaits):
        propose(tree, NOON + timedelta(hours=1))
    with pytest.raises(corrections.SamePerson):
        approve(row, by=ANNA)
    assert approve(row).status is ReattributionStatus.APPROVED
    with pytest.raises(corrections.CorrectionDecided):
        approve(row)


def test_a_refused_correction_changes_nothing(tree: Tree) -> None:
    row = propose(tree, NOON)
    with clock.frozen(LATER), transaction():
        corrections.refuse(row.id, note="the form is forged", by=BORIS)

    assert in_transaction(queries.parent_at, tree.d, LATER) == tree.p
    with transaction():
        assert execute_sql("SELECT count(*) FROM mail WHERE tenant_id = :tenant_id").scalar_one() == 0


@pytest.mark.parametrize("since", [LATER + timedelta(hours=1), LATER - timedelta(days=31), NOON - timedelta(days=25)])
def test_the_window_binds(tree: Tree, since: datetime) -> None:
    with pytest.raises(Invalid) as refusal:
        propose(tree, since)
    assert refusal.value.field == "since"


def test_what_cannot_be_is_refused(tree: Tree) -> None:
    with pytest.raises(links.WouldCloseCycle):
        propose(tree, NOON, parent=tree.e)
    with pytest.raises(moves.AlreadyThere):
        propose(tree, NOON, parent=tree.p)


def test_both_partners_are_told(tree: Tree) -> None:
    approve(propose(tree, NOON))
    with transaction():
        rows = execute_sql("SELECT template, to_name FROM mail WHERE tenant_id = :tenant_id ORDER BY template").all()
    assert [row.template for row in rows] == ["referrals.client_attributed", "referrals.client_taken_back"]


def test_a_settlement_under_way_is_waited_for(tree: Tree) -> None:
    with transaction():
        tree.trade(tree.d, NOON + timedelta(hours=6))
    world.settle(FRIDAY)
    row = propose(tree, NOON)
    with transaction():
        execute_sql("UPDATE settlement_run SET step = 'frozen' WHERE tenant_id = :tenant_id")
    with pytest.raises(attribution.SettlementUnderWay):
        approve(row)
    with transaction():
        execute_sql("UPDATE settlement_run SET step = 'proved' WHERE tenant_id = :tenant_id")
    assert approve(row).trade_count == 1


def test_another_tenant_decides_nothing_here(tree: Tree) -> None:
    row = propose(tree, NOON)
    with tenant_scope(THERE), pytest.raises(NotFound), clock.frozen(LATER), transaction():
        corrections.approve(row.id, by=replace(BORIS, id=new_id()))
    assert in_transaction(queries.reattribution, row.id).status is ReattributionStatus.PROPOSED
