"""Accounts of the past: read in, matched, taken into the books, and their history behind them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from app.core import db
from app.core.errors import Conflict, Invalid
from app.kit import clock
from app.kit.money import Money
from app.ledger import service as ledger
from app.simulators.mt5.enums import Action
from app.simulators.mt5.money import change_balance
from app.tenancy.papers import Period
from app.trading.adoption import queries
from app.trading.adoption.models import History, LoginState, RunState
from app.trading.adoption.service import logins, runs
from app.trading.models import TradingAccount
from app.trading.queries import accounts, platforms
from app.trading.service import fund, proof, withdraw_from
from app.trading.statements import service as statements
from tests.support.brands import Brand, acting, make_trader
from tests.trading.adoption.conftest import Adopter
from tests.trading.conftest import SYSTEM, Connector, Desk, make_desk, wait_until
from tests.trading.test_intake import trade


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def balances(desk: Desk, account: TradingAccount, days: int) -> tuple[Decimal, Decimal]:
    """What a statement of the last days begins and ends with."""
    today = clock.business_now().date()
    period = Period(today - timedelta(days=days), today + timedelta(days=1), ZoneInfo("UTC"))
    with desk.scope():
        statement = statements.statement(account, period)
        return statement.opening_balance, statement.closing_balance


def books_agree(desk: Desk) -> bool:
    with desk.scope():
        return proof.verify_platform_money() == [] and ledger.verify() == []


@pytest.mark.usefixtures("connector")
def test_accounts_are_read_matched_and_taken_into_the_books(adopter: Adopter) -> None:
    desk = adopter.desk
    mine = adopter.open_old("Mona Haddad", "Mona@North.example", deposit="1000")
    poor = adopter.open_old("Mona Haddad", "mona@north.example", deposit="0", trades=0)
    strangers = adopter.open_old("Omar Aziz", "omar@elsewhere.example", deposit="77.50")
    adopter.starts_now()
    run = adopter.start()
    adopter.until_matched(run)
    adopter.until_adopted(mine, poor)

    account, balance = adopter.account(mine), desk.sim_balance(mine)
    assert (account.client_id, account.currency, account.leverage) == (desk.client_id, "USD", 100)
    assert account.is_active
    assert account.adopted_at is not None
    assert account.opening_balance == balance != 1000  # The trades of the past are in it.
    assert desk.on_platform() == balance
    assert desk.house("opening_balance", "opening") == -balance
    waiting = adopter.login(strangers)
    assert (waiting.state, waiting.obstacle) == (LoginState.WAITING, "no_client")
    assert books_agree(desk)
    with desk.scope():
        assert platforms.unmatched_deals() == []
        assert platforms.balances_by_deals(desk.platform_id) == {mine: balance, poor: 0}
    assert balances(desk, account, 3) == (balance, balance)

    desk.outcome(desk.ask(withdraw_from, account.id, usd("300")))
    desk.outcome(desk.ask(fund, account.id, usd("100")))
    wait_until(lambda: desk.sim_balance(mine) == balance - 200)
    wait_until(lambda: books_agree(desk))
    assert (desk.wallet(), desk.on_platform()) == (200, balance - 200)


@pytest.mark.usefixtures("connector")
def test_the_past_is_read_and_shown_and_moves_no_money(adopter: Adopter) -> None:
    desk = adopter.desk
    login = adopter.open_old("Mona Haddad", "mona@north.example", deposit="1000", days_ago=45, trades=5)
    late = adopter.open_old("Omar Aziz", "omar@north.example", deposit="200", days_ago=20, trades=2)
    adopter.starts_now()
    run = adopter.start(history=History.NOW)
    adopter.until_matched(run)
    adopter.until_adopted(login)
    adopter.until_past_read(run)
    standing = desk.on_platform()

    with desk.scope():
        trades = accounts.closed_trades_of(adopter.account(login).id)
        deals = accounts.deals_of(accounts.account(adopter.account(login).id))
        assert (len(trades), len(deals)) == (5, 11)
        assert platforms.unmatched_deals() == []
    assert standing == desk.sim_balance(login)
    assert balances(desk, adopter.account(login), 60) == (0, standing)
    assert balances(desk, adopter.account(login), 1) == (standing, standing)

    omar = make_trader(desk.brand, "omar.aziz@north.example", name="Omar Aziz")
    assert omar.client_id is not None
    with desk.scope():
        logins.assign(desk.platform_id, late, omar.client_id, type_id=None, by=SYSTEM)
    adopter.until_adopted(late)
    with desk.scope():
        assert len(accounts.closed_trades_of(adopter.account(late).id)) == 2
        assert platforms.unmatched_deals() == []
    assert desk.on_platform() == standing + desk.sim_balance(late)
    assert books_agree(desk)
    found = adopter.run(run)
    assert runs.history_share(found) == (46, 46) or runs.history_share(found) == (45, 45)
    assert found.deals_read == 16


@pytest.mark.usefixtures("connector")
def test_money_moved_by_hand_after_the_adoption_goes_to_suspense_as_ever(adopter: Adopter) -> None:
    desk = adopter.desk
    login = adopter.open_old("Mona Haddad", "mona@north.example")
    adopter.starts_now()
    adopter.until_matched(adopter.start())
    adopter.until_adopted(login)

    desk.simulator.call(
        lambda server: change_balance(server, server.user(login), Action.BALANCE, Decimal(50), "gift", dealer=1)
    )

    wait_until(lambda: desk.house("suspense", "suspense") == -50)
    assert desk.on_platform() == desk.sim_balance(login)
    with desk.scope():
        assert [deal.login for deal in platforms.unmatched_deals()] == [login]


@pytest.mark.usefixtures("connector")
def test_an_account_that_trades_while_it_is_taken_over_begins_with_the_right_balance(adopter: Adopter) -> None:
    desk = adopter.desk
    login = adopter.open_old("Mona Haddad", "mona@north.example", deposit="5000")
    adopter.starts_now()
    adopter.until_matched(adopter.start())
    adopter.until_adopted(login)
    trade(desk, adopter.account(login))

    def agrees() -> bool:
        with desk.scope():
            return platforms.balances_by_deals(desk.platform_id) == {login: desk.sim_balance(login)}

    wait_until(agrees)


@pytest.mark.usefixtures("connector")
def test_an_email_of_several_people_decides_nothing(adopter: Adopter) -> None:
    desk = adopter.desk
    one = adopter.open_old("Mona Haddad", "mona@north.example")
    other = adopter.open_old("Karim Haddad", "mona@north.example")
    unusable = adopter.open_old("Nobody", "none")
    adopter.starts_now()
    run = adopter.start(creates_clients=True)
    adopter.until_matched(run)

    assert [adopter.login(login).obstacle for login in (one, other, unusable)] == [
        "shared_email",
        "shared_email",
        "no_email",
    ]
    with desk.scope():
        logins.assign(desk.platform_id, one, desk.client_id, type_id=None, by=SYSTEM)
        logins.ignore(desk.platform_id, other, note="Closed long ago", by=SYSTEM)
    adopter.until_adopted(one)
    with desk.scope():
        logins.match(run)
    assert [adopter.state(login) for login in (other, unusable)] == [LoginState.IGNORED, LoginState.WAITING]
    with desk.scope(), pytest.raises(logins.LoginDecided):
        logins.assign(desk.platform_id, one, desk.client_id, type_id=None, by=SYSTEM)
    with desk.scope():
        assert logins.bring_back(desk.platform_id, other, by=SYSTEM).state is LoginState.WAITING


@pytest.mark.usefixtures("connector")
def test_clients_are_made_of_people_whom_only_the_platform_knows(adopter: Adopter) -> None:
    desk = adopter.desk
    first = adopter.open_old("Omar Aziz", "omar@old.example")
    second = adopter.open_old("OMAR  Aziz", "Omar@Old.example")
    adopter.starts_now()
    adopter.until_matched(adopter.start(creates_clients=True))
    adopter.until_adopted(first, second)

    assert adopter.account(first).client_id == adopter.account(second).client_id != desk.client_id
    with desk.scope():
        rows = db.execute_sql(
            "SELECT c.status, c.name, u.confirmed_at, p.hash FROM client AS c"
            " JOIN identity_user AS u ON u.tenant_id = c.tenant_id AND u.id = c.user_id"
            " LEFT JOIN credential_password AS p ON p.tenant_id = u.tenant_id AND p.user_id = u.id"
            " WHERE c.tenant_id = :tenant_id AND c.email_norm = 'omar@old.example'"
        ).all()
    assert [tuple(row) for row in rows] == [("registered", "Omar Aziz", None, None)]


@pytest.mark.usefixtures("connector")
def test_a_reading_may_run_again_and_leaves_out_what_it_is_told_to(adopter: Adopter) -> None:
    desk = adopter.desk
    login = adopter.open_old("Mona Haddad", "mona@north.example")
    euro = adopter.open_old("Mona Haddad", "mona@north.example", group="real\\standard-eur")
    adopter.starts_now()
    with desk.scope(), pytest.raises(Invalid):
        runs.start_run(
            desk.platform_id,
            masks=["!real\\*", " "],
            default_type_id=None,
            creates_clients=False,
            history=History.NONE,
            history_from=None,
            by=SYSTEM,
        )
    nothing = adopter.start("other\\*")
    adopter.until_read(nothing)
    assert adopter.run(nothing).state is RunState.STOPPED
    adopter.until_matched(adopter.start("REAL\\standard-*", "!*-eur"))
    adopter.until_adopted(login)
    with pytest.raises(Exception, match="does not exist"):
        adopter.login(euro)

    adopter.until_matched(adopter.start())
    adopter.until_adopted(euro)
    account = adopter.account(euro)
    assert (account.currency, desk.on_platform("EUR")) == ("EUR", desk.sim_balance(euro))
    assert books_agree(desk)
    with desk.scope():
        assert len(accounts.accounts_of(desk.client_id)) == 2


@pytest.mark.usefixtures("connector")
def test_a_group_without_an_account_type_needs_a_choice(adopter: Adopter) -> None:
    desk = adopter.desk
    login = adopter.open_old("Mona Haddad", "mona@north.example", group="real\\raw-usd")
    adopter.starts_now()
    adopter.until_matched(adopter.start())
    assert adopter.login(login).obstacle == "no_type"
    with desk.scope():
        kinds = {kind.code: kind for kind in accounts.account_types()}
    with desk.scope(), pytest.raises(Invalid):
        logins.assign(desk.platform_id, login, desk.client_id, type_id=None, by=SYSTEM)

    adopter.until_matched(adopter.start(default_type=kinds["netting"].id))
    adopter.until_adopted(login)
    assert adopter.account(login).type_id == kinds["netting"].id


def test_without_a_start_nothing_is_read_and_one_reading_runs_at_a_time(adopter: Adopter) -> None:
    with pytest.raises(runs.StartNotSet):
        adopter.start()
    adopter.starts_now()
    run = adopter.start()
    with pytest.raises(runs.RunUnderWay):
        adopter.start()
    with adopter.desk.scope():
        runs.stop_run(run, by=SYSTEM)
    with adopter.desk.scope(), pytest.raises(Conflict):
        runs.stop_run(run, by=SYSTEM)
    assert adopter.start() != run


def test_brands_adopt_only_what_is_theirs(adopter: Adopter, south: Brand) -> None:
    elsewhere = make_desk(adopter.server, south)
    login = adopter.open_old("Mona Haddad", "mona@north.example")
    adopter.starts_now()
    connector = Connector()
    try:
        wait_until(adopter.desk.clock_is_known)
        adopter.until_matched(adopter.start())
        adopter.until_adopted(login)
    finally:
        connector.stop()

    with acting(south):
        assert queries.runs_of(elsewhere.platform_id) == []
        assert queries.count_by_state(elsewhere.platform_id)[LoginState.ADOPTED] == 0
        with pytest.raises(Exception, match="does not exist"):
            queries.login(adopter.platform_id, login)
        with pytest.raises(Exception, match="does not exist"):
            runs.start_run(
                adopter.platform_id,
                masks=["*"],
                default_type_id=None,
                creates_clients=False,
                history=History.NONE,
                history_from=None,
                by=SYSTEM,
            )


def test_a_first_reading_of_deals_begins_where_ours_does(adopter: Adopter) -> None:
    login = adopter.open_old("Mona Haddad", "mona@north.example", trades=3)
    adopter.starts_now()
    connector = Connector()
    try:
        wait_until(adopter.desk.clock_is_known)
        wait_until(lambda: _caught_up(adopter.desk))
    finally:
        connector.stop()

    with adopter.desk.scope():
        held = db.execute_sql("SELECT count(*) FROM deal WHERE tenant_id = :tenant_id AND login = :login", login=login)
        assert held.scalar_one() == 0


def _caught_up(desk: Desk) -> bool:
    with desk.scope():
        until = platforms.status(desk.platform_id).complete_until
        return until is not None and until > clock.now() - timedelta(minutes=5)
