"""Statements and trades as files: PDF in the reader's language, CSV with every digit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from app.kit.csv import write_rows
from app.kit.money import exponent
from app.kit.text import _l, _lp
from app.tenancy import papers
from app.tenancy.papers import exact
from app.trading.models import ClosedTrade
from app.trading.queries.accounts import AccountView
from app.trading.statements.labels import KINDS
from app.trading.statements.service import Statement
from app.ui import formats
from app.ui.pdf import Column

TRADE_COLUMNS = (
    "closed_at", "opened_at", "position", "closing_deal", "leg", "symbol", "side", "lots", "open_price", "close_price",
    "holding_seconds", "profit", "swap", "commission", "fee", "net", "currency",
)  # fmt: skip


def trades_csv(trades: Iterable[ClosedTrade]) -> str:
    """Closed trades; instants are UTC, prices and money carry all their digits."""
    return write_rows(TRADE_COLUMNS, (_trade_cells(trade) for trade in trades))


def _trade_cells(trade: ClosedTrade) -> list[object]:
    return [
        formats.iso(trade.closed_at),
        formats.iso(trade.opened_at) if trade.opened_at else "",
        trade.position_id,
        trade.closing_deal,
        trade.leg,
        trade.symbol,
        trade.side,
        f"{trade.volume_lots.normalize():f}",
        "" if trade.open_price is None else trade.open_price,
        trade.close_price,
        "" if trade.holding_ms is None else trade.holding_ms // 1000,
        exact(trade.profit, trade.account_currency),
        exact(trade.swap, trade.account_currency),
        exact(trade.commission, trade.account_currency),
        exact(trade.fee, trade.account_currency),
        exact(net_of(trade), trade.account_currency),
        trade.account_currency,
    ]


def net_of(trade: ClosedTrade) -> Decimal:
    """What a trade left after all costs, in the account's currency."""
    return trade.profit + trade.swap + trade.commission + trade.fee


def statement_csv(view: AccountView, statement: Statement) -> str:
    """The statement line by line: balances, movements, trades. `amount` of a trade is its net result."""
    currency, period = view.account.currency, statement.period
    rows: list[list[object]] = [
        [
            "opening_balance",
            period.first.isoformat(),
            "",
            "",
            "",
            "",
            exact(statement.opening_balance, currency),
            currency,
            "",
        ]
    ]
    rows += [
        [deal.kind, formats.iso(deal.at), deal.ticket, "", "", "", exact(deal.profit, currency), currency, deal.comment]
        for deal in statement.movements
    ]
    rows += [
        [
            "trade",
            formats.iso(trade.closed_at),
            trade.closing_deal,
            trade.symbol,
            trade.side,
            f"{trade.volume_lots.normalize():f}",
            exact(net_of(trade), currency),
            currency,
            "",
        ]
        for trade in statement.trades
    ]
    for name in ("paid_in", "paid_out", "profit", "swap", "commission", "other", "closing_balance"):
        total = exact(getattr(statement, name), currency)
        rows.append([f"total_{name}", period.last.isoformat(), "", "", "", "", total, currency, ""])
    columns = ("kind", "at", "deal", "symbol", "side", "lots", "amount", "currency", "comment")
    return write_rows(columns, rows)


def statement_pdf(view: AccountView, statement: Statement) -> bytes:
    """The statement for printing."""
    account = view.account
    sheet = papers.sheet(str(_l("Statement of account %(number)s", number=account.login or "")))
    period = statement.period
    sheet.note(
        str(
            _l(
                "From %(first)s to %(last)s, days of the time zone %(zone)s.",
                first=formats.day(period.first),
                last=formats.day(period.last),
                zone=str(period.timezone),
            )
        )
    )
    sheet.pairs([(str(label), money(amount, account.currency)) for label, amount in summary(statement)])
    if statement.movements:
        sheet.heading(str(_l("Money paid in and out")))
        sheet.table(
            [
                Column(str(_l("When")), 24),
                Column(str(_lp("statement", "What")), 30),
                Column(str(_l("Reference")), 26),
                Column(str(_l("Amount")), 20, is_number=True),
            ],
            [
                [
                    formats.instant(deal.at),
                    str(KINDS.get(deal.kind, KINDS["other"])),
                    deal.comment,
                    money(deal.profit, account.currency),
                ]
                for deal in statement.movements
            ],
        )
    if statement.trades:
        sheet.heading(str(_l("Closed trades")))
        sheet.table(_trade_headings(), [_printed_trade(trade) for trade in statement.trades])
    if statement.is_cut:
        sheet.note(str(_l("There are more lines than fit here. The CSV file holds them all.")))
    return sheet.bytes()


def summary(statement: Statement) -> list[tuple[object, Decimal]]:
    """The lines that lead from the opening to the closing balance."""
    lines: list[tuple[object, Decimal]] = [
        (_l("Opening balance"), statement.opening_balance),
        (_lp("statement", "Paid in"), statement.paid_in),
        (_lp("statement", "Paid out"), statement.paid_out),
        (_l("Profit and loss of trades"), statement.profit),
        (_l("Swap"), statement.swap),
        (_l("Commission"), statement.commission),
    ]
    if statement.other:
        lines.append((_l("Other charges and credits"), statement.other))
    lines.append((_l("Closing balance"), statement.closing_balance))
    if statement.closing_credit or statement.credit:
        lines.append((_l("Credit at the end"), statement.closing_credit))
    return lines


def money(amount: Decimal, currency: str) -> str:
    """An amount as plain text."""
    return formats.money(amount, currency)


def _trade_headings() -> list[Column]:
    return [
        Column(str(_l("Closed at")), 20),
        Column(str(_l("Symbol")), 12),
        Column(str(_l("Direction")), 11),
        Column(str(_l("Lots")), 8, is_number=True),
        Column(str(_l("Open price")), 13, is_number=True),
        Column(str(_l("Close price")), 13, is_number=True),
        Column(str(_l("Costs")), 11, is_number=True),
        Column(str(_lp("trade", "Net")), 12, is_number=True),
    ]


def _printed_trade(trade: ClosedTrade) -> list[str]:
    costs = trade.swap + trade.commission + trade.fee
    return [
        formats.instant(trade.closed_at),
        trade.symbol,
        str(_lp("position", "Buy") if trade.side == "buy" else _lp("position", "Sell")),
        formats.lots(trade.volume_lots),
        "" if trade.open_price is None else formats.price(trade.open_price),
        formats.price(trade.close_price),
        formats.number(costs, exponent(trade.account_currency)),
        formats.number(net_of(trade), exponent(trade.account_currency)),
    ]
