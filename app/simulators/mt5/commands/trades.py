"""deal/*, position/*, order/*, history/*: what was traded and what is open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.simulators.mt5.layout import Written
from app.simulators.mt5.margin import refresh
from app.simulators.mt5.pending import cancel_order
from app.simulators.mt5.records import Deal, Order, Position, Record, wire
from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer
from app.simulators.mt5.timeline import Timeline

READ, MANAGE, DELETE = 29, 30, 48
AnyTimeline = Timeline[Deal] | Timeline[Order]


def _batch(server: TradeServer, records: Sequence[Record]) -> Reply:
    limit = server.switches.batch_records_max
    if limit and len(records) > limit:
        return Reply([wire(record) for record in records[:limit]], retcode=Retcode.PARTIAL)
    return Reply([wire(record) for record in records])


def _total(count: int) -> Reply:
    return Reply({"Total": str(count)}, params={"TOTAL": str(count)})


def _symbols(request: Request, records: Sequence[Any]) -> list[Any]:
    symbols = request.listed("Symbol")
    return [record for record in records if not symbols or record.symbol in symbols]


def _window(server: TradeServer, request: Request) -> tuple[int, int]:
    start, end = request.window_msc()
    return start, end if server.switches.is_window_end_included else end - 1000


def _past(server: TradeServer, request: Request, timeline: AnyTimeline) -> Reply:
    """What `get`, `get_total`, `get_page` and `get_batch` of deals and of closed orders have in common."""
    kind = request.name.split("/")[1]
    if kind == "get":
        record = timeline.by_ticket.get(request.whole("ticket"))
        if record is None:
            raise Refusal(Retcode.NOT_FOUND)
        request.visible_user(server, record.login)
        return Reply(wire(record))
    if kind == "get_batch" and (tickets := request.numbers("ticket")) is not None:
        known = timeline.by_ticket
        return _batch(server, [known[ticket] for ticket in tickets if ticket in known])
    start, end = _window(server, request)
    if kind == "get_batch":
        logins = request.chosen_logins(server)
        if logins is None:
            raise Refusal(Retcode.BAD_PARAMETERS)
        return _batch(server, _symbols(request, timeline.window(start, end, logins)))
    login = request.visible_user(server).login
    if kind == "get_total":
        return _total(timeline.count(login, start, end))
    return Reply([wire(record) for record in timeline.window(start, end, [login])[request.page()]])


@command("deal/get", "deal/get_total", "deal/get_page", "deal/get_batch", rights=(READ,))
def deals(server: TradeServer, request: Request) -> Reply:
    """Deals by ticket, window and account."""
    if server.written_deals is not None and request.name == "deal/get_batch" and request.text("Group"):
        return Reply(Written(server.written_deals.between(*_window(server, request))))
    return _past(server, request, server.deals)


@command("history/get", "history/get_total", "history/get_page", "history/get_batch", rights=(READ,))
def history(server: TradeServer, request: Request) -> Reply:
    """Closed orders by ticket, window and account."""
    return _past(server, request, server.history)


@command("deal/delete", rights=(MANAGE, DELETE))
def delete_deal(server: TradeServer, request: Request) -> Reply:
    """Take deals out of the books. The balance stays as it is, as on the platform, until it is recomputed."""
    for ticket in request.numbers("ticket") or []:
        server.delete_deal(ticket)
    return Reply()


def _open_positions(server: TradeServer, logins: Sequence[int]) -> list[Position]:
    return [refresh(server, position) for login in logins for position in server.positions_of(login)]


@command("position/get", rights=(READ,))
def position_get(server: TradeServer, request: Request) -> Reply:
    """The position of a symbol; only the first one of a hedging account."""
    login, symbol = request.visible_user(server).login, request.required("Symbol")
    for position in server.positions_of(login):
        if position.symbol == symbol:
            return Reply(wire(refresh(server, position)))
    raise Refusal(Retcode.NOT_FOUND)


@command("position/get_total", rights=(READ,))
def position_total(server: TradeServer, request: Request) -> Reply:
    """How many positions an account has open."""
    return _total(len(server.positions_of(request.visible_user(server).login)))


@command("position/get_page", rights=(READ,))
def position_page(server: TradeServer, request: Request) -> Reply:
    """Open positions of an account."""
    found = _open_positions(server, [request.visible_user(server).login])
    return Reply([wire(position) for position in found[request.page()]])


@command("position/get_batch", rights=(READ,))
def position_batch(server: TradeServer, request: Request) -> Reply:
    """Open positions of accounts, groups, or by ticket."""
    tickets = request.numbers("ticket")
    if tickets is not None:
        everything = _open_positions(server, list(server.positions))
        return _batch(server, [position for position in everything if position.position in tickets])
    logins = request.chosen_logins(server)
    if logins is None:
        raise Refusal(Retcode.BAD_PARAMETERS)
    return _batch(server, _symbols(request, _open_positions(server, logins)))


@command("position/check", rights=(READ,))
def position_check(server: TradeServer, request: Request) -> Reply:
    """Positions beside what the deals add up to. The simulator's own books never differ."""
    found = _open_positions(server, [request.visible_user(server).login])
    current = [wire(position) for position in found]
    return Reply(extra={"current": current, "invalid": [], "missed": [], "nonexist": []})


@command("order/get", rights=(READ,))
def order_get(server: TradeServer, request: Request) -> Reply:
    """A pending order."""
    order = server.orders.get(request.whole("ticket"))
    if order is None:
        raise Refusal(Retcode.NOT_FOUND)
    request.visible_user(server, order.login)
    return Reply(wire(order))


@command("order/get_total", rights=(READ,))
def order_total(server: TradeServer, request: Request) -> Reply:
    """How many orders of an account are pending."""
    return _total(len(server.orders_of(request.visible_user(server).login)))


@command("order/get_page", rights=(READ,))
def order_page(server: TradeServer, request: Request) -> Reply:
    """Pending orders of an account."""
    found = server.orders_of(request.visible_user(server).login)
    return Reply([wire(order) for order in found[request.page()]])


@command("order/get_batch", rights=(READ,))
def order_batch(server: TradeServer, request: Request) -> Reply:
    """Pending orders of accounts, groups, or by ticket."""
    tickets = request.numbers("ticket")
    if tickets is not None:
        return _batch(server, [server.orders[ticket] for ticket in tickets if ticket in server.orders])
    logins = request.chosen_logins(server)
    if logins is None:
        raise Refusal(Retcode.BAD_PARAMETERS)
    return _batch(server, _symbols(request, [order for login in logins for order in server.orders_of(login)]))


@command("order/cancel", rights=(MANAGE,))
def order_cancel(server: TradeServer, request: Request) -> Reply:
    """Move a pending order to the history."""
    return Reply(wire(cancel_order(server, request.whole("ticket"))))
