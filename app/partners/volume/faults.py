"""What is wrong with what a plan says of volume, periods and traits."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from app.kit.text import Message, _l
from app.partners.plan import Plan

AVERAGE_DAYS_MAX = 90


def volume_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    """(dotted key, sentence) of everything that the types cannot say."""
    caps, gates = plan.caps.partner, plan.gates
    for period, limit in caps.limits.items():
        if limit is not None and not _is_amount(limit):
            yield f"caps.partner.per_{period}", _l("The cap of a partner must be above 0.")
    if not gates.min_points.is_finite() or not 0 <= gates.min_points <= 1_000_000:
        yield "gates.min_points", _l("This number must not be negative.")
    if gates.max_volume_lots is not None:
        if not _is_amount(gates.max_volume_lots):
            yield "gates.max_volume_lots", _l("This number must be above 0.")
        elif gates.max_volume_lots < gates.min_volume_lots:
            yield "gates.max_volume_lots", _l("The most volume is less than the least volume.")
    if not 1 <= plan.average_days <= AVERAGE_DAYS_MAX:
        yield (
            "average_days",
            _l("The average spread is taken over 1 to %(most)s days.", most=AVERAGE_DAYS_MAX),
        )
    yield from _match_faults(plan)


def _match_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    rules = [("referral", rule) for rule in (plan.referral.rules if plan.referral else ())]
    rules += [("god", rule) for rule in (plan.god.rules if plan.god else ())]  # type: ignore[misc]
    for track, rule in rules:
        begin, end = rule.match.closed_from, rule.match.closed_to
        if begin is not None and end is not None and begin >= end:
            yield f"{track}.rules.{rule.name}.match.closed_to", _l("The end lies before the beginning.")
    for paid in plan.cashback:
        match = paid.match
        if any((match.account_types, match.platforms, match.countries, match.account_currencies)) or any(
            (match.closed_from, match.closed_to)
        ):
            yield (
                f"cashback.{paid.name}.match",
                _l("What is paid to traders can only depend on symbols, classes and groups."),
            )


def _is_amount(number: Decimal) -> bool:
    return number.is_finite() and number > 0
