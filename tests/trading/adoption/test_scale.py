"""A thousand accounts, and a connector that dies among them."""

from __future__ import annotations

import signal

from app.core import db
from app.ledger import service as ledger
from app.trading.adoption import queries
from app.trading.adoption.models import History, LoginState
from app.trading.queries import platforms
from app.trading.service import proof
from tests.support.brands import run_jobs
from tests.trading.adoption.conftest import Adopter, open_old
from tests.trading.conftest import Connector, wait_until
from tests.trading.test_connector import expire_leases, process

ACCOUNTS, PEOPLE = 1_000, 40


def test_a_thousand_accounts_survive_a_connector_that_is_killed_among_them(adopter: Adopter) -> None:
    desk = adopter.desk
    desk.simulator.call(
        lambda server: [
            open_old(server, f"Person {n % PEOPLE}", f"person{n % PEOPLE}@old.example", days_ago=20, trades=n % 20 == 0)
            for n in range(ACCOUNTS)
        ]
    )
    adopter.starts_now()
    run = adopter.start(creates_clients=True, history=History.NOW)

    def adopted() -> int:
        with desk.scope():
            return queries.count_by_state(desk.platform_id)[LoginState.ADOPTED]

    with process() as first:
        wait_until(lambda: adopter.run(run).read_at is not None, seconds=120)
        run_jobs(desk.brand)
        wait_until(lambda: 0 < adopted() < ACCOUNTS, seconds=120)
        first.send_signal(signal.SIGKILL)
        first.wait(10)
    before = adopted()
    expire_leases()
    second = Connector()
    try:
        wait_until(lambda: adopted() == ACCOUNTS, seconds=120)
        adopter.until_past_read(run)
    finally:
        second.stop()

    assert before < ACCOUNTS
    with desk.scope():
        counts = db.execute_sql(
            "SELECT count(*) AS accounts, count(DISTINCT login) AS logins, count(DISTINCT client_id) AS clients,"
            " sum(opening_balance) AS opened FROM trading_account WHERE tenant_id = :tenant_id"
        ).one()
        assert (counts.accounts, counts.logins, counts.clients) == (ACCOUNTS, ACCOUNTS, PEOPLE)
        assert proof.verify_platform_money() == []
        assert ledger.verify() == []
        assert platforms.unmatched_deals() == []
        legs = db.execute_sql("SELECT count(*) FROM closed_trade WHERE tenant_id = :tenant_id AND deleted_at IS NULL")
        assert legs.scalar_one() == ACCOUNTS // 20
    total = desk.simulator.call(lambda server: sum(user.balance for user in server.users.values()))
    assert desk.on_platform() == total == counts.opened
