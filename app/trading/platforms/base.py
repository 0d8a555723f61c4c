"""The port to a trading platform, in our words. Adapters translate names, units and times at this edge and nowhere
else.

Every method either answers or raises one of the four errors below. A method that changes something is never repeated
by an adapter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class RefusalReason(StrEnum):
    """Why a platform said no, as far as it matters to the person who asked."""

    NOT_ENOUGH_MONEY = "not_enough_money"
    AMOUNT_TOO_LARGE = "amount_too_large"
    BAD_PASSWORD = "bad_password"  # noqa: S105
    GROUP = "group"
    OPEN_POSITIONS = "open_positions"
    NOT_EMPTY = "not_empty"
    OTHER_CURRENCY = "other_currency"
    OTHER_SERVER = "other_server"
    LOGINS_EXHAUSTED = "logins_exhausted"
    NOT_FOUND = "not_found"
    EXISTS = "exists"
    TOO_FREQUENT = "too_frequent"
    PARAMETERS = "parameters"
    IGNORED = "ignored"
    NOT_SENT = "not_sent"
    ABSENT = "absent"
    OTHER = "other"


class Trouble(StrEnum):
    """What is the matter with a connection, as far as somebody can do something about it."""

    NOT_CONFIGURED = "not_configured"
    NETWORK = "network"  # Nobody answers at the address.
    CLOSED = "closed"  # Somebody is there and hangs up at once: a block against floods, or a restart.
    SLOW = "slow"  # Connected, but no answer in time.
    CERTIFICATE = "certificate"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CREDENTIALS = "credentials"
    SIGN_IN_STOPPED = "sign_in_stopped"  # Refused so often that we knock rarely now.
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    MISSING_RIGHT = "missing_right"
    UNKNOWN_GROUP = "unknown_group"
    MAINTENANCE = "maintenance"
    TOO_FREQUENT = "too_frequent"
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    CLOCK = "clock"
    DATABASE = "database"
    OTHER = "other"


class PlatformError(Exception):
    """Whatever keeps a platform from doing what it was asked. `trouble` says what is the matter."""

    usual_trouble = Trouble.OTHER

    def __init__(self, text: str = "", *, trouble: Trouble | None = None) -> None:
        super().__init__(text)
        self.trouble = trouble or self.usual_trouble


class Refused(PlatformError):
    """The platform answered no: nothing has changed there. `code` is the platform's own number."""

    def __init__(self, code: int, reason: RefusalReason, text: str = "") -> None:
        super().__init__(f"refused with {code} ({reason}) {text}".rstrip())
        self.code, self.reason, self.text = code, reason, text


class OutcomeUnknown(PlatformError):
    """The command was handed over and no usable answer came: it may have been done or not."""


class PlatformUnavailable(PlatformError):
    """The platform cannot be asked now. Of this command not one byte was handed over."""

    usual_trouble = Trouble.NETWORK


class NotPermitted(PlatformError):
    """The manager login lacks a right for this. Nothing has changed; the broker must be told."""

    usual_trouble = Trouble.MISSING_RIGHT


class DealKind(StrEnum):
    """What a deal is. Only `TRADE` opens or closes anything."""

    TRADE = "trade"
    BALANCE = "balance"
    CREDIT = "credit"
    CHARGE = "charge"
    CORRECTION = "correction"
    BONUS = "bonus"
    COMMISSION = "commission"
    AGENT = "agent"
    INTEREST = "interest"
    CANCELLED_TRADE = "cancelled_trade"
    DIVIDEND = "dividend"
    TAX = "tax"
    COMPENSATION = "compensation"
    OTHER = "other"


class Side(StrEnum):
    """The direction of a deal or a position."""

    BUY = "buy"
    SELL = "sell"


class Entry(StrEnum):
    """What a trade does to its position: opens, closes, turns it round, or closes it against an opposite one."""

    IN = "in"
    OUT = "out"
    INOUT = "inout"
    OUT_BY = "out_by"
    STATE = "state"


class PasswordKind(StrEnum):
    """The two passwords of a trading account: one trades, the other only looks."""

    MAIN = "main"
    INVESTOR = "investor"


