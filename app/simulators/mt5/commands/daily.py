"""daily/*: end-of-day reports, computed from the deals when they are asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.simulators.mt5.enums import Action
from app.simulators.mt5.records import User, fixed
from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_READ = 25
_DAY_SECONDS = 86_400
_FILETIME_EPOCH_SECONDS = 11_644_473_600
_MOVES = {
    Action.BALANCE: "DailyBalance",
    Action.CREDIT: "DailyCredit",
    Action.CHARGE: "DailyCharge",
    Action.CORRECTION: "DailyCorrection",
    Action.BONUS: "DailyBonus",
    Action.COMPENSATION: "DailySOCompensation",
}
_TRADE_SUMS = ("DailyProfit", "DailyStorage", "DailyCommInstant", "DailyCommFee")


@command("daily/get", "daily/get_light", rights=(_READ,))
def get(server: TradeServer, request: Request) -> Reply:
    """The finished days of an account."""
    return Reply(_reports(server, request, request.visible_user(server)))


@command("daily/get_page", "daily/get_light_page", rights=(_READ,))
def get_page(server: TradeServer, request: Request) -> Reply:
    """The same, by pages."""
    return Reply(_reports(server, request, request.visible_user(server))[request.page()])


@command("daily/get_batch", "daily/get_light_batch", rights=(_READ,))
def get_batch(server: TradeServer, request: Request) -> Reply:
    """The finished days of many accounts."""
    logins = request.chosen_logins(server)
    if logins is None:
        raise Refusal(Retcode.BAD_PARAMETERS)
    return Reply([report for login in logins for report in _reports(server, request, server.users[login])])


def _reports(server: TradeServer, request: Request, user: User) -> list[dict[str, Any]]:
    start, end = request.whole("from"), request.whole("to")
    today = server.time.seconds() // _DAY_SECONDS
    first = max(start, user.registration) // _DAY_SECONDS
    return [_report(server, user, day) for day in range(first, min(end // _DAY_SECONDS + 1, today))]


def _report(server: TradeServer, user: User, day: int) -> dict[str, Any]:
    begins_msc, ends_msc = day * _DAY_SECONDS * 1000, (day + 1) * _DAY_SECONDS * 1000 - 1
    totals = dict.fromkeys((*_MOVES.values(), *_TRADE_SUMS), Decimal(0))
    balance = credit = Decimal(0)
    for deal in server.deals.window(0, ends_msc, [user.login]):
        if deal.action in (Action.CREDIT, Action.BONUS):
            credit += deal.profit
        else:
            balance += deal.money
        if deal.time_msc < begins_msc:
            continue
        if deal.action in (Action.BUY, Action.SELL):
            totals["DailyProfit"] += deal.profit
            totals["DailyStorage"] += deal.storage
            totals["DailyCommInstant"] += deal.commission
            totals["DailyCommFee"] += deal.fee
        elif deal.action in _MOVES:
            totals[_MOVES[Action(deal.action)]] += deal.profit
    digits, closed_at = server.currency_digits(user), (day + 1) * _DAY_SECONDS - 1
    return {
        "Datetime": str(closed_at),
        "DatetimePrev": str(closed_at - _DAY_SECONDS),
        "Timestamp": str((closed_at + _FILETIME_EPOCH_SECONDS) * 10_000_000),
        "Login": str(user.login),
        "Name": user.name,
        "Group": user.group,
        "Currency": server.group_of(user).currency,
        "CurrencyDigits": str(digits),
        "Balance": fixed(balance, digits),
        "Credit": fixed(credit, digits),
        **{name: fixed(amount, digits) for name, amount in totals.items()},
    }
