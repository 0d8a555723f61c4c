"""The program against a trade server and the whole product: what happens becomes rows, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from app.core import db
from app.simulators.mt5.enums import Action
from app.simulators.mt5.execution import close_position, market_order
from app.simulators.mt5.state import TradeServer
from app.trading.models import DealRow, OpenPosition, TradingAccount
from app.trading.queries import accounts as account_queries
from app.trading.queries import platforms
from app.trading.service import connections
from tests.bridge.support import CRM, BridgeProcess, Road
from tests.simulators.support import Control
from tests.trading.conftest import Desk, wait_until
from tests.trading.test_intake import LOT, closed, trade

Start = Callable[..., BridgeProcess]


def deals(desk: Desk, account: TradingAccount) -> list[DealRow]:
    with desk.scope():
        statement = select(DealRow).where(DealRow.login == account.login, DealRow.kind == "trade")
        return list(db.session().scalars(statement.order_by(DealRow.ticket)))


def status(desk: Desk) -> Any:
    with desk.scope():
        return platforms.status(desk.platform_id)


def caught_up(desk: Desk) -> None:
    """As the connector does: a reading that begins now, and is stored; so the next wish for one shows."""
    server_msc = desk.simulator.call(lambda server: server.time.msc())
    with desk.scope():
        plan = connections.plan_catch_up(desk.platform_id, every_s=0, without_bridge_s=0)
        assert plan is not None
        connections.record_caught_up(desk.platform_id, server_msc, plan.reason)
    assert status(desk).catch_up_wanted == ""


def wait_synced(crm: CRM, times: int = 1) -> None:
    wait_until(lambda: crm.kinds().count("bridge.sync") >= times)


def trade_tickets(desk: Desk, account: TradingAccount) -> list[int]:
    """The account's trades as the platform has them."""
    return desk.simulator.call(
        lambda server: [deal.deal for deal in server.deals.of_login(int(account.login or 0)) if deal.action < 2]
    )


def test_what_happens_on_the_platform_becomes_rows(
    desk: Desk, account: TradingAccount, crm: CRM, start_bridge: Start
) -> None:
    bridge = start_bridge()
    wait_synced(crm)
    trade(desk, account, "0.10", parts=2)
    desk.simulator.call(lambda server: market_order(server, server.user(account.login), "GBPUSD", Action.SELL, LOT))

    wait_until(lambda: len(deals(desk, account)) == 4)
    assert len(closed(desk)) == 2
    wait_until(lambda: len(crm.tickets()) == 4)  # A row is there a moment before its acknowledgement.
    assert crm.tickets() == trade_tickets(desk, account)
    wait_until(lambda: crm.kinds().count("position.add") == 2)
    with desk.scope():
        (position,) = db.session().scalars(select(OpenPosition)).all()
        state = account_queries.account_view(account.id).state
        assert (position.symbol, position.side, position.login) == ("GBPUSD", "sell", account.login)
        assert state is not None
        assert state.balance == desk.sim_balance(account.login)
    assert set(crm.statuses()) == {200}
    numbers = [event["seq"] for event in crm.stored(heartbeats=True)]
    assert numbers == list(range(1, len(numbers) + 1))
    wait_until(lambda: bridge.facts.get("is_synced") and bridge.facts["events_in_journal"] == 0)


def test_it_stops_cleanly_and_says_so(desk: Desk, account: TradingAccount, crm: CRM, start_bridge: Start) -> None:
    bridge = start_bridge()
    wait_synced(crm)
    assert bridge.stop() == 0
    assert crm.kinds()[-1] == "bridge.disconnect"
    assert bridge.facts["is_running"] is False
    assert status(desk).bridge_seen_at is None


def test_killed_in_the_middle_of_a_batch_it_tells_everything_once_and_in_order(
    desk: Desk, account: TradingAccount, crm: CRM, road: Road, start_bridge: Start
) -> None:
    bridge = start_bridge()
    wait_synced(crm)
    caught_up(desk)
    road.holds_answers = True
    trade(desk, account, parts=20)
    wait_until(lambda: road.answers_held > 0)
    wait_until(lambda: bridge.facts.get("events_in_journal", 0) >= 40)
    bridge.kill()
    road.holds_answers = False

    start_bridge()
    expected = trade_tickets(desk, account)
    wait_until(lambda: len(deals(desk, account)) == len(expected) == 21)
    wait_synced(crm, 2)
    assert crm.tickets() == expected
    assert {row.revision for row in deals(desk, account)} == {1}
    assert [trade.closing_deal for trade in sorted(closed(desk), key=lambda each: each.closing_deal)] == expected[1:]
    assert {trade.revision for trade in closed(desk)} == {1}
    assert status(desk).catch_up_wanted == "gap"  # What happened while nobody listened is read over the Web API.


def test_a_lost_acknowledgement_stores_nothing_twice(
    desk: Desk, account: TradingAccount, crm: CRM, road: Road, start_bridge: Start
) -> None:
    start_bridge()
    wait_synced(crm)
    road.answers_to_lose = 3
    trade(desk, account, parts=3)

    wait_until(lambda: len(deals(desk, account)) == 4 and road.answers_to_lose == 0)
    wait_until(lambda: crm.kinds()[-1] == "user.update")
    sent = [(batch["epoch"], event["seq"]) for batch, _, _ in crm.batches for event in batch["events"]]
    assert len(sent) > len(set(sent))
    assert crm.tickets() == trade_tickets(desk, account)
    assert {row.revision for row in deals(desk, account)} == {1}


