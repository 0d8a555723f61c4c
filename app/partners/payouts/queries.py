"""Reading payouts, early releases and what waits for a decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import execute_sql, get, session
from app.core.errors import NotFound
from app.kit.money import Money
from app.partners.models import BatchStatus, CommissionBatch
from app.partners.payouts.models import EarlyRelease, EarlyReleaseStatus, Payout, PayoutApproval, PayoutStatus


def payout(payout_id: UUID, *, partner_id: UUID | None = None, lock: bool = False) -> Payout:
    """A payout, of one partner only where `partner_id` is given. Raises NotFound."""
    row = get(Payout, payout_id, lock=lock)
    if row is None or (partner_id is not None and row.partner_id != partner_id):
        raise NotFound
    return row


def made_before(partner_id: UUID, once: str) -> Payout | None:
    """The payout that an earlier press of the same form has made."""
    return session().scalar(select(Payout).where(Payout.partner_id == partner_id, Payout.once_key == once))


def payouts_of(partner_id: UUID, *, limit: int, offset: int = 0) -> tuple[list[Payout], int]:
    """A partner's payouts, the newest first, and how many there are."""
    mine = Payout.partner_id == partner_id
    rows = session().scalars(
        select(Payout).where(mine).order_by(Payout.requested_at.desc(), Payout.id).limit(limit).offset(offset)
    )
    return list(rows), session().scalar(select(func.count()).select_from(Payout).where(mine)) or 0


def queue(status: PayoutStatus, *, limit: int, offset: int = 0) -> tuple[list[Payout], int]:
    """Payouts in one state, and how many there are: what waits the oldest first, the others the newest first."""
    chosen = Payout.status == status
    order = Payout.requested_at if status is PayoutStatus.WAITING else Payout.requested_at.desc()
    rows = session().scalars(select(Payout).where(chosen).order_by(order, Payout.id).limit(limit).offset(offset))
    return list(rows), session().scalar(select(func.count()).select_from(Payout).where(chosen)) or 0


def waiting_count() -> int:
    """How many payouts and early releases wait for somebody."""
    payouts = session().scalar(select(func.count()).select_from(Payout).where(Payout.status == PayoutStatus.WAITING))
    early = session().scalar(
        select(func.count()).select_from(EarlyRelease).where(EarlyRelease.status == EarlyReleaseStatus.WAITING)
    )
    return int(payouts or 0) + int(early or 0)


def approvals(payout_ids: Sequence[UUID]) -> dict[UUID, list[PayoutApproval]]:
    """Who has said yes to each of these payouts, in order."""
    found: dict[UUID, list[PayoutApproval]] = {payout_id: [] for payout_id in payout_ids}
    rows = session().scalars(
        select(PayoutApproval).where(PayoutApproval.payout_id.in_(payout_ids)).order_by(PayoutApproval.step)
    )
    for row in rows:
        found[row.payout_id].append(row)
    return found


def redeemable_from(least: Money) -> list[tuple[UUID, Money]]:
    """Partners who have at least this much to redeem, with all of it."""
    rows = execute_sql(
        "SELECT n.owner_id, sum(n.minor) AS balance_minor FROM ("
        " SELECT owner_id, balance_minor AS minor FROM wallet WHERE tenant_id = :tenant_id AND owner_kind = 'partner'"
        " AND purpose = 'redeem' AND currency = :currency"
        " UNION ALL SELECT partner_id, balance_minor FROM commission_pool"
        " WHERE tenant_id = :tenant_id AND currency = :currency AND balance_minor > 0"
        ") AS n GROUP BY n.owner_id HAVING sum(n.minor) >= :least ORDER BY n.owner_id",
        currency=least.currency,
        least=least.minor,
    )
    return [(row.owner_id, Money.from_minor(int(row.balance_minor), least.currency)) for row in rows]


def early_release(release_id: UUID, *, lock: bool = False) -> EarlyRelease:
    """A request to release early. Raises NotFound."""
    row = get(EarlyRelease, release_id, lock=lock)
    if row is None:
        raise NotFound
    return row


def early_releases(
    *, partner_id: UUID | None = None, day: date | None = None, status: EarlyReleaseStatus | None = None
) -> list[EarlyRelease]:
    """Requests to release early, the newest first."""
    statement = select(EarlyRelease).order_by(EarlyRelease.asked_at.desc()).limit(200)
    if partner_id is not None:
        statement = statement.where(EarlyRelease.partner_id == partner_id)
    if day is not None:
        statement = statement.where(EarlyRelease.business_date == day)
    if status is not None:
        statement = statement.where(EarlyRelease.status == status)
    return list(session().scalars(statement))


def under_audit(partner_id: UUID, day: date, *, lock: bool = False) -> list[CommissionBatch]:
    """What a partner got on a day and has not been released yet."""
    statement = select(CommissionBatch).where(
        CommissionBatch.partner_id == partner_id,
        CommissionBatch.business_date == day,
        CommissionBatch.status == BatchStatus.POSTED,
        CommissionBatch.purpose == "settle",
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return list(session().scalars(statement.order_by(CommissionBatch.track)))


def days_under_audit(partner_id: UUID) -> list[tuple[date, list[CommissionBatch]]]:
    """A partner's days with money under audit, the oldest first."""
    rows = session().scalars(
        select(CommissionBatch)
        .where(
            CommissionBatch.partner_id == partner_id,
            CommissionBatch.status == BatchStatus.POSTED,
            CommissionBatch.purpose == "settle",
        )
        .order_by(CommissionBatch.business_date, CommissionBatch.track)
    )
    found: dict[date, list[CommissionBatch]] = {}
    for row in rows:
        found.setdefault(row.business_date, []).append(row)
    return list(found.items())
