"""Who sees an account type, and how much leverage somebody may have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Visitor:
    """What is known of a client to whom something may be offered."""

    country: str
    kyc_level: int
    segments: frozenset[str]


def is_visible_to(rule: Mapping[str, Any], visitor: Visitor) -> bool:
    """Whether somebody is among those to whom an account type is offered: everybody, when the rule says nothing."""
    if rule.get("countries") and visitor.country not in rule["countries"]:
        return False
    if visitor.country in rule.get("not_countries", ()):
        return False
    if visitor.kyc_level < rule.get("kyc_level_from", 0):
        return False
    if rule.get("segments") and visitor.segments.isdisjoint(rule["segments"]):
        return False
    return visitor.segments.isdisjoint(rule.get("not_segments", ()))


def leverage_ceiling(
    ceilings: Iterable[Mapping[str, Any]], visitor: Visitor, currency: str, equity: Decimal
) -> int | None:
    """The most leverage that every ceiling for this person, currency and equity allows; None when none applies."""
    limits = [
        int(ceiling["max"])
        for ceiling in ceilings
        if (not ceiling.get("countries") or visitor.country in ceiling["countries"])
        and (not ceiling.get("segments") or not visitor.segments.isdisjoint(ceiling["segments"]))
        and (not ceiling.get("currency") or ceiling["currency"] == currency)
        and (ceiling.get("equity_from") is None or equity >= Decimal(str(ceiling["equity_from"])))
    ]
    return min(limits, default=None)


def allowed(leverages: Iterable[int], ceiling: int | None) -> list[int]:
    """The leverages of a list that a ceiling leaves, the smallest first."""
    return sorted(leverage for leverage in leverages if ceiling is None or leverage <= ceiling)


def default_of(leverages: Sequence[int], wanted: int) -> int | None:
    """The leverage that a form begins with: the wanted one, or the largest below it."""
    below = [leverage for leverage in leverages if leverage <= wanted]
    return max(below, default=min(leverages, default=None))


def margin_level_after(margin_level: Decimal | None, before: int, after: int) -> Decimal | None:
    """An estimate of the margin level in percent when the leverage changes: used margin grows as leverage falls."""
    if margin_level is None or after >= before:
        return margin_level
    return (margin_level * after / before).quantize(Decimal("0.01"))