@dataclass(frozen=True, slots=True)
class ServerClock:
    """How the platform's written time relates to UTC: dated offsets, oldest first, as (first server millisecond,
    minutes)."""

    offsets: tuple[tuple[int, int], ...]

    def offset_minutes(self, server_msc: int) -> int:
        """The offset that held at this server time; before the first known change, the first one."""
        found = self.offsets[0][1]
        for begins, minutes in self.offsets:
            if begins > server_msc:
                break
            found = minutes
        return found

    def utc_msc(self, server_msc: int) -> int:
        """The instant meant by a platform time, in milliseconds of UTC."""
        return server_msc - self.offset_minutes(server_msc) * 60_000

    def utc(self, server_msc: int) -> datetime:
        """The instant meant by a platform time."""
        return _EPOCH + timedelta(milliseconds=self.utc_msc(server_msc))

    def server_msc(self, instant: datetime) -> int:
        """How the platform writes this instant, by the latest offset."""
        return (instant - _EPOCH) // timedelta(milliseconds=1) + self.offsets[-1][1] * 60_000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Deal:
    """One execution or one movement of money, as the platform recorded it. Money is signed, in the account's
    currency."""

    ticket: int
    login: int
    kind: DealKind
    side: Side | None
    entry: Entry | None
    reason: str
    is_service: bool  # A rollover, migration, split and the like: it moves money but neither opens nor closes.
    order_ticket: int
    position_id: int
    symbol: str
    volume_lots: Decimal
    volume_closed_lots: Decimal | None
    contract_size: Decimal
    price: Decimal
    position_price: Decimal | None
    market_bid: Decimal | None
    market_ask: Decimal | None
    profit: Decimal
    swap: Decimal
    commission: Decimal
    fee: Decimal
    profit_rate: Decimal | None
    comment: str
    manager_login: int
    modify_flags: int
    server_time_msc: int
    money_digits: int = 2
    # What a platform says of a closing deal by itself (cTrader does, MT5 does not). With `entry_price` set, the deal is
    # one closed trade of its own: nothing is joined by us, and its commission covers both sides.
    entry_price: Decimal | None = None
    opened_server_msc: int | None = None
    markup_usd: Decimal | None = None  # The broker's markup in US dollars; on a closing deal that of the whole turn.
    balance_after: Decimal | None = None
    balance_version: int | None = None  # Rises by one with each change of the account's balance.
    is_copied: bool = False  # Made by a copy-trading account.
    is_sign_unverified: bool = False  # No choice of signs explains the balance; finance looks at it.


@dataclass(frozen=True, slots=True)
class DealChunk:
    """All deals of some groups from one server time up to, but not at, another. More than these may be among them."""

    from_msc: int
    to_msc: int
    deals: Sequence[Deal]


@dataclass(frozen=True, slots=True)
class Position:
    """What is open now. Never a source for closed trades: those come from deals."""

    ticket: int
    login: int
    symbol: str
    side: Side
    volume_lots: Decimal
    open_price: Decimal
    current_price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    profit: Decimal
    swap: Decimal
    opened_server_msc: int


@dataclass(frozen=True, slots=True)
class Access:
    """What an account's owner may do on the platform. Each lock takes one of them away; the rest follows from them.

    Nothing here is a saved state to go back to: what is wanted is computed from the locks in force.
    """

    can_sign_in: bool = True
    can_trade: bool = True
    can_open: bool = True  # False with `can_trade`: only deals that reduce a position.
    can_use_robots: bool = True
    can_change_password: bool = True


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """The settings and the money of one trading account, as the platform keeps them."""

    login: int
    group: str
    name: str
    leverage: int
    rights: int
    balance: Decimal
    credit: Decimal
    comment: str
    last_ip: str = ""
    may_trade: bool = True
    access: Access = field(default_factory=lambda: Access())
    email: str = ""
    currency: str = ""  # Where the account itself carries it; on MT5 the group does.
    registered_server_msc: int = 0
    is_copying: bool = False  # A copy-trading account of an investor: another account of the same person owns it.


@dataclass(frozen=True, slots=True)
class AccountState:
    """The figures of one account that move with prices."""

    login: int
    balance: Decimal
    credit: Decimal
    equity: Decimal
    margin: Decimal
    free_margin: Decimal
    margin_level: Decimal | None  # Percent; none without used margin.
    floating_profit: Decimal


@dataclass(frozen=True, slots=True)
class Symbol:
    """An instrument and the units it is counted in."""

    name: str
    path: str
    description: str
    profit_currency: str
    margin_currency: str
    digits: int
    contract_size: Decimal
    volume_min_lots: Decimal
    volume_step_lots: Decimal

    @property
    def symbol_class(self) -> str:
        """The first folder of the path in small letters: `forex`, `metals`; `other` where there is none."""
        head, separator, _ = self.path.partition("\\")
        return head.strip().lower() if separator and head.strip() else "other"


@dataclass(frozen=True, slots=True)
class Group:
    """A set of accounts that share currency and accounting."""

    name: str
    currency: str
    currency_digits: int
    is_hedging: bool
    margin_call_level: Decimal
    stop_out_level: Decimal


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account is opened with. `reference` is written into its comment, so that it can be found again."""

    group: str
    name: str
    email: str
    country: str
    language: str
    leverage: int
    reference: str
    main_password: str = field(repr=False)
    investor_password: str = field(repr=False)
    login: int = 0
    currency: str = ""  # Where the account itself carries it; on MT5 the group does.
    is_hedging: bool = True
    is_swap_free: bool = False


@dataclass(frozen=True, slots=True)
class FundsOperation:
    """A movement of money on the platform: the deal it became."""

    ticket: int
    login: int
    amount: Decimal
    reference: str
    is_credit: bool = False  # It moved the account's credit, not its balance.


@dataclass(frozen=True, slots=True)
class Copy:
    """An account that copies somebody's strategy. `provider` is the platform's own name of whom it follows."""

    login: int
    parent_login: int  # The account of the same person from which it was opened; 0 where it is not known.
    provider: str
    provider_name: str
    balance: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a kind of platform can do. Pages hide, and services refuse, what it cannot."""

    has_close_only: bool = False
    has_access_levels: bool = False  # One level instead of single rights: what may only close stands in for a lock.
    has_robots_switch: bool = False
    has_password_switch: bool = False
    has_investor_password: bool = False
    has_market_price_on_deal: bool = False
    has_markup: bool = False
    has_ip: bool = False
    has_copies: bool = False  # It says which accounts copy whose strategy.
    has_push: bool = False  # Its own connection reports what happens; without it a bridge or polling does.
    has_group_currency: bool = False  # The group, not the account, carries the currency.
    deletes_deals: bool = False  # Deals can vanish or change there, so a reading that lacks one means something.


