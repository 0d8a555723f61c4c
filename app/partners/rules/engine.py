"""The slow reference: one closed trade, its path and a plan version give lines and reasons."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from app.partners.plan import GodRule, Plan, ReferralRule, SpreadBasis, Track
from app.partners.rules.bases import CountedPart, base_of, part_of, value_of
from app.partners.rules.caps import cap_each, cap_path, path_limit, settle_overlap
from app.partners.rules.cashback import Cashback, cashback_of, limit_after
from app.partners.rules.facts import ClosedTrade, Facts, Line, Outcome, Path, Reason, ReasonCode, Upline
from app.partners.rules.gates import hold_share, partner_gates, trade_gates
from app.partners.rules.own import PerLot, base_for, per_lot_of, share_of
from app.partners.rules.steps import product, step, total
from app.partners.rules.tracks import Candidate, god_candidates, level_amounts, referral_candidates
from app.partners.volume.terms import Traits


def settle_trade(trade: ClosedTrade, path: Path, plan: Plan, facts: Facts) -> Outcome:
    """What every upline gets from one closed trade, or why not: a pure function of its four arguments.

    For each potential beneficiary of each track there is one line or one reason, never both and never neither.
    """
    traits = traits_of(trade, facts)
    referral_rule = plan.referral_rule(trade.symbol, trade.symbol_class, trade.group, traits)
    god_rule = plan.god_rule(trade.symbol, trade.symbol_class, trade.group, traits)
    trade = _whole(trade, facts)
    lots, part = counted(trade, plan, facts)
    basis = plan.basis_of(referral_rule)
    spread, source = spread_of(trade, basis, plan, facts)
    shared = base_of(referral_rule, trade, lots, part, spread, facts)
    base = shared.amount
    revenue, is_revenue_known = _revenue(trade, plan, facts, lots, part, basis)

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
    limit = path_limit(plan, lots, revenue)
    cashback = _cashback(trade, path, plan, facts, lots, limit, is_revenue_known) if plan.cashback else None
    lines, capped = cap_path(lines, plan, limit_after(limit, cashback))
    reasons += [_lost(line, code) for line, code in [*overlapped, *capped]]
    return Outcome(lots, base, revenue, spread, source, tuple(lines), tuple(reasons), cashback, gates)


def traits_of(trade: ClosedTrade, facts: Facts) -> Traits:
    """What rules may look at beside the trade's symbol and group."""
    return Traits(
        account_type=trade.account_type,
        platform=trade.platform,
        country=facts.person(trade.client_id).country,
        account_currency=trade.account_currency,
        closed_at=trade.closed_at,
    )


def counted(trade: ClosedTrade, plan: Plan, facts: Facts) -> tuple[Decimal, CountedPart]:
    """The counted lots of a trade, rounded once, and the part in which its amounts count."""
    share = hold_share(trade.opened_at, trade.closed_at, trade.reason, trade.group, plan)
    multiplier = product(plan.volume_multiplier(trade.symbol, trade.group), share)
    if facts.volume is None:
        return step(trade.volume_lots, multiplier), CountedPart(multiplier)
    volume = facts.volume
    exact = product(volume.paid, multiplier, volume.credit_factor)
    return step(exact), CountedPart(exact, volume.lots_whole)


def _whole(trade: ClosedTrade, facts: Facts) -> ClosedTrade:
    """A trade that stands for its whole position, with the amounts of all of it."""
    volume = facts.volume
    if volume is None or not volume.is_whole:
        return trade
    return replace(
        trade,
        commission=trade.commission if volume.commission is None else volume.commission,
        profit=trade.profit if volume.profit is None else volume.profit,
        markup_usd=volume.markup_usd,
    )


