"""The commission plan as data: what a bundle says about partners, and what one immutable plan version holds.

A share is a Decimal from 0 to 1. Amounts per lot and caps are in the plan's currency. Nothing here knows how many
levels there are, or which tracks pay whom: both engines read it from these structures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from app.kit.text import Message, _l
from app.partners.calendar import DayCut

SpreadBasis = Literal["open", "close", "half_half"]
BaseKind = Literal["pct_spread", "pct_markup", "pips", "pct_commission", "per_million", "pct_profit", "per_lot"]
OnIneligible = Literal["forfeit", "compress", "hold"]
NestedPolicy = Literal["full", "difference", "nearest", "topmost", "split", "highest"]
Track = Literal["god", "referral"]

TRACKS: tuple[Track, ...] = ("god", "referral")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a plan: immutable, and a key nobody knows is an error."""


class Match(_Part, frozen=True):
    """Which closed trades a rule is for. An empty list matches everything; patterns are shell globs."""

    symbols: tuple[str, ...] = ()
    symbol_classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def specificity(self, symbol: str, symbol_class: str, group: str) -> int | None:
        """How closely the rule fits, or None. A symbol counts for more than a class, a class for more than a group."""
        score = 0
        for patterns, value, weight in (
            (self.symbols, symbol, 4),
            (self.symbol_classes, symbol_class, 2),
            (self.groups, group, 1),
        ):
            if patterns:
                if not any(fnmatchcase(value, pattern) for pattern in patterns):
                    return None
                score += weight
        return score


class Level(_Part, frozen=True):
    """One level of the referral track, nearest first."""

    name: str
    share: Decimal


class ReferralRule(_Part, frozen=True):
    """What the referral track pays on the trades it matches. Without levels of its own it pays the track's.

    `kind` says of what the levels get their shares: of the spread's value; of the broker's markup on the price, given
    here in price units or recorded by the platform; of so many `pips` of `pip_size`; of the commission that the client
    paid; of `rate` for every million US dollars traded at the opening price; of the client's profit before costs; or of
    `rate` per lot.
    """

    name: str
    match: Match = Match()
    priority: int = 0
    kind: BaseKind = "pct_spread"
    markup: Decimal | None = None
    pips: Decimal | None = None
    pip_size: Decimal | None = None
    rate: Decimal | None = None
    spread_basis: SpreadBasis | None = None
    levels: tuple[Level, ...] = ()
    max_per_event: Decimal | None = None

    @property
    def price(self) -> Decimal | None:
        """What the rule takes of the price itself, in price units."""
        if self.kind == "pct_markup":
            return self.markup
        return self.pips * self.pip_size if self.pips is not None and self.pip_size is not None else None


class ReferralTrack(_Part, frozen=True):
    """Shares of the spread by level. The list may be of any length."""

    levels: tuple[Level, ...]
    spread_basis: SpreadBasis = "open"
    level_base: Literal["root", "previous"] = "root"
    rules: tuple[ReferralRule, ...] = (ReferralRule(name="default"),)


class GodRule(_Part, frozen=True):
    """What one lot of the matched symbols counts for a partner's own rate: 1 for a pair, perhaps 0.1 for an index."""

    name: str
    match: Match = Match()
    priority: int = 0
    weight: Decimal = Decimal(1)
    max_per_event: Decimal | None = None


class GodTrack(_Part, frozen=True):
    """A fixed amount per lot through a partner's whole sub-tree. The rate is the partner's, the policy the plan's."""

    nested_policy: NestedPolicy
    split_shares: tuple[Decimal, ...] = ()
    rules: tuple[GodRule, ...] = (GodRule(name="default"),)


class Caps(_Part, frozen=True):
    """What all tracks together may pay on one closed trade. When several bind, the smallest does."""

    max_total_per_lot: Decimal | None = None
    max_total_share_of_revenue: Decimal | None = None
    cap_policy: Literal["priority", "pro_rata", "nearest_first", "top_first"] = "priority"
    cap_order: tuple[Track, ...] = TRACKS

    @property
    def binds_paths(self) -> bool:
        """Whether anything limits the total of one trade."""
        return self.max_total_per_lot is not None or self.max_total_share_of_revenue is not None


