"""MT5 records to our words and back. The field names are the wire's; every field but the key may be missing in older
builds.

Values arrive as text, in a few lists as bare numbers; both are read. Nothing passes through a binary float.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec

from app.trading.platforms.base import (
    Access,
    AccountRecord,
    AccountState,
    Deal,
    DealKind,
    Entry,
    Group,
    NewAccount,
    Position,
    Side,
    Symbol,
)

Record: TypeAlias = Mapping[str, Any]

_LOT_EXT = Decimal(10) ** 8
_LOT = Decimal(10) ** 4
_ZERO = Decimal(0)

_KINDS = {
    0: DealKind.TRADE,
    1: DealKind.TRADE,
    2: DealKind.BALANCE,
    3: DealKind.CREDIT,
    4: DealKind.CHARGE,
    5: DealKind.CORRECTION,
    6: DealKind.BONUS,
    7: DealKind.COMMISSION,
    8: DealKind.COMMISSION,
    9: DealKind.COMMISSION,
    10: DealKind.AGENT,
    11: DealKind.AGENT,
    12: DealKind.INTEREST,
    13: DealKind.CANCELLED_TRADE,
    14: DealKind.CANCELLED_TRADE,
    15: DealKind.DIVIDEND,
    16: DealKind.DIVIDEND,
    17: DealKind.TAX,
    18: DealKind.AGENT,
    19: DealKind.COMPENSATION,
    20: DealKind.COMPENSATION,
}
_ENTRIES = {0: Entry.IN, 1: Entry.OUT, 2: Entry.INOUT, 3: Entry.OUT_BY, 255: Entry.STATE}
_REASONS = (
    "client", "expert", "dealer", "stop_loss", "take_profit", "stop_out", "rollover", "external_client",
    "variation_margin", "gateway", "signal", "settlement", "transfer", "sync", "external_service", "migration",
    "mobile", "web", "split", "corporate_action",
)  # fmt: skip
_SERVICE_REASONS = frozenset({6, 8, 11, 12, 13, 18})

BALANCE = 2
CREDIT = 3


class Unreadable(ValueError):
    """The platform's answer is not what the protocol promises."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the Web API: the number of its return code, its text, its `answer`, and members beside it."""

    code: int
    text: str
    answer: Any
    members: Record

    @property
    def record(self) -> Record:
        """The answer as one record; raises Unreadable when it is something else."""
        if not isinstance(self.answer, Mapping):
            raise Unreadable("The answer is no record.")
        return self.answer

    @property
    def records(self) -> list[Record]:
        """The answer as a list of records. One record alone, and none at all, are lists too."""
        if self.answer in (None, ""):
            return []
        if isinstance(self.answer, Mapping):
            return [self.answer] if self.answer else []
        return [row for row in self.answer if isinstance(row, Mapping)]


_json = msgspec.json.Decoder(float_hook=Decimal)


def parse_answer(body: bytes) -> Answer:
    """Read an answer's JSON. Raises Unreadable."""
    try:
        document = _json.decode(body.removeprefix(b"\xef\xbb\xbf"))
        text = str(document["retcode"])
        code = int(text.partition(" ")[0])
    except (ValueError, KeyError, TypeError, RecursionError, msgspec.DecodeError) as error:
        raise Unreadable(f"The answer cannot be read: {type(error).__name__}.") from None
    return Answer(code, text.partition(" ")[2], document.get("answer"), document)


def query(params: Mapping[str, object]) -> str:
    """Parameters as the Web API wants them: its own four escapes first, then percent-encoding, a blank as %20."""
    parts = []
    for name, value in params.items():
        text = str(value)
        for special in "\\=|\n":  # The backslash first, so that those added for the others stay single.
            text = text.replace(special, "\\" + special)
        parts.append(f"{name}={quote(text, safe='')}")
    return "&".join(parts)


def whole(record: Record, name: str, default: int = 0) -> int:
    """A whole number, `default` when it is missing or empty. Raises Unreadable for anything else."""
    value = record.get(name)
    if value is None or value == "":
        return default
    try:
        return int(value if type(value) is str else str(value))
    except ValueError:
        return int(number(record, name, Decimal(default)))


def number(record: Record, name: str, default: Decimal = Decimal(0)) -> Decimal:
    """An exact number, `default` when it is missing or empty. Raises Unreadable for anything else."""
    value = record.get(name)
    if value is None or value == "":
        return default
    try:
        found = Decimal(value if type(value) is str else str(value))
    except InvalidOperation:
        raise Unreadable(f"{name} is no number.") from None
    if not found.is_finite():
        raise Unreadable(f"{name} is no finite number.")
    return found


def text(record: Record, *names: str) -> str:
    """The first of these fields that is there, as text."""
    for name in names:
        if record.get(name) is not None:
            return str(record[name])
    return ""


