"""Balance operations, and that balances are the sum of deals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.simulators.support import Control, WebAPI


def balances(api: WebAPI, login: int) -> tuple[str, str]:
    record = api.answer("user/get", login=login)
    return record["Balance"], record["Credit"]


def test_deposits_and_withdrawals_are_deals_with_their_reference(api: WebAPI) -> None:
    login = api.open_account(deposit=None)

    into = api.answer("trade/balance", login=login, type=2, balance="250.75", comment="D-7K3M9Q2XW4-DEP")
    api.answer("trade/balance", login=login, type=2, balance="-50.25", comment="W-1")
    api.answer("trade/balance", login=login, type=3, balance="20")
    api.answer("trade/balance", login=login, type=6, balance="5")

    deal = api.answer("deal/get", ticket=into["Ticket"])
    assert (deal["Action"], deal["Profit"], deal["Comment"]) == ("2", "250.75", "D-7K3M9Q2XW4-DEP")
    assert deal["Dealer"] == "1000"
    assert balances(api, login) == ("200.50", "25.00")  # A bonus lands in credit.
    assert api.answer("user/check_balance", login=login, fixflag=0) == {
        "Balance": {"User": "200.50", "History": "200.50"},
        "Credit": {"User": "25.00", "History": "25.00"},
    }


@pytest.mark.parametrize(
    ("kind", "amount", "code"),
    [
        (2, "-100.01", 10019),
        (3, "-1", 10019),
        (2, "1000000000.01", 4005),
        (2, "0", 3),
        (2, "much", 3),
        (2, "NaN", 3),
        (1, "5", 3),
        (7, "5", 3),
    ],
)
def test_what_is_refused_changes_nothing(api: WebAPI, kind: int, amount: str, code: int) -> None:
    login = api.open_account(deposit="100")

    assert api.retcode("trade/balance", login=login, type=kind, balance=amount) == code
    assert balances(api, login) == ("100.00", "0.00")


def test_a_withdrawal_leaves_the_margin_alone_unless_told_otherwise(api: WebAPI, control: Control) -> None:
    login = api.open_account(deposit="1000")
    control.trade(login, symbol="EURUSD", side="buy", volume="0.50")
    free = Decimal(api.answer("user/account/get", login=login)["MarginFree"])

    assert api.retcode("trade/balance", login=login, type=2, balance=str(-(free + 5))) == 10019
    assert api.retcode("trade/balance", login=login, type=2, balance=str(-(free - 5))) == 0
    assert api.retcode("trade/balance", login=login, type=2, balance="-100", check_margin=0) == 0


def test_a_comment_is_cut_at_31_characters(api: WebAPI) -> None:
    login = api.open_account(deposit=None)

    ticket = api.answer("trade/balance", login=login, type=2, balance="1", comment="c" * 40)["Ticket"]

    assert api.answer("deal/get", ticket=ticket)["Comment"] == "c" * 31
