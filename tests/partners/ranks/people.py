"""Ranks and own rates as they stand in the tables, without the service's rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.db import session
from app.kit.ids import new_id
from app.partners.models import RunStep, SettlementRun
from app.partners.ranks.models import PartnerRank, PartnerRate, RankOrigin, RateStatus
from app.referrals.rules import FOREVER
from tests.partners.world import FAR_BACK


def hold_rank(
    partner_id: UUID,
    rank: str,
    valid_from: datetime = FAR_BACK,
    valid_to: datetime = FOREVER,
    *,
    is_pinned: bool = False,
) -> None:
    """Let a partner hold a rank."""
    session().add(
        PartnerRank(
            partner_id=partner_id,
            rank=rank,
            valid_from=valid_from,
            valid_to=valid_to,
            origin=RankOrigin.HAND,
            is_pinned=is_pinned,
            measured={},
            reason="test",
            actor_kind="system",
            actor_id=None,
            actor_name="test",
            request_id=str(new_id()),
            created_at=FAR_BACK,
        )
    )
    session().flush()


def own_rate(
    partner_id: UUID, amount: Decimal, valid_from: datetime = FAR_BACK, valid_to: datetime = FOREVER, **more: Any
) -> None:
    """Let a partner have a rate of their own."""
    values: dict[str, Any] = {"track": "god", "rule": "", "level": 0, "unit": "per_lot"} | more
    session().add(
        PartnerRate(
            partner_id=partner_id,
            amount=amount,
            status=RateStatus.GIVEN,
            valid_from=valid_from,
            valid_to=valid_to,
            reason="test",
            asked_by=None,
            asked_by_name="test",
            asked_at=FAR_BACK,
            decided_by=None,
            decided_by_name="",
            decided_at=None,
            end_reason="",
            request_id=str(new_id()),
            **values,
        )
    )
    session().flush()


def proved_day(day: date, batch: int) -> None:
    """Let the days up to this one be settled, so that the next one is due: in UTC, with nothing in them."""
    begin = datetime.combine(day, time(), UTC)
    session().add(
        SettlementRun(
            business_date=day,
            id=new_id(),
            step=RunStep.PROVED,
            day_start=begin,
            day_end=begin + timedelta(days=1),
            plan_number=1,
            currency="USD",
            batch_from=batch,
            batch_to=batch,
            opened_at=begin,
            trades=0,
            late_trades=0,
            waiting_trades=0,
            lines=0,
            reasons=0,
            held=0,
            failure="",
            proof={},
            override_by="",
            override_reason="",
        )
    )
    session().flush()
