"""The gates: what a closed trade, its trader and an upline must satisfy before anything is paid."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase

from app.partners.plan import Plan
from app.partners.rules.facts import ClosedTrade, Facts, Path, Person, ReasonCode, Volume

DEALER_REASONS = frozenset({"dealer"})
COPY_REASONS = frozenset({"signal"})


def trade_gates(
    trade: ClosedTrade, path: Path, plan: Plan, facts: Facts, *, has_rule: bool, has_spread: bool, has_rate: bool
) -> tuple[ReasonCode, ...]:
    """Every event gate that fails for one track, in their fixed order. Empty means that the trade counts."""
    gates, trader, volume = plan.gates, facts.person(trade.client_id), volume_of(trade, facts)
    return tuple(
        code
        for code, fails in (
            (ReasonCode.DEMO, trade.is_demo),
            (ReasonCode.BEFORE_START, facts.starts_at is not None and trade.closed_at < facts.starts_at),
            (ReasonCode.OPENING_UNKNOWN, trade.opened_at is None),
            (ReasonCode.ACCOUNT_EXCLUDED, trade.is_account_excluded),
            (ReasonCode.PARTNER_ACCOUNT, path.trader_is_partner and not gates.include_sub_ib_accounts),
            (ReasonCode.GROUP_EXCLUDED, any(fnmatchcase(trade.group, pattern) for pattern in gates.excluded_groups)),
            (ReasonCode.SYMBOL_EXCLUDED, any(fnmatchcase(trade.symbol, pattern) for pattern in gates.excluded_symbols)),
            (ReasonCode.NO_RULE, not has_rule),
            (ReasonCode.SPREAD_UNKNOWN, not has_spread),
            (ReasonCode.RATE_UNKNOWN, not has_rate),
            (
                ReasonCode.PARTIAL_CLOSE_EXCLUDED,
                gates.partial_close == "exclude" and (trade.is_partial or volume.is_in_parts),
            ),
            (ReasonCode.PARTIAL_NOT_FINAL, volume.is_not_final),
            (ReasonCode.CLOSE_BY_EXCLUDED, gates.close_by == "exclude" and trade.is_close_by),
            (ReasonCode.CLOSE_BY_NETTED, volume.is_close_by_netted),
            (ReasonCode.DEALER_DEAL, gates.dealer_deals == "exclude" and trade.reason in DEALER_REASONS),
            (ReasonCode.COPY_TRADE, gates.copy_trades == "exclude" and trade.reason in COPY_REASONS),
            (ReasonCode.CLOCK_SUSPECT, is_clock_suspect(trade)),
            (ReasonCode.HOLD_TOO_SHORT, _held_too_short(trade, plan)),
            (ReasonCode.MOVE_TOO_SMALL, _moved_too_little(trade, gates.min_points)),
            (ReasonCode.POINT_UNKNOWN, gates.min_points > 0 and trade.point is None),
            (ReasonCode.ZERO_MOVE, gates.zero_move == "exclude" and trade.open_price == trade.close_price),
            (ReasonCode.NEGATIVE_BALANCE, volume.is_below_zero),
            (ReasonCode.VOLUME_TOO_SMALL, volume.lots < gates.min_volume_lots),
            (ReasonCode.VOLUME_CAP, gates.max_volume_lots is not None and volume.lots > gates.max_volume_lots),
            (ReasonCode.EQUITY_UNKNOWN, volume.is_equity_unknown),
            (ReasonCode.HEDGE_NETTED, 0 < volume.lots <= volume.lots_netted),
            (ReasonCode.CLIENT_NOT_ACTIVE, not trader.is_active),
            (ReasonCode.CLIENT_KYC, trader.kyc_level < gates.client_kyc_level),
            (ReasonCode.CLIENT_NOT_FUNDED, gates.client_funded and not trader.is_funded),
            (ReasonCode.CLIENT_LOCKED, trader.is_accrual_locked),
            (ReasonCode.BEFORE_ATTRIBUTION, not path.was_attributed),
            (ReasonCode.FRAUD_REJECT, facts.verdict == "reject"),
        )
        if fails
    )


def volume_of(trade: ClosedTrade, facts: Facts) -> Volume:
    """The volume a trade counts with before the plan's multipliers; its own where nothing else was decided."""
    return facts.volume or Volume(lots=trade.volume_lots, lots_whole=trade.volume_lots)


