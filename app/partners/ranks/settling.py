"""Ranks, tiers and own rates in a settlement run: frozen when it starts, applied to the candidates of each slice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.core.db import execute_sql, load_sql, session
from app.partners import receivers, versions
from app.partners.models import PlanVersion, SettlementRun
from app.partners.plan import Plan
from app.partners.ranks import measures
from app.partners.ranks.terms import Qualification, Rank, Tiers
from app.partners.rules.own import ranked_share
from app.partners.settlement.place import placed, schema

EVERY_RULE = -2  # A rate for whichever rule of the track matched.
NO_RANK = ""


def sql(name: str) -> str:
    """A statement of this part of the engine, with the parts that it includes."""
    text = load_sql("app.partners", f"ranks/sql/{name}.sql")
    for part, place in (("own_rates", "ranks"), ("candidates_scope", "settlement")):
        mark = f"/* include {part} */"
        if mark in text:
            text = text.replace(mark, load_sql("app.partners", f"{place}/sql/{part}.sql"))
    return placed(text)


def forget(run: SettlementRun) -> None:
    """Drop what was frozen for a run that has not computed anything yet."""
    execute_sql(sql("forget_own"), business_date=run.business_date)


def freeze(run: SettlementRun, version: PlanVersion, scope: Mapping[str, Any]) -> None:
    """Store the ranks and own rates that one plan version computes with in this run, and what each rule then gives.

    Without ranks, tiers and own rates nothing is stored, and nothing is asked when lines are computed.
    """
    plan = version.plan
    given = {"business_date": run.business_date, "plan_number": version.number, "day_end": run.day_end, **scope}
    if plan.ranks is not None:
        names = [rank.name for rank in plan.ranks.ranks]
        execute_sql(sql("freeze_ranks"), names=names, first_rank=names[0], **given)
    _freeze_rates(run, version, given)
    if plan.ranks is not None or plan.tiered_tracks or has_own_rates(run, version):
        _insert("run_own_term", _terms(run, version))


def _freeze_rates(run: SettlementRun, version: PlanVersion, given: Mapping[str, Any]) -> None:
    """Rates of partners' own, by the number that their rule has in this version. A rule it lacks is left out."""
    plan = version.plan
    numbers = {("referral", rule.name): n for n, rule in enumerate(plan.referral.rules if plan.referral else ())}
    numbers |= {("god", god_rule.name): n for n, god_rule in enumerate(plan.god.rules if plan.god else ())}
    rows = []
    for row in execute_sql(sql("rates_in_scope"), **given):
        number = EVERY_RULE if not row.rule else numbers.get((row.track, row.rule))
        if number is not None:
            rows.append(
                {
                    **_key(run, version),
                    "partner_id": row.partner_id,
                    "track": row.track,
                    "rule": number,
                    "level": row.level,
                    "unit": row.unit,
                    "valid_from": row.valid_from,
                    "valid_to": row.valid_to,
                    "amount": row.amount,
                }
            )
    _insert("run_rate", rows)


def has_own_rates(run: SettlementRun, version: PlanVersion) -> bool:
    """Whether a partner's own rate is frozen for the run and version."""
    return _exists("run_rate", run, version)


def is_used(run: SettlementRun, version: PlanVersion) -> bool:
    """Whether anything of this part is frozen for the run and version."""
    return _exists("run_own_term", run, version)


def _exists(table: str, run: SettlementRun, version: PlanVersion) -> bool:
    of_version = (
        sa.select(sa.literal(1))
        .select_from(sa.table(table, schema=schema()))
        .where(
            sa.column("tenant_id") == run.tenant_id,
            sa.column("business_date") == run.business_date,
            sa.column("plan_number") == version.number,
        )
    )
    return bool(session().scalar(sa.select(sa.exists(of_version))))


