"""Trading accounts of the platform: its own number, the login that people see, and what is kept of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from app.trading.platforms.base import Access, AccountRecord
from app.trading.platforms.ctrader import units
from app.trading.platforms.ctrader.catalogue import Catalogue
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb

FULL_ACCESS: Final = 0
CLOSE_ONLY: Final = 1
NO_TRADING: Final = 2
NO_LOGIN: Final = 3
RIGHT_NAMES: Final = ("FULL_ACCESS", "CLOSE_ONLY", "NO_TRADING", "NO_LOGIN")


@dataclass(frozen=True, slots=True)
class Trader:
    """What must be known of an account to read an event about it."""

    number: int
    login: int
    group: int
    asset: int
    money_digits: int
    balance: Decimal
    credit: Decimal
    is_copying: bool
    version: int
    balance_version: int


def trader_of(row: pb.ProtoTrader) -> Trader:
    digits = money_digits_of(row)
    return Trader(
        number=row.traderId,
        login=row.login,
        group=row.groupId,
        asset=row.depositAssetId,
        money_digits=digits,
        balance=units.money(row.balance, digits),
        credit=units.money(row.nonWithdrawableBonus, digits),
        is_copying=bool(row.subAccountOf),
        version=row.version,
        balance_version=row.balanceVersion,
    )


def money_digits_of(row: pb.ProtoTrader) -> int:
    return row.moneyDigits if row.HasField("moneyDigits") else units.DEFAULT_MONEY_DIGITS


class Traders:
    """The accounts that the manager login may see, by both numbers. Newer versions replace older ones only."""

    def __init__(self) -> None:
        self._by_number: dict[int, Trader] = {}
        self._numbers: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._by_number)

    def replace_all(self, rows: Iterable[pb.ProtoTrader]) -> None:
        """Take a whole reading."""
        self._by_number, self._numbers = {}, {}
        for row in rows:
            self.take(row)

    def take(self, row: pb.ProtoTrader) -> bool:
        """Take one account as it is reported. Answers whether it is news: an older version than known is not."""
        trader = trader_of(row)
        known = self._by_number.get(trader.number)
        if known is not None and (trader.version, trader.balance_version) < (known.version, known.balance_version):
            return False
        self._by_number[trader.number] = trader
        self._numbers[trader.login] = trader.number
        return True

    def note_credit(self, number: int, credit: Decimal) -> None:
        """Take a new credit of an account: a movement tells it before the account itself does."""
        trader = self._by_number.get(number)
        if trader is not None:
            self._by_number[number] = replace(trader, credit=credit)

    def forget(self, number: int) -> None:
        trader = self._by_number.pop(number, None)
        if trader is not None:
            self._numbers.pop(trader.login, None)

    def by_number(self, number: int) -> Trader | None:
        return self._by_number.get(number)

    def by_login(self, login: int) -> Trader | None:
        number = self._numbers.get(login)
        return self._by_number.get(number) if number is not None else None

    def logins_in(self, groups: Iterable[int]) -> set[int]:
        wanted = set(groups)
        return {trader.login for trader in self._by_number.values() if trader.group in wanted}

    def numbers_in(self, groups: Iterable[int]) -> set[int]:
        wanted = set(groups)
        return {number for number, trader in self._by_number.items() if trader.group in wanted}


def rights_for(access: Access, *, has_open_positions: bool) -> int:
    """The one of the platform's four levels that is closest to what is wanted, never freer.

    NO_TRADING also stops stop losses and stop-outs, so an account with open positions may close them only. An owner who
    may not sign in cannot place anything; what lies pending still executes.
    """
    if not access.can_sign_in:
        return NO_LOGIN
    if not access.can_trade:
        return CLOSE_ONLY if has_open_positions else NO_TRADING
    return FULL_ACCESS if access.can_open else CLOSE_ONLY


def access_for(rights: int) -> Access:
    """What an account's owner may do at one of the four levels. Who cannot sign in can do nothing else either."""
    if rights == FULL_ACCESS:
        return Access()
    if rights == CLOSE_ONLY:
        return Access(can_open=False)
    if rights == NO_TRADING:
        return Access(can_trade=False, can_open=False)
    return Access(can_sign_in=False, can_trade=False, can_open=False)


def account_record(row: pb.ProtoTrader, catalogue: Catalogue) -> AccountRecord:
    """An account as the port shows it. Our reference stands in the description."""
    trader, access = trader_of(row), access_for(row.accessRights)
    return AccountRecord(
        login=trader.login,
        group=catalogue.group_name(trader.group),
        name=" ".join(filter(None, (row.name, row.lastName))),
        leverage=units.leverage(row.leverageInCents),
        rights=row.accessRights,
        balance=trader.balance,
        credit=trader.credit,
        comment=row.description,
        may_trade=access.can_trade,
        access=access,
        email=row.email,
        currency=catalogue.asset_name(trader.asset),
        registered_server_msc=row.registrationTimestamp,
        is_copying=trader.is_copying,
    )
