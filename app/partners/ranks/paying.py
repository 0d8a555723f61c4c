"""What ranks and tiers pay beside single trades: a month's true-ups, and shares in what partners below received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.core.db import execute_sql, session
from app.partners.awards.models import CommissionAward
from app.partners.awards.service import Award, write_awards
from app.partners.models import PlanVersion, SettlementRun
from app.partners.plan import Plan
from app.partners.ranks.settling import months_between, next_month, sql
from app.partners.ranks.terms import Ranks
from app.partners.rules.steps import step

_INSTANT = timedelta(milliseconds=1)


def write(run: SettlementRun, periods: Sequence[PlanVersion]) -> None:
    """Add to a run that is judged what ranks and tiers give beside its lines. Run again, it adds nothing."""
    if any(is_flat(version.plan) for version in periods):
        write_awards(run, list(_true_ups(run)))
    version = next((one for one in periods if one.number == run.plan_number), None)
    if version is not None and version.plan.ranks is not None and version.plan.ranks.overrides:
        write_awards(run, list(_overrides(run, version.plan.ranks)))


def is_flat(plan: Plan) -> bool:
    """Whether a rule pays a month's lots at the band that the month reaches."""
    tiers = [rule.tiers for rule in plan.referral.rules] if plan.referral is not None else []
    tiers += [rule.tiers for rule in plan.god.rules] if plan.god is not None else []
    return any(one is not None and one.method == "flat_on_reach" for one in tiers)


def _true_ups(run: SettlementRun) -> Iterator[Award]:
    """What the band that was reached gives more than was paid; less, where trades of the month were taken back."""
    day: date = run.business_date
    present = day.replace(day=1)
    far = months_between(run.day_start - timedelta(days=400), run.day_end)
    due = list(
        execute_sql(
            sql("months_due"),
            ending=present if day + timedelta(days=1) == next_month(present) else None,
            present=present,
            business_date=day,
            **far,
        ).scalars()
    )
    if not due:
        return
    for row in execute_sql(sql("true_ups"), due=due, first_day=min(due), business_date=day, **far):
        yield Award(
            partner_id=row.partner_id,
            kind="true_up",
            source_key=f"{row.track}:{row.month.isoformat()}:{day.isoformat()}",
            amount=row.reached - row.paid - row.earlier,
            track=row.track,
            rate=row.rate,
            base=row.lots,
            detail={
                "month": row.month.isoformat(),
                "month_lots": f"{row.month_lots:f}",
                "trades": row.trades,
                "lots": f"{row.lots:f}",
                "rate": f"{row.rate:f}",
                "reached": f"{row.reached:f}",
                "paid": f"{row.paid:f}",
                "earlier": f"{row.earlier:f}",
            },
        )


@dataclass(frozen=True, slots=True)
class Above:
    """Somebody on the path of a partner who received something; distance 0 is the partner themselves."""

    partner_id: UUID
    distance: int
    rank: str
    may_earn: bool = True


@dataclass(frozen=True, slots=True)
class RankShare:
    """What one partner gets of what another received."""

    partner_id: UUID
    distance: int
    rank: str
    below_rank: str
    kind: str  # override or same_rank
    share: Decimal
    amount: Decimal


def shares_in(received: Decimal, path: Iterable[Above], ranks: Ranks) -> list[RankShare]:
    """Who on a path shares in what the partner at its foot received: the plain rule, one partner at a time.

    Whoever stands at a distance that their rank names gets its share of what somebody of a lower rank received, and of
    what one of the same rank received where the rank says so. Nobody shares in what a higher rank received.
    """
    steps = list(path)
    foot = next(one for one in steps if one.distance == 0)
    found = []
    for one in steps:
        if one.distance == 0 or not one.may_earn:
            continue
        rank = ranks.named(one.rank)
        difference = ranks.place(one.rank) - ranks.place(foot.rank)
        shares = rank.override if difference > 0 else rank.same_rank if difference == 0 else ()
        if one.distance <= len(shares) and (amount := step(received, shares[one.distance - 1])):
            kind = "override" if difference > 0 else "same_rank"
            share = shares[one.distance - 1]
            found.append(
                RankShare(one.partner_id, one.distance, rank.name, ranks.named(foot.rank).name, kind, share, amount)
            )
    return found


def _overrides(run: SettlementRun, ranks: Ranks) -> Iterator[Award]:
    day = run.business_date
    fresh: dict[UUID, Decimal] = {}
    back: dict[UUID, list[tuple[date, Decimal]]] = defaultdict(list)
    for row in execute_sql(sql("received"), business_date=day):
        if row.source_on is None:
            fresh[row.partner_id] = row.amount
        else:
            back[row.partner_id].append((row.source_on, row.amount))
    paths = _paths(run, ranks, sorted(person for person, amount in fresh.items() if amount > 0))
    for below_id, path in paths.items():
        for one in shares_in(fresh[below_id], path, ranks):
            yield Award(
                partner_id=one.partner_id,
                kind="override",
                source_key=f"{below_id}:{day.isoformat()}",
                amount=one.amount,
                level=one.distance,
                rate=one.share,
                base=fresh[below_id],
                client_id=below_id,
                detail={
                    "kind": one.kind,
                    "from": str(below_id),
                    "distance": one.distance,
                    "rank": one.rank,
                    "below_rank": one.below_rank,
                    "share": f"{one.share:f}",
                    "received": f"{fresh[below_id]:f}",
                },
            )
    yield from _taken_back(day, back)


def _paths(run: SettlementRun, ranks: Ranks, people: list[UUID]) -> dict[UUID, list[Above]]:
    depth = max(len(shares) for rank in ranks.ranks for shares in (rank.override, rank.same_rank))
    rows = execute_sql(
        sql("above"),
        people=people,
        at=run.day_end - _INSTANT,
        depth=depth,
        business_date=run.business_date,
        plan_number=run.plan_number,
    )
    found: dict[UUID, list[Above]] = defaultdict(list)
    for row in rows:
        found[row.below_id].append(Above(row.partner_id, row.distance, row.rank, not row.gates))
    return found


def _taken_back(day: date, back: dict[UUID, list[tuple[date, Decimal]]]) -> Iterator[Award]:
    """Of what is taken back from a partner, the part that others had shared in, at the share of that day."""
    for below_id, parts in back.items():
        for source_on, amount in parts:
            for award in _awards_of(below_id, source_on):
                assert award.rate is not None
                yield Award(
                    partner_id=award.partner_id,
                    kind="override",
                    source_key=f"{award.source_key}:{day.isoformat()}",
                    amount=step(amount, award.rate),
                    level=award.level,
                    rate=award.rate,
                    base=amount,
                    client_id=below_id,
                    detail={**award.detail, "received": f"{amount:f}", "of": source_on.isoformat()},
                )


def _awards_of(below_id: UUID, source_on: date) -> list[Any]:
    statement = select(CommissionAward).where(
        CommissionAward.kind == "override",
        CommissionAward.client_id == below_id,
        CommissionAward.source_key == f"{below_id}:{source_on.isoformat()}",
        CommissionAward.component == "base",
    )
    return list(session().scalars(statement))
