"""What partners share, on a real database and in the plain reference: example 14 by name, holds, reversals, crumbs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.partners import service
from app.partners.plan import Caps, CashbackRule, Match
from app.partners.rebates.terms import Rebates
from app.partners.rules import Agreement, Facts, Path, Upline, share_out
from app.partners.rules.posting import post_day
from app.partners.settlement import posting
from app.referrals.rules import FOREVER
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.rebates.agreements import agree, shares
from tests.partners.trades import T1, B, C, D, dec, plan_with, settle, trade
from tests.partners.world import BY

FRIDAY = date(2026, 11, 20)
AT_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHARING = plan_with(rebates=Rebates(give_max=dec("0.5"), take_max=dec("0.3")))


def closed(client_id: UUID, at: datetime = AT_NOON, **values: object) -> dict[str, Any]:
    return {"client_id": client_id, "opened_at": at - timedelta(minutes=10), "closed_at": at, **values}


def agreement(kind: Any, giver: UUID, receiver: UUID | None, share: str, **more: Any) -> Agreement:
    dated = {"valid_from": world.FAR_BACK, "valid_to": FOREVER} | more
    return Agreement(kind, giver, receiver, dec(share), **dated)


class TestExample14InTheReference:
    def test_c_shares_a_quarter_with_d(self) -> None:
        outcome = settle(trade(), plan=SHARING)
        [share] = share_out(trade(), T1, outcome.lines, SHARING, Facts(), [agreement("rebate", C, D, "0.25")])

        assert (share.giver_id, share.receiver_id, share.track, share.amount) == (C, D, "referral", dec("1.20"))
        [line] = [line for line in outcome.lines if line.partner_id == C]
        assert line.amount - share.amount == dec("3.60")

    def test_all_own_clients_are_the_directly_introduced(self) -> None:
        outcome = settle(trade(), plan=SHARING)
        found = share_out(
            trade(),
            T1,
            outcome.lines,
            SHARING,
            Facts(),
            [agreement("rebate", C, None, "0.25"), agreement("rebate", B, None, "0.25")],
        )
        assert [share.giver_id for share in found] == [C]

    def test_a_named_client_goes_before_all_and_a_named_track_before_every_track(self) -> None:
        both = Path((Upline(C, 1, god_rate=dec(8)),))
        outcome = settle(trade(), path=both, plan=SHARING)
        found = share_out(
            trade(),
            both,
            outcome.lines,
            SHARING,
            Facts(),
            [
                agreement("rebate", C, None, "0.5"),
                agreement("rebate", C, D, "0.1"),
                agreement("rebate", C, D, "0.25", track="god"),
            ],
        )
        assert {share.track: share.amount for share in found} == {"referral": dec("0.48"), "god": dec(2)}

    def test_shares_of_one_line_never_come_to_more_than_the_line(self) -> None:
        outcome = settle(trade(spread="0.000000000000003"), plan=SHARING)
        wide = plan_with(rebates=Rebates(give_max=dec(1), take_max=dec(1)))
        found = share_out(
            trade(),
            T1,
            outcome.lines,
            wide,
            Facts(),
            [
                agreement("take", C, B, "0.5"),
                agreement("rebate", C, D, "0.7"),
                agreement("give", B, C, "0.5"),
                agreement("rebate", B, D, "0.5"),
            ],
        )
        for giver in (B, C):
            [line] = [line for line in outcome.lines if line.partner_id == giver]
            assert sum(share.amount for share in found if share.giver_id == giver) == line.amount


class TreeT1:
    """Trader D under C under B under A, who has 8.00 per lot."""

    def __init__(self) -> None:
        self.a, self.b, self.c, self.d = (world.make_client(name) for name in "ABCD")
        world.link(self.d, self.c)
        world.link(self.c, self.b)
        world.link(self.b, self.a)
        world.grant(self.a, dec("8.00"))
        self.platform = world.make_platform()


@pytest.fixture
def t1(here: None) -> TreeT1:
    with transaction():
        tree = TreeT1()
        world.publish(SHARING)
    return tree


def temporary(person: UUID) -> Decimal:
    return world.balances(person)["temporary"]


def redeemable(person: UUID) -> Decimal:
    return world.balances(person)["redeem"]


def take_away(tree: TreeT1, *trades: int) -> None:
    """The platform takes these trades back."""
    tree.platform.batches += 1
    execute_sql(
        "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1, batch_no = :no"
        " WHERE tenant_id = :tenant_id AND id = ANY (:ids)",
        ids=list(trades),
        no=tree.platform.batches,
    )


class TestExample14InTheSettlement:
    def test_c_shares_a_quarter_with_d_until_the_same_release(self, t1: TreeT1) -> None:
        with transaction():
            agree(agreement("rebate", t1.c, t1.d, "0.25"))
            t1.platform.store([closed(t1.d)])
        world.settle(FRIDAY)

        assert temporary(t1.c) == dec("3.60")
        assert temporary(t1.d) == dec("1.20")
        assert temporary(t1.b) == dec("2.40")

        due = datetime(2026, 11, 24, tzinfo=UTC)
        posting.release_due(due - timedelta(seconds=1), BY)
        assert (redeemable(t1.c), redeemable(t1.d)) == (dec(0), dec(0))
        posting.release_due(due, BY)
        assert (redeemable(t1.c), redeemable(t1.d)) == (dec("3.60"), dec("1.20"))

    def test_a_rejected_line_reverses_both(self, t1: TreeT1) -> None:
        with transaction():
            agree(agreement("rebate", t1.c, t1.d, "0.25"))
            [first] = t1.platform.store([closed(t1.d)])
        world.settle(FRIDAY)
        with transaction():
            take_away(t1, first)
        world.settle(FRIDAY + timedelta(days=1))

        assert world.balances(t1.c) == {"temporary": dec(0), "redeem": dec(0)}
        assert world.balances(t1.d) == {"temporary": dec(0), "redeem": dec(0)}

    def test_after_the_release_both_are_taken_back(self, t1: TreeT1) -> None:
        with transaction():
            agree(agreement("rebate", t1.c, t1.d, "0.25"))
            [first] = t1.platform.store([closed(t1.d)])
        world.settle(FRIDAY)
        posting.release_due(datetime(2026, 11, 24, tzinfo=UTC), BY)
        with transaction():
            take_away(t1, first)
            t1.platform.store([closed(t1.d, AT_NOON + timedelta(days=1))])
        world.settle(FRIDAY + timedelta(days=1))

        # The new day's money under audit is drawn on first, as for any clawback.
        assert world.balances(t1.c) == {"temporary": dec(0), "redeem": dec("3.60")}
        assert world.balances(t1.d) == {"temporary": dec(0), "redeem": dec("1.20")}

    def test_a_held_line_holds_its_share_and_a_cleared_one_pays_both(self, t1: TreeT1) -> None:
        with transaction():
            agree(agreement("rebate", t1.c, t1.d, "0.25"))
            [held, rejected] = t1.platform.store([closed(t1.d), closed(t1.d)])
            for each in (held, rejected):
                service.record_verdict(each, "hold", reason="looked at", by=BY)
        world.settle(FRIDAY)
        assert (temporary(t1.c), temporary(t1.d)) == (dec(0), dec(0))
        assert statement(t1.d).held == dec("2.40")
        assert statement(t1.c).held == dec("7.20")

        with transaction():
            service.record_verdict(held, "clear", reason="fine", by=BY)
            service.record_verdict(rejected, "reject", reason="not fine", by=BY)
        world.settle(FRIDAY + timedelta(days=1))
        assert (temporary(t1.c), temporary(t1.d)) == (dec("3.60"), dec("1.20"))

        with transaction():
            take_away(t1, held, rejected)
        world.settle(FRIDAY + timedelta(days=2))
        assert (temporary(t1.c), temporary(t1.d)) == (dec(0), dec(0))

    def test_a_share_of_another_tenant_is_not_seen(self, t1: TreeT1) -> None:
        with tenant_scope(THERE):
            with transaction():
                other = TreeT1()
                world.publish(SHARING)
                other.platform.store([closed(other.d)])
            world.settle(FRIDAY)
            assert shares() == set()
        with tenant_scope(HERE):
            with transaction():
                agree(agreement("rebate", t1.c, t1.d, "0.25"))
                t1.platform.store([closed(t1.d)])
            world.settle(FRIDAY)
            assert {share[2] for share in shares()} == {t1.c}

    def test_a_run_repeated_adds_nothing(self, t1: TreeT1) -> None:
        with transaction():
            agree(agreement("rebate", t1.c, None, "0.25"))
            t1.platform.store([closed(t1.d)])
        world.settle(FRIDAY)
        before = shares()
        world.settle(FRIDAY)

        assert shares() == before
        assert temporary(t1.d) == dec("1.20")


def statement(person: UUID) -> Any:
    return in_transaction(
        lambda: execute_sql(
            "SELECT * FROM commission_statement WHERE tenant_id = :tenant_id AND partner_id = :person", person=person
        ).one()
    )


def test_a_plan_without_sharing_shares_nothing(here: None) -> None:
    with transaction():
        tree = TreeT1()
        world.publish(plan_with())
        agree(agreement("rebate", tree.c, tree.d, "0.25"))
        tree.platform.store([closed(tree.d)])
    world.settle(FRIDAY)

    assert shares() == set()
    assert temporary(tree.c) == dec("4.80")


def test_the_plans_limit_holds_for_what_was_agreed_before_it(here: None) -> None:
    with transaction():
        tree = TreeT1()
        world.publish(plan_with(rebates=Rebates(rebate_max=dec("0.1"))))
        agree(agreement("rebate", tree.c, tree.d, "0.25"))
        tree.platform.store([closed(tree.d)])
    world.settle(FRIDAY)

    assert temporary(tree.d) == dec("0.48")


def test_an_agreement_counts_for_trades_closed_while_it_held(t1: TreeT1) -> None:
    with transaction():
        agree(agreement("rebate", t1.c, t1.d, "0.25", valid_to=AT_NOON))
        agree(agreement("rebate", t1.c, t1.d, "0.5", valid_from=AT_NOON, valid_to=AT_NOON + timedelta(hours=1)))
        t1.platform.store(
            [closed(t1.d, at) for at in (AT_NOON - timedelta(hours=1), AT_NOON, AT_NOON + timedelta(hours=1))]
        )
    world.settle(FRIDAY)

    assert temporary(t1.d) == dec("1.20") + dec("2.40")
    assert temporary(t1.c) == 3 * dec("4.80") - dec("3.60")


def test_a_master_gives_a_sub_partner_a_share_of_what_they_earn_below(t1: TreeT1) -> None:
    with transaction():
        agree(agreement("give", t1.b, t1.c, "0.25"))
        t1.platform.store([closed(t1.d), closed(t1.c)])  # What the sub-partner trades themselves is not below them.
    world.settle(FRIDAY)

    assert temporary(t1.c) == dec("4.80") + dec("0.60")  # A quarter of the 2.40 that B earns on D.
    assert temporary(t1.b) == dec("2.40") - dec("0.60") + dec("4.80")


def test_a_sponsor_takes_a_share_of_what_the_sub_partner_earns(t1: TreeT1) -> None:
    with transaction():
        agree(agreement("take", t1.c, t1.b, "0.2"))
        agree(agreement("rebate", t1.c, t1.d, "0.25"))
        t1.platform.store([closed(t1.d)])
    world.settle(FRIDAY)

    assert temporary(t1.b) == dec("2.40") + dec("0.96")
    assert temporary(t1.d) == dec("1.20")
    assert temporary(t1.c) == dec("4.80") - dec("0.96") - dec("1.20")


def test_what_is_taken_stops_where_the_sub_partner_stands_elsewhere(here: None) -> None:
    with transaction():
        tree = TreeT1()
        world.publish(SHARING)
        agree(agreement("take", tree.c, tree.a, "0.2"))  # A is not C's own sponsor.
        tree.platform.store([closed(tree.d)])
    world.settle(FRIDAY)

    assert shares() == set()


def test_crumbs_of_a_rebate_wait_until_they_are_worth_a_posting(here: None) -> None:
    plan = plan_with(rebates=Rebates(rebate_min=dec(3)), rounding_scope="line")
    with transaction():
        tree = TreeT1()
        world.publish(plan)
        agree(agreement("rebate", tree.c, tree.d, "0.25"))
        for number in range(3):
            tree.platform.store([closed(tree.d, AT_NOON + timedelta(days=number))])
    found = []
    carry = dec(0)
    for number in range(3):
        world.settle(FRIDAY + timedelta(days=number))
        found.append(temporary(tree.d))
        due = post_day([dec("1.20")], carry, plan, "USD", track="rebate")
        carry = due.carry_out
        assert found[-1] - (found[-2] if number else dec(0)) == due.posted.amount

    assert found == [dec(0), dec(0), dec("3.60")]


CASHBACK = plan_with(
    cashback=(
        CashbackRule(name="default", per_lot=dec("0.75")),
        CashbackRule(name="gold", per_lot=dec(2), match=Match(symbols=("XAU*",)), max_per_event=dec("1.50")),
    )
)


class TestCashbackFromTheBroker:
    def test_in_the_reference(self) -> None:
        found = settle(trade(lots="2.00"), plan=CASHBACK).cashback
        assert found is not None
        assert (found.amount, found.rate, found.reason) == (dec("1.50"), dec("0.75"), None)
        gold = settle(trade("XAUUSD"), plan=CASHBACK).cashback
        assert gold is not None
        assert (gold.amount, gold.amount_before_cap, gold.cap) == (dec("1.50"), dec(2), "event")

    def test_a_cap_on_the_trade_serves_the_trader_first(self) -> None:
        capped = plan_with(CASHBACK, caps=Caps(max_total_per_lot=dec("8.75")))
        outcome = settle(trade(), plan=capped)

        assert outcome.cashback is not None
        assert outcome.cashback.amount == dec("0.75")
        assert sum(line.amount for line in outcome.lines) == dec(8)

    def test_the_trader_is_paid_with_or_without_a_sponsor(self, here: None) -> None:
        with transaction():
            tree = TreeT1()
            world.publish(CASHBACK)
            alone = world.make_client("Alone")
            tree.platform.store([closed(tree.d), closed(alone, volume_lots=dec("0.10"))])
        run = world.settle(FRIDAY)

        assert temporary(tree.d) == dec("0.75")
        assert temporary(alone) == dec("0.08")
        assert statement(alone).carry_out == dec("-0.005")
        assert temporary(tree.c) == dec("4.80")
        assert run.proof["posted_minor"] == 1640 + 83

    def test_it_is_held_reversed_and_reasoned_like_any_line(self, here: None) -> None:
        with transaction():
            tree = TreeT1()
            world.publish(CASHBACK)
            short = {**closed(tree.d), "opened_at": AT_NOON - timedelta(seconds=9)}
            [held, _short, gone] = tree.platform.store([closed(tree.d), short, closed(tree.d)])
            service.record_verdict(held, "hold", reason="looked at", by=BY)
        world.settle(FRIDAY)
        assert temporary(tree.d) == dec("0.75")
        assert (tree.d, "HOLD_TOO_SHORT") in {(row[2], row[4]) for row in world.reasons() if row[1] == "cashback"}

        with transaction():
            service.record_verdict(held, "clear", reason="fine", by=BY)
            take_away(tree, gone)
        world.settle(FRIDAY + timedelta(days=1))
        assert temporary(tree.d) == dec("0.75")
