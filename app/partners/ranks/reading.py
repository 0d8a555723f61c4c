"""From forms to tiers, ranks and own rates, and back to what the forms show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.core.errors import Invalid
from app.core.forms import Form
from app.kit.text import _l
from app.partners.drafts.typed import PERCENT, decimal_of, number, plain, whole, words
from app.partners.plan import Plan
from app.partners.ranks.forms import CONDITIONS, NEEDS, RankForm, RanksForm
from app.partners.ranks.terms import (
    ActiveClient,
    Band,
    Measure,
    Measuring,
    OwnRates,
    Qualification,
    Rank,
    Ranks,
    Tiers,
)

ONE = Decimal(1)


def read_tiers(form: Form) -> Tiers | None:
    """The tiers that a rule's form describes; None without a method. Raises Invalid that names the field."""
    method = form["tier_method"].data
    if not method:
        return None
    bands = []
    for line in str(form["tier_bands"].data or "").splitlines():
        parts = line.split()
        if not parts:
            continue
        if len(parts) > 2:
            raise Invalid(_l("Write up to how many lots and the amount, in each line."), field="tier_bands")
        *bound, rate = [decimal_of(part, "tier_bands") for part in parts]
        bands.append(Band(rate=rate, upto=bound[0] if bound else None))
    return Tiers(method=method, bands=tuple(bands))


def fill_tiers(tiers: Tiers | None) -> dict[str, str]:
    """Tiers as a rule's form shows them."""
    if tiers is None:
        return {"tier_method": "", "tier_bands": ""}
    lines = [f"{plain(band.upto)} {plain(band.rate)}".strip() for band in tiers.bands]
    return {"tier_method": tiers.method, "tier_bands": "\n".join(lines)}


def read_ranks(form: RanksForm, before: Plan) -> Plan:
    """The plan with what the form says about measuring and rates. Raises Invalid that names the field."""
    measuring = Measuring(
        window=form.window.data,
        days=whole(form, "days", 30),
        clients=form.clients.data,
        active=ActiveClient(
            own_funds=number(form, "own_funds", default=Decimal(100)) or Decimal(0),
            orders=whole(form, "orders", 5),
            days=whole(form, "active_days", 30),
        ),
    )
    needs = _amounts(form, NEEDS)
    share = number(form, "alone_share")
    ranks = before.ranks
    return msgspec.structs.replace(
        before,
        ranks=msgspec.structs.replace(ranks, demotion=form.demotion.data, measuring=measuring) if ranks else None,
        qualification=Qualification(at_least=needs, measuring=measuring) if needs else None,
        own_rates=OwnRates(
            alone_up_to_share=None if share is None else share / PERCENT,
            alone_up_to_per_lot=number(form, "alone_per_lot"),
        ),
    )


def fill_ranks(plan: Plan, revision: int) -> dict[str, Any]:
    """What a plan says about measuring and rates, as the form shows it."""
    measuring = Measuring()
    if plan.ranks is not None:
        measuring = plan.ranks.measuring
    elif plan.qualification is not None:
        measuring = plan.qualification.measuring
    share = plan.own_rates.alone_up_to_share
    return {
        "revision": str(revision),
        "demotion": plan.ranks.demotion if plan.ranks is not None else "auto",
        "window": measuring.window,
        "days": str(measuring.days),
        "clients": measuring.clients,
        "own_funds": plain(measuring.active.own_funds),
        "orders": str(measuring.active.orders),
        "active_days": str(measuring.active.days),
        "alone_share": plain(None if share is None else share * PERCENT),
        "alone_per_lot": plain(plan.own_rates.alone_up_to_per_lot),
        **_shown(plan.qualification.at_least if plan.qualification is not None else {}, NEEDS),
    }


def _amounts(form: Form, fields: Mapping[Measure, str]) -> dict[Measure, Decimal]:
    found = {name: number(form, field) for name, field in fields.items()}
    return {name: value for name, value in found.items() if value is not None}


def _shown(amounts: Mapping[Measure, Decimal], fields: Mapping[Measure, str]) -> dict[str, str]:
    return {field: plain(amounts.get(name)) for name, field in fields.items()}


def read_rank(form: RankForm) -> Rank:
    """The rank that a form describes. Raises Invalid that names the field."""
    factor = number(form, "share_factor", default=ONE)
    assert factor is not None
    return Rank(
        name=" ".join((form.name.data or "").split())[:40],
        more_than=_amounts(form, CONDITIONS),
        share_factor=factor,
        shares=_shares(form, "shares"),
        god_rate=number(form, "god_rate"),
        rates=_rates(form),
        override=_shares(form, "override"),
        same_rank=_shares(form, "same_rank"),
    )


def _shares(form: RankForm, name: str) -> tuple[Decimal, ...]:
    return tuple(decimal_of(one.rstrip("%"), name) / PERCENT for one in words(form[name].data))


def _rates(form: RankForm) -> dict[str, Decimal]:
    found = {}
    for line in (form.rates.data or "").splitlines():
        if not line.strip():
            continue
        name, _, amount = line.strip().rpartition(" ")
        if not name.strip():
            raise Invalid(_l("Write a rule's name and an amount in each line."), field="rates")
        found[name.strip()] = decimal_of(amount, "rates")
    return found


def fill_rank(rank: Rank, place: int, revision: int) -> dict[str, Any]:
    """A rank as its form shows it; `place` counts from 1."""
    return {
        "revision": str(revision),
        "name": rank.name,
        "place": str(place),
        "share_factor": plain(rank.share_factor),
        "shares": percents(rank.shares),
        "god_rate": plain(rank.god_rate),
        "rates": "\n".join(f"{name} {plain(amount)}" for name, amount in rank.rates.items()),
        "override": percents(rank.override),
        "same_rank": percents(rank.same_rank),
        **_shown(rank.more_than, CONDITIONS),
    }


def percents(shares: Sequence[Decimal]) -> str:
    """Shares as somebody would type them."""
    return " ".join(plain(share * PERCENT) for share in shares)


def put_rank(plan: Plan, old: int | None, rank: Rank, place: int) -> Plan:
    """The plan with a rank at its place, from 1; `old` is where it stood, from 0."""
    standing = list(plan.ranks.ranks) if plan.ranks is not None else []
    if old is not None:
        del standing[old]
    standing.insert(min(max(place - 1, 0), len(standing)), rank)
    ranks = plan.ranks if plan.ranks is not None else Ranks(ranks=())
    return msgspec.structs.replace(plan, ranks=msgspec.structs.replace(ranks, ranks=tuple(standing)))


def remove_rank(plan: Plan, place: int) -> Plan:
    """The plan without the rank that stands there, from 0; without any rank it has no ranks."""
    assert plan.ranks is not None
    left = tuple(rank for number_, rank in enumerate(plan.ranks.ranks) if number_ != place)
    return msgspec.structs.replace(plan, ranks=msgspec.structs.replace(plan.ranks, ranks=left) if left else None)
