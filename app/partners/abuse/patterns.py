"""The patterns in plain arithmetic: what the set-based detectors must find, and how a finding is written down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.partners.abuse.models import NOBODY, FindingKind
from app.partners.abuse.terms import AbuseTerms
from app.partners.plan import Plan
from app.partners.rules.facts import ClosedTrade
from app.partners.rules.gates import is_exempt_from_hold, seconds

RULE_VERSION = 1
PLACES = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern that somebody should look at: about whom, what follows, how strong it is, and the numbers."""

    kind: FindingKind
    partner_id: UUID
    client_id: UUID
    action: str
    score: Decimal
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Flow:
    """What one client traded over some time, as the detectors count it."""

    trades: int = 0
    short_trades: int = 0
    lots: Decimal = Decimal(0)
    short_lots: Decimal = Decimal(0)
    near_lots: Decimal = Decimal(0)
    empty_lots: Decimal = Decimal(0)

    def plus(self, other: Flow) -> Flow:
        """Both together."""
        return Flow(
            self.trades + other.trades,
            self.short_trades + other.short_trades,
            self.lots + other.lots,
            self.short_lots + other.short_lots,
            self.near_lots + other.near_lots,
            self.empty_lots + other.empty_lots,
        )


def flow_of(trade: ClosedTrade, spread: Decimal | None, plan: Plan) -> Flow:
    """How one closed trade counts; not at all on a demo account or when its opening is unknown."""
    if trade.is_demo or trade.opened_at is None:
        return Flow()
    held, minimum = trade.closed_at - trade.opened_at, seconds(plan.gates.min_hold_seconds)
    counts = not is_exempt_from_hold(trade.reason, trade.group, plan)
    is_near = counts and minimum <= held <= minimum + seconds(plan.abuse.hold_gaming.margin_seconds)
    is_empty = (
        spread is not None
        and trade.open_price is not None
        and abs(trade.close_price - trade.open_price) < plan.abuse.empty_volume.spreads * spread
    )
    whole = Flow(trades=1, lots=trade.volume_lots)
    if counts and held < minimum:
        whole = replace(whole, short_trades=1, short_lots=trade.volume_lots)
    return replace(
        whole,
        near_lots=trade.volume_lots if is_near else Decimal(0),
        empty_lots=trade.volume_lots if is_empty else Decimal(0),
    )


def found_in(flows: Mapping[UUID, Flow], parents: Mapping[UUID, UUID], terms: AbuseTerms) -> list[Found]:
    """What the detectors that count trades find, by the plain reference. `parents` are today's links."""
    found = []
    for client, flow in flows.items():
        if terms.scalping.action != "off" and is_scalping(flow, terms):
            found.append(scalper(client, flow, terms))
        if terms.empty_volume.action != "off" and is_empty(flow, terms):
            found.append(empty(client, flow, terms))
    if terms.hold_gaming.action != "off":
        below: dict[UUID, list[Flow]] = defaultdict(list)
        for client, flow in flows.items():
            for partner in _above(client, parents):
                below[partner].append(flow)
        for partner, parts in below.items():
            whole = sum_of(parts)
            if is_gaming(whole, terms):
                found.append(gaming(partner, whole, len(parts), terms))
    return found


def _above(client: UUID, parents: Mapping[UUID, UUID]) -> Iterable[UUID]:
    at = parents.get(client)
    while at is not None:
        yield at
        at = parents.get(at)


def sum_of(flows: Iterable[Flow]) -> Flow:
    """All of them together."""
    whole = Flow()
    for flow in flows:
        whole = whole.plus(flow)
    return whole


def is_scalping(flow: Flow, terms: AbuseTerms) -> bool:
    """Whether too many of the trades, or of the lots, were short. Exactly the limit is not too many."""
    limit = terms.scalping.share_above
    is_much = flow.short_trades > limit * flow.trades or flow.short_lots > limit * flow.lots
    return flow.trades >= terms.scalping.trades_min and is_much


def is_empty(flow: Flow, terms: AbuseTerms) -> bool:
    """Whether most lots ended about where they began."""
    limits = terms.empty_volume
    return flow.trades >= limits.trades_min and flow.empty_lots > limits.share_above * flow.lots


def is_gaming(flow: Flow, terms: AbuseTerms) -> bool:
    """Whether too many lots were short or closed just above the minimum."""
    limits = terms.hold_gaming
    return flow.trades >= limits.trades_min and flow.short_lots + flow.near_lots > limits.share_above * flow.lots


def scalper(client: UUID, flow: Flow, terms: AbuseTerms) -> Found:
    """The finding about a client's short trades."""
    by_trades, by_lots = ratio(Decimal(flow.short_trades), Decimal(flow.trades)), ratio(flow.short_lots, flow.lots)
    numbers = {
        "trades": flow.trades,
        "short_trades": flow.short_trades,
        "lots": flow.lots,
        "short_lots": flow.short_lots,
        "share_of_trades": by_trades,
        "share_of_lots": by_lots,
        "share_above": terms.scalping.share_above,
        "window_days": terms.scalping.window_days,
    }
    return _found(FindingKind.SCALPER, NOBODY, client, terms.scalping.action, max(by_trades, by_lots), numbers)


