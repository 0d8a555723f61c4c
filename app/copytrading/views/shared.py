"""What the list of strategies shows to everybody, and the same as a table for the export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from flask import Response, request
from flask_babel import get_locale

from app.copytrading import bundle, queries
from app.copytrading.models import StrategyFigures
from app.copytrading.queries import StrategyFilter, StrategyRow
from app.core.errors import NotFound
from app.kit.csv import write_rows
from app.kit.text import Message, _l, _ln
from app.tenancy import service as tenancy
from app.tenancy.bundles.schema import in_language
from app.ui import formats
from app.ui.lists import PageRequest

CSV_ROWS_MAX = 10_000
AGES = ("30", "90", "180", "365")
DRAWDOWNS = ("10", "20", "30", "50")

RISK_WARNING = _l(
    "Past results say nothing certain about future ones. Whoever copies a strategy can lose all of the money that"
    " follows it."
)
TERMS = _l(
    "Everybody who signs in here will see the name and the text you give, and figures computed from all trades of this"
    " account: returns, drawdown, lots, holding times. Your own name, your other accounts and your contact details are"
    " never shown. You may withdraw the strategy at any time."
)


def offered() -> bundle.CopyTradingSection:
    """The brand's settings. Raises NotFound where it has no list."""
    section = bundle.section()
    if section is None:
        raise NotFound
    return section


def read_filter(asked: PageRequest) -> tuple[StrategyFilter, str]:
    """The filter and the sort that the address asks for. Anything unreadable narrows nothing."""
    wanted = StrategyFilter(
        search=request.args.get("q", "").strip()[:60],
        platform=request.args.get("platform", "")[:31],
        min_age=int(request.args["age"]) if request.args.get("age") in AGES else 0,
        max_drawdown=_share(request.args.get("drawdown", "")),
    )
    return wanted, asked.sort_key


def _share(text: str) -> Decimal | None:
    try:
        return Decimal(text) / 100 if text in DRAWDOWNS else None
    except InvalidOperation:
        return None


def age_choices() -> list[tuple[str, Message]]:
    """How old a strategy should at least be."""
    return [(days, _ln("At least %(num)s day old", "At least %(num)s days old", int(days))) for days in AGES]


def drawdown_choices() -> list[tuple[str, Message]]:
    """How far a strategy may have fallen."""
    return [
        (part, _l("Never fell by more than %(part)s", part=formats.percent(Decimal(part) / 100, 0)))
        for part in DRAWDOWNS
    ]


def text_of(texts: Mapping[str, str], fallback: Message | None = None) -> object:
    """The brand's own text in the reader's language; ours where it gives none."""
    found = in_language(texts, str(get_locale()), tenancy.current().default_language) if texts else ""
    return found or fallback or ""


COLUMNS = (
    "rank",
    "name",
    "platform",
    "age_days",
    "return_1m",
    "return_3m",
    "return_6m",
    "return_12m",
    "return_all",
    "max_drawdown",
    "trades",
    "lots",
    "win_rate",
    "profit_factor",
    "average_holding_seconds",
    "copiers",
    "score",
    "computed_at",
)


def csv_of(rows: Sequence[StrategyRow], *, with_owner: bool = False) -> Response:
    """The list with all its columns. Shares are decimals: 0.25 is 25 %. Owners are for staff alone."""
    extra = ("status", "client_number", "login") if with_owner else ()
    body = write_rows([*COLUMNS, *extra], (_cells(row, with_owner) for row in rows))
    response = Response(body, mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="strategies.csv"'
    return response


def _cells(row: StrategyRow, with_owner: bool) -> list[Any]:
    figures = row.figures
    cells: list[Any] = [figures.rank if figures else None, row.strategy.name, row.platform.name]
    cells += _figure_cells(figures) if figures else [None] * (len(COLUMNS) - 3)
    if with_owner:
        cells += [row.strategy.status.value, row.client.number, row.account.login]
    return ["" if cell is None else cell for cell in cells]


def _figure_cells(figures: StrategyFigures) -> list[Any]:
    rate, factor = figures.win_rate, figures.profit_factor
    return [
        figures.age_days,
        figures.return_1m,
        figures.return_3m,
        figures.return_6m,
        figures.return_12m,
        figures.return_all,
        figures.drawdown,
        figures.trades,
        figures.lots,
        None if rate is None else round(rate, 4),
        None if factor is None else round(factor, 4),
        None if figures.holding_ms is None else figures.holding_ms // 1000,
        figures.copiers,
        figures.score,
        figures.computed_at.isoformat(),
    ]


def page_request() -> PageRequest:
    """What the address asks of the list."""
    return PageRequest.read(request.args, sorts=tuple(queries.SORTS), default_sort="rank", default_size=25)
