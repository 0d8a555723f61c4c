"""A run that is killed with -9, anywhere, ends as an undisturbed one once it is taken up again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import event

from app.core.db import app_engine, batch_scope, dispose_engines, execute_sql, in_transaction, tenant_scope, transaction
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import permissions, queries
from app.partners.payouts import service as payouts
from app.partners.settlement import compute, posting, wallets
from app.partners.settlement import run as settlement
from app.rates import queries as rates
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.conftest import HERE
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY
from tools import roles

FIRST = date(2026, 6, 1)


class Story:
    """A partner above a partner, who is paid in euros, above a trader; each day brings the same trades and takes one of
    the last day back."""

    def __init__(self) -> None:
        with batch_scope("test rates"), transaction():  # Whole cents in euros, too, so that one day is as another.
            rates.store_quotes([("USD", FIRST + timedelta(days=n), dec("1.25")) for n in range(-3, 400)])
        with transaction():
            self.top, self.near, self.trader = (world.make_client(name) for name in ("Top", "Near", "Trader"))
            world.link(self.trader, self.near)
            world.link(self.near, self.top)
            world.grant(self.top, dec(8))
            held = world.make_client("Held")
            world.link(self.top, held)
            world.publish(plan_with(on_ineligible="hold"))
            wallets.choose_currency(self.near, "EUR", by=BY)
            restrictions.lock(held, permissions.COMMISSION_ACCRUAL, reason_code=next(iter(REASONS)), by=BY)
            self.platform = world.make_platform()
        self.day = FIRST
        self.last: int | None = None
        self.begin_day()
        world.settle(self.day)

    def begin_day(self, day: date | None = None) -> None:
        """Store the trades of a day, and take the first trade of the day before away."""
        self.day = day or self.day
        noon = datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC)
        with transaction():
            if self.last is not None:
                self.platform.batches += 1
                execute_sql(
                    "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1,"
                    " batch_no = :no WHERE tenant_id = :tenant_id AND id = :id",
                    id=self.last,
                    no=self.platform.batches,
                )
            ids = self.platform.store(
                [
                    {
                        "client_id": self.trader,
                        "opened_at": noon + timedelta(seconds=n) - timedelta(seconds=60 if n == 3 else 600),
                        "closed_at": noon + timedelta(seconds=n),
                    }
                    for n in range(4)
                ]
            )
        self.last = ids[0]

    def next_day(self) -> None:
        self.begin_day(self.day + timedelta(days=1))

    def outcome(self) -> dict[str, Any]:
        """What the day has left: lines, reasons, holds, money and statements, without what names the day."""
        return in_transaction(lambda: {name: _rows(text, self.day) for name, text in OUTCOMES.items()})


OUTCOMES = {
    "lines": "SELECT partner_id, track, component, level, amount_before_cap, amount, count(*) FROM commission_line"
    " WHERE tenant_id = :tenant_id AND business_date = :day GROUP BY 1, 2, 3, 4, 5, 6",
    "reasons": "SELECT partner_id, track, reason, count(*) FROM commission_reason"
    " WHERE tenant_id = :tenant_id AND business_date = :day GROUP BY 1, 2, 3",
    "holds": "SELECT partner_id, track, gates, count(*) FROM commission_hold"
    " WHERE tenant_id = :tenant_id AND held_on = :day GROUP BY 1, 2, 3",
    "batches": "SELECT partner_id, track, currency, sequence, purpose, lines, carry_in, carry_out, posted_minor, status"
    " FROM commission_batch WHERE tenant_id = :tenant_id AND business_date = :day",
    "postings": "SELECT e.kind, w.owner_kind, w.owner_id, w.purpose, p.amount_minor FROM journal_entry AS e"
    " JOIN posting AS p ON p.tenant_id = e.tenant_id AND p.entry_id = e.id"
    " JOIN wallet AS w ON w.tenant_id = p.tenant_id AND w.id = p.wallet_id"
    " WHERE e.tenant_id = :tenant_id AND e.business_date = :day",
    "statements": "SELECT partner_id, currency, line_count, reason_count, lines, held, carry_in, carry_out,"
    " posted_minor FROM commission_statement WHERE tenant_id = :tenant_id AND business_date = :day",
}


def _rows(text: str, day: date) -> list[str]:
    return sorted(str(tuple(row)) for row in execute_sql(text, day=day))


@pytest.fixture
def story(here: None, monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(compute, "SLICE_SIZE", 2)  # Several slices a day, side by side.
    return Story()


def in_a_child(work: Callable[[], None]) -> int:
    """Run `work` in a process of its own and answer its number. It ends without cleaning up anything of ours."""
    child = os.fork()
    if child == 0:
        try:
            dispose_engines(close=False)
            with tenant_scope(HERE):
                work()
            os._exit(0)
        except BaseException:
            os._exit(1)
    return child


def ended(child: int) -> int:
    """The signal that ended a child; 0 for one that ended by itself and well."""
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def settle_until_statement(day: date, number: int, when: str) -> Callable[[], None]:
    """Settle a day, and be killed before or after that statement, or at that commit."""

    def work() -> None:
        seen = iter(range(1, 1_000_000))

        def count(*_args: Any) -> None:
            if next(seen) == number:
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(app_engine(), when, count)
        settlement.settle_day(day, by=BY)

    return work


def settle_again(day: date) -> None:
    """Take the run up as soon as the database has noticed that the killed worker is gone."""
    until = time.monotonic() + 20
    while True:
        try:
            world.settle(day)
            return
        except settlement.AlreadyRunning:
            assert time.monotonic() < until, "The lock of a killed worker is still held."
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("when", "first", "stride"),
    [("commit", 1, 1), ("before_cursor_execute", 1, 9), ("after_cursor_execute", 5, 9)],
)
def test_killed_at_a_statement_or_commit_it_ends_the_same(story: Story, when: str, first: int, stride: int) -> None:
    story.next_day()
    world.settle(story.day)
    undisturbed = story.outcome()
    assert all(undisturbed.values())
    killed = 0
    for number in range(first, 1000, stride):
        story.next_day()
        how = ended(in_a_child(settle_until_statement(story.day, number, when)))
        settle_again(story.day)
        assert story.outcome() == undisturbed, f"killed at {when} {number}"
        if how != signal.SIGKILL:
            assert how == 0
            break
        killed += 1
    assert killed >= 10


@pytest.mark.parametrize(
    "table",
    [
        "run_term", "settled_trade", "commission_line", "commission_reason", "commission_hold", "commission_batch",
        "journal_entry", "commission_statement",
    ],
)  # fmt: skip
def test_killed_inside_a_statement_it_ends_the_same(story: Story, database: roles.Addresses, table: str) -> None:
    story.next_day()
    world.settle(story.day)
    undisturbed = story.outcome()
    story.next_day()
    with psycopg.connect(roles.libpq(database.owner), autocommit=False) as holder:
        holder.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())  # Readers pass, writers wait.
        child = in_a_child(lambda: settle_and_ignore(story.day))
        wait_for_a_waiter(holder, table)
        os.kill(child, signal.SIGKILL)
        assert ended(child) == signal.SIGKILL
        holder.rollback()

    settle_again(story.day)
    assert story.outcome() == undisturbed


def settle_and_ignore(day: date) -> None:
    settlement.settle_day(day, by=BY)


def wait_for_a_waiter(connection: psycopg.Connection[Any], table: str) -> None:
    """Until somebody's statement waits for the table."""
    until = time.monotonic() + 20
    question = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass)"
    while connection.execute(question.encode(), (table,)).fetchone() != (True,):
        assert time.monotonic() < until, f"Nobody writes to {table}."
        time.sleep(0.02)


