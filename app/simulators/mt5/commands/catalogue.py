"""group/* and symbol/*: the server's configuration."""

from __future__ import annotations

from typing import Any

from app.simulators.mt5.catalogue import folded, group_record, matches, symbol_path, symbol_record
from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer


def _groups(server: TradeServer, request: Request) -> list[str]:
    return [name for name in server.groups if server.sees(request.manager, name)]


def _symbol(server: TradeServer, name: str, markup_points: int = 0) -> dict[str, Any]:
    is_always_open = server.switches.market_hours == "always"
    return symbol_record(server.symbols[name], is_open_on_weekends=is_always_open, markup_points=markup_points)


def _total(count: int) -> Reply:
    return Reply({"Total": str(count)}, params={"TOTAL": str(count)})


def _next(request: Request, records: list[Any]) -> Reply:
    index, count = request.whole("index", 0), request.whole("count", 1)
    found = records[index : index + count] if index >= 0 else []
    if not found:
        raise Refusal(Retcode.NOT_FOUND)
    return Reply(found if count > 1 else found[0])


@command("group/total")
def group_total(server: TradeServer, request: Request) -> Reply:
    """How many groups the manager sees."""
    return _total(len(_groups(server, request)))


@command("group/list")
def group_list(server: TradeServer, request: Request) -> Reply:
    """Names of the groups."""
    return Reply(list(_groups(server, request)))


@command("group/next")
def group_next(server: TradeServer, request: Request) -> Reply:
    """Groups by their place in the list."""
    return _next(request, [group_record(server.groups[name]) for name in _groups(server, request)])


@command("group/get")
def group_get(server: TradeServer, request: Request) -> Reply:
    """A group by name, or all in a mask."""
    mask = request.text("mask")
    if mask is not None:
        return Reply([group_record(server.groups[name]) for name in _groups(server, request) if matches(mask, name)])
    name = folded(request.required("Group"))
    if name not in _groups(server, request):
        raise Refusal(Retcode.NOT_FOUND)
    return Reply(group_record(server.groups[name]))


@command("symbol/total")
def symbol_total(server: TradeServer, request: Request) -> Reply:
    """How many symbols the server has."""
    return _total(len(server.symbols))


@command("symbol/list")
def symbol_list(server: TradeServer, request: Request) -> Reply:
    """Names of the symbols."""
    return Reply(list(server.symbols))


@command("symbol/next")
def symbol_next(server: TradeServer, request: Request) -> Reply:
    """Symbols by their place in the list."""
    return _next(request, [_symbol(server, name) for name in server.symbols])


@command("symbol/get")
def symbol_get(server: TradeServer, request: Request) -> Reply:
    """A symbol by name, or all whose path is in a mask."""
    mask = request.text("mask")
    if mask is not None:
        paths = {name: symbol_path(instrument) for name, instrument in server.symbols.items()}
        return Reply([_symbol(server, name) for name, path in paths.items() if matches(mask, path)])
    name = request.required("Symbol")
    if name not in server.symbols:
        raise Refusal(Retcode.NOT_FOUND)
    return Reply(_symbol(server, name))


@command("symbol/get_group")
def symbol_get_group(server: TradeServer, request: Request) -> Reply:
    """A symbol with a group's mark-up."""
    name, group = request.required("Symbol"), server.groups.get(folded(request.required("Group")))
    if name not in server.symbols or group is None:
        raise Refusal(Retcode.NOT_FOUND)
    record = _symbol(server, name, group.markup_points)
    return Reply({**record, "TradeMode": "3"} if group.close_only else record)