def _moved_too_little(trade: ClosedTrade, min_points: Decimal) -> bool:
    """Whether the price moved by less than so many points. What nobody knows is no move of a known size."""
    if min_points == 0 or trade.open_price is None or trade.point is None:
        return False
    return abs(trade.close_price - trade.open_price) < min_points * trade.point


def _held_too_short(trade: ClosedTrade, plan: Plan) -> bool:
    """Whether the position was open for less than the minimum. Exactly the minimum passes."""
    if trade.opened_at is None or is_exempt_from_hold(trade.reason, trade.group, plan):
        return False
    return trade.closed_at - trade.opened_at < min_hold(plan)


def is_clock_suspect(trade: ClosedTrade) -> bool:
    """Whether the platform says that a position was closed before it was opened."""
    return trade.opened_at is not None and trade.closed_at < trade.opened_at


def is_exempt_from_hold(reason: str, group: str, plan: Plan) -> bool:
    """Whether a way to close, or the account's group, needs no holding time."""
    gates = plan.gates
    return reason in gates.exempt_from_hold or any(fnmatchcase(group, one) for one in gates.exempt_hold_groups)


def min_hold(plan: Plan) -> timedelta:
    """The holding time below which a trade pays nothing, exactly: no float comes near it.

    Where a person looks at short positions none is refused, and with bands the first that pays anything decides.
    """
    gates = plan.gates
    if gates.hold_policy == "hold":
        return timedelta(0)
    if gates.hold_policy == "bands":
        return seconds(next(band.from_seconds for band in gates.hold_bands if band.share > 0))
    return seconds(gates.min_hold_seconds)


def hold_share(opened_at: datetime | None, closed_at: datetime, reason: str, group: str, plan: Plan) -> Decimal:
    """The share of a trade's volume that its holding time lets count; all of it where the plan has no bands."""
    if plan.gates.hold_policy != "bands" or opened_at is None or is_exempt_from_hold(reason, group, plan):
        return Decimal(1)
    held = closed_at - opened_at
    reached = [band.share for band in plan.gates.hold_bands if held >= seconds(band.from_seconds)]
    return reached[-1] if reached else Decimal(0)


def seconds(number: Decimal) -> timedelta:
    """So many seconds, to the microsecond."""
    return timedelta(microseconds=int(number * 1_000_000))


def partner_gates(
    partner: Person, trader: Person, plan: Plan, denied: Set[str] = frozenset(), *, are_linked: bool = False
) -> tuple[ReasonCode, ...]:
    """Every gate that an upline fails, in their fixed order. Empty means that they may earn.

    `denied` are countries in which the brand pays nobody, beside those of the plan; `are_linked` says that a person has
    found the two to belong together.
    """
    gates = plan.gates
    return tuple(
        code
        for code, fails in (
            (ReasonCode.PARTNER_NOT_APPROVED, not partner.is_approved),
            (ReasonCode.PARTNER_SUSPENDED, not partner.is_active),
            (ReasonCode.PARTNER_KYC, partner.kyc_level < gates.partner_kyc_level),
            (ReasonCode.ACCRUAL_LOCKED, partner.is_accrual_locked),
            (
                ReasonCode.SELF_REFERRAL,
                not gates.include_own_accounts and partner.person is not None and partner.person == trader.person,
            ),
            (ReasonCode.SAME_CLUSTER, are_linked and plan.abuse.clusters.action != "off"),
            (ReasonCode.NOT_QUALIFIED, not partner.is_qualified),
            (ReasonCode.COUNTRY_DENIED, bool({partner.country, trader.country} & {*gates.countries_denied, *denied})),
        )
        if fails
    )
