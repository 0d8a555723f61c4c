"""The commission plan as data: what a bundle says about partners, and what one immutable plan version holds.

A share is a Decimal from 0 to 1. Amounts per lot and caps are in the plan's currency. Nothing here knows how many
levels there are, or which tracks pay whom: both engines read it from these structures.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from app.partners.calendar import DayCut
from app.partners.parts import Part

SpreadBasis = Literal["open", "close", "half_half"]
BaseKind = Literal["pct_spread", "pct_markup", "pips", "pct_commission", "per_million", "pct_profit", "per_lot"]
OnIneligible = Literal["forfeit", "compress", "hold"]
NestedPolicy = Literal["full", "difference", "nearest", "topmost", "split", "highest"]
Track = Literal["god", "referral"]

TRACKS: tuple[Track, ...] = ("god", "referral")


class Match(Part, frozen=True):
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


class Level(Part, frozen=True):
    """One level of the referral track, nearest first."""

    name: str
    share: Decimal


class ReferralRule(Part, frozen=True):
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


class ReferralTrack(Part, frozen=True):
    """Shares of the spread by level. The list may be of any length."""

    levels: tuple[Level, ...]
    spread_basis: SpreadBasis = "open"
    level_base: Literal["root", "previous"] = "root"
    rules: tuple[ReferralRule, ...] = (ReferralRule(name="default"),)


class GodRule(Part, frozen=True):
    """What one lot of the matched symbols counts for a partner's own rate: 1 for a pair, perhaps 0.1 for an index."""

    name: str
    match: Match = Match()
    priority: int = 0
    weight: Decimal = Decimal(1)
    max_per_event: Decimal | None = None


class GodTrack(Part, frozen=True):
    """A fixed amount per lot through a partner's whole sub-tree. The rate is the partner's, the policy the plan's."""

    nested_policy: NestedPolicy
    split_shares: tuple[Decimal, ...] = ()
    rules: tuple[GodRule, ...] = (GodRule(name="default"),)


class Caps(Part, frozen=True):
    """What all tracks together may pay on one closed trade. When several bind, the smallest does."""

    max_total_per_lot: Decimal | None = None
    max_total_share_of_revenue: Decimal | None = None
    cap_policy: Literal["priority", "pro_rata", "nearest_first", "top_first"] = "priority"
    cap_order: tuple[Track, ...] = TRACKS

    @property
    def binds_paths(self) -> bool:
        """Whether anything limits the total of one trade."""
        return self.max_total_per_lot is not None or self.max_total_share_of_revenue is not None


class Gates(Part, frozen=True):
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


class TypicalSymbol(Part, frozen=True):
    """A symbol as it usually trades: for a spread nobody recorded, for the plan page and the no-arbitrage check."""

    spread: Decimal
    contract_size: Decimal
    currency: str
    symbol_class: str = ""
    rate: Decimal = Decimal(1)  # One unit of its profit currency in the plan's currency, for the example alone.
    price: Decimal = Decimal(1)  # A usual price, and what a client usually pays per lot in the plan's currency.
    commission: Decimal = Decimal(0)


class Plan(Part, frozen=True):
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


class PartnersBundle(Part, frozen=True):
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
