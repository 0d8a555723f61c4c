"""From an account to the client's bank: the platform gives first, what is held is spent last, and locks refuse."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest

from app.kit.ids import new_token
from app.kit.money import Money
from app.ledger import service as ledger
from app.payments import errors
from app.payments import queries as payment_queries
from app.payments import service as payments
from app.payments.models import TransferStatus, Withdrawal, WithdrawalStatus
from app.payments.permissions import WITHDRAW
from app.restrictions import service as restrictions
from app.simulators.mt5.faults import FaultKind
from app.trading.models import AccountStatus, OperationState, TradingAccount
from app.trading.permissions import TRANSFER_OWN
from app.trading.queries import accounts as account_queries
from app.trading.service import fund, withdraw_from
from tests.payments.conftest import DETAILS, take_payments
from tests.trading.conftest import SYSTEM, Connector, Desk, wait_until
from tests.trading.money.conftest import People


@pytest.fixture
def account(desk: Desk, connector: Connector) -> TradingAccount:
    """An account on which all the client's money stands, of a brand that pays out."""
    take_payments(desk.brand)
    account = desk.open()
    desk.give("500")
    assert desk.outcome(desk.ask(fund, account.id, usd("500"))) is OperationState.CONFIRMED
    return account


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def ask_for(desk: Desk, amount: str) -> UUID:
    """Ask for a payout to the bank, as the client."""
    with desk.scope():
        client = desk.trader.actor("client")
        return payments.request_withdrawal(desk.client_id, usd(amount), DETAILS, once=new_token(128), by=client).id


def taken_back(desk: Desk, account: TradingAccount, amount: str) -> tuple[UUID, UUID]:
    """Ask for money of the account on the wallet. Answers transfer and operation."""
    with desk.scope():
        client = desk.trader.actor("client")
        started = payments.transfer_from_account(
            desk.client_id, account.id, usd(amount), once=new_token(128), by=client
        )
        return started.transfer.id, started.requested.operation.id


def payout(desk: Desk, withdrawal_id: UUID) -> Withdrawal:
    with desk.scope():
        return payment_queries.get_withdrawal(withdrawal_id)


def staff(desk: Desk, act: Callable[[], object]) -> None:
    with desk.scope():
        act()


def test_nothing_is_paid_out_that_the_platform_has_not_given(
    desk: Desk, account: TradingAccount, people: People
) -> None:
    desk.set(send_within_s="600")
    desk.fault(FaultKind.DROP_BEFORE, "trade/balance")
    with pytest.raises(ledger.InsufficientFunds):
        ask_for(desk, "200")

    transfer_id, operation_id = taken_back(desk, account, "200")
    wait_until(lambda: desk.operation(operation_id).state is OperationState.UNKNOWN)
    with pytest.raises(ledger.InsufficientFunds):  # Nobody knows yet whether the platform gave it.
        ask_for(desk, "200")
    assert (desk.wallet(), desk.on_platform()) == (0, 500)

    with desk.scope():
        payment = payment_queries.transfer_of_operation(operation_id)
        assert payment is not None
        assert (payment.id, payment.status) == (transfer_id, TransferStatus.PENDING)


def test_what_is_held_for_a_payout_is_spent_when_the_bank_has_paid(
    desk: Desk, account: TradingAccount, people: People
) -> None:
    _, operation_id = taken_back(desk, account, "200")
    assert desk.outcome(operation_id) is OperationState.CONFIRMED
    assert (desk.wallet(), desk.on_platform(), desk.sim_balance(account.login)) == (200, 300, 300)
    bank = desk.house("bank_wire", "bank")

    withdrawal_id = ask_for(desk, "200")

    assert (desk.wallet(), desk.wallet(ledger.HELD)) == (0, 200)
    with pytest.raises(ledger.InsufficientFunds):  # What is held goes to no account either.
        desk.ask(fund, account.id, usd("50"))
    staff(desk, lambda: payments.approve_withdrawal(withdrawal_id, by=people.anna.actor()))
    assert (desk.wallet(ledger.HELD), desk.house("bank_wire", "bank")) == (200, bank)
    staff(desk, lambda: payments.confirm_paid(withdrawal_id, "WIRE-1", by=people.boris.actor()))
    assert (desk.wallet(), desk.wallet(ledger.HELD)) == (0, 0)
    assert desk.house("bank_wire", "bank") == bank + 200
    assert payout(desk, withdrawal_id).status is WithdrawalStatus.PAID


def test_a_rejected_payout_returns_the_money_and_it_may_go_back_to_the_account(
    desk: Desk, account: TradingAccount, people: People
) -> None:
    _, operation_id = taken_back(desk, account, "200")
    desk.outcome(operation_id)
    withdrawal_id = ask_for(desk, "200")

    staff(desk, lambda: payments.reject_withdrawal(withdrawal_id, "other", "Not yours.", by=people.anna.actor()))

    assert (desk.wallet(), desk.wallet(ledger.HELD)) == (200, 0)
    assert desk.outcome(desk.ask(fund, account.id, usd("200"))) is OperationState.CONFIRMED
    assert desk.sim_balance(account.login) == 500


def test_two_requests_for_the_same_money_take_it_once(desk: Desk, account: TradingAccount) -> None:
    operations = [taken_back(desk, account, "300")[1] for _ in range(2)]

    outcomes = sorted(desk.outcome(operation_id).value for operation_id in operations)

    assert outcomes == ["confirmed", "refused"]
    assert (desk.wallet(), desk.on_platform(), desk.sim_balance(account.login)) == (300, 200, 200)


def test_a_locked_client_moves_nothing_and_is_paid_nothing(desk: Desk, account: TradingAccount, people: People) -> None:
    _, operation_id = taken_back(desk, account, "200")
    desk.outcome(operation_id)
    withdrawal_id = ask_for(desk, "100")
    with desk.scope():
        for function in (TRANSFER_OWN, WITHDRAW):
            restrictions.lock(desk.client_id, function, reason_code="aml_review", by=SYSTEM)

    with pytest.raises(restrictions.Restricted):
        taken_back(desk, account, "50")
    with pytest.raises(restrictions.Restricted):
        ask_for(desk, "50")
    with pytest.raises(restrictions.Restricted):  # It came after the request: asked again at the approval.
        staff(desk, lambda: payments.approve_withdrawal(withdrawal_id, by=people.anna.actor()))
    assert (desk.wallet(), desk.wallet(ledger.HELD), desk.on_platform()) == (100, 100, 300)


def test_an_account_that_is_closed_gives_and_takes_nothing(desk: Desk, account: TradingAccount) -> None:
    with desk.scope():
        account_queries.account(account.id).status = AccountStatus.ARCHIVED

    with pytest.raises(errors.AccountNotUsable):
        taken_back(desk, account, "50")
    with pytest.raises(Exception, match="not open"):
        desk.ask(withdraw_from, account.id, usd("50"))
    assert desk.sim_balance(account.login) == 500
