"""Group, type, rights, credit and archive of one account: done, refused and unknown, on a real server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core import redis as core_redis
from app.core.actor import Actor
from app.core.db import execute_sql
from app.core.errors import DomainError, Invalid, NotFound
from app.kit.ids import new_id
from app.kit.money import Money
from app.simulators.mt5.faults import FaultKind
from app.trading.models import AccountStatus, OperationState, TradingAccount
from app.trading.permissions import EXPERT_TRADING, TRADE, TRADE_OPEN
from app.trading.platforms.base import PasswordKind
from app.trading.queries import accounts as queries
from app.trading.service import account_changes, archiving, change_leverage, change_password, credit, fund
from app.trading.service.requesting import AccountNotReady, ChangeUnderWay, FormChanged
from tests.support.brands import Brand
from tests.trading.conftest import SYSTEM, Connector, Desk, wait_until
from tests.trading.one_account import (
    RAW,
    SETTINGS,
    STANDARD,
    TWIN,
    WHY,
    account_now,
    change_by_hand,
    group,
    hold,
    offer,
    on_server,
    rights,
)

CONFIRMED, REFUSED = OperationState.CONFIRMED, OperationState.REFUSED
PRO = {"code": "pro", "groups": {"USD": RAW}, "leverages": [100, 200]}
ANNA = replace(SYSTEM, kind="staff", id=new_id(), name="Anna")
BORIS = replace(SYSTEM, kind="staff", id=new_id(), name="Boris")


@pytest.fixture
def platform_settings() -> dict[str, Any]:
    return SETTINGS


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def kept(desk: Desk, account: TradingAccount) -> Decimal:
    return Decimal(on_server(desk, account, lambda _, user: user.credit))


def request(desk: Desk, work: Callable[..., Any], *args: Any, by: Actor = ANNA, **kwargs: Any) -> UUID:
    """Ask as a member of staff."""
    with desk.scope():
        asked = work(*args, key=kwargs.pop("key", str(new_id())), by=by, **kwargs)
        message = (asked.request_key, asked.message)
        operation_id: UUID = asked.operation.id
    core_redis.client().lpush(*message)
    return operation_id


@pytest.mark.usefixtures("connector")
def test_an_account_changes_group_and_type(desk: Desk) -> None:
    offer(desk, PRO)
    account = desk.open()

    moved = request(desk, account_changes.change_group, account.id, RAW, reason=WHY)
    assert desk.outcome(moved) is CONFIRMED
    assert (account_now(desk, account.id).group_name, group(desk, account)) == (RAW, RAW)
    made = request(desk, account_changes.change_type, account.id, "pro", reason=WHY)
    assert desk.outcome(made) is CONFIRMED
    with desk.scope():
        assert queries.account_view(account.id).kind.code == "pro"
    for work, value in (
        (account_changes.change_group, RAW),
        (account_changes.change_group, "real\\standard-eur"),
        (account_changes.change_group, TWIN),
        (account_changes.change_type, "pro"),
        (account_changes.change_type, "demo"),
        (account_changes.change_type, "nothing"),
    ):
        with pytest.raises(DomainError) as refusal:
            request(desk, work, account.id, value, reason=WHY)
        assert refusal.value.status_code == 422
    with pytest.raises(Invalid):
        request(desk, account_changes.change_group, account.id, STANDARD, reason="no")


@pytest.mark.usefixtures("connector")
def test_a_type_must_offer_the_accounts_leverage(desk: Desk) -> None:
    offer(desk, PRO)
    account = desk.open(leverage=500)

    with pytest.raises(account_changes.OtherLeverage):
        request(desk, account_changes.change_type, account.id, "pro", reason=WHY)


@pytest.mark.usefixtures("connector")
def test_the_platform_refuses_to_move_what_is_open(desk: Desk) -> None:
    offer(desk, PRO)
    account = desk.open()
    desk.give("5000")
    desk.outcome(desk.ask(fund, account.id, usd("5000")))
    hold(desk, account)

    moved = request(desk, account_changes.change_group, account.id, RAW, reason=WHY)
    assert desk.outcome(moved) is REFUSED
    assert desk.operation(moved).refusal_reason == "open_positions"
    assert account_now(desk, account.id).group_name == STANDARD


@pytest.mark.usefixtures("connector")
def test_a_lost_answer_is_looked_up_for_every_kind(desk: Desk) -> None:
    """Each is done, its answer is lost, and the platform's own record says what became of it."""
    offer(desk, PRO)
    account = desk.open()
    acts: list[tuple[str, Callable[[], UUID]]] = [
        ("user/update", lambda: request(desk, account_changes.change_group, account.id, RAW, reason=WHY)),
        ("user/update", lambda: request(desk, account_changes.change_type, account.id, "pro", reason=WHY)),
        ("user/update", lambda: request(desk, account_changes.withhold_rights, account.id, {TRADE}, reason=WHY)),
        ("trade/balance", lambda: request(
            desk, credit.move_credit, account.id, usd("40"), is_taken=False, reason=WHY)),
        ("trade/balance", lambda: request(
            desk, credit.move_credit, account.id, usd("40"), is_taken=True, reason=WHY)),
        ("user/archive/add", lambda: request(desk, archiving.archive, account.id, reason=WHY)),
        ("user/restore", lambda: request(desk, archiving.restore, account.id, reason=WHY)),
    ]  # fmt: skip
    for command, ask in acts:
        desk.fault(FaultKind.DROP_AFTER, command)
        operation_id = ask()
        state = desk.outcome(operation_id)
        assert state is OperationState.RECONCILED, (command, desk.operation(operation_id).result)
        wait_for_zero(desk, account)
    now = account_now(desk, account.id)
    assert (now.status, now.group_name, now.may_trade) == (AccountStatus.ACTIVE, RAW, False)
    assert kept(desk, account) == 0