def test_of_two_runs_started_together_one_works_and_the_other_says_so(story: Story, database: roles.Addresses) -> None:
    story.next_day()
    with psycopg.connect(roles.libpq(database.owner), autocommit=False) as holder:
        holder.execute(b"LOCK TABLE commission_statement IN SHARE MODE")
        child = in_a_child(lambda: settle_and_ignore(story.day))
        wait_for_a_waiter(holder, "commission_statement")
        with pytest.raises(settlement.AlreadyRunning):
            settlement.settle_day(story.day, by=BY)
        with pytest.raises(settlement.AlreadyRunning):
            settlement.settle_due(BY)
        holder.rollback()
    assert ended(child) == 0

    assert in_transaction(settlement.get, story.day).is_proved


def test_while_a_run_posts_a_partner_is_paid_and_reads(story: Story, database: roles.Addresses) -> None:
    """The run stands still after a batch of its posting; a payout needs no lock that it holds."""
    posting.release_due(datetime(2026, 12, 1, tzinfo=UTC), BY)
    story.next_day()
    with psycopg.connect(roles.libpq(database.owner), autocommit=False) as holder:
        holder.execute(b"LOCK TABLE commission_statement IN SHARE MODE")
        child = in_a_child(lambda: settle_and_ignore(story.day))
        wait_for_a_waiter(holder, "commission_statement")
        with transaction():
            execute_sql("SET LOCAL lock_timeout = '1ms'")
            before = redeemable(story.top)
            payouts.request_payout(story.top, Money(dec("1.00"), "USD"), "wallet", once="meanwhile", by=BY)
            assert queries.balances(story.top)[0].redeemable == before - Money(dec("1.00"), "USD")
        holder.rollback()
    assert ended(child) == 0


def redeemable(partner_id: UUID) -> Money:
    return ledger.balance(ledger.wallet(posting.partner_owner(partner_id), ledger.REDEEM, "USD").id)
