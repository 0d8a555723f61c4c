"""What the engine is told and what it answers. All of it is immutable; none of it knows a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from app.partners.plan import Track

Verdict = Literal["clear", "hold", "reject"]


class ReasonCode(StrEnum):
    """Why an upline got nothing, in the order in which the first one that applies is named."""

    DEMO = "DEMO"
    BEFORE_START = "BEFORE_START"
    OPENING_UNKNOWN = "OPENING_UNKNOWN"
    GROUP_EXCLUDED = "GROUP_EXCLUDED"
    SYMBOL_EXCLUDED = "SYMBOL_EXCLUDED"
    NO_RULE = "NO_RULE"
    SPREAD_UNKNOWN = "SPREAD_UNKNOWN"
    RATE_UNKNOWN = "RATE_UNKNOWN"
    PARTIAL_CLOSE_EXCLUDED = "PARTIAL_CLOSE_EXCLUDED"
    CLOSE_BY_EXCLUDED = "CLOSE_BY_EXCLUDED"
    DEALER_DEAL = "DEALER_DEAL"
    COPY_TRADE = "COPY_TRADE"
    HOLD_TOO_SHORT = "HOLD_TOO_SHORT"
    ZERO_MOVE = "ZERO_MOVE"
    VOLUME_TOO_SMALL = "VOLUME_TOO_SMALL"
    CLIENT_NOT_ACTIVE = "CLIENT_NOT_ACTIVE"
    CLIENT_KYC = "CLIENT_KYC"
    CLIENT_LOCKED = "CLIENT_LOCKED"
    BEFORE_ATTRIBUTION = "BEFORE_ATTRIBUTION"
    FRAUD_HOLD = "FRAUD_HOLD"
    FRAUD_REJECT = "FRAUD_REJECT"
    PARTNER_SUSPENDED = "PARTNER_SUSPENDED"
    PARTNER_KYC = "PARTNER_KYC"
    ACCRUAL_LOCKED = "ACCRUAL_LOCKED"
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

    is_active: bool = True
    kyc_level: int = 1
    country: str = ""
    is_accrual_locked: bool = False


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