def spread_of(
    trade: ClosedTrade, basis: SpreadBasis, plan: Plan, facts: Facts | None = None
) -> tuple[Decimal | None, str]:
    """The spread in price units, and where it was found: on the deal, else the plan's typical spread, else nowhere.

    Where the plan asks for the average, an average counts as found on deals, too.
    """
    given = facts or Facts()
    is_whole = given.volume is not None and given.volume.is_whole
    at_open = given.volume.open_spread if given.volume and is_whole else _difference(trade.open_bid, trade.open_ask)
    at_close = _difference(trade.close_bid, trade.close_ask)
    typical = plan.typical.get(trade.symbol)
    fallback = typical.spread if typical is not None else None
    if basis == "typical":
        return fallback, "typical" if fallback is not None else ""
    needed = {
        "open": (at_open,),
        "close": (at_close,),
        "half_half": (at_open, at_close),
        "capped": (at_open, given.average_spread),
    }[basis]
    found = [fallback if spread is None else spread for spread in needed]
    source = "deal" if None not in needed else "typical"
    known = [spread for spread in found if spread is not None]
    if len(known) < len(found):
        return None, ""
    if basis == "capped":
        return min(known), source
    return (known[0] if len(known) == 1 else product(total(*known), Decimal("0.5"))), source


def _difference(bid: Decimal | None, ask: Decimal | None) -> Decimal | None:
    """Ask less bid, where both are real prices."""
    if bid is None or ask is None or bid <= 0 or ask < bid:
        return None
    return ask - bid


def _revenue(
    trade: ClosedTrade, plan: Plan, facts: Facts, lots: Decimal, part: CountedPart, basis: SpreadBasis
) -> tuple[Decimal, tuple[bool, bool]]:
    """What the trade earned, spread value and the client's commission, and whether spread and rate are known.

    The commission counts in the same part as the lots do.
    """
    spread, _ = spread_of(trade, plan.revenue_basis or basis, plan, facts)
    value = value_of(spread, trade, lots, facts.profit_quote)
    paid = max(Decimal(0), -trade.commission)
    quote = facts.commission_quote
    if paid and quote is not None:
        value = total(value, part_of(paid, part, quote))
    has_rate = facts.profit_quote is not None and (quote is not None or not paid)
    return value, (spread is not None, has_rate)


def _cashback(
    trade: ClosedTrade,
    path: Path,
    plan: Plan,
    facts: Facts,
    lots: Decimal,
    limit: tuple[Decimal, str] | None,
    is_revenue_known: tuple[bool, bool],
) -> Cashback:
    """What the trader gets from the broker, under the gates of the trade itself."""
    rule = plan.cashback_rule(trade.symbol, trade.symbol_class, trade.group, traits_of(trade, facts))
    needs_revenue = plan.caps.max_total_share_of_revenue is not None
    gates = trade_gates(
        trade,
        path,
        plan,
        facts,
        has_rule=rule is not None,
        has_spread=is_revenue_known[0] or not needs_revenue,
        has_rate=is_revenue_known[1] or not needs_revenue,
    )
    return cashback_of(rule, lots, gates, facts, limit)


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
        are_linked = frozenset((upline.partner_id, trade.client_id)) in facts.linked
        return partner_gates(
            facts.person(upline.partner_id), trader, plan, facts.countries_denied, are_linked=are_linked
        )

    levels = plan.levels_of(referral_rule)
    chain = level_amounts(levels, base, plan)

    def amount_of(upline: Upline, place: int) -> tuple[Decimal, Decimal]:
        if plan.referral is None or plan.referral.level_base == "previous":
            return levels[place - 1].share, chain[place - 1]
        share = share_of(plan, facts, upline.partner_id, referral_rule, place, levels[place - 1])
        return share, step(share, base_for(plan, facts, upline.partner_id, referral_rule, base, lots))

    def rate_of(upline: Upline) -> PerLot:
        assert upline.god_rate is not None
        return per_lot_of(plan, facts, upline.partner_id, god_rule, upline.god_rate, lots)

    found: list[Candidate] = []
    if plan.referral is not None:
        found += referral_candidates(path, levels, amount_of, plan, gates_of)
    if plan.god is not None:
        found += god_candidates(path, plan.god, god_rule, lots, plan, gates_of, rate_of)
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