class Gates(_Part, frozen=True):
    """Which closed trades count, and from whom. Each failing gate leaves its reason."""

    min_hold_seconds: Decimal = Decimal(180)
    exempt_from_hold: tuple[str, ...] = ()
    partial_close: Literal["pro_rata", "exclude"] = "pro_rata"
    close_by: Literal["both", "exclude"] = "both"
    copy_trades: Literal["pay", "exclude"] = "pay"
    dealer_deals: Literal["pay", "exclude"] = "exclude"
    zero_move: Literal["pay", "exclude"] = "pay"
    min_volume_lots: Decimal = Decimal(0)
    excluded_symbols: tuple[str, ...] = ()
    excluded_groups: tuple[str, ...] = ()
    client_kyc_level: int = 1
    partner_kyc_level: int = 0
    countries_denied: tuple[str, ...] = ()


class TypicalSymbol(_Part, frozen=True):
    """A symbol as it usually trades: for a spread nobody recorded, for the plan page and the no-arbitrage check."""

    spread: Decimal
    contract_size: Decimal
    currency: str
    symbol_class: str = ""
    rate: Decimal = Decimal(1)  # One unit of its profit currency in the plan's currency, for the example alone.
    price: Decimal = Decimal(1)  # A usual price, and what a client usually pays per lot in the plan's currency.
    commission: Decimal = Decimal(0)


class Plan(_Part, frozen=True):
    """One plan with both tracks. Published it never changes; a changed plan is a new version."""

    name: str
    currency: str
    referral: ReferralTrack | None = None
    god: GodTrack | None = None
    gates: Gates = Gates()
    caps: Caps = Caps()
    on_ineligible: OnIneligible = "forfeit"
    hold_days: int = 30
    overlap_policy: Literal["stack", "highest", "track_priority"] = "stack"
    tree_as_of: Literal["close", "open", "settlement"] = "close"
    move_effective: Literal["next_settlement_day", "immediate"] = "next_settlement_day"
    fx_time: Literal["event", "settlement"] = "event"
    revenue_basis: SpreadBasis | None = None
    volume_multipliers: dict[str, Decimal] = {}  # By a glob over the group or the symbol; matching ones are multiplied.
    spread_wait_days: int = 3
    typical: dict[str, TypicalSymbol] = {}
    rounding_scope: Literal["day", "line"] = "day"
    rounding_mode: Literal["half_even", "down", "half_up"] = "half_even"
    audit_days: int = 3
    audit_calendar: Literal["calendar", "business"] = "calendar"
    min_payout: Decimal = Decimal(0)
    arbitrage_accepted_by: str = ""

    def levels_of(self, rule: ReferralRule | None) -> tuple[Level, ...]:
        """The levels that a rule pays; the track's own where the rule names none or no rule matched."""
        if self.referral is None:
            return ()
        return rule.levels if rule is not None and rule.levels else self.referral.levels

    def referral_rule(self, symbol: str, symbol_class: str, group: str) -> ReferralRule | None:
        """The referral rule for a trade, or None."""
        return None if self.referral is None else _choose(self.referral.rules, symbol, symbol_class, group)

    def god_rule(self, symbol: str, symbol_class: str, group: str) -> GodRule | None:
        """The god-mode rule for a trade, or None."""
        return None if self.god is None else _choose(self.god.rules, symbol, symbol_class, group)

    def basis_of(self, rule: ReferralRule | None) -> SpreadBasis:
        """The spread basis that a rule uses."""
        if rule is not None and rule.spread_basis is not None:
            return rule.spread_basis
        return self.referral.spread_basis if self.referral is not None else "open"

    def volume_multiplier(self, symbol: str, group: str) -> Decimal:
        """What the lots of a trade are multiplied by: 0.01 on a cent account."""
        product = Decimal(1)
        for pattern, multiplier in self.volume_multipliers.items():
            if fnmatchcase(symbol, pattern) or fnmatchcase(group, pattern):
                product *= multiplier
        return product

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks this plan pays, in the order that caps and overlaps use."""
        paid: dict[Track, object] = {"god": self.god, "referral": self.referral}
        return tuple(track for track in self.caps.cap_order if paid[track] is not None)


R = TypeVar("R", ReferralRule, GodRule)


def _choose(rules: Sequence[R], symbol: str, symbol_class: str, group: str) -> R | None:
    """The most specific rule; among equals the higher priority, then the one that stands first."""
    best: R | None = None
    best_rank: tuple[int, int] | None = None
    for rule in rules:
        score = rule.match.specificity(symbol, symbol_class, group)
        if score is not None and (best_rank is None or (score, rule.priority) > best_rank):
            best, best_rank = rule, (score, rule.priority)
    return best


class PartnersBundle(_Part, frozen=True):
    """The section "partners" of a tenant's bundle: when the day is cut, and the plan that is in force or will be.

    `effective_from` dates the version that this text publishes; without it a first version holds from the beginning
    and a changed one from the next settlement day. `settle_timezone` defaults to the tenant's.
    """

    plan: Plan
    effective_from: datetime | None = None
    settle_timezone: str = ""
    settle_cutoff: str = "00:00"

    def day_cut(self, timezone: ZoneInfo) -> DayCut:
        """Where the settlement day ends, in the tenant's time zone unless the bundle names one."""
        return DayCut(
            ZoneInfo(self.settle_timezone) if self.settle_timezone else timezone, time.fromisoformat(self.settle_cutoff)
        )


def faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    """What is wrong with a plan that its types cannot say: (dotted key, sentence). Nothing faulty is ever published."""
    yield from _share_faults(plan)
    yield from _kind_faults(plan)
    yield from _name_faults(plan)
    if plan.god is not None:
        yield from _god_faults(plan, plan.god)
    if set(plan.caps.cap_order) != set(TRACKS) or len(plan.caps.cap_order) != len(TRACKS):
        yield "caps.cap_order", _l("The cap order must name each track once.")
    for key, amount in (
        ("caps.max_total_per_lot", plan.caps.max_total_per_lot),
        ("caps.max_total_share_of_revenue", plan.caps.max_total_share_of_revenue),
        ("gates.min_hold_seconds", plan.gates.min_hold_seconds),
        ("gates.min_volume_lots", plan.gates.min_volume_lots),
        ("min_payout", plan.min_payout),
    ):
        if amount is not None and not (amount.is_finite() and amount >= 0):
            yield key, _l("This number must not be negative.")
    if not 0 <= plan.spread_wait_days <= 30:
        yield "spread_wait_days", _l("A trade may wait between 0 and 30 days for its spread.")
    if not 0 <= plan.audit_days <= 366:
        yield "audit_days", _l("The audit period must be between 0 and 366 days.")
    for pattern, multiplier in plan.volume_multipliers.items():
        if not (multiplier.is_finite() and 0 < multiplier <= 1000):
            yield f"volume_multipliers.{pattern}", _l("A volume multiplier must be above 0.")
    yield from arbitrage_faults(plan)


def _share_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    if plan.referral is None:
        return
    lists = [("referral.levels", plan.referral.levels)]
    lists += [(f"referral.rules.{rule.name}.levels", rule.levels) for rule in plan.referral.rules if rule.levels]
    if not plan.referral.levels:
        yield "referral.levels", _l("The referral track needs at least one level.")
    for key, levels in lists:
        for level in levels:
            if not (level.share.is_finite() and 0 <= level.share <= 1):
                yield key, _l("The share of level %(name)s must be between 0 and 1.", name=level.name)
        if plan.referral.level_base == "root" and sum((level.share for level in levels), Decimal(0)) > 1:
            yield key, _l("The shares of all levels together are more than the whole.")


_NEEDS: dict[BaseKind, tuple[str, ...]] = {
    "pips": ("pips", "pip_size"),
    "per_million": ("rate",),
    "per_lot": ("rate",),
}
_MAY: dict[BaseKind, tuple[str, ...]] = {"pct_markup": ("markup",)}


def _kind_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    for rule in plan.referral.rules if plan.referral is not None else ():
        needed = _NEEDS.get(rule.kind, ())
        for name in ("markup", "pips", "pip_size", "rate"):
            value: Decimal | None = getattr(rule, name)
            key = f"referral.rules.{rule.name}.{name}"
            if value is None:
                if name in needed:
                    yield key, _l("A rule of this kind needs this number.")
            elif name not in needed + _MAY.get(rule.kind, ()):
                yield key, _l("A rule of this kind has no use for this number.")
            elif not (value.is_finite() and 0 < value <= 1_000_000):
                yield key, _l("This number must be above 0.")


def _name_faults(plan: Plan) -> Iterator[tuple[str, Message]]:
    for track, rules in (
        ("referral", plan.referral.rules if plan.referral else ()),
        ("god", plan.god.rules if plan.god else ()),
    ):
        names = [rule.name for rule in rules]
        if len(set(names)) != len(names):
            yield f"{track}.rules", _l("Two rules of one track have the same name.")
        for rule in rules:
            if rule.max_per_event is not None and not (rule.max_per_event.is_finite() and rule.max_per_event > 0):
                yield f"{track}.rules.{rule.name}.max_per_event", _l("The cap of a rule must be above 0.")


