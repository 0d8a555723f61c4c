"""From the start on, and not before: what a platform's past pays, and which messages it sends."""

from __future__ import annotations

from datetime import timedelta

from app.core import db
from app.core.actor import acting_as
from app.kit import clock
from app.trading.adoption.models import History
from app.trading.adoption.service import runs
from app.trading.models import TradingPlatform
from tests.partners import world
from tests.partners.trades import PLAN
from tests.support.brands import mails, make_trader
from tests.trading.adoption.conftest import Adopter
from tests.trading.conftest import SYSTEM, Connector, wait_until


def test_no_commission_and_no_message_for_what_closed_before_the_start(adopter: Adopter) -> None:
    desk = adopter.desk
    sponsor = make_trader(desk.brand, "sponsor@north.example", name="The Sponsor").client_id
    assert sponsor is not None
    login = adopter.open_old("Mona Haddad", "mona@north.example", days_ago=6, trades=5)
    arrived = len(mails(desk.brand))
    with desk.scope():
        runs.set_start(desk.platform_id, clock.now() - timedelta(days=2), by=SYSTEM)
        world.link(desk.client_id, sponsor)
        world.publish(PLAN)
    run = adopter.start(history=History.NOW)
    connector = Connector()
    try:
        wait_until(desk.clock_is_known)
        adopter.until_matched(run)
        adopter.until_adopted(login)
        adopter.until_past_read(run)
    finally:
        connector.stop()
    with desk.scope():
        platform = db.get(TradingPlatform, desk.platform_id)
        assert platform is not None
        platform.is_active = False  # Nobody asks whether today's deals are complete.
        opened = {
            row.id: row.closed_at
            for row in db.execute_sql("SELECT id, closed_at FROM closed_trade WHERE tenant_id = :tenant_id")
        }

    yesterday = (clock.business_now() - timedelta(days=1)).date()
    with db.tenant_scope(desk.brand.id), acting_as(SYSTEM):
        world.settle(yesterday)
        paid = {row[0] for row in world.lines()}
        refused = {row[0]: row[4] for row in world.reasons() if row[2] == sponsor}

    before = {trade for trade, closed_at in opened.items() if closed_at < clock.now() - timedelta(days=2)}
    assert (len(opened), len(before)) == (5, 4)
    assert paid == opened.keys() - before
    assert {trade: refused.get(trade) for trade in before} == dict.fromkeys(before, "BEFORE_START")
    assert len(mails(desk.brand)) == arrived
