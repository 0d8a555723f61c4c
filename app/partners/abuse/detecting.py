"""The set-based detectors: each one statement over a tenant's rows, run only where the plan switches it on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.db import execute_sql, load_sql, tenant_id
from app.partners.abuse import clusters, holding, patterns
from app.partners.abuse.grouping import Member
from app.partners.abuse.patterns import Flow, Found
from app.partners.models import PlanVersion, SettlementRun
from app.partners.rules.gates import seconds
from app.partners.settlement.facts import over_many_rows
from app.rates import service as rates

_INSTANT = timedelta(milliseconds=1)


def sql(name: str) -> str:
    """A statement of this package."""
    return load_sql("app.partners.abuse", f"sql/{name}.sql")


def freeze(run: SettlementRun, version: PlanVersion) -> None:
    """Store who shares what with whom, so that every step of the run sees the same. Called again, it does so anew."""
    terms = version.plan.abuse
    execute_sql(sql("forget_links"), business_date=run.business_date)
    if terms.looks_at_clusters:
        write_links(run.business_date, clusters.members(run.day_end, terms.clusters))


def write_links(day: date, found: list[Member]) -> None:
    """Store the pairs of a day."""
    rows = [
        {
            "tenant_id": tenant_id(),
            "business_date": day,
            "client_id": one.client_id,
            "partner_id": one.partner_id,
            "cluster": one.cluster,
            "confidence": one.confidence,
            "kinds": list(one.kinds),
        }
        for one in found
    ]
    if rows:
        execute_sql(sql("write_link"), rows)


def detect(run: SettlementRun, version: PlanVersion) -> list[Found]:
    """Everything that the plan's detectors find with this day's settlement."""
    plan, terms = version.plan, version.plan.abuse
    if terms.counts_days:
        count_days(run, version)
    found = []
    if plan.gates.hold_policy == "hold":
        found += list(_short_holds(run, version))
    if terms.scalping.action != "off":
        limits = terms.scalping
        for row in _window(
            "scalpers", run, limits.window_days, trades_min=limits.trades_min, share_above=limits.share_above
        ):
            flow = Flow(row.trades, row.short_trades, row.lots, row.short_lots)
            found.append(patterns.scalper(row.client_id, flow, terms))
    if terms.empty_volume.action != "off":
        bounds = terms.empty_volume
        for row in _window(
            "empty_volume", run, bounds.window_days, trades_min=bounds.trades_min, share_above=bounds.share_above
        ):
            flow = Flow(trades=row.trades, lots=row.lots, empty_lots=row.empty_lots)
            found.append(patterns.empty(row.client_id, flow, terms))
    if terms.hold_gaming.action != "off":
        found += list(_gaming(run, version))
    if terms.churn_intensity.action != "off":
        found += list(_intense(run, version))
    if terms.churning.action != "off":
        found += list(_churning(run, version))
    if terms.phantom_sub_partners.action != "off":
        found += list(_phantoms(run, version))
    if terms.clusters.action != "off":
        found += list(_rings(run, version))
    return found


def count_days(run: SettlementRun, version: PlanVersion) -> None:
    """Count what clients traded on every day of the longest window that nobody has counted yet."""
    terms = version.plan.abuse
    window_from = run.business_date - timedelta(days=terms.window_days)
    days = list(execute_sql(sql("days_to_sum"), window_from=window_from, business_date=run.business_date).scalars())
    statement = sql("sum_day")
    if terms.counts_commission:
        statement = statement.replace("/* commission */0", "coalesce(c.amount, 0)")
        statement = statement.replace("/* joins */", sql("commission_of_day"))
    with joined_by_hash():
        for day in days:
            execute_sql(
                statement,
                business_date=day,
                spreads=terms.empty_volume.spreads,
                margin=seconds(terms.hold_gaming.margin_seconds),
                **_closings(day),
                **minimum_of(run, version),
            )


def _closings(day: date) -> dict[str, datetime | None]:
    """Between which instants the trades of a settlement day were closed."""
    found = execute_sql(sql("closings_of_day"), business_date=day).one()
    return {"closed_from": found.first_at, "closed_to": found.last_at}


@contextmanager
def joined_by_hash() -> Iterator[None]:
    """Join a day's rows by hash inside the block; what follows is planned as before."""
    before = execute_sql("SHOW enable_nestloop").scalar_one()
    over_many_rows()
    yield
    execute_sql(f"SET LOCAL enable_nestloop = {before}")