def _god_faults(plan: Plan, god: GodTrack) -> Iterator[tuple[str, Message]]:
    if god.nested_policy == "full" and plan.caps.max_total_per_lot is None:
        yield (
            "caps.max_total_per_lot",
            _l("Where every partner gets their amount per lot in full, the plan needs a cap per lot."),
        )
    if god.nested_policy == "split" and not god.split_shares:
        yield (
            "god.split_shares",
            _l("Where the amount per lot is shared upward, the plan must say which shares are passed on."),
        )
    for share in god.split_shares:
        if not (share.is_finite() and 0 <= share <= 1):
            yield "god.split_shares", _l("A share that is passed on must be between 0 and 1.")
    for rule in god.rules:
        if not (rule.weight.is_finite() and 0 <= rule.weight <= 1000):
            yield f"god.rules.{rule.name}.weight", _l("The weight of a lot must not be negative.")


class ArbitrageRow(_Part, frozen=True):
    """What one round-turn lot of a symbol earns and can cost at worst, in the plan's currency."""

    symbol: str
    revenue: Decimal
    referral: Decimal
    god: Decimal
    limit: Decimal

    @property
    def worst(self) -> Decimal:
        """The most that one lot can pay out before caps."""
        return self.referral + self.god

    @property
    def is_safe(self) -> bool:
        """Whether nobody can earn by trading against their own commission."""
        return self.worst <= self.limit


WORST_SHARE = Decimal("0.90")


def arbitrage(plan: Plan, god_rate: Decimal) -> list[ArbitrageRow]:
    """The no-arbitrage check over the plan's typical symbols, `god_rate` being the worst god-mode total of any path."""
    rows = []
    limit_share = plan.caps.max_total_share_of_revenue
    for symbol, typical in sorted(plan.typical.items()):
        revenue = typical.spread * typical.contract_size * typical.rate + typical.commission
        rule, god_rule = (
            plan.referral_rule(symbol, typical.symbol_class, ""),
            plan.god_rule(symbol, typical.symbol_class, ""),
        )
        shares, factor = Decimal(0), Decimal(1)
        for level in plan.levels_of(rule) if rule is not None else ():
            factor = level.share * (factor if plan.referral and plan.referral.level_base == "previous" else 1)
            shares += factor
        rows.append(
            ArbitrageRow(
                symbol=symbol,
                revenue=revenue,
                referral=shares * typical_base(rule, typical),
                god=god_rate * god_rule.weight if god_rule is not None else Decimal(0),
                limit=revenue * (WORST_SHARE if limit_share is None else limit_share),
            )
        )
    return rows


def typical_base(rule: ReferralRule | None, typical: TypicalSymbol) -> Decimal:
    """What the levels share of one usual lot, in the plan's currency.

    A client's profit is no revenue of the broker's and cannot be had without risk: it counts for nothing here.
    """
    value = typical.contract_size * typical.rate
    match rule.kind if rule is not None else "pct_spread":
        case "pct_markup" | "pips":
            assert rule is not None
            return (typical.spread if rule.price is None else rule.price) * value
        case "pct_commission":
            return typical.commission
        case "per_million":
            return (rule.rate or Decimal(0)) * typical.price * value / 1_000_000 if rule is not None else Decimal(0)
        case "per_lot":
            return (rule.rate or Decimal(0)) if rule is not None else Decimal(0)
        case "pct_profit":
            return Decimal(0)
        case _:
            return typical.spread * value


def arbitrage_faults(plan: Plan, god_rate: Decimal = Decimal(0)) -> Iterator[tuple[str, Message]]:
    """Refuse a plan that pays more than it earns on a typical symbol, unless a cap binds or somebody accepts it."""
    if plan.caps.binds_paths or plan.arbitrage_accepted_by:
        return
    for row in arbitrage(plan, god_rate):
        if not row.is_safe:
            yield (
                f"typical.{row.symbol}",
                _l(
                    "One lot of %(symbol)s pays up to %(worst)s %(currency)s and earns %(revenue)s: set a cap on the"
                    " total, or name who accepts this.",
                    symbol=row.symbol,
                    worst=f"{row.worst.normalize():f}",
                    currency=plan.currency,
                    revenue=f"{row.revenue.normalize():f}",
                ),
            )