def wait_for_zero(desk: Desk, account: TradingAccount) -> None:
    """Wait until the figures that the next act asks are those of the platform."""

    def agrees() -> bool:
        with desk.scope():
            state = queries.state_of(account.id)
        known = desk.simulator.call(lambda server: server.users.get(account.login or 0))
        return known is None or (state is not None and state.credit == known.credit)

    wait_until(agrees)


@pytest.mark.usefixtures("connector")
def test_credit_is_lost_before_acting_and_refused_after_the_looks(desk: Desk) -> None:
    account = desk.open()
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")

    asked = request(desk, credit.move_credit, account.id, usd("40"), is_taken=False, reason=WHY)
    assert desk.outcome(asked) is REFUSED
    assert desk.operation(asked).refusal_reason == "absent"
    assert kept(desk, account) == 0


@pytest.mark.usefixtures("connector")
def test_credit_trades_and_the_books_do_not_know_it(desk: Desk) -> None:
    account = desk.open()

    given = request(desk, credit.move_credit, account.id, usd("120.50"), is_taken=False, reason=WHY)
    assert desk.outcome(given) is CONFIRMED
    assert kept(desk, account) == Decimal("120.50")
    assert desk.sim_balance(account.login) == desk.wallet() == desk.on_platform() == 0
    too_much = request(desk, credit.move_credit, account.id, usd("200"), is_taken=True, reason=WHY)
    assert desk.outcome(too_much) is REFUSED
    assert desk.operation(too_much).refusal_reason == "not_enough_money"
    back = request(desk, credit.move_credit, account.id, usd("120.50"), is_taken=True, reason=WHY)
    assert desk.outcome(back) is CONFIRMED
    assert kept(desk, account) == 0


