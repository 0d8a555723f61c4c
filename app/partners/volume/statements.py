"""The engine's statements with what a plan needs of volume, averages and traits, and without what it does not."""

from __future__ import annotations

from typing import Any

from app.core.db import load_sql
from app.partners.abuse import holding
from app.partners.plan import Plan
from app.partners.settlement.place import placed
from app.partners.volume.matching import dimensions_of

_PART = "(vo.lots - vo.lots_netted) * r.multiplier * vo.credit_factor"
_PATH_AT = (
    "CASE :tree_as_of WHEN 'open' THEN coalesce(t.opened_at, t.closed_at)"
    " WHEN 'settlement' THEN :day_end ELSE t.closed_at END"
)


def volume_sql(name: str) -> str:
    """A statement of this package, on the tables where the engine writes now."""
    return placed(load_sql("app.partners", f"volume/sql/{name}.sql"))


def counts_volume(plan: Plan) -> bool:
    """Whether a trade's neighbours have a say in the volume that it counts with."""
    gates = plan.gates
    return (
        gates.hedge_netting != "off"
        or gates.partial_close != "pro_rata"
        or gates.close_by in {"larger_side", "net"}
        or gates.credit_coefficient != "off"
        or gates.negative_balance != "pay"
    )


def trades_statement(text: str, plan: Plan) -> str:
    """`trades_now` as a plan needs it."""
    dimensions = dimensions_of(plan)
    joins = []
    if counts_volume(plan):
        text = text.replace("/* volume */", volume_sql("frozen_volume"))
        text = text.replace("/* part */r.multiplier", _PART).replace("/* whole */1", "vo.lots_whole")
        text = text.replace("/* counted */t.volume_lots * r.multiplier", _PART)
    else:
        text = text.replace("/* volume */", volume_sql("own_volume"))
    if "capped" in plan.bases:
        text = text.replace("/* average */CAST(NULL AS numeric)", "av.average")
        joins.append(volume_sql("frozen_average"))
    if not plan.gates.include_sub_ib_accounts:
        text = text.replace("/* is_partner */false", f"ib.during @> {_PATH_AT}")
        joins.append(volume_sql("partners_who_trade"))
    text = holding.trades_statement(text, plan)
    text = text.replace("/* more */''", dimensions.key).replace("/* match_joins */", dimensions.joins)
    return text.replace("/* joins */", "\n".join(joins))


def trade_settings(plan: Plan) -> dict[str, Any]:
    """The parameters of `trades_now` that are about volume and traits."""
    return {
        "min_points": plan.gates.min_points,
        "max_volume_lots": plan.gates.max_volume_lots,
        **dimensions_of(plan).given,
    }
