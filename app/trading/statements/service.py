"""A statement of one account for a period of whole business days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.tenancy.papers import Period
from app.trading.models import ClosedTrade, DealRow, TradingAccount
from app.trading.statements import queries
from app.trading.statements.queries import TradeFilter, TradeSums

ROWS_MAX = 2_000  # On the page and in the PDF; the CSV holds them all.


@dataclass(frozen=True, slots=True)
class Statement:
    """Money in the account's currency. Opening balance and all that moved it sum to the closing balance exactly:
    all of it comes from the same deals.

    `trades` are the trades closed in the period; a commission that was charged when one of them opened earlier lies in
    that earlier period's balance, so their sums need not equal `profit`, `swap` and `commission`.
    """

    period: Period
    opening_balance: Decimal
    opening_credit: Decimal
    paid_in: Decimal
    paid_out: Decimal
    profit: Decimal
    swap: Decimal
    commission: Decimal
    other: Decimal
    credit: Decimal
    trades: Sequence[ClosedTrade]
    trade_sums: TradeSums
    movements: Sequence[DealRow]

    @property
    def closing_balance(self) -> Decimal:
        moved = self.paid_in + self.paid_out + self.profit + self.swap + self.commission + self.other
        return self.opening_balance + moved

    @property
    def closing_credit(self) -> Decimal:
        return self.opening_credit + self.credit

    @property
    def is_cut(self) -> bool:
        """More trades or movements than are shown."""
        return self.trade_sums.count > len(self.trades) or len(self.movements) == ROWS_MAX


def statement(account: TradingAccount, of: Period, *, rows_max: int = ROWS_MAX) -> Statement:
    """What happened on an account in a period, from our own deals."""
    sums = queries.sums_of_deals(account, of.begin, of.end)
    wanted = TradeFilter(begin=of.begin, end=of.end)
    return Statement(
        period=of,
        opening_balance=sums.opening_balance,
        opening_credit=sums.opening_credit,
        paid_in=sums.paid_in,
        paid_out=sums.paid_out,
        profit=sums.profit,
        swap=sums.swap,
        commission=sums.commission,
        other=sums.other + sums.costs_of_cash,
        credit=sums.credit,
        trades=queries.trades(account.id, wanted, sort="closed", limit=rows_max),
        trade_sums=queries.trade_sums(account.id, wanted),
        movements=queries.movements(account, of.begin, of.end, limit=rows_max),
    )
