"""What a demonstration needs done from inside the product. The factory hands these in; nothing here imports it.

The shapes are protocols: the inside answers with its own types, which the demo must not import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol


class Proof(Protocol):
    """One thing that must hold after a day, and whether it does."""

    @property
    def name(self) -> str: ...
    @property
    def holds(self) -> bool: ...
    @property
    def detail(self) -> str: ...


class HeldAccount(Protocol):
    """A trading account as the product holds it: its deals, what they moved, and what balance operations moved."""

    @property
    def login(self) -> int: ...
    @property
    def currency(self) -> str: ...
    @property
    def is_demo(self) -> bool: ...
    @property
    def deals(self) -> int: ...
    @property
    def money(self) -> Decimal: ...
    @property
    def moved(self) -> Decimal: ...


class Terms(Protocol):
    """What the brand offers and asks: read from its bundle as its users read it on the pages."""

    @property
    def account_type(self) -> str: ...
    @property
    def account_currencies(self) -> Sequence[str]: ...
    @property
    def leverages(self) -> Sequence[int]: ...
    @property
    def deposits(self) -> Mapping[str, tuple[Decimal, Decimal, Decimal]]: ...  # (least, greatest, second person from)
    @property
    def withdrawal_min(self) -> Mapping[str, Decimal]: ...
    @property
    def client_kyc_level(self) -> int: ...
    @property
    def partner_kyc_level(self) -> int: ...
    @property
    def payout_kyc_level(self) -> int: ...
    @property
    def min_hold_seconds(self) -> int: ...
    @property
    def pays_god_mode(self) -> bool: ...
    @property
    def plan_currency(self) -> str: ...
    @property
    def min_payout(self) -> Decimal: ...


class SettledDay(Protocol):
    """A settlement run, as far as it has come."""

    @property
    def business_date(self) -> date: ...
    @property
    def is_proved(self) -> bool: ...
    @property
    def failure(self) -> str: ...
    @property
    def trades(self) -> int: ...
    @property
    def lines(self) -> int: ...
    @property
    def reasons(self) -> int: ...
    @property
    def currency(self) -> str: ...


class Release(Protocol):
    """Commission on its way: batches under audit, batches released, and when the last one under audit is due."""

    @property
    def under_audit(self) -> int: ...
    @property
    def released(self) -> int: ...
    @property
    def due_at(self) -> datetime | None: ...


class Total(Protocol):
    """What all wallets of one kind of owner and one purpose hold together, in one currency."""

    @property
    def what(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Hooks:
    """The inside doors of a sandbox. Each takes the tenant's slug first and refuses a tenant that is no sandbox.

    `ensure_person(slug, email, name, roles, password, country)` makes a sign-in once; the role "trader" makes a
    client, "operator" (with the slug "operator") an operator. `process_ids(role)` and `flush_redis()` concern the
    whole instance and are refused outside a demonstration.
    """

    ensure_person: Callable[[str, str, str, Sequence[str], str, str], None]
    sandboxes: Callable[[], Sequence[str]]
    move_clock: Callable[[str, datetime], None]
    business_now: Callable[[str], datetime]
    day: Callable[[str], tuple[date, datetime]]  # The settlement day of the present instant, and when it ends.
    port: Callable[[], int]
    control_url: Callable[[str], str]  # The control port of the tenant's simulated platform.
    other_clocks: Callable[[str], Sequence[str]]  # Those of its further platforms, whose clocks go with it.
    terms: Callable[[str], Terms]
    holdings: Callable[[str], Sequence[HeldAccount]]
    platform_money: Callable[[str], Mapping[str, Decimal]]  # What the books say stands on platforms, by currency.
    settled_days: Callable[[str], Sequence[SettledDay]]
    release: Callable[[str], Release]
    totals: Callable[[str], Sequence[Total]]
    process_ids: Callable[[str], Sequence[int]]
    flush_redis: Callable[[], None]
    proofs: Callable[[str], Sequence[Proof]]
