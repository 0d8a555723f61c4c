"""Who may be paid by each track on a path, and how much before any cap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.partners.plan import GodRule, GodTrack, Level, Plan, Track
from app.partners.rules.facts import Path, ReasonCode, Upline
from app.partners.rules.own import PerLot
from app.partners.rules.steps import product, step

GatesOf = Callable[[Upline], tuple[ReasonCode, ...]]
AmountOf = Callable[[Upline, int], tuple[Decimal, Decimal]]  # (share, amount before caps) at a level, from 1.
PerLotOf = Callable[[Upline], PerLot]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A potential beneficiary of one track: the level they stand at, the gates they fail, and their amount before caps.

    `nothing` says why the amount is zero although every gate passed.
    """

    track: Track
    upline: Upline
    level: int
    gates: tuple[ReasonCode, ...]
    rate: Decimal
    amount: Decimal
    nothing: ReasonCode | None = None


def referral_candidates(
    path: Path, levels: Sequence[Level], amount_of: AmountOf, plan: Plan, gates_of: GatesOf
) -> list[Candidate]:
    """The uplines at the distances of the level list; under `compress` those walked until the levels are used up."""
    found: list[Candidate] = []
    level = 1
    for upline in path.uplines:
        if level > len(levels):
            break
        gates = gates_of(upline)
        share, amount = amount_of(upline, level)
        found.append(Candidate("referral", upline, level, gates, share, amount, _zero(amount)))
        if not (gates and plan.on_ineligible == "compress"):
            level += 1
    return found


def level_amounts(levels: Sequence[Level], base: Decimal, plan: Plan) -> list[Decimal]:
    """Each level's amount before caps: of the base, or of the amount of the level below as it was before caps."""
    amounts: list[Decimal] = []
    below = base
    for level in levels:
        amount = step(level.share, below)
        amounts.append(amount)
        if plan.referral is not None and plan.referral.level_base == "previous":
            below = amount
    return amounts


def _zero(amount: Decimal) -> ReasonCode | None:
    return ReasonCode.ZERO_AMOUNT if amount == 0 else None


def god_candidates(
    path: Path,
    track: GodTrack,
    rule: GodRule | None,
    lots: Decimal,
    plan: Plan,
    gates_of: GatesOf,
    per_lot_of: PerLotOf,
) -> list[Candidate]:
    """Every god-mode partner on the path, at any depth, with what the nested policy gives them.

    A partner who may not earn keeps their place in the nesting; only `compress` takes them out of it first.
    """
    partners = [
        (upline, per_lot_of(upline), gates_of(upline)) for upline in path.uplines if upline.god_rate is not None
    ]
    out = [bool(gates) and plan.on_ineligible == "compress" for _, _, gates in partners]
    rates = [rate for (_, rate, _), is_out in zip(partners, out, strict=True) if not is_out]
    weight = rule.weight if rule is not None else Decimal(0)
    shares = iter(nested_amounts(track, rates, weight, lots))
    found: list[Candidate] = []
    for (upline, _, gates), is_out in zip(partners, out, strict=True):
        kept = None if is_out else next(shares)
        rate, amount = kept if kept is not None else (Decimal(0), Decimal(0))
        nothing = ReasonCode.NESTED_POLICY if kept is None else _zero(amount)
        found.append(Candidate("god", upline, upline.distance, gates, rate, amount, nothing))
    return found


def nested_amounts(
    track: GodTrack, partners: Sequence[PerLot], weight: Decimal, lots: Decimal
) -> list[tuple[Decimal, Decimal] | None]:
    """(rate after the policy, amount before caps) for god-mode partners in one path, nearest first; None: nothing."""
    rates = [one.rate for one in partners]
    whole = [(one.rate, step(weight, one.gross)) for one in partners]
    match track.nested_policy:
        case "full":
            return list(whole)
        case "difference":
            kept = [rate - max(rates[:place], default=Decimal(0)) for place, rate in enumerate(rates)]
            return [(rate, step(rate, weight, lots)) if rate > 0 else None for rate in kept]
        case "nearest":
            return [one if place == 0 else None for place, one in enumerate(whole)]
        case "topmost":
            return [one if place == len(whole) - 1 else None for place, one in enumerate(whole)]
        case "highest":
            best = max(rates, default=Decimal(0))
            return [one if place == rates.index(best) else None for place, one in enumerate(whole)]
        case "split":
            return [one if one[0] != 0 else None for one in _split(track, rates, weight, lots)]


def _split(track: GodTrack, rates: Sequence[Decimal], weight: Decimal, lots: Decimal) -> list[tuple[Decimal, Decimal]]:
    """The nearest partner's pool passed upward: each hands on a share of what reached them, the topmost keeps all."""
    found: list[tuple[Decimal, Decimal]] = []
    reaching = Decimal(1)
    for place in range(len(rates)):
        share = track.split_shares[min(place, len(track.split_shares) - 1)]
        passed = Decimal(0) if place == len(rates) - 1 else product(reaching, share)
        kept = product(rates[0], reaching) - product(rates[0], passed)
        amount = step(rates[0], weight, lots, reaching) - step(rates[0], weight, lots, passed)
        found.append((kept, amount))
        reaching = passed
    return found