def empty(client: UUID, flow: Flow, terms: AbuseTerms) -> Found:
    """The finding about volume that went nowhere."""
    share = ratio(flow.empty_lots, flow.lots)
    numbers = {
        "trades": flow.trades,
        "lots": flow.lots,
        "empty_lots": flow.empty_lots,
        "share_of_lots": share,
        "share_above": terms.empty_volume.share_above,
        "window_days": terms.empty_volume.window_days,
    }
    return _found(FindingKind.EMPTY_VOLUME, NOBODY, client, terms.empty_volume.action, share, numbers)


def gaming(partner: UUID, flow: Flow, clients: int, terms: AbuseTerms) -> Found:
    """The finding about a partner whose clients' trades are parked."""
    share = ratio(flow.short_lots + flow.near_lots, flow.lots)
    numbers = {
        "clients": clients,
        "trades": flow.trades,
        "lots": flow.lots,
        "short_lots": flow.short_lots,
        "near_lots": flow.near_lots,
        "share_of_lots": share,
        "share_above": terms.hold_gaming.share_above,
        "window_days": terms.hold_gaming.window_days,
    }
    return _found(FindingKind.HOLD_TIME_GAMING, partner, NOBODY, terms.hold_gaming.action, share, numbers)


def churning(
    partner: UUID, clients: Sequence[UUID], commission: Decimal, revenue: Decimal, terms: AbuseTerms
) -> Found | None:
    """The finding about a cluster that gets its costs back, or None where it does not."""
    limits = terms.churning
    if commission <= 0 or commission < limits.review_at * revenue:
        return None
    payback = ratio(commission, revenue)
    action = limits.action if commission >= limits.hold_at * revenue else "shadow"
    numbers = {
        "commission": commission,
        "paid": revenue,
        "payback": payback,
        "clients": len(clients),
        "client_ids": [str(client) for client in sorted(clients)],
        "review_at": limits.review_at,
        "hold_at": limits.hold_at,
        "window_days": limits.window_days,
    }
    return _found(FindingKind.CHURNING, partner, NOBODY, action, payback, numbers)


def intense(client: UUID, commission: Decimal, paid_in: Decimal, terms: AbuseTerms) -> Found | None:
    """The finding about commission that is much against what the client paid in, or None where it is not."""
    limits = terms.churn_intensity
    if commission <= 0 or commission < limits.commission_min or commission <= limits.share_above * paid_in:
        return None
    share = ratio(commission, paid_in)
    numbers = {
        "commission": commission,
        "paid_in": paid_in,
        "share_of_paid_in": share,
        "share_above": limits.share_above,
        "window_days": limits.window_days,
    }
    return _found(FindingKind.CHURN_INTENSITY, NOBODY, client, limits.action, share, numbers)


def phantom(partner: UUID, master: UUID, clients: int, signs: Sequence[str], terms: AbuseTerms) -> Found:
    """The finding about a sub-partner with signs of being invented."""
    numbers = {"master_id": str(master), "clients": clients, "signs": sorted(signs)}
    score = Decimal(len(signs)) / 4
    return _found(FindingKind.PHANTOM_SUB_PARTNER, partner, NOBODY, terms.phantom_sub_partners.action, score, numbers)


def ring(
    partner: UUID, client: UUID, cluster: int, confidence: Decimal, kinds: Sequence[str], terms: AbuseTerms
) -> Found:
    """The finding about a partner and a client below who share something. Money waits only where the link is sure."""
    action = terms.clusters.action if cluster else "shadow"
    numbers = {"confidence": confidence, "shared": sorted(kinds), "link_at": terms.clusters.link_at}
    return _found(FindingKind.SELF_REFERRAL_RING, partner, client, action, confidence, numbers)


def short_hold(client: UUID, trades: int, lots: Decimal, plan: Plan) -> Found:
    """The finding about a client's positions below the minimum holding time, where the plan lets a person decide."""
    numbers = {"trades": trades, "lots": lots, "min_hold_seconds": plan.gates.min_hold_seconds}
    return _found(FindingKind.SHORT_HOLD, NOBODY, client, "hold", Decimal(1), numbers)


def ratio(part: Decimal, whole: Decimal) -> Decimal:
    """The part in the whole to four places; 99 where there is no whole to speak of."""
    return (min(part / whole, Decimal(99)) if whole > 0 else Decimal(99 if part > 0 else 0)).quantize(PLACES)


def _found(
    kind: FindingKind, partner: UUID, client: UUID, action: str, score: Decimal, numbers: Mapping[str, Any]
) -> Found:
    written = {name: _written(value) for name, value in numbers.items()}
    return Found(kind, partner, client, action, min(score, Decimal(1)).quantize(PLACES), written)


def _written(value: Any) -> Any:
    """A number as text, so that JSON keeps every digit of it."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return value