def minimum_of(run: SettlementRun, version: PlanVersion) -> dict[str, Any]:
    """What makes a position short, as parameters of the statements."""
    gates = version.plan.gates
    return {
        "min_hold": seconds(gates.min_hold_seconds),
        "exempt_from_hold": list(gates.exempt_from_hold),
        "exempt_hold_groups": holding.exempt_groups(run, version),
    }


def _window(name: str, run: SettlementRun, days: int, **given: Any) -> Iterator[Any]:
    window_from = run.business_date - timedelta(days=days)
    yield from execute_sql(sql(name), window_from=window_from, business_date=run.business_date, **given)


def _at(run: SettlementRun) -> datetime:
    return run.day_end - _INSTANT


def _short_holds(run: SettlementRun, version: PlanVersion) -> Iterator[Found]:
    given = minimum_of(run, version) | _closings(run.business_date)
    with joined_by_hash():
        rows = execute_sql(sql("short_holds"), business_date=run.business_date, **given).all()
    for row in rows:
        yield patterns.short_hold(row.client_id, row.trades, row.lots, version.plan)


def _gaming(run: SettlementRun, version: PlanVersion) -> Iterator[Found]:
    terms = version.plan.abuse
    limits = terms.hold_gaming
    for row in _window(
        "hold_gaming",
        run,
        limits.window_days,
        trades_min=limits.trades_min,
        share_above=limits.share_above,
        at=_at(run),
    ):
        flow = Flow(trades=int(row.trades), lots=row.lots, short_lots=row.short_lots, near_lots=row.near_lots)
        yield patterns.gaming(row.partner_id, flow, row.clients, terms)


def _intense(run: SettlementRun, version: PlanVersion) -> Iterator[Found]:
    """Money in a currency whose rate nobody knows counts as nothing: then a person looks."""
    terms = version.plan.abuse
    limits = terms.churn_intensity
    commission: dict[UUID, Decimal] = {}
    paid: dict[UUID, Decimal] = defaultdict(Decimal)
    for row in _window(
        "churn_intensity", run, limits.window_days, commission_min=limits.commission_min, at=run.day_end
    ):
        commission[row.client_id] = row.commission
        if row.amount is not None:
            paid[row.client_id] += _in_plan_currency(row.amount, row.currency, version, run)
    for client, amount in commission.items():
        found = patterns.intense(client, amount, paid[client], terms)
        if found is not None:
            yield found


def _in_plan_currency(amount: Decimal, currency: str, version: PlanVersion, run: SettlementRun) -> Decimal:
    if currency == version.currency:
        return amount
    try:
        quote = rates.rate(currency, version.currency, _at(run))
    except rates.RateUnknown:
        return Decimal(0)
    return amount * quote.numerator / quote.denominator


def _churning(run: SettlementRun, version: PlanVersion) -> Iterator[Found]:
    terms = version.plan.abuse
    for row in _window("churning", run, terms.churning.window_days, review_at=terms.churning.review_at):
        found = patterns.churning(row.partner_id, row.clients, row.commission, row.revenue, terms)
        if found is not None:
            yield found


def _phantoms(run: SettlementRun, version: PlanVersion) -> Iterator[Found]:
    terms = version.plan.abuse
    limits = terms.phantom_sub_partners
    for row in execute_sql(
        sql("phantoms"),
        business_date=run.business_date,
        at=_at(run),
        signed_in_since=_at(run) - timedelta(days=limits.sign_in_days),
        signs_min=limits.signs_min,
    ):
        yield patterns.phantom(row.partner_id, row.master_id, row.clients, row.signs, terms)


def _rings(run: SettlementRun, version: PlanVersion) -> Iterator[Found]:
    for row in execute_sql(sql("rings"), business_date=run.business_date, at=_at(run)):
        yield patterns.ring(row.partner_id, row.client_id, row.cluster, row.confidence, row.kinds, version.plan.abuse)
