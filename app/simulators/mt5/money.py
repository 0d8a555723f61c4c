"""Balance operations."""

from __future__ import annotations

from decimal import Decimal

from app.simulators.mt5.enums import Action, Reason
from app.simulators.mt5.margin import account_state
from app.simulators.mt5.records import Deal, User
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_LIMIT = Decimal(1_000_000_000)
_COMMENT_LENGTH = 31
_CREDIT_KINDS = (Action.CREDIT, Action.BONUS)
_KINDS = (Action.BALANCE, Action.CREDIT, Action.CHARGE, Action.CORRECTION, Action.BONUS)


def change_balance(
    server: TradeServer,
    user: User,
    kind: int,
    amount: Decimal,
    comment: str,
    *,
    dealer: int,
    is_margin_checked: bool = True,
) -> Deal:
    """Add (or, negative, take) money, and return the deal that says so."""
    if kind not in _KINDS or not amount.is_finite():
        raise Refusal(Retcode.BAD_PARAMETERS)
    if abs(amount) > _LIMIT:
        raise Refusal(Retcode.MONEY_LIMIT)
    amount = server.round_money(amount, user)
    if not amount:
        raise Refusal(Retcode.BAD_PARAMETERS)
    if amount < 0:
        _require_funds(server, user, Action(kind), -amount, is_margin_checked)
    deal = Deal(
        deal=server.tickets.take("deal"),
        login=user.login,
        dealer=dealer,
        action=kind,
        reason=Reason.DEALER,
        digits_currency=server.currency_digits(user),
        time=server.time.seconds(),
        time_msc=server.time.msc(),
        profit=amount,
        comment=comment[:_COMMENT_LENGTH],
        modify_flags=0,
    )
    server.active_logins.add(user.login)
    server.add_deal(deal)
    if kind in _CREDIT_KINDS:
        user.credit += amount
    else:
        user.balance += amount
    server.user_changed(user)
    return deal


def _require_funds(server: TradeServer, user: User, kind: Action, amount: Decimal, is_margin_checked: bool) -> None:
    has_enough = amount <= (user.credit if kind in _CREDIT_KINDS else user.balance)
    if has_enough and is_margin_checked and server.positions_of(user.login):
        has_enough = amount <= account_state(server, user).margin_free
    if not has_enough:
        raise Refusal(Retcode.NO_MONEY)


def balance_from_deals(server: TradeServer, login: int) -> tuple[Decimal, Decimal]:
    """Balance and credit as the account's deals add up to."""
    balance = credit = Decimal(0)
    for deal in server.deals.of_login(login):
        if deal.action in _CREDIT_KINDS:
            credit += deal.profit
        else:
            balance += deal.money
    return balance, credit
