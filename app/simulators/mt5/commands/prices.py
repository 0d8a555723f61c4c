"""tick/*, chart/*, time/*: prices and the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.simulators.market import Quote
from app.simulators.mt5.catalogue import folded, matches, symbol_path
from app.simulators.mt5.config import GroupConfig
from app.simulators.mt5.records import fixed
from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_BARS_MAX = 3000
_CHART_SAMPLES = (0, 15, 30, 45)


def _symbols(server: TradeServer, request: Request) -> list[str]:
    wanted = request.required("Symbol").split(",")
    return [
        name
        for name, instrument in server.symbols.items()
        if any(name == mask.strip() or matches(mask, symbol_path(instrument)) for mask in wanted)
    ]


def _tick(server: TradeServer, name: str, quote: Quote) -> dict[str, Any]:
    digits = server.symbols[name].digits
    msc = server.time.msc(quote.at)
    return {
        "Symbol": name,
        "Digits": str(digits),
        "Datetime": str(msc // 1000),
        "DatetimeMsc": str(msc),
        "Bid": fixed(quote.bid, digits),
        "Ask": fixed(quote.ask, digits),
        "Last": fixed(quote.bid * 0, digits),
        "Volume": "0",
        "VolumeReal": "0.00000000",
    }


@command("tick/last", "tick/last_group")
def tick_last(server: TradeServer, request: Request) -> Reply:
    """Present quotes; with the `trans_id` of an earlier answer, only those that have changed since."""
    group: GroupConfig | None = None
    if request.name == "tick/last_group":
        group = server.groups.get(folded(request.required("Group")))
        if group is None:
            raise Refusal(Retcode.NOT_FOUND)
    now = server.clock.now()
    since = request.whole("trans_id", 0)
    earlier = datetime.fromtimestamp(since / 1000, UTC) if since > 0 else None
    ticks = []
    for name in _symbols(server, request):
        quote = server.quote(name, group, now)
        if earlier is not None:
            before = server.quote(name, group, earlier)
            if (before.bid, before.ask) == (quote.bid, quote.ask):
                continue
        ticks.append(_tick(server, name, quote))
    trans_id = str(int(now.timestamp() * 1000))
    return Reply(ticks, extra={"trans_id": trans_id}, params={"TRANS_ID": trans_id})


@command("tick/stat")
def tick_stat(server: TradeServer, request: Request) -> Reply:
    """Today's lows and highs, looked at every quarter of an hour."""
    now = server.clock.now()
    midnight = now - timedelta(milliseconds=server.time.msc(now) % 86_400_000)
    rows = []
    for name in _symbols(server, request):
        digits = server.symbols[name].digits
        steps = int((now - midnight) / timedelta(minutes=15))
        quotes = [server.quote(name, at=midnight + timedelta(minutes=15 * step)) for step in range(steps + 1)]
        quotes.append(server.quote(name, at=now))
        opened, closed = quotes[0].bid, quotes[-1].bid
        traded = [
            deal for deal in server.deals.window(server.time.msc(midnight), server.time.msc(now)) if deal.symbol == name
        ]
        rows.append(
            {
                "Symbol": name,
                "Digits": str(digits),
                "Datetime": str(server.time.seconds(now)),
                "BidLow": fixed(min(quote.bid for quote in quotes), digits),
                "BidHigh": fixed(max(quote.bid for quote in quotes), digits),
                "BidDir": "0",
                "AskLow": fixed(min(quote.ask for quote in quotes), digits),
                "AskHigh": fixed(max(quote.ask for quote in quotes), digits),
                "AskDir": "0",
                "TradeDeals": str(len(traded)),
                "TradeVolume": str(sum(deal.volume for deal in traded)),
                "PriceOpen": fixed(opened, digits),
                "PriceClose": fixed(closed, digits),
                "PriceChange": fixed((closed / opened - 1) * 100, 2),
            }
        )
    trans_id = str(int(now.timestamp() * 1000))
    return Reply(rows, extra={"trans_id": trans_id}, params={"TRANS_ID": trans_id})


@command("chart/get")
def chart_get(server: TradeServer, request: Request) -> Reply:
    """Minute bars between two instants of trading time: an array per bar, its columns as `data` asks."""
    name = request.required("Symbol")
    if name not in server.symbols:
        raise Refusal(Retcode.NOT_FOUND)
    columns = request.text("data") or "dohlc"
    start, end = request.whole("from"), request.whole("to")
    minutes = range(start - start % 60, end + 1, 60)
    now = server.clock.now()
    bars = []
    for minute in minutes[:_BARS_MAX]:
        begins = datetime.fromtimestamp(minute, UTC)
        begins -= server.time.offset(begins)
        if begins > now:
            break
        prices = [server.quote(name, at=begins + timedelta(seconds=second)).bid for second in _CHART_SAMPLES]
        digits = server.symbols[name].digits
        bar = {
            "d": str(minute),
            "o": fixed(prices[0], digits),
            "h": fixed(max(prices), digits),
            "l": fixed(min(prices), digits),
            "c": fixed(prices[-1], digits),
            "t": str(len(prices)),
            "v": "0",
            "s": str(server.market.spread_points(server.symbols[name], begins)),
        }
        bars.append([bar[column] for column in columns if column in bar])
    return Reply(bars, retcode=Retcode.PARTIAL if len(minutes) > _BARS_MAX else Retcode.DONE)


@command("time/server")
def time_server(server: TradeServer, request: Request) -> Reply:
    """The present trading time."""
    text = server.time.text()
    return Reply({"Time": text}, params={"TIME": text})


@command("time/get")
def time_get(server: TradeServer, request: Request) -> Reply:
    """How the server keeps its time."""
    now = server.clock.now()
    offset, daylight = server.time.offset(now), server.time.daylight(now)
    zone = offset if server.switches.is_daylight_in_zone else offset - daylight
    return Reply(
        {
            "Daylight": "1",
            "DaylightState": "1" if daylight else "0",
            "TimeZone": str(int(zone.total_seconds()) // 60),
            "TimeServer": "",
            "Days": [["1"] * 24 for _ in range(7)],
        }
    )