def _terms(run: SettlementRun, version: PlanVersion) -> list[dict[str, Any]]:
    plan = version.plan
    ranks: list[Rank | None] = list(plan.ranks.ranks) if plan.ranks is not None else [None]
    rows: list[dict[str, Any]] = []
    for rank in ranks:
        rank_key = {**_key(run, version), "rank": rank.name if rank is not None else NO_RANK}
        for number, rule in enumerate(plan.referral.rules if plan.referral is not None else ()):
            levels = plan.levels_of(rule)
            for place, level in enumerate(levels, 1):
                is_chained = plan.referral is not None and plan.referral.level_base == "previous"
                rows.append(
                    {
                        **rank_key,
                        "track": "referral",
                        "rule": number,
                        "level": place,
                        "share": level.share if is_chained else ranked_share(rank, place, level.share),
                        "shares": [below.share for below in levels[:place]] if is_chained else None,
                        "rate": rank.rates.get(rule.name) if rank is not None and rule.kind == "per_lot" else None,
                        "weight": 1,
                        "takes_per_lot": rule.kind == "per_lot" and not is_chained,
                        "max_per_event": rule.max_per_event,
                        **_tiers(rule.tiers),
                    }
                )
        for number, god_rule in enumerate(plan.god.rules if plan.god is not None else ()):
            rows.append(
                {
                    **rank_key,
                    "track": "god",
                    "rule": number,
                    "level": 0,
                    "share": None,
                    "shares": None,
                    "rate": rank.god_rate if rank is not None else None,
                    "weight": god_rule.weight,
                    "takes_per_lot": True,
                    "max_per_event": god_rule.max_per_event,
                    **_tiers(god_rule.tiers),
                }
            )
    return rows


def _tiers(tiers: Tiers | None) -> dict[str, Any]:
    return {
        "tier_method": tiers.method if tiers is not None else None,
        "tier_upto": [band.upto for band in tiers.bands] if tiers is not None else None,
        "tier_rates": [band.rate for band in tiers.bands] if tiers is not None else None,
    }


def _key(run: SettlementRun, version: PlanVersion) -> dict[str, Any]:
    return {"tenant_id": run.tenant_id, "business_date": run.business_date, "plan_number": version.number}


def _insert(table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        into = insert(sa.table(table, *(sa.column(name) for name in rows[0]), schema=schema()))
        session().execute(into.on_conflict_do_nothing(), rows)


def apply(run: SettlementRun, version: PlanVersion) -> None:
    """Bring the candidates of a slice under the frozen ranks, tiers and own rates, and count the lots of its months."""
    if not is_used(run, version):
        return
    plan = version.plan
    earliest = execute_sql(sql("first_of_slice")).scalar_one()
    if earliest is None:
        return
    given = {
        "business_date": run.business_date,
        "plan_number": version.number,
        "is_replay": version.number == 0,  # Its whole stretch of days bears one date.
        "is_compressed": plan.on_ineligible == "compress",
        "first_rank": plan.ranks.ranks[0].name if plan.ranks is not None else NO_RANK,
        "tiered_tracks": list(plan.tiered_tracks),
        **receivers.policy_of(plan),
        **months_between(earliest, run.day_end),
    }
    _run("own_terms", given)
    if plan.tiered_tracks:
        _run("count_lots", given)


def count_back(run: SettlementRun, plans: list[Plan]) -> None:
    """Take the lots of the trades that this run reverses out of their months."""
    if not any(plan.tiered_tracks for plan in plans):
        return
    earliest = execute_sql(sql("first_taken_back"), batch_from=run.batch_from).scalar_one()
    if earliest is not None:
        given = {"business_date": run.business_date, "batch_from": run.batch_from}
        _run("count_back", given | months_between(earliest, run.day_end))


def months_between(earliest: datetime, end: datetime) -> dict[str, Any]:
    """The months of the tenant's settlement days from the one of `earliest` on: their first days and first instants."""
    cut = versions.day_cut()
    first = cut.day_of(earliest).replace(day=1)
    months = [first]
    while cut.start_of(next_month(months[-1])) < end:
        months.append(next_month(months[-1]))
    assert all(one < other for one, other in pairwise(months))
    return {"months": months, "month_starts": [cut.start_of(month) for month in months]}


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def _run(name: str, given: Mapping[str, Any]) -> None:
    statement = sql(name)
    execute_sql(statement, **{key: value for key, value in given.items() if f":{key}" in statement})


def is_qualified(qualification: Qualification, measured: measures.Measured) -> bool:
    """Whether somebody who is measured so may be paid."""
    return all(measured[name] >= least for name, least in qualification.at_least.items())


def freeze_qualified(run: SettlementRun, version: PlanVersion) -> None:
    """Write who is not qualified beside the other gates of the run."""
    qualification = version.plan.qualification
    if qualification is None or not qualification.at_least:
        return
    last = run.day_end - timedelta(milliseconds=1)
    until = measures.month_of(last) if qualification.measuring.window == "month" else run.day_end
    measured = measures.measure(qualification.measuring, version.plan.currency, until)
    failing = [
        partner_id
        for partner_id in execute_sql(sql("parents")).scalars()
        if not is_qualified(qualification, measured.get(partner_id) or measures.nothing())
    ]
    execute_sql(sql("not_qualified"), partners=failing, business_date=run.business_date, plan_number=version.number)
