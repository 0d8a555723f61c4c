"""The present day so far: the settlement's engine ahead of the settlement, for each partner alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from flask import Flask

from app.core.db import execute_sql, tenant_scope, transaction
from app.kit import clock
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners.plan import Caps
from app.partners.portal import so_far
from app.partners.portal.home import paid_out
from app.partners.settlement.posting import partner_owner
from tests.partners import world
from tests.partners.conftest import THERE
from tests.partners.trades import PLAN, dec, plan_with
from tests.support.brands import Brand, Person, acting
from tests.support.browsing import Visitor, text_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def partner_with_trader() -> tuple[UUID, UUID]:
    partner, trader = world.make_client("Pia Partner"), world.make_client("Dan Trader")
    world.link(trader, partner)
    world.grant(partner, dec(8))
    return partner, trader


def trades(trader: UUID, *lots: str, at: datetime = NOON) -> None:
    """Trades as one batch of the platform, with the counter that ingest keeps."""
    platform = world.make_platform()
    platform.deals = execute_sql("SELECT count(*) FROM closed_trade WHERE tenant_id = :tenant_id").scalar_one()
    platform.store(
        [
            {
                "client_id": trader,
                "volume_lots": dec(one),
                "opened_at": at - timedelta(minutes=9),
                "closed_at": at,
            }
            for one in lots
        ]
    )
    execute_sql(
        "INSERT INTO ingest_counter AS c (tenant_id, batch_no, closed_trade_id) VALUES (:tenant_id, 1, 0)"
        " ON CONFLICT (tenant_id) DO UPDATE SET batch_no = c.batch_no + 1"
    )


def refreshed_at(now: datetime) -> int:
    with clock.frozen(now):
        return so_far.refresh()


def of(partner: UUID, now: datetime) -> so_far.SoFar:
    with clock.frozen(now), transaction():
        return so_far.of_partner(partner, "USD")


def test_the_day_so_far_is_what_the_settlement_pays_in_the_end(here: None) -> None:
    with transaction():
        partner, trader = partner_with_trader()
        world.publish(plan_with(caps=Caps(max_total_per_lot=dec(10))))
        trades(trader, "1", "0.37")
        trades(trader, "2", at=NOON - timedelta(days=1))  # Of the day before.

    assert refreshed_at(NOON + timedelta(hours=1)) == 1
    found = of(partner, NOON + timedelta(hours=1))

    world.settle(NOON.date() - timedelta(days=1))
    world.settle(NOON.date())
    with transaction():
        lines = execute_sql(
            "SELECT track, round(sum(amount), 2) AS amount FROM commission_line WHERE tenant_id = :tenant_id"
            " AND business_date = :day GROUP BY track",
            day=NOON.date(),
        ).all()
    assert {track: money.amount for track, money in found.by_track.items()} == {one.track: one.amount for one in lines}
    assert (found.trades, found.lots) == (2, dec("1.37"))


def test_it_follows_new_trades_and_rests_in_between(here: None) -> None:
    with transaction():
        partner, trader = partner_with_trader()
        world.publish(PLAN)
        trades(trader, "1")
    first = refreshed_at(NOON + timedelta(minutes=1))
    again = refreshed_at(NOON + timedelta(minutes=30))
    with transaction():
        trades(trader, "1", at=NOON + timedelta(minutes=31))
    third = refreshed_at(NOON + timedelta(hours=3))
    tomorrow = of(partner, NOON + timedelta(days=1))

    assert (first, again, third) == (1, 0, 1)
    assert of(partner, NOON + timedelta(hours=3)).by_track["god"].amount == 16
    assert (tomorrow.total.amount, tomorrow.computed_at) == (0, None)


def test_nothing_of_it_is_posted_or_seen_elsewhere(here: None) -> None:
    with transaction():
        partner, trader = partner_with_trader()
        world.publish(PLAN)
        trades(trader, "1")
    refreshed_at(NOON + timedelta(hours=1))

    with transaction():
        for table in ("commission_line", "settled_trade", "commission_reason", "run_rule", "posting"):
            assert execute_sql(f"SELECT count(*) FROM {table} WHERE tenant_id = :tenant_id").scalar_one() == 0
    assert of(trader, NOON + timedelta(hours=1)).total.amount == 0
    with tenant_scope(THERE):
        assert refreshed_at(NOON + timedelta(hours=1)) == 0
        assert of(partner, NOON + timedelta(hours=1)).total.amount == 0


def test_a_partner_sees_today_balances_and_days(
    app: Flask, north: Brand, pia: Person, portal: Visitor, stranger: Visitor
) -> None:
    assert pia.client_id is not None
    with acting(north):
        trader = world.make_client("Dan Trader")
        world.link(trader, pia.client_id)
        world.grant(pia.client_id, dec(8))
        world.publish(PLAN)
        now = clock.business_now()
        trades(trader, "1.5", at=now)
    with tenant_scope(north.id):
        so_far.refresh()

    page, part = text_of(portal.get("/")), text_of(portal.get("/today", target="today"))

    assert "Today so far" in page
    assert "Provisional" in page
    assert "Paid out 0.00 USD" in page
    assert "12.00" in part
    assert "0.00" in text_of(stranger.get("/today", target="today"))
    assert portal.get("/today").status_code == 303


def test_what_was_moved_to_the_wallet_counts_as_paid_out(here: None) -> None:
    with transaction():
        partner, _trader = partner_with_trader()
        redeem = ledger.wallet(partner_owner(partner), ledger.REDEEM, "USD")
        main = ledger.wallet(ledger.Owner("client", partner), ledger.MAIN, "USD")
        expense = ledger.wallet(ledger.Owner("house", "commission"), "expense", "USD")
        ten, three = Money(Decimal(10), "USD"), Money(Decimal(3), "USD")
        ledger.post("a", "commission.release", [ledger.Line(expense.id, -ten), ledger.Line(redeem.id, ten)], world.BY)
        ledger.post("b", "commission.payout", [ledger.Line(redeem.id, -three), ledger.Line(main.id, three)], world.BY)
        found = paid_out(partner)

    assert {code: money.amount for code, money in found.items()} == {"USD": Decimal(3)}