@pytest.mark.usefixtures("connector")
def test_much_credit_needs_two_people(desk: Desk) -> None:
    account = desk.open()
    with desk.scope():
        asked = credit.move_credit(account.id, usd("500"), is_taken=False, reason=WHY, key="k" * 16, by=ANNA)
        operation_id = asked.operation.id
    assert desk.operation(operation_id).state is OperationState.PROPOSED
    core_redis.client().lpush(asked.request_key, asked.message)
    with desk.scope(), pytest.raises(credit.SecondPersonNeeded):
        credit.approve(operation_id, by=ANNA)
    assert kept(desk, account) == 0

    with desk.scope():
        agreed = credit.approve(operation_id, by=BORIS)
    core_redis.client().lpush(agreed.request_key, agreed.message)
    assert desk.outcome(operation_id) is CONFIRMED
    assert kept(desk, account) == 500
    assert desk.operation(operation_id).approved_by == BORIS.id
    with desk.scope(), pytest.raises(credit.AlreadyDecided):
        credit.decline(operation_id, reason=WHY, by=BORIS)
    with desk.scope():
        other = credit.move_credit(account.id, usd("900"), is_taken=True, reason=WHY, key="m" * 16, by=ANNA)
        assert credit.decline(other.operation.id, reason=WHY, by=BORIS).state is REFUSED
    assert kept(desk, account) == 500


@pytest.mark.usefixtures("connector")
def test_rights_are_withheld_bit_by_bit(desk: Desk) -> None:
    account = desk.open()
    change_by_hand(desk, account, rights=0x1E3 | 0x800)

    asked = request(desk, account_changes.withhold_rights, account.id, {TRADE, EXPERT_TRADING}, reason=WHY)
    assert desk.outcome(asked) is CONFIRMED
    assert rights(desk, account) == (0x1E3 | 0x800 | 0x4) & ~0x40  # Nobody else's bit has moved.
    with pytest.raises(account_changes.SameRights):
        request(desk, account_changes.withhold_rights, account.id, {TRADE, EXPERT_TRADING}, reason=WHY)
    back = request(desk, account_changes.withhold_rights, account.id, set(), reason=WHY)
    assert desk.outcome(back) is CONFIRMED
    assert rights(desk, account) == 0x1E3 | 0x800


@pytest.mark.usefixtures("connector")
def test_close_only_is_a_twin_group_and_refused_where_there_is_none(desk: Desk) -> None:
    account = desk.open()
    without = desk.open(currency="EUR")

    asked = request(desk, account_changes.withhold_rights, account.id, {TRADE_OPEN}, reason=WHY)
    assert desk.outcome(asked) is CONFIRMED
    assert (group(desk, account), rights(desk, account) & 4) == (TWIN, 0)
    with pytest.raises(account_changes.OnlyCloses):
        request(desk, account_changes.change_group, account.id, RAW, reason=WHY)
    with pytest.raises(DomainError, match="no twin"):
        request(desk, account_changes.withhold_rights, without.id, {TRADE_OPEN}, reason=WHY)
    back = request(desk, account_changes.withhold_rights, account.id, set(), reason=WHY)
    assert desk.outcome(back) is CONFIRMED
    assert (group(desk, account), account_now(desk, account.id).may_open) == (STANDARD, True)


@pytest.mark.usefixtures("connector")
def test_only_an_empty_account_is_archived(desk: Desk) -> None:
    account = desk.open()
    desk.give("100")
    desk.outcome(desk.ask(fund, account.id, usd("100")))
    wait_until(lambda: _balance(desk, account) == 100)

    with pytest.raises(archiving.NotEmpty):
        request(desk, archiving.archive, account.id, reason=WHY)
    with desk.scope():  # What we hold may be a moment old: the platform is asked as well.
        execute_sql("UPDATE account_state SET balance = 0 WHERE tenant_id = :tenant_id")
    stale = request(desk, archiving.archive, account.id, reason=WHY)
    assert desk.outcome(stale) is REFUSED
    assert desk.operation(stale).refusal_reason == "not_empty"
    assert account_now(desk, account.id).status is AccountStatus.ACTIVE


