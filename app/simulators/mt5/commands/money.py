"""trade/*: balance operations and calculations."""

from __future__ import annotations

from decimal import Decimal

from app.simulators.mt5.catalogue import folded
from app.simulators.mt5.enums import Action
from app.simulators.mt5.margin import account_state, margin_after, profit_of
from app.simulators.mt5.money import change_balance
from app.simulators.mt5.records import User, fixed, wire
from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

ACCOUNTANT, TRADES_READ = 24, 29


@command("trade/balance", rights=(ACCOUNTANT,))
def balance(server: TradeServer, request: Request) -> Reply:
    """Add or take money."""
    user = request.visible_user(server)
    deal = change_balance(
        server,
        user,
        request.whole("Type"),
        request.decimal("Balance"),
        request.text("Comment") or "",
        dealer=request.manager.login,
        is_margin_checked=request.whole("check_margin", 1) != 0,
    )
    ticket = str(deal.deal)
    return Reply({"Ticket": ticket}, params={"TICKET": ticket})


def _side(request: Request) -> Action:
    kind = request.whole("Type")
    if kind not in (Action.BUY, Action.SELL):
        raise Refusal(Retcode.BAD_PARAMETERS)
    return Action(kind)


def _symbol(server: TradeServer, request: Request) -> str:
    symbol = request.required("Symbol")
    if symbol not in server.symbols:
        raise Refusal(Retcode.NOT_FOUND)
    return symbol


@command("trade/check_margin", rights=(TRADES_READ,))
def check_margin(server: TradeServer, request: Request) -> Reply:
    """The trading state now and with one more position."""
    user, symbol = request.visible_user(server), _symbol(server, request)
    current = account_state(server, user)
    needed = margin_after(server, user, symbol, _side(request), request.whole("Volume"))
    level = (current.equity / needed * 100).quantize(Decimal("0.01")) if needed else Decimal(0)
    after = account_state(server, user)
    after.margin, after.margin_free, after.margin_level = needed, current.equity - needed, level
    return Reply({"new": wire(after), "current": wire(current)})


@command("trade/calc_profit", rights=(TRADES_READ,))
def calc_profit(server: TradeServer, request: Request) -> Reply:
    """The result of a volume between two prices, in a group's currency."""
    group = server.groups.get(folded(request.required("Group")))
    if group is None:
        raise Refusal(Retcode.NOT_FOUND)
    profit, _, rate = profit_of(
        server,
        User(login=0, group=group.name),
        _symbol(server, request),
        _side(request),
        request.whole("Volume"),
        request.decimal("price_open"),
        request.decimal("price_close"),
        server.clock.now(),
    )
    return Reply({"Profit": str(profit), "Profit_rate": fixed(rate, 8)})


@command("trade/calc_rate_buy", "trade/calc_rate_sell", rights=(TRADES_READ,))
def calc_rate(server: TradeServer, request: Request) -> Reply:
    """Units of `currency` for one of `base`."""
    base, currency = request.required("Base"), request.required("Currency")
    if not (server.market.knows(base) and server.market.knows(currency)):
        raise Refusal(Retcode.NOT_FOUND)
    return Reply({"Rate": fixed(server.market.conversion(base, currency, server.clock.now()), 8)})
