"""The slow reference: one closed trade, its path and a plan version give lines and reasons."""

from __future__ import annotations

from decimal import Decimal

from app.partners.plan import GodRule, Plan, ReferralRule, SpreadBasis, Track
from app.partners.rules.bases import base_of, value_of
from app.partners.rules.caps import cap_each, cap_path, path_limit, settle_overlap
from app.partners.rules.facts import ClosedTrade, Facts, Line, Outcome, Path, Reason, ReasonCode, Upline
from app.partners.rules.gates import partner_gates, trade_gates
from app.partners.rules.steps import product, quotient_step, step, total
from app.partners.rules.tracks import Candidate, god_candidates, referral_candidates


def settle_trade(trade: ClosedTrade, path: Path, plan: Plan, facts: Facts) -> Outcome:
    """What every upline gets from one closed trade, or why not: a pure function of its four arguments.

    For each potential beneficiary of each track there is one line or one reason, never both and never neither.
    """
    referral_rule = plan.referral_rule(trade.symbol, trade.symbol_class, trade.group)
    god_rule = plan.god_rule(trade.symbol, trade.symbol_class, trade.group)
    lots = step(trade.volume_lots, plan.volume_multiplier(trade.symbol, trade.group))
    basis = plan.basis_of(referral_rule)
    spread, source = spread_of(trade, basis, plan)
    shared = base_of(referral_rule, trade, lots, plan.volume_multiplier(trade.symbol, trade.group), spread, facts)
    base = shared.amount
    revenue, is_revenue_known = _revenue(trade, plan, facts, lots, basis)

    gates: dict[Track, tuple[ReasonCode, ...]] = {}
    rules: dict[Track, ReferralRule | GodRule | None] = {"referral": referral_rule, "god": god_rule}
    needs_revenue = plan.caps.max_total_share_of_revenue is not None
    for track in plan.tracks:
        pays_base = track == "referral" and referral_rule is not None
        gates[track] = trade_gates(
            trade,
            path,
            plan,
            facts,
            has_rule=rules[track] is not None,
            has_spread=not ((pays_base and not shared.is_known) or (needs_revenue and not is_revenue_known[0])),
            has_rate=not ((pays_base and not shared.has_rate) or (needs_revenue and not is_revenue_known[1])),
        )

    candidates = _candidates(trade, path, plan, facts, referral_rule, god_rule, base, lots)
    lines: list[Line] = []
    reasons: list[Reason] = []
    for candidate in candidates:
        rule = rules[candidate.track]
        decided = _decide(trade, candidate, gates[candidate.track], plan, facts, rule.name if rule else "")
        if isinstance(decided, Line):
            lines.append(decided)
        else:
            reasons.append(decided)

    limits = {track: rule.max_per_event if rule is not None else None for track, rule in rules.items()}
    lines, overlapped = settle_overlap(cap_each(lines, limits), plan)
    lines, capped = cap_path(lines, plan, path_limit(plan, lots, revenue))
    reasons += [_lost(line, code) for line, code in [*overlapped, *capped]]
    return Outcome(lots, base, revenue, spread, source, tuple(lines), tuple(reasons))


def spread_of(trade: ClosedTrade, basis: SpreadBasis, plan: Plan) -> tuple[Decimal | None, str]:
    """The spread in price units, and where it was found: on the deal, else the plan's typical spread, else nowhere."""
    at_open = _difference(trade.open_bid, trade.open_ask)
    at_close = _difference(trade.close_bid, trade.close_ask)
    typical = plan.typical.get(trade.symbol)
    fallback = typical.spread if typical is not None else None
    needed = {"open": (at_open,), "close": (at_close,), "half_half": (at_open, at_close)}[basis]
    found = [fallback if spread is None else spread for spread in needed]
    source = "deal" if None not in needed else "typical"
    known = [spread for spread in found if spread is not None]
    if len(known) < len(found):
        return None, ""
    return (known[0] if len(known) == 1 else product(total(*known), Decimal("0.5"))), source


def _difference(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """Ask less bid, where both are real prices."""
    if bid is None or ask is None or bid <= 0 or ask < bid:
        return None
    return ask - bid


def _revenue(
    trade: ClosedTrade, plan: Plan, facts: Facts, lots: Decimal, basis: SpreadBasis
) -> tuple[Decimal, tuple[bool, bool]]:
    """What the trade earned, spread value and the client's commission, and whether spread and rate are known.

    The commission counts in the same part as the lots do.
    """
    spread, _ = spread_of(trade, plan.revenue_basis or basis, plan)
    value = value_of(spread, trade, lots, facts.profit_quote)
    paid = max(Decimal(0), -trade.commission)
    multiplier = plan.volume_multiplier(trade.symbol, trade.group)
    quote = facts.commission_quote
    if paid and quote is not None:
        value = total(value, quotient_step(product(paid, multiplier, quote.multiply), quote.divide))
    has_rate = facts.profit_quote is not None and (quote is not None or not paid)
    return value, (spread is not None, has_rate)


def _candidates(
    trade: ClosedTrade,
    path: Path,
    plan: Plan,
    facts: Facts,
    referral_rule: ReferralRule | None,
    god_rule: GodRule | None,
    base: Decimal,
    lots: Decimal,
) -> list[Candidate]:
    """Every potential beneficiary of the plan's tracks."""
    trader = facts.person(trade.client_id)

    def gates_of(upline: Upline) -> tuple[ReasonCode, ...]:
        return partner_gates(facts.person(upline.partner_id), trader, plan)

    found: list[Candidate] = []
    if plan.referral is not None:
        found += referral_candidates(path, plan.levels_of(referral_rule), base, plan, gates_of)
    if plan.god is not None:
        found += god_candidates(path, plan.god, god_rule, lots, plan, gates_of)
    return found


def _decide(
    trade: ClosedTrade,
    candidate: Candidate,
    event_gates: tuple[ReasonCode, ...],
    plan: Plan,
    facts: Facts,
    rule: str,
) -> Line | Reason:
    """A line before caps, or the first reason against it."""
    upline = candidate.upline
    held = candidate.gates if plan.on_ineligible == "hold" else ()
    failing = event_gates + (() if held else candidate.gates)
    if not failing and candidate.nothing is not None:
        failing = (candidate.nothing,)
    if failing:
        return Reason(
            trade.seq, candidate.track, upline.partner_id, upline.distance, failing[0], event_gates + candidate.gates
        )
    return Line(
        seq=trade.seq,
        track=candidate.track,
        partner_id=upline.partner_id,
        distance=upline.distance,
        level=candidate.level,
        rate=candidate.rate,
        rule=rule,
        amount_before_cap=candidate.amount,
        amount=candidate.amount,
        held_for=((ReasonCode.FRAUD_HOLD,) if facts.verdict == "hold" else ()) + held,
    )


def _lost(line: Line, code: ReasonCode) -> Reason:
    return Reason(line.seq, line.track, line.partner_id, line.distance, code, ())