def test_what_happened_while_the_crm_was_away_comes_afterwards(
    desk: Desk, account: TradingAccount, crm: CRM, start_bridge: Start
) -> None:
    bridge = start_bridge()
    wait_synced(crm)
    crm.stop()
    trade(desk, account, "0.01", parts=250)
    wait_until(lambda: bridge.facts.get("events_in_journal", 0) >= 500)
    assert bridge.facts["send_error"]
    crm.start()

    expected = trade_tickets(desk, account)
    wait_until(lambda: len(deals(desk, account)) == len(expected) == 251)
    wait_until(lambda: len(crm.tickets()) == len(expected))
    assert crm.tickets() == expected
    assert max(len(batch["events"]) for batch, _, _ in crm.batches) == 200
    wait_until(lambda: bridge.facts["events_in_journal"] == 0 and not bridge.facts["send_error"])


def test_a_lost_link_to_the_platform_asks_for_a_catch_up(
    desk: Desk, account: TradingAccount, crm: CRM, start_bridge: Start
) -> None:
    start_bridge(bridge={"heartbeat_s": 0.2})
    wait_synced(crm)
    caught_up(desk)
    with Control(desk.simulator) as control:
        control.post("/manager/link", cut=True)
        wait_until(lambda: crm.kinds()[-1] == "bridge.disconnect")
        assert status(desk).catch_up_wanted == "gap"
        trade(desk, account)
        beats = len(crm.batches)
        wait_until(lambda: len(crm.batches) > beats + 1)
        assert crm.batches[-1][0]["events"][0]["record"] == {"Connected": "0"}
        assert status(desk).bridge_seen_at is None  # It lives, but it hears nothing.
        control.post("/manager/link", cut=False)
    wait_synced(crm, 2)

    assert crm.kinds()[-3:] == ["bridge.disconnect", "bridge.connect", "bridge.sync"]
    assert crm.tickets() == []  # What happened meanwhile is never told.
    assert status(desk).bridge_seen_at is not None


def test_an_overflow_of_its_memory_asks_for_a_catch_up(
    desk: Desk, account: TradingAccount, crm: CRM, start_bridge: Start
) -> None:
    start_bridge(bridge={"queue_events_max": 10, "batch_events": 5, "batch_wait_s": 0.5})
    wait_synced(crm)
    caught_up(desk)
    trade(desk, account, "0.01", parts=100)

    wait_until(lambda: "bridge.overflow" in crm.kinds())
    assert status(desk).catch_up_wanted == "gap"
    told = crm.tickets()
    assert told == [ticket for ticket in trade_tickets(desk, account) if ticket in set(told)]
    numbers = [event["seq"] for event in crm.stored(heartbeats=True)]
    assert numbers == sorted(set(numbers))


def test_sign_ins_moves_and_margin_calls(desk: Desk, account: TradingAccount, crm: CRM, start_bridge: Start) -> None:
    login = int(account.login or 0)
    desk.simulator.call(lambda server: market_order(server, server.user(login), "EURUSD", Action.BUY, LOT))
    start_bridge()
    wait_synced(crm)

    def act(server: TradeServer) -> None:
        from app.simulators.mt5 import accounts

        for address in ("203.0.113.9", "203.0.113.9", "2001:db8::7"):
            accounts.sign_in(server, server.user(login), address, 4)

    desk.simulator.call(act)
    with Control(desk.simulator) as control:
        control.post("/manager/move", login=login, group="real\\raw-usd")
    wait_until(lambda: "position.update" in crm.kinds() or crm.kinds().count("position.add") == 1)
    wait_until(lambda: crm.kinds()[-1] == "user.update" or "position.update" in crm.kinds())

    def signed_in_from() -> set[str]:
        with desk.scope():
            rows = db.execute_sql(
                "SELECT ip FROM audit_record WHERE tenant_id = :tenant_id AND action = 'trading.account.sign_in'"
                " AND client_id = :client",
                client=desk.client_id,
            )
            found = list(rows.scalars())
            assert len(found) == len(set(found))
            return set(found)

    wait_until(lambda: signed_in_from() == {"203.0.113.9", "2001:db8::7"})
    moves = [event for event in crm.stored() if event["type"] == "user.update"]
    assert [event["record"]["Group"] for event in moves].count("real\\raw-usd") == 1  # The platform tells it twice.
    with desk.scope():
        assert len(db.session().scalars(select(OpenPosition)).all()) == 1
        assert account_queries.account(account.id).group_name == "real\\raw-usd"
    assert closed(desk) == []


def test_a_closed_position_is_told_with_what_was_known_of_it(
    desk: Desk, account: TradingAccount, crm: CRM, start_bridge: Start
) -> None:
    login = int(account.login or 0)
    before = desk.simulator.call(
        lambda server: market_order(server, server.user(login), "EURUSD", Action.BUY, LOT // 5).position
    )
    start_bridge()
    wait_synced(crm)
    trade(desk, account)
    desk.simulator.call(
        lambda server: close_position(server, server.user(login), server.positions[login][before], None, None)
    )
    wait_until(lambda: crm.kinds().count("position.delete") == 2)
    gone = {
        int(event["record"]["Position"]): event["record"]
        for event in crm.stored()
        if event["type"] == "position.delete"
    }
    assert gone[before]["Volume"] == "2000"  # Open since before the bridge began.
    assert all(float(record["PriceOpen"]) > 0 for record in gone.values())
    with desk.scope():
        assert db.session().scalars(select(OpenPosition)).all() == []
