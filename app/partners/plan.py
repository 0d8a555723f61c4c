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

from app.partners.abuse.terms import DEFAULT_BANDS, AbuseTerms, HoldBand
from app.partners.awards.terms import AwardRule, ClawbackTerms
from app.partners.calendar import DayCut
from app.partners.disputes.terms import DisputeTerms
from app.partners.parts import Part
from app.partners.payouts.terms import PayoutTerms
from app.partners.portal.terms import LinkTerms
from app.partners.ranks.terms import OwnRates, Qualification, Ranks, Tiers
from app.partners.rebates.terms import Rebates
from app.partners.volume.terms import ORDINARY, PeriodCaps, Traits

SpreadBasis = Literal["open", "close", "half_half", "capped", "typical"]
BaseKind = Literal["pct_spread", "pct_markup", "pips", "pct_commission", "per_million", "pct_profit", "per_lot"]
OnIneligible = Literal["forfeit", "compress", "hold"]
NestedPolicy = Literal["full", "difference", "nearest", "topmost", "split", "highest"]
Track = Literal["god", "referral"]

TRACKS: tuple[Track, ...] = ("god", "referral")


class Match(Part, frozen=True):
    """Which closed trades a rule is for. An empty list matches everything; patterns are shell globs.

    `closed_from` and `closed_to` are the instants between which the trade was closed; the second is not among them.
    """

    symbols: tuple[str, ...] = ()
    symbol_classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    account_types: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    account_currencies: tuple[str, ...] = ()
    closed_from: datetime | None = None
    closed_to: datetime | None = None

    def specificity(self, symbol: str, symbol_class: str, group: str, traits: Traits = ORDINARY) -> int | None:
        """How closely the rule fits, or None. A symbol counts for more than a class, a class for more than a group, a
        group for more than an account type, and that for more than all that is left.
        """
        score = 0
        for patterns, value, weight in (
            (self.symbols, symbol, 128),
            (self.symbol_classes, symbol_class, 64),
            (self.groups, group, 32),
            (self.account_types, traits.account_type, 16),
            (self.platforms, traits.platform, 8),
            (self.countries, traits.country, 4),
            (self.account_currencies, traits.account_currency, 2),
        ):
            if patterns:
                if not any(fnmatchcase(value, pattern) for pattern in patterns):
                    return None
                score += weight
        if self.closed_from is not None or self.closed_to is not None:
            if not traits.is_closed_between(self.closed_from, self.closed_to):
                return None
            score += 1
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
    tiers: Tiers | None = None  # Of the kind `per_lot` alone: then `rate` is what the first band says.

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
    tiers: Tiers | None = None  # In place of the partner's own amount per lot.


class GodTrack(Part, frozen=True):
    """A fixed amount per lot through a partner's whole sub-tree. The rate is the partner's, the policy the plan's."""

    nested_policy: NestedPolicy
    split_shares: tuple[Decimal, ...] = ()
    rules: tuple[GodRule, ...] = (GodRule(name="default"),)


class CashbackRule(Part, frozen=True):
    """What the broker pays the traders themselves for every lot that counts."""

    name: str
    per_lot: Decimal
    match: Match = Match()
    priority: int = 0
    max_per_event: Decimal | None = None


class Caps(Part, frozen=True):
    """What all tracks together may pay on one closed trade, and what one partner may earn in a day, week or month.

    When several bind, the smallest does.
    """

    max_total_per_lot: Decimal | None = None
    max_total_share_of_revenue: Decimal | None = None
    cap_policy: Literal["priority", "pro_rata", "nearest_first", "top_first"] = "priority"
    cap_order: tuple[Track, ...] = TRACKS
    partner: PeriodCaps = PeriodCaps()

    @property
    def binds_paths(self) -> bool:
        """Whether anything limits the total of one trade."""
        return self.max_total_per_lot is not None or self.max_total_share_of_revenue is not None