def lots(record: Record, name: str = "Volume") -> Decimal:
    """A volume in lots: the field with eight decimals when it is there and not zero, else the one with four."""
    return _lots(number(record, name + "Ext"), number(record, name))


def _lots(exact: Decimal, coarse: Decimal) -> Decimal:
    return exact / _LOT_EXT if exact else coarse / _LOT


def _known(record: Record, name: str) -> Decimal | None:
    """A figure for which the platform writes zero when it does not know it."""
    return number(record, name) or None


class _DealRecord(msgspec.Struct, gc=False):
    """What is read of a deal, under the wire's names. Of the closed volumes it matters whether they are there."""

    Deal: int = 0
    Login: int = 0
    Dealer: int = 0
    Order: int = 0
    Action: int = 0
    Entry: int = 0
    Reason: int = 0
    DigitsCurrency: int = 2
    PositionID: int = 0
    Time: int = 0
    TimeMsc: int = 0
    ModifyFlags: int = 0
    ModificationFlags: int = 0
    Symbol: str = ""
    Comment: str = ""
    ContractSize: Decimal = _ZERO
    Price: Decimal = _ZERO
    PricePosition: Decimal = _ZERO
    MarketBid: Decimal = _ZERO
    MarketAsk: Decimal = _ZERO
    Volume: Decimal = _ZERO
    VolumeExt: Decimal = _ZERO
    VolumeClosed: Decimal | None = None
    VolumeClosedExt: Decimal | None = None
    Profit: Decimal = _ZERO
    Storage: Decimal = _ZERO
    Commission: Decimal = _ZERO
    Fee: Decimal = _ZERO
    RateProfit: Decimal = _ZERO


_READERS: dict[str, Callable[[Record, str], Any]] = {
    each.name: whole if each.type is int else text if each.type is str else number
    for each in msgspec.structs.fields(_DealRecord)
}
_NUMBERS_OF_A_DEAL = attrgetter(*(name for name, reader in _READERS.items() if reader is number))


def _deal_record(record: Record) -> _DealRecord:
    """A whole record in one step where every field is as it should be; else field by field, which forgives more."""
    try:
        found = msgspec.convert(record, _DealRecord, strict=False)
    except msgspec.ValidationError:
        return _DealRecord(**{name: read(record, name) for name, read in _READERS.items() if name in record})
    for value in _NUMBERS_OF_A_DEAL(found):
        if value and not value.is_finite():
            raise Unreadable("A number of a deal is not finite.")
    return found


def deal(record: Record) -> Deal:
    """A deal record. Unknown kinds and reasons of newer builds are kept as `other`, never taken for a trade."""
    row = _deal_record(record)
    action, reason = row.Action, row.Reason
    is_trade = action in (0, 1)
    closed = None
    if row.VolumeClosed is not None or row.VolumeClosedExt is not None:
        closed = _lots(row.VolumeClosedExt or _ZERO, row.VolumeClosed or _ZERO)
    return Deal(
        ticket=row.Deal,
        login=row.Login,
        kind=_KINDS.get(action, DealKind.OTHER),
        side=(Side.BUY if action == 0 else Side.SELL) if is_trade else None,
        entry=_ENTRIES.get(row.Entry, Entry.STATE) if is_trade else None,
        reason=_REASONS[reason] if 0 <= reason < len(_REASONS) else f"reason_{reason}",
        is_service=reason in _SERVICE_REASONS,
        order_ticket=row.Order,
        position_id=row.PositionID,
        symbol=row.Symbol,
        volume_lots=_lots(row.VolumeExt, row.Volume),
        volume_closed_lots=closed,
        contract_size=row.ContractSize,
        price=row.Price,
        position_price=row.PricePosition or None,
        market_bid=row.MarketBid or None,
        market_ask=row.MarketAsk or None,
        profit=row.Profit,
        swap=row.Storage,
        commission=row.Commission,
        fee=row.Fee,
        profit_rate=row.RateProfit or None,
        comment=row.Comment,
        manager_login=row.Dealer,
        modify_flags=row.ModifyFlags or row.ModificationFlags,
        server_time_msc=row.TimeMsc or row.Time * 1000,
        money_digits=row.DigitsCurrency,
    )


def _milliseconds(record: Record, name: str) -> int:
    return whole(record, name + "Msc") or whole(record, name) * 1000


def position(record: Record) -> Position:
    """An open position."""
    return Position(
        ticket=whole(record, "Position"),
        login=whole(record, "Login"),
        symbol=text(record, "Symbol"),
        side=Side.SELL if whole(record, "Action") == 1 else Side.BUY,
        volume_lots=lots(record),
        open_price=number(record, "PriceOpen"),
        current_price=number(record, "PriceCurrent"),
        stop_loss=_known(record, "PriceSL"),
        take_profit=_known(record, "PriceTP"),
        profit=number(record, "Profit"),
        swap=number(record, "Storage"),
        opened_server_msc=_milliseconds(record, "TimeCreate"),
    )


