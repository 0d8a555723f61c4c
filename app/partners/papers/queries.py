"""Readings behind a partner's statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.db import execute_sql, load_sql, session
from app.partners.models import CommissionBatch
from app.partners.ranks.models import PartnerRank
from app.partners.rebates.models import AgreementStatus, ShareAgreement


def opening(partner_id: UUID, currency: str, day_from: date) -> dict[str, int]:
    """What the partner's wallets held before a day, in minor units by purpose."""
    rows = execute_sql(_sql("opening"), partner_id=partner_id, currency=currency, day_from=day_from)
    return {row.purpose: int(row.minor) for row in rows}


def movements(partner_id: UUID, currency: str, day_from: date, day_to: date) -> Sequence[Any]:
    """Entries on the partner's wallets for these days, oldest first."""
    return execute_sql(
        _sql("movements"), partner_id=partner_id, currency=currency, day_from=day_from, day_to=day_to
    ).all()


def batches(partner_id: UUID, currency: str, day_from: date, day_to: date) -> Sequence[CommissionBatch]:
    """The partner's batches of these days, oldest first, tracks in order."""
    statement = (
        select(CommissionBatch)
        .where(
            CommissionBatch.partner_id == partner_id,
            CommissionBatch.currency == currency,
            CommissionBatch.business_date >= day_from,
            CommissionBatch.business_date <= day_to,
        )
        .order_by(CommissionBatch.business_date, CommissionBatch.track, CommissionBatch.sequence)
    )
    return session().scalars(statement).all()


def agreements_at(partner_id: UUID, at: datetime) -> Sequence[ShareAgreement]:
    """The shares that a partner gave, or received by name, as of an instant."""
    statement = (
        select(ShareAgreement)
        .where(
            (ShareAgreement.giver_id == partner_id) | (ShareAgreement.receiver_id == partner_id),
            ShareAgreement.valid_from <= at,
            ShareAgreement.valid_to > at,
            ShareAgreement.status.in_((AgreementStatus.AGREED, AgreementStatus.WITHDRAWN)),
        )
        .order_by(ShareAgreement.kind, ShareAgreement.valid_from)
    )
    return session().scalars(statement).all()


def rank_at(partner_id: UUID, at: datetime) -> str | None:
    """The name of the rank that a partner held at an instant."""
    return session().scalar(
        select(PartnerRank.rank).where(
            PartnerRank.partner_id == partner_id, PartnerRank.valid_from <= at, PartnerRank.valid_to > at
        )
    )


def listed(name: str, partner_id: UUID, day_from: date, day_to: date, limit: int) -> Sequence[Any]:
    """One of the lists of a statement: "paid", "unpaid" or "held"."""
    return execute_sql(_sql(name), partner_id=partner_id, day_from=day_from, day_to=day_to, limit=limit).all()


def reason_counts(partner_id: UUID, day_from: date, day_to: date) -> list[tuple[str, int]]:
    """Why trades of these days paid nothing, the most frequent first."""
    rows = execute_sql(_sql("reason_counts"), partner_id=partner_id, day_from=day_from, day_to=day_to)
    return [(row.reason, row.times) for row in rows]


def _sql(name: str) -> str:
    return load_sql("app.partners.papers", f"sql/{name}.sql")
