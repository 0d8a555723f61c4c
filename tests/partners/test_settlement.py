"""The end-of-day run on a real database: money, holds, clawbacks, moves, late trades, and runs that stop half way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from app.core.db import execute_sql, tenant_scope, transaction
from app.kit import clock
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import permissions
from app.partners.payouts import service as payouts
from app.partners.settlement import compute, posting
from app.partners.settlement import run as settlement
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.trades import PLAN, dec, plan_with
from tests.partners.world import BY

FRIDAY = date(2026, 11, 20)
REASON = next(iter(REASONS))
AT_NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def closed(client_id: UUID, at: datetime = AT_NOON, **values: object) -> dict[str, object]:
    return {"client_id": client_id, "opened_at": at - timedelta(minutes=10), "closed_at": at, **values}


class TreeT1:
    """Trader D under C under B under A, where A has god-mode 8.00."""

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
        world.publish(PLAN)
    return tree


def test_example_1_is_settled_and_posted_per_track(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])

    run = world.settle(FRIDAY)

    assert {(line[1], line[7]) for line in world.lines()} == {
        ("referral", dec("4.80")),
        ("referral", dec("2.40")),
        ("referral", dec("1.20")),
        ("god", dec("8.00")),
    }
    assert world.balances(t1.a) == {"temporary": dec("9.20"), "redeem": dec(0)}
    assert world.balances(t1.c) == {"temporary": dec("4.80"), "redeem": dec(0)}
    assert (run.trades, run.lines, run.reasons) == (1, 4, 0)
    assert run.proof["posted_minor"] == run.proof["stated_minor"] == 1640


class TestExample10HoldReleaseClawback:
    def test_release_after_three_calendar_days_and_clawback(self, here: None) -> None:
        with transaction():
            p, d = world.make_client("P"), world.make_client("D")
            world.link(d, p)
            world.grant(p, dec(20))
            world.publish(plan_with(referral=None))
            platform = world.make_platform()
            [first] = platform.store([closed(d)])
        world.settle(FRIDAY)
        assert world.balances(p) == {"temporary": dec(20), "redeem": dec(0)}

        early, due = datetime(2026, 11, 23, 23, 59, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
        assert posting.release_due(early, BY) == 0
        assert posting.release_due(due, BY) == 1
        assert posting.release_due(due, BY) == 0
        assert world.balances(p) == {"temporary": dec(0), "redeem": dec(20)}

        with transaction():
            world.pay_out(p, "15", "once")
            [second] = platform.store([closed(d, AT_NOON + timedelta(days=1), volume_lots=dec("0.60"))])
        world.settle(FRIDAY + timedelta(days=1))
        assert world.balances(p) == {"temporary": dec(12), "redeem": dec(5)}

        with transaction():
            platform.batches += 1
            execute_sql(
                "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1, batch_no = :no"
                " WHERE tenant_id = :tenant_id AND id = ANY (:ids)",
                ids=[first, second],
                no=platform.batches,
            )
        world.settle(FRIDAY + timedelta(days=2))
        assert world.balances(p) == {"temporary": dec(0), "redeem": dec(-15)}
        amounts = sorted(line[7] for line in world.lines() if line[3] == "reversal")
        assert amounts == [dec(-20), dec(-12)]

        with transaction():
            platform.store([closed(d, AT_NOON + timedelta(days=3), volume_lots=dec("0.90"))])
        world.settle(FRIDAY + timedelta(days=3))
        posting.release_due(datetime(2026, 11, 27, tzinfo=UTC), BY)
        assert world.balances(p) == {"temporary": dec(0), "redeem": dec(3)}

        with pytest.raises(payouts.NotEnoughRedeemable), transaction():
            world.pay_out(p, "5", "too much")
        with transaction():
            world.pay_out(p, "3", "the rest")
            expense = ledger.balance(ledger.wallet(posting.EXPENSE, "commission", "USD").id)
        assert expense == Money(dec(-18), "USD")

    def test_three_business_days_end_later(self, here: None) -> None:
        with transaction():
            p, d = world.make_client("P"), world.make_client("D")
            world.link(d, p)
            world.grant(p, dec(20))
            world.publish(plan_with(referral=None, audit_calendar="business"))
            world.make_platform().store([closed(d)])
        world.settle(FRIDAY)

        assert posting.release_due(datetime(2026, 11, 25, 23, 59, tzinfo=UTC), BY) == 0
        assert posting.release_due(datetime(2026, 11, 26, tzinfo=UTC), BY) == 1

    def test_payout_moves_money_once_per_key(self, here: None) -> None:
        with transaction():
            p, d = world.make_client("P"), world.make_client("D")
            world.link(d, p)
            world.grant(p, dec(20))
            world.publish(plan_with(referral=None, audit_days=0))
            world.make_platform().store([closed(d)])
        world.settle(FRIDAY)
        posting.release_due(datetime(2026, 11, 21, tzinfo=UTC), BY)
        for _ in range(2):
            with transaction():
                world.pay_out(p, "20", "same")

        assert world.balances(p) == {"temporary": dec(0), "redeem": dec(0)}


def test_example_15_a_held_line_is_settled_when_the_partner_may_earn_again(t1: TreeT1) -> None:
    with transaction():
        world.publish(plan_with(on_ineligible="hold"))
        lock = restrictions.lock(t1.c, permissions.COMMISSION_ACCRUAL, reason_code=REASON, by=BY)
        t1.platform.store([closed(t1.d)])
    world.settle(FRIDAY)
    assert world.balances(t1.c)["temporary"] == dec(0)
    assert {(row[1], row[2], row[3]) for row in world.held()} == {("referral", t1.c, ("ACCRUAL_LOCKED",))}

    with transaction():
        restrictions.lift(lock.id, reason="cleared", by=BY)
    world.settle(FRIDAY + timedelta(days=1))
    assert world.balances(t1.c)["temporary"] == dec("4.80")


def test_a_held_line_is_not_paid_while_the_traders_country_forbids_it(t1: TreeT1) -> None:
    with transaction():
        world.publish(plan_with(on_ineligible="hold", gates={"countries_denied": ("IR",)}))
        execute_sql("UPDATE client SET country = 'IR' WHERE tenant_id = :tenant_id AND id = :id", id=t1.d)
        t1.platform.store([closed(t1.d)])
    world.settle(FRIDAY)
    assert {row[3] for row in world.held()} == {("COUNTRY_DENIED",)}

    world.settle(FRIDAY + timedelta(days=1))
    assert world.balances(t1.c)["temporary"] == dec(0)

    with transaction():
        execute_sql("UPDATE client SET country = 'DE' WHERE tenant_id = :tenant_id AND id = :id", id=t1.d)
    world.settle(FRIDAY + timedelta(days=2))
    assert world.balances(t1.c)["temporary"] == dec("4.80")


def test_a_locked_release_waits_and_then_goes(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
        lock = restrictions.lock(t1.a, permissions.COMMISSION_RELEASE, reason_code=REASON, by=BY)
    world.settle(FRIDAY)
    due = datetime(2026, 11, 24, tzinfo=UTC)

    assert posting.release_due(due, BY) == 2  # The batches of B and C.
    assert world.balances(t1.a) == {"temporary": dec("9.20"), "redeem": dec(0)}
    with transaction():
        restrictions.lift(lock.id, reason="cleared", by=BY)
    assert posting.release_due(due, BY) == 2
    assert world.balances(t1.a) == {"temporary": dec(0), "redeem": dec("9.20")}


def test_a_release_leaves_what_is_being_taken_back_and_releases_the_rest(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
    world.settle(FRIDAY)
    due = datetime(2026, 11, 24, tzinfo=UTC)
    clawback = "UPDATE commission_batch SET taken_back_minor = posted_minor WHERE tenant_id = :tenant_id"

    with transaction():  # A clawback that has drawn from the batches of A and has not committed.
        execute_sql(f"{clawback} AND partner_id = :partner", partner=t1.a)
        with tenant_scope(HERE):
            assert posting.release_due(due, BY) == 2  # The batches of B and C.
        expense = ledger.wallet(posting.EXPENSE, "commission", "USD")
        temporary = ledger.wallet(posting.partner_owner(t1.a), ledger.TEMPORARY, "USD")
        money = Money(dec("9.20"), "USD")
        ledger.post(
            "taken back", "commission.clawback", [ledger.Line(temporary.id, -money), ledger.Line(expense.id, money)], BY
        )

    assert posting.release_due(due, BY) == 2  # With nothing left in them.
    assert world.balances(t1.a) == {"temporary": dec(0), "redeem": dec(0)}


def test_a_worker_that_fell_behind_adds_nothing_to_a_day_that_is_summed_up(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
    settled = world.settle(FRIDAY)
    before = world.lines()
    with transaction():
        t1.platform.store([closed(t1.d, AT_NOON + timedelta(hours=1))])

    compute.compute(settled)  # As a second worker would, which saw the run before it went on.

    assert world.lines() == before
    world.settle(FRIDAY + timedelta(days=1))
    assert len(world.lines()) == 2 * len(before)


def test_a_locked_trader_earns_nobody_anything(t1: TreeT1) -> None:
    with transaction():
        restrictions.lock(t1.d, permissions.COMMISSION_ACCRUAL, reason_code=REASON, by=BY)
        t1.platform.store([closed(t1.d)])
    world.settle(FRIDAY)

    assert world.lines() == set()
    assert {row[4] for row in world.reasons()} == {"CLIENT_LOCKED"}


def test_a_late_trade_settles_in_the_next_run_once(t1: TreeT1) -> None:
    world.settle(FRIDAY)
    with transaction():
        t1.platform.store([closed(t1.d)])

    run = world.settle(FRIDAY + timedelta(days=1))

    assert (run.trades, run.late_trades, len(world.lines())) == (1, 1, 4)
    assert world.settle(FRIDAY + timedelta(days=2)).trades == 0


def test_a_corrected_trade_is_reversed_and_settled_anew(t1: TreeT1) -> None:
    with transaction():
        [trade] = t1.platform.store([closed(t1.d)])
    world.settle(FRIDAY)
    with transaction():
        t1.platform.batches += 1
        execute_sql(
            "UPDATE closed_trade SET volume_lots = 0.5, corrected_at = closed_at, revision = 1, batch_no = :no"
            " WHERE tenant_id = :tenant_id AND id = :id",
            id=trade,
            no=t1.platform.batches,
        )
    world.settle(FRIDAY + timedelta(days=1))

    assert world.balances(t1.c)["temporary"] == dec("2.40")
    assert world.balances(t1.a)["temporary"] == dec("4.60")


STEPS = ("opened", "complete", "frozen", "computed", "judged", "batched", "posted", "stated", "proved")


@pytest.mark.parametrize("place", range(8))
def test_a_run_that_stops_after_any_step_goes_on_and_adds_nothing(
    t1: TreeT1, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        t1.platform.store([closed(t1.d, AT_NOON + timedelta(seconds=n)) for n in range(3)])
    whole = settlement._advance

    class Stopped(RuntimeError):
        pass

    def stop(day: date, expected: object, to: object, work: object) -> bool:
        done = whole(day, expected, to, work)  # type: ignore[arg-type]
        if str(to) == STEPS[place + 1]:
            raise Stopped
        return done

    with monkeypatch.context() as patched:
        patched.setattr(settlement, "_advance", stop)
        with pytest.raises(Stopped):
            settlement.settle_day(FRIDAY, by=BY)
    world.settle(FRIDAY)
    before = world.lines(), world.balances(t1.a)
    world.settle(FRIDAY)

    assert (world.lines(), world.balances(t1.a)) == before
    assert world.balances(t1.a)["temporary"] == dec("27.60")


def test_a_proof_that_fails_releases_nothing(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
    settlement.settle_day(FRIDAY, by=BY)
    with transaction():
        t1.platform.store([closed(t1.d, AT_NOON + timedelta(days=1))])
        # Somebody moves a partner's money under audit by hand: the books and the batches no longer agree.
        owner = ledger.Owner("partner", t1.a)
        ledger.post(
            "by hand",
            "adjustment",
            [
                ledger.Line(ledger.wallet(owner, ledger.TEMPORARY, "USD").id, Money(dec("-1"), "USD")),
                ledger.Line(ledger.wallet(posting.EXPENSE, "commission", "USD").id, Money(dec("1"), "USD")),
            ],
            BY,
        )
    run = settlement.settle_day(FRIDAY + timedelta(days=1), by=BY)

    assert not run.is_proved
    assert "temporary wallets" in run.failure
    with transaction():
        assert execute_sql("SELECT count(*) FROM commission_batch WHERE status = 'released'").scalar_one() == 0


def test_days_are_settled_in_order_and_only_when_they_are_over(t1: TreeT1) -> None:
    world.settle(FRIDAY)
    with pytest.raises(settlement.EarlierDayOpen):
        settlement.settle_day(FRIDAY + timedelta(days=2), by=BY)
    with (
        clock.frozen(datetime(2026, 11, 21, 23, 59, tzinfo=UTC)),
        pytest.raises(settlement.DayNotOver),
    ):
        settlement.settle_day(FRIDAY + timedelta(days=1), by=BY)


def test_no_line_names_anybody_of_another_tenant(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
    with tenant_scope(THERE):
        with transaction():
            other = TreeT1()
            world.publish(PLAN)
            other.platform.store([closed(other.d)])
        world.settle(FRIDAY)
        theirs = {other.a, other.b, other.c}
        assert {line[2] for line in world.lines()} == theirs
    with tenant_scope(HERE):
        world.settle(FRIDAY)
        assert {line[2] for line in world.lines()} == {t1.a, t1.b, t1.c}


def test_trades_elsewhere_change_no_line(t1: TreeT1) -> None:
    with transaction():
        t1.platform.store([closed(t1.d)])
    world.settle(FRIDAY)
    before = world.lines()
    with transaction():
        stranger, sponsor = world.make_client("X"), world.make_client("Y")
        world.link(stranger, sponsor)
        t1.platform.store([closed(stranger)])
    world.settle(FRIDAY + timedelta(days=1))

    assert before <= world.lines()
    assert {line[2] for line in world.lines() - before} <= {sponsor}
