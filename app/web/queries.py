"""Figures of clients that several audiences' composed pages show, read across features."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from app import tenancy
from app.core.db import execute_sql
from app.kit import clock
from app.kit.money import Money, Rounding, round_money
from app.ledger import queries as ledger
from app.payments import queries as payments
from app.rates import service as rates


def in_base(amounts: Sequence[Money]) -> Money | None:
    """Several amounts as one of the base currency, at the rates of now; None where a rate is missing."""
    base = tenancy.current().base_currency
    try:
        parts = [rates.convert(money, base) for money in amounts]
    except rates.RateUnknown:
        return None
    return sum(parts, Money.zero(base)) if parts else Money.zero(base)


def wallet_totals(client_ids: Sequence[UUID]) -> dict[UUID, Money | None]:
    """What each client keeps in wallets, in the base currency."""
    balances = ledger.balances_of(client_ids, kind="client", purpose="main")
    known: dict[str, rates.Rate | None] = {}
    base = tenancy.current().base_currency
    totals: dict[UUID, Money | None] = {}
    for client_id in client_ids:
        total: Money | None = Money.zero(base)
        for money in balances.get(client_id, ()):
            if money.currency not in known:
                known[money.currency] = rate_or_none(money.currency, base)
            found = known[money.currency]
            total = total + found.convert(money) if total is not None and found is not None else None
        totals[client_id] = total
    return totals


def equities(client_ids: Sequence[UUID]) -> dict[UUID, Money | None]:
    """What each client's real trading accounts are worth, in the base currency, as the platforms told it last."""
    if not client_ids:
        return {}
    rows = execute_sql(
        "SELECT a.client_id, a.currency, sum(s.equity) AS equity FROM trading_account AS a"
        " JOIN account_state AS s ON s.tenant_id = a.tenant_id AND s.account_id = a.id"
        " WHERE a.tenant_id = :tenant_id AND a.client_id = ANY(:ids) AND a.status = 'active' AND NOT a.is_demo"
        " GROUP BY a.client_id, a.currency",
        ids=list(client_ids),
    ).all()
    found: dict[UUID, list[Money]] = {}
    for row in rows:
        money = round_money(row.equity, row.currency, Rounding.HALF_EVEN)
        found.setdefault(row.client_id, []).append(money)
    return {client_id: in_base(amounts) for client_id, amounts in found.items()}


def net_deposits(client_id: UUID) -> Money | None:
    """What the client has paid in less what was paid out, in the base currency at today's rates."""
    deposited, withdrawn = payments.totals_of_client(client_id)
    paid_in, paid_out = in_base(deposited), in_base(withdrawn)
    return None if paid_in is None or paid_out is None else paid_in - paid_out


def lots_of_month(client_id: UUID) -> Decimal:
    """How many lots the client's real accounts have closed in the last thirty days."""
    found = execute_sql(
        "SELECT coalesce(sum(volume_lots), 0) FROM closed_trade WHERE tenant_id = :tenant_id AND client_id = :client_id"
        " AND closed_at > :since AND NOT is_demo AND deleted_at IS NULL",
        client_id=client_id,
        since=clock.business_now() - timedelta(days=30),
    )
    return Decimal(found.scalar_one())


def rate_or_none(base: str, quote: str) -> rates.Rate | None:
    try:
        return rates.rate(base, quote)
    except rates.RateUnknown:
        return None