def account_record(record: Record, close_only_groups: Collection[str] = ()) -> AccountRecord:
    """A user record. In one of `close_only_groups` nothing can be opened, whatever the account's own rights."""
    rights, name = whole(record, "Rights"), text(record, "Group")
    access = access_of(rights, can_open=name not in close_only_groups)
    return AccountRecord(
        login=whole(record, "Login"),
        group=name,
        name=text(record, "Name"),
        leverage=whole(record, "Leverage"),
        rights=rights,
        balance=number(record, "Balance"),
        credit=number(record, "Credit"),
        comment=text(record, "Comment"),
        last_ip=text(record, "LastIP"),
        may_trade=access.can_trade,
        access=access,
        email=text(record, "Email", "EMail"),
        registered_server_msc=whole(record, "Registration") * 1000,
    )


def access_of(rights: int, *, can_open: bool = True) -> Access:
    """What a mask of rights lets the owner do."""
    return Access(
        can_sign_in=bool(rights & ENABLED),
        can_trade=not rights & TRADE_DISABLED,
        can_open=can_open and not rights & TRADE_DISABLED,
        can_use_robots=bool(rights & EXPERT),
        can_change_password=bool(rights & PASSWORD),
    )


def rights_for(access: Access, rights: int) -> int:
    """The mask that grants this access. Bits that are none of ours stay as they are."""
    for bit, is_set in (
        (ENABLED, access.can_sign_in),
        (PASSWORD, access.can_change_password),
        (TRADE_DISABLED, not access.can_trade),
        (EXPERT, access.can_use_robots),
    ):
        rights = rights | bit if is_set else rights & ~bit
    return rights


def account_state(record: Record) -> AccountState:
    """A trading state."""
    margin = number(record, "Margin")
    return AccountState(
        login=whole(record, "Login"),
        balance=number(record, "Balance"),
        credit=number(record, "Credit"),
        equity=number(record, "Equity"),
        margin=margin,
        free_margin=number(record, "MarginFree"),
        margin_level=number(record, "MarginLevel") if margin else None,
        floating_profit=number(record, "Floating") or number(record, "Profit") + number(record, "Storage"),
    )


def idle_state(account: AccountRecord) -> AccountState:
    """The trading state of an account that has nothing open: the platform keeps none after a restart."""
    own = account.balance + account.credit
    return AccountState(
        login=account.login,
        balance=account.balance,
        credit=account.credit,
        equity=own,
        margin=Decimal(0),
        free_margin=own,
        margin_level=None,
        floating_profit=Decimal(0),
    )


def symbol(record: Record) -> Symbol:
    """A symbol's settings."""
    return Symbol(
        name=text(record, "Symbol"),
        path=text(record, "Path"),
        description=text(record, "Description"),
        profit_currency=text(record, "CurrencyProfit"),
        margin_currency=text(record, "CurrencyMargin"),
        digits=whole(record, "Digits"),
        contract_size=number(record, "ContractSize"),
        volume_min_lots=lots(record, "VolumeMin"),
        volume_step_lots=lots(record, "VolumeStep"),
    )


def group(record: Record) -> Group:
    """A group's settings."""
    return Group(
        name=text(record, "Group"),
        currency=text(record, "Currency"),
        currency_digits=whole(record, "CurrencyDigits", 2),
        is_hedging=whole(record, "MarginMode") == 2,
        margin_call_level=number(record, "MarginCall"),
        stop_out_level=number(record, "MarginStopOut"),
    )


def server_time_msc(record: Record) -> int:
    """`time/server`: seconds, then the same as text."""
    try:
        return int(text(record, "Time").split()[0]) * 1000
    except (IndexError, ValueError):
        raise Unreadable("The server's time cannot be read.") from None


def cut(value: str, usable: int) -> str:
    """Text that fits a field. The platform would cut it silently, so what is sent is what is stored."""
    return value[:usable]


def new_account_body(account: NewAccount) -> dict[str, str]:
    """The body of `user/add`. Passwords travel here and never in the address, which is logged."""
    body = {
        "Group": account.group,
        "Name": cut(account.name, 127),
        "Email": cut(account.email, 63),
        "Country": cut(account.country, 31),
        "Leverage": str(account.leverage),
        "Rights": str(DEFAULT_RIGHTS),
        "Comment": cut(account.reference, 63),
        "PassMain": account.main_password,
        "PassInvestor": account.investor_password,
    }
    if account.login:
        body["Login"] = str(account.login)
    return body


ENABLED = 0x1
PASSWORD = 0x2
TRADE_DISABLED = 0x4  # Set, it takes something away.
EXPERT = 0x40
DEFAULT_RIGHTS = 0x1E3  # May connect, change the password, use trailing stops, expert advisers, reports; not disabled.


def login_list(logins: Sequence[int]) -> str:
    """Several logins as one parameter."""
    return ",".join(str(login) for login in logins)