def _balance(desk: Desk, account: TradingAccount) -> Decimal:
    with desk.scope():
        state = queries.state_of(account.id)
    return state.balance if state is not None else Decimal(-1)


@pytest.mark.usefixtures("connector")
def test_an_archived_account_comes_back(desk: Desk) -> None:
    account = desk.open()

    assert desk.outcome(request(desk, archiving.archive, account.id, reason=WHY)) is CONFIRMED
    assert account_now(desk, account.id).status is AccountStatus.ARCHIVED
    assert desk.simulator.call(lambda server: account.login in server.archive)
    with pytest.raises(AccountNotReady):
        request(desk, change_leverage, account.id, 200)
    with pytest.raises(AccountNotReady):
        request(desk, archiving.archive, account.id, reason=WHY)
    assert desk.outcome(request(desk, archiving.restore, account.id, reason=WHY)) is CONFIRMED
    assert account_now(desk, account.id).status is AccountStatus.ACTIVE
    with pytest.raises(archiving.NotArchived):
        request(desk, archiving.restore, account.id, reason=WHY)


def test_money_and_archiving_do_not_pass_each_other(desk: Desk) -> None:
    running = Connector()
    account = desk.open()
    running.stop()
    desk.give("100")
    first = desk.ask(fund, account.id, usd("10"), handed_over=False)
    with desk.scope(), pytest.raises(ChangeUnderWay):
        archiving.archive(account.id, key="a" * 16, by=ANNA, reason=WHY)
    with desk.scope():
        execute_sql(
            "UPDATE platform_operation SET state = 'refused' WHERE tenant_id = :tenant_id AND id = :id", id=first
        )
        archiving.archive(account.id, key="b" * 16, by=ANNA, reason=WHY)
    with pytest.raises(ChangeUnderWay):
        desk.ask(fund, account.id, usd("10"))
    with desk.scope():  # As it was, for the books' sake.
        execute_sql(
            "UPDATE platform_operation SET state = 'requested' WHERE tenant_id = :tenant_id AND id = :id", id=first
        )


@pytest.mark.usefixtures("connector")
def test_a_form_sent_again_with_other_content_is_refused(desk: Desk) -> None:
    account = desk.open()
    first = desk.ask(change_leverage, account.id, 200, key="once")
    assert desk.ask(change_leverage, account.id, 200, key="once") == first
    with pytest.raises(FormChanged):
        desk.ask(change_leverage, account.id, 500, key="once")
    chosen = desk.ask(change_password, account.id, PasswordKind.MAIN, "Harbour1!", key="once")
    assert desk.ask(change_password, account.id, PasswordKind.MAIN, "Harbour1!", key="once") == chosen
    for kind, password in ((PasswordKind.MAIN, "Lantern2!"), (PasswordKind.INVESTOR, "Harbour1!")):
        with pytest.raises(FormChanged):
            desk.ask(change_password, account.id, kind, password, key="once")
    desk.outcome(chosen)
    with desk.scope():
        text = execute_sql("SELECT string_agg(o::text, '') FROM platform_operation AS o").scalar_one()
    assert "Harbour1!" not in text


@pytest.mark.usefixtures("connector")
def test_another_brands_account_is_not_there(desk: Desk, south: Brand) -> None:
    account = desk.open()
    elsewhere = replace(desk, brand=south)

    for work, kwargs in (
        (account_changes.change_group, {"group": RAW, "reason": WHY}),
        (account_changes.change_type, {"type_code": "pro", "reason": WHY}),
        (account_changes.withhold_rights, {"functions": {TRADE}, "reason": WHY}),
        (archiving.archive, {"reason": WHY}),
        (archiving.restore, {"reason": WHY}),
        (credit.move_credit, {"money": usd("1"), "is_taken": False, "reason": WHY}),
    ):
        with elsewhere.scope(), pytest.raises(NotFound):
            work(account.id, key="x" * 16, by=ANNA, **kwargs)
    assert group(desk, account) == STANDARD
