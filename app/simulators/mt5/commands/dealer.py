"""dealer/*: trade requests of a manager. A request is queued at once; its result is asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.simulators.mt5.enums import Action, OrderType, Reason
from app.simulators.mt5.execution import Execution, Terms, close_by, market_order
from app.simulators.mt5.money import change_balance
from app.simulators.mt5.pending import cancel_order, place_order
from app.simulators.mt5.records import fixed
from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_DEALER = 37
_WAITING_MAX = 128
_MARKET, _PENDING, _MODIFY, _REMOVE, _BALANCE, _CLOSE_BY = 200, 201, 202, 204, 206, 208


@command("dealer/send_request", rights=(_DEALER,))
def send_request(server: TradeServer, request: Request) -> Reply:
    """Take a trade request and answer with its number."""
    if not isinstance(request.body, dict):
        raise Refusal(Retcode.BAD_PARAMETERS)
    waiting = request.session.dealer_results
    if len(waiting) >= _WAITING_MAX:
        raise Refusal(Retcode.TOO_MANY_REQUESTS)
    number = request.session.next_dealer_id()
    waiting[number] = _carry_out(server, request, number)
    return Reply({"ID": str(number)}, params={"ID": str(number)})


@command("dealer/get_request_result", rights=(_DEALER,))
def get_request_result(server: TradeServer, request: Request) -> Reply:
    """Results by request number; a final result is told once."""
    waiting = request.session.dealer_results
    wanted = request.numbers("ID")
    numbers = list(waiting) if wanted is None else wanted
    return Reply(extra={str(number): waiting.pop(number, []) for number in numbers})


def _carry_out(server: TradeServer, request: Request, number: int) -> list[dict[str, Any]]:
    execution: Execution | None = None
    retcode = Retcode.REQUEST_DONE
    ticket = "0"
    try:
        execution, ticket = _execute(server, request)
    except Refusal as refusal:
        retcode = refusal.retcode
    symbol = request.text("Symbol") or ""
    quote = server.quote(symbol) if symbol in server.symbols else None
    digits = server.symbols[symbol].digits if symbol in server.symbols else 0
    deal = execution.deals[0] if execution and execution.deals else None
    result = {
        "ID": str(number),
        "Retcode": str(int(retcode)),
        "Volume": str(deal.volume if deal else 0),
        "VolumeExt": str(deal.volume_ext if deal else 0),
        "Price": fixed(deal.price if deal else Decimal(0), digits),
        "TickBid": fixed(quote.bid if quote else Decimal(0), digits),
        "TickAsk": fixed(quote.ask if quote else Decimal(0), digits),
        "TickLast": fixed(Decimal(0), digits),
        "Comment": "",
        "Flags": "0",
        "DealID": str(deal.deal) if deal else ticket,
        "OrderID": str(execution.order.order) if execution else "0",
    }
    answer = {
        **{name: str(value) for name, value in request.body.items()},
        "ID": str(number),
        "ResultRetcode": result["Retcode"],
        "ResultDealer": str(request.manager.login),
        "ResultDeal": result["DealID"],
        "ResultOrder": result["OrderID"],
        "ResultVolume": result["Volume"],
        "ResultVolumeExt": result["VolumeExt"],
        "ResultPrice": result["Price"],
        "ResultMarketBid": result["TickBid"],
        "ResultMarketAsk": result["TickAsk"],
        "ResultMarketLast": result["TickLast"],
    }
    return [{"result": result}, {"answer": answer}]


def _execute(server: TradeServer, request: Request) -> tuple[Execution | None, str]:
    user = request.visible_user(server)
    terms = Terms(
        Reason.DEALER,
        request.manager.login,
        request.text("Comment") or "",
        request.decimal("PriceSL", "0"),
        request.decimal("PriceTP", "0"),
    )
    action, kind = request.whole("Action"), request.whole("Type", 0)
    volume = request.whole("VolumeExt", 0) or request.whole("Volume", 0) * 10_000
    position = request.whole("Position", 0)
    if action == _MARKET and kind in (Action.BUY, Action.SELL):
        symbol = request.required("Symbol")
        return market_order(server, user, symbol, Action(kind), volume, terms, position_ticket=position), "0"
    if action == _PENDING:
        place_order(
            server, user, request.required("Symbol"), OrderType(kind), volume, request.decimal("PriceOrder"), terms
        )
        return None, "0"
    if action == _MODIFY:
        _move_stops(server, user.login, position, terms)
        return None, "0"
    if action == _REMOVE:
        cancel_order(server, request.whole("Order"))
        return None, "0"
    if action == _BALANCE:
        amount = request.decimal("PriceOrder")
        return None, str(change_balance(server, user, kind, amount, terms.comment, dealer=request.manager.login).deal)
    if action == _CLOSE_BY:
        return close_by(server, user, position, request.whole("PositionBy"), terms), "0"
    raise Refusal(Retcode.INVALID_REQUEST)


def _move_stops(server: TradeServer, login: int, ticket: int, terms: Terms) -> None:
    position = server.positions.get(login, {}).get(ticket)
    if position is None:
        raise Refusal(Retcode.POSITION_CLOSED)
    position.sl, position.tp = terms.sl, terms.tp
    position.modify_flags |= 0x20  # An API manager had a hand in it; closing deals inherit this.
    server.put_position(position, "position.update")
