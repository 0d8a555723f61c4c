"""What the engine is told and what it answers. All of it is immutable; none of it knows a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from app.partners.plan import Track
from app.partners.rules.own import Month, OwnRate

if TYPE_CHECKING:
    from app.partners.rules.cashback import Cashback

Verdict = Literal["clear", "hold", "reject"]


class ReasonCode(StrEnum):
    """Why an upline got nothing, in the order in which the first one that applies is named."""

    DEMO = "DEMO"
    BEFORE_START = "BEFORE_START"
    OPENING_UNKNOWN = "OPENING_UNKNOWN"
    ACCOUNT_EXCLUDED = "ACCOUNT_EXCLUDED"
    PARTNER_ACCOUNT = "PARTNER_ACCOUNT"
    GROUP_EXCLUDED = "GROUP_EXCLUDED"
    SYMBOL_EXCLUDED = "SYMBOL_EXCLUDED"
    NO_RULE = "NO_RULE"
    SPREAD_UNKNOWN = "SPREAD_UNKNOWN"
    RATE_UNKNOWN = "RATE_UNKNOWN"
    PARTIAL_CLOSE_EXCLUDED = "PARTIAL_CLOSE_EXCLUDED"
    PARTIAL_NOT_FINAL = "PARTIAL_NOT_FINAL"
    CLOSE_BY_EXCLUDED = "CLOSE_BY_EXCLUDED"
    CLOSE_BY_NETTED = "CLOSE_BY_NETTED"
    DEALER_DEAL = "DEALER_DEAL"
    COPY_TRADE = "COPY_TRADE"
    CLOCK_SUSPECT = "CLOCK_SUSPECT"
    HOLD_TOO_SHORT = "HOLD_TOO_SHORT"
    MOVE_TOO_SMALL = "MOVE_TOO_SMALL"
    POINT_UNKNOWN = "POINT_UNKNOWN"
    ZERO_MOVE = "ZERO_MOVE"
    NEGATIVE_BALANCE = "NEGATIVE_BALANCE"
    VOLUME_TOO_SMALL = "VOLUME_TOO_SMALL"
    VOLUME_CAP = "VOLUME_CAP"
    EQUITY_UNKNOWN = "EQUITY_UNKNOWN"
    HEDGE_NETTED = "HEDGE_NETTED"
    CLIENT_NOT_ACTIVE = "CLIENT_NOT_ACTIVE"
    CLIENT_KYC = "CLIENT_KYC"
    CLIENT_NOT_FUNDED = "CLIENT_NOT_FUNDED"
    CLIENT_LOCKED = "CLIENT_LOCKED"
    BEFORE_ATTRIBUTION = "BEFORE_ATTRIBUTION"
    FRAUD_HOLD = "FRAUD_HOLD"
    FRAUD_REJECT = "FRAUD_REJECT"
    PARTNER_NOT_APPROVED = "PARTNER_NOT_APPROVED"
    PARTNER_SUSPENDED = "PARTNER_SUSPENDED"
    PARTNER_KYC = "PARTNER_KYC"
    ACCRUAL_LOCKED = "ACCRUAL_LOCKED"
    SELF_REFERRAL = "SELF_REFERRAL"
    SAME_CLUSTER = "SAME_CLUSTER"
    NOT_QUALIFIED = "NOT_QUALIFIED"
    CPA_NOT_QUALIFIED = "CPA_NOT_QUALIFIED"
    COUNTRY_DENIED = "COUNTRY_DENIED"
    NESTED_POLICY = "NESTED_POLICY"
    ZERO_AMOUNT = "ZERO_AMOUNT"
    OVERLAP = "OVERLAP"
    CAP_REACHED = "CAP_REACHED"


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """One closed leg of a position, as trading stored it."""

    seq: int
    client_id: UUID
    symbol: str
    symbol_class: str
    group: str
    volume_lots: Decimal
    contract_size: Decimal
    opened_at: datetime | None  # Unknown for a position that was open before we kept its deals.
    closed_at: datetime
    open_price: Decimal | None
    close_price: Decimal
    open_bid: Decimal | None = None
    open_ask: Decimal | None = None
    close_bid: Decimal | None = None
    close_ask: Decimal | None = None
    commission: Decimal = Decimal(0)  # As the platform books it: negative is what the client paid.
    profit: Decimal = Decimal(0)  # Before swap and commission, in the account's currency.
    markup_usd: Decimal | None = None  # The broker's markup as the platform records it, in US dollars.
    reason: str = "client"
    is_demo: bool = False
    is_partial: bool = False
    is_close_by: bool = False
    side: str = "buy"  # Of the position.
    deal: int = 0  # The closing deal.
    position: int = 0
    close_by_order: int | None = None  # The order that closed two positions against each other.
    platform: str = ""
    account_type: str = ""
    account_currency: str = ""
    point: Decimal | None = None  # The size of a point of the symbol.
    is_account_excluded: bool = False  # Staff have taken the account out of commission.


@dataclass(frozen=True, slots=True)
class Volume:
    """What a trade's neighbours decide about the volume it counts with; `app.partners.volume.counting` computes it.

    `lots_whole` are the lots to which the trade's amounts belong. A trade that stands for its whole position
    (`is_whole`) brings the opening spread and the amounts of all of it.
    """

    lots: Decimal
    lots_whole: Decimal
    lots_netted: Decimal = Decimal(0)
    credit_factor: Decimal = Decimal(1)
    is_whole: bool = False
    open_spread: Decimal | None = None
    commission: Decimal | None = None
    profit: Decimal | None = None
    markup_usd: Decimal | None = None
    is_in_parts: bool = False
    is_not_final: bool = False
    is_close_by_netted: bool = False
    is_equity_unknown: bool = False
    is_below_zero: bool = False

    @property
    def paid(self) -> Decimal:
        """Platform lots that are left."""
        return self.lots - self.lots_netted


@dataclass(frozen=True, slots=True)
class Upline:
    """One person above the trader. `god_rate` is their own amount per lot, or None without god-mode."""

    partner_id: UUID
    distance: int
    god_rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """The uplines as of an instant, nearest first, and whether the trader had a sponsor when they opened."""

    uplines: tuple[Upline, ...]
    was_attributed: bool = True
    trader_is_partner: bool = False  # They have people below them, or an amount per lot of their own.


@dataclass(frozen=True, slots=True)
class Quote:
    """A currency rate as it is quoted: an amount is multiplied and divided, never by a rounded inverse."""

    multiply: Decimal = Decimal(1)
    divide: Decimal = Decimal(1)
    source: str = "same"
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What is asked of a client or a partner, frozen when the run starts."""

    is_approved: bool = True  # They take part in the referral programme.
    is_active: bool = True
    kyc_level: int = 1
    country: str = ""
    is_accrual_locked: bool = False
    is_qualified: bool = True
    is_funded: bool = True
    person: UUID | None = None  # Who they are where somebody has found several clients to be one person.


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything beside trade, path and plan. A person nobody mentions is an ordinary one."""

    people: Mapping[UUID, Person] = field(default_factory=dict)
    profit_quote: Quote | None = field(default_factory=Quote)
    commission_quote: Quote | None = field(default_factory=Quote)
    dollar_quote: Quote | None = field(default_factory=Quote)  # The symbol's profit currency in US dollars.
    markup_quote: Quote | None = field(default_factory=Quote)  # US dollars in the plan's currency.
    verdict: Verdict = "clear"
    starts_at: datetime | None = None  # From when on the trade's platform counts; None: always.
    volume: Volume | None = None  # None: the trade counts with its own lots.
    average_spread: Decimal | None = None  # Of the symbol over the plan's days before the trade.
    countries_denied: frozenset[str] = frozenset()  # Where the brand pays no partner, whatever the plan says.
    linked: frozenset[frozenset[UUID]] = frozenset()  # Pairs of whom a person has said that they belong together.

    ranks: Mapping[UUID, str] = field(default_factory=dict)  # By name, as of the instant of the path.
    months: Mapping[tuple[UUID, Track], Month] = field(default_factory=dict)
    own_rates: Sequence[OwnRate] = ()

    def month(self, partner_id: UUID, track: Track) -> Month:
        """Where a partner's month stands; one that nobody mentions has just begun."""
        return self.months.get((partner_id, track), Month())

    def person(self, person_id: UUID) -> Person:
        """The frozen facts about one person."""
        return self.people.get(person_id, Person())


@dataclass(frozen=True, slots=True)
class Line:
    """One computed amount. `held_for` names why it waits; `cap` says which limit reduced it."""

    seq: int
    track: Track
    partner_id: UUID
    distance: int
    level: int
    rate: Decimal  # The share of the base, or the amount per lot after the nested policy.
    rule: str
    amount_before_cap: Decimal
    amount: Decimal
    cap: str = ""
    held_for: tuple[ReasonCode, ...] = ()
    component: str = "base"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a potential beneficiary got nothing: the primary reason, and all gates that failed."""

    seq: int
    track: Track
    partner_id: UUID
    distance: int
    primary: ReasonCode
    gates: tuple[ReasonCode, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one closed trade gives: the numbers every line shares, the lines, and a reason for everybody else."""

    lots_counted: Decimal
    base: Decimal
    revenue: Decimal
    spread: Decimal | None
    spread_source: str
    lines: tuple[Line, ...]
    reasons: tuple[Reason, ...]
    cashback: Cashback | None = None  # None where the plan pays traders nothing.
    event_gates: Mapping[Track, tuple[ReasonCode, ...]] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether the trade itself counts for any track, whoever may be paid by it."""
        return any(not gates for gates in self.event_gates.values())