@dataclass(frozen=True, slots=True)
class Report:
    """What a platform told by itself, in one piece. Everything in it is stored together."""

    received_at: datetime  # When the last byte of it was here.
    deals: Sequence[Deal] = ()
    positions: Sequence[Position] = ()
    closed_positions: Sequence[int] = ()
    accounts: Sequence[AccountRecord] = ()
    states: Sequence[AccountState] = ()
    gaps: Sequence[int] = ()  # Logins of which something was missed: read them again.


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a connection test. `right` is the platform's own name of what is missing, empty when nothing is."""

    check: str
    is_ok: bool | None  # None: could not be verified.
    right: str = ""
    detail: str = ""


class TradingPlatform(Protocol):
    """One trade server behind one manager login.

    `send_by` is a reading of the loop's clock: a change not yet written to the wire at that moment is not written at
    all
    (`PlatformUnavailable`). Reads may be repeated by the adapter, changes never.
    """

    capabilities: Capabilities

    async def connect(self) -> None: ...
    async def ping(self) -> None: ...
    def reports(self) -> AsyncIterator[Report]:
        """What the platform tells by itself while the link is up. Ends when the link is lost, at once where nothing is
        pushed."""
        ...

    async def test(self, login: int | None = None) -> list[Finding]:
        """Try every right that the product needs, changing nothing (but for a hundredth in and out of `login`, a test
        account, when one is given)."""
        ...

    async def server_time_msc(self) -> int: ...

    async def open_account(self, account: NewAccount, *, send_by: float | None = None) -> AccountRecord: ...
    async def find_account(self, group: str, reference: str) -> AccountRecord | None: ...
    async def set_leverage(self, login: int, leverage: int, *, send_by: float | None = None) -> AccountRecord: ...
    async def set_group(self, login: int, group: str, *, send_by: float | None = None) -> AccountRecord: ...
    async def set_access(self, login: int, access: Access, *, send_by: float | None = None) -> AccountRecord: ...
    async def archive_account(self, login: int, *, send_by: float | None = None) -> None: ...
    async def is_archived(self, login: int) -> bool: ...
    async def restore_account(self, login: int, *, send_by: float | None = None) -> AccountRecord: ...
    async def change_password(
        self, login: int, kind: PasswordKind, password: str, *, send_by: float | None = None
    ) -> None: ...
    async def check_password(self, login: int, kind: PasswordKind, password: str) -> bool: ...

    async def move_funds(
        self, login: int, amount: Decimal, reference: str, *, send_by: float | None = None
    ) -> FundsOperation: ...
    async def move_credit(
        self, login: int, amount: Decimal, reference: str, *, send_by: float | None = None
    ) -> FundsOperation: ...
    async def find_funds_operations(self, login: int, reference: str, since_msc: int) -> list[FundsOperation]:
        """Movements of balance and of credit that carry the reference."""
        ...

    async def read_account(self, login: int) -> AccountRecord: ...
    async def read_accounts(self, group: str) -> list[AccountRecord]: ...
    async def read_states(self, logins: Sequence[int]) -> list[AccountState]: ...
    async def positions(self, logins: Sequence[int]) -> list[Position]: ...
    async def deals_since(self, groups: Sequence[str], from_msc: int, to_msc: int) -> list[Deal]: ...
    def deal_chunks(self, groups: Sequence[str], from_msc: int, to_msc: int) -> AsyncIterator[DealChunk]:
        """The same in pieces, oldest first, one after the other without a gap. However long the time, only a piece of
        it is held at once."""
        ...

    async def deals_of(self, login: int, from_msc: int, to_msc: int) -> list[Deal]: ...
    async def count_deals(self, login: int, from_msc: int, to_msc: int) -> int: ...
    async def groups(self) -> list[Group]: ...
    async def copies(self) -> list[Copy]:
        """Every account that copies somebody; none where the platform does not say."""
        ...

    async def copy_code(self, email: str, language: str) -> str:
        """A code that opens the platform's page for copying once, within a minute, as the person with this address.
        Raises NotPermitted where there is no such page."""
        ...

    async def symbols(self) -> list[Symbol]: ...
    async def close(self) -> None: ...