class Gates(Part, frozen=True):
    """Which closed trades count, and from whom. Each failing gate leaves its reason.

    `hold_policy` says what becomes of a position that was open for less than `min_hold_seconds`: nothing is paid for
    it; what it pays is held for a person; or it pays the share of its band. Ways to close and account groups that are
    exempt count as held long enough.
    """

    min_hold_seconds: Decimal = Decimal(180)
    hold_policy: Literal["reject", "hold", "bands"] = "reject"
    hold_bands: tuple[HoldBand, ...] = DEFAULT_BANDS
    exempt_from_hold: tuple[str, ...] = ()
    exempt_hold_groups: tuple[str, ...] = ()
    partial_close: Literal["pro_rata", "exclude", "final_only"] = "pro_rata"
    close_by: Literal["both", "exclude", "larger_side", "net"] = "both"
    hedge_netting: Literal["off", "max_side"] = "off"
    credit_coefficient: Literal["off", "on"] = "off"
    equity_unknown: Literal["exclude", "balance"] = "exclude"
    copy_trades: Literal["pay", "exclude"] = "pay"
    dealer_deals: Literal["pay", "exclude"] = "exclude"
    zero_move: Literal["pay", "exclude"] = "pay"
    negative_balance: Literal["pay", "exclude"] = "pay"
    min_points: Decimal = Decimal(0)
    min_volume_lots: Decimal = Decimal(0)
    max_volume_lots: Decimal | None = None
    excluded_symbols: tuple[str, ...] = ()
    excluded_groups: tuple[str, ...] = ()
    client_kyc_level: int = 1
    client_funded: bool = False
    include_own_accounts: bool = False
    include_sub_ib_accounts: bool = True
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
    average_days: int = 30  # Over how many days before a trade `capped` takes the average spread of its symbol.
    volume_multipliers: dict[str, Decimal] = {}  # By a glob over the group or the symbol; matching ones are multiplied.
    spread_wait_days: int = 3
    typical: dict[str, TypicalSymbol] = {}
    rounding_scope: Literal["day", "line"] = "day"
    rounding_mode: Literal["half_even", "down", "half_up"] = "half_even"
    audit_days: int = 3
    audit_calendar: Literal["calendar", "business"] = "calendar"
    release_target: Literal["partner_redeem", "tenant_pool"] = "partner_redeem"
    min_payout: Decimal = Decimal(0)
    payouts: PayoutTerms = PayoutTerms()
    max_hold_days: int = 30  # After so many days a hold is shown to people; time alone never ends it.
    rebates: Rebates | None = None  # None: nobody shares anything.
    cashback: tuple[CashbackRule, ...] = ()
    ranks: Ranks | None = None
    qualification: Qualification | None = None
    own_rates: OwnRates = OwnRates()
    arbitrage_accepted_by: str = ""
    awards: tuple[AwardRule, ...] = ()
    clawback: ClawbackTerms = ClawbackTerms()
    abuse: AbuseTerms = AbuseTerms()

    def levels_of(self, rule: ReferralRule | None) -> tuple[Level, ...]:
        """The levels that a rule pays; the track's own where the rule names none or no rule matched."""
        if self.referral is None:
            return ()
        return rule.levels if rule is not None and rule.levels else self.referral.levels

    def referral_rule(
        self, symbol: str, symbol_class: str, group: str, traits: Traits = ORDINARY
    ) -> ReferralRule | None:
        """The referral rule for a trade, or None."""
        return None if self.referral is None else _choose(self.referral.rules, symbol, symbol_class, group, traits)

    def god_rule(self, symbol: str, symbol_class: str, group: str, traits: Traits = ORDINARY) -> GodRule | None:
        """The god-mode rule for a trade, or None."""
        return None if self.god is None else _choose(self.god.rules, symbol, symbol_class, group, traits)

    def cashback_rule(
        self, symbol: str, symbol_class: str, group: str, traits: Traits = ORDINARY
    ) -> CashbackRule | None:
        """The rule by which the trader of a trade is paid, or None."""
        return _choose(self.cashback, symbol, symbol_class, group, traits)

    @property
    def matches(self) -> tuple[Match, ...]:
        """For which trades each rule of each track is."""
        found = [rule.match for rule in self.cashback]
        if self.referral is not None:
            found += [rule.match for rule in self.referral.rules]
        if self.god is not None:
            found += [rule.match for rule in self.god.rules]
        return tuple(found)

    @property
    def bases(self) -> frozenset[SpreadBasis]:
        """Every spread basis that a rule or the revenue uses."""
        found = {self.basis_of(rule) for rule in self.referral.rules} if self.referral is not None else {"open"}
        return frozenset({*found, *([self.revenue_basis] if self.revenue_basis is not None else [])})

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
    def tiered_tracks(self) -> tuple[Track, ...]:
        """The tracks in which the lots of a partner's month count: their trades are settled one after the other."""
        tiered = {
            "referral": any(rule.tiers is not None for rule in self.referral.rules) if self.referral else False,
            "god": any(rule.tiers is not None for rule in self.god.rules) if self.god else False,
        }
        return tuple(track for track in self.tracks if tiered[track])

    @property
    def tracks(self) -> tuple[Track, ...]:
        """The tracks this plan pays, in the order that caps and overlaps use."""
        paid: dict[Track, object] = {"god": self.god, "referral": self.referral}
        return tuple(track for track in self.caps.cap_order if paid[track] is not None)


R = TypeVar("R", ReferralRule, GodRule, CashbackRule)


def _choose(rules: Sequence[R], symbol: str, symbol_class: str, group: str, traits: Traits) -> R | None:
    """The most specific rule; among equals the higher priority, then the one that stands first."""
    best: R | None = None
    best_rank: tuple[int, int] | None = None
    for rule in rules:
        score = rule.match.specificity(symbol, symbol_class, group, traits)
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
    links: LinkTerms = LinkTerms()
    disputes: DisputeTerms = DisputeTerms()

    def day_cut(self, timezone: ZoneInfo) -> DayCut:
        """Where the settlement day ends, in the tenant's time zone unless the bundle names one."""
        return DayCut(
            ZoneInfo(self.settle_timezone) if self.settle_timezone else timezone, time.fromisoformat(self.settle_cutoff)
        )
