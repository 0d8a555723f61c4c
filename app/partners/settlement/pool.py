"""The brand's pool: released commission grouped in one house account, from which partners draw when they are paid out.

Who holds how much of it is a row for each partner and currency; together they are what the account holds. Rows are
locked after batches and before wallets.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from app.core.actor import Actor
from app.core.db import execute_sql, session
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import versions
from app.partners.models import CommissionBatch
from app.partners.settlement.facts import sql
from app.partners.settlement.models import PoolShare

POOL = ledger.Owner("house", "commission_pool")
PURPOSE = "commission"


def is_target() -> bool:
    """Whether released commission goes into the pool at present."""
    plan = versions.plan_for_receivers()
    return plan is not None and plan.release_target == "tenant_pool"


def add(batches: Iterable[CommissionBatch]) -> None:
    """Note what these batches bring into the pool; the caller posts it in the same transaction."""
    sums: dict[tuple[UUID, str], int] = {}
    for batch in batches:
        if batch.remaining.minor > 0:
            key = batch.partner_id, batch.currency
            sums[key] = sums.get(key, 0) + batch.remaining.minor
    if sums:
        keys = sorted(sums)
        execute_sql(
            sql("add_to_pool"),
            partners=[partner_id for partner_id, _ in keys],
            currencies=[currency for _, currency in keys],
            minors=[sums[key] for key in keys],
        )


def share_of(partner_id: UUID, currency: str, *, lock: bool = False) -> Money:
    """What of the pool is a partner's; locked until the transaction ends where asked."""
    statement = select(PoolShare.balance_minor).where(
        PoolShare.partner_id == partner_id, PoolShare.currency == currency
    )
    minor = session().scalar(statement.with_for_update() if lock else statement)
    return Money.from_minor(int(minor or 0), currency)


def shares_of(partner_id: UUID) -> dict[str, Money]:
    """What of the pool is a partner's, by currency."""
    rows = session().execute(
        select(PoolShare.currency, PoolShare.balance_minor).where(PoolShare.partner_id == partner_id)
    )
    return {row.currency: Money.from_minor(int(row.balance_minor), row.currency) for row in rows}


def take(partner_id: UUID, most: Money) -> Money:
    """Lower a partner's share by at most so much, and answer by how much; the caller posts it."""
    part = min(share_of(partner_id, most.currency, lock=True), most)
    if part.minor <= 0:
        return Money.zero(most.currency)
    execute_sql(sql("take_from_pool"), partner_id=partner_id, currency=part.currency, minor=part.minor)
    return part


def draw(partner_id: UUID, most: Money, key: str, by: Actor) -> Money:
    """Move at most so much of a partner's share to their redeem wallet. Answers how much was moved."""
    part = take(partner_id, most)
    if part.minor > 0:
        redeem = ledger.wallet(ledger.Owner("partner", partner_id), ledger.REDEEM, part.currency).id
        pooled = ledger.wallet(POOL, PURPOSE, part.currency).id
        ledger.post(
            f"pool:{key}", "commission.draw", [ledger.Line(pooled, -part), ledger.Line(redeem, part)], by,
        )  # fmt: skip
    return part
