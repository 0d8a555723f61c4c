"""cTrader behind the port: which interface answers which question, and how an answer is checked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

from app.trading.platforms import chunks
from app.trading.platforms.base import (
    Access,
    AccountRecord,
    AccountState,
    Copy,
    Deal,
    DealChunk,
    Finding,
    FundsOperation,
    Group,
    NewAccount,
    NotPermitted,
    OutcomeUnknown,
    PasswordKind,
    PlatformError,
    PlatformUnavailable,
    Position,
    RefusalReason,
    Refused,
    Report,
    Symbol,
)
from app.trading.platforms.ctrader import checks, units, wire
from app.trading.platforms.ctrader import deals as convert
from app.trading.platforms.ctrader.errors import WRONG_PASSWORD, NamedRefusal
from app.trading.platforms.ctrader.figures import Figures
from app.trading.platforms.ctrader.link import Link, LinkSettings
from app.trading.platforms.ctrader.people import People, Person
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.reading import Reading
from app.trading.platforms.ctrader.session import Endpoint, Session
from app.trading.platforms.ctrader.traders import FULL_ACCESS, NO_LOGIN, Trader, account_record, rights_for
from app.trading.platforms.ctrader.webservices import WebEndpoint, WebServices
from app.trading.platforms.ctrader.world import World
from app.trading.platforms.ctrader.writing import Wanted, Writing
from app.trading.platforms.kinds import CTRADER

EVENTS_PER_REPORT: Final = 500
_CREATE: Final = 1
_EARLIER_MSC: Final = 5 * 60_000  # Clocks differ; a movement is looked for from so long before it was sent.
_DAY_MSC: Final = 86_400_000
_BEGINNING_MSC: Final = 1_262_304_000_000  # 2010: cTrader is not older.
_SEARCH_EVERY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """How one environment is worked with, beyond where it is."""

    broker: str = ""  # The white label; empty means the plant's own.
    write_path: str = "web"  # `web` (partial changes) or `manager` (whole accounts, after a trial on the server).
    signs: str = "check"
    states_every_s: float = 5.0
    copy_code: tuple[str, str, str] | None = None  # Where to ask for a code, with which field, and where it stands.
    subscribes: bool = False  # Ask for events; older servers do not know the question and tell them anyway.


class CTraderPlatform:
    """One environment of a cTrader plant. Fulfils `TradingPlatform`."""

    def __init__(
        self,
        endpoint: Endpoint,
        web: WebEndpoint | None = None,
        options: Options | None = None,
        settings: LinkSettings | None = None,
    ) -> None:
        self.capabilities = CTRADER
        self.options = options or Options()
        self.world = World(convert.Signs(self.options.signs))
        self.link = Link(endpoint, settings, self.world.quotes.take)
        self.web = WebServices(web) if web is not None else None
        self._broker = self.options.broker or endpoint.plant
        self._reading = Reading(self.link, self.world)
        self._writing = Writing(self.link, self.web, self._reading, self.world, self.options.write_path)
        self._figures = Figures(self.link, self.web, self._reading, self.world, self.options.states_every_s)
        self._people = People(self.web, self._broker, endpoint.environment)
        self._connecting = asyncio.Lock()
        self._loaded: Session | None = None
        self._searched_at = -_SEARCH_EVERY_S
        self._opening: dict[str, Person] = {}  # By reference: whose accounts are being opened.

    async def connect(self) -> None:
        """Sign in, and read what events will speak of. What is pushed meanwhile waits for `reports`."""
        async with self._connecting:
            session = await self.link.open()
            if session is self._loaded:
                return
            try:
                if self.options.subscribes:
                    request = pb.ProtoUPv1EventSubscribeReq(subscriptionPayloadType=wire.event_numbers())
                    await self.link.read(request, pb.ProtoUPv1EventSubscribeRes)
                await self._reading.everything()
            except PlatformError:
                await self.link.give_up()
                raise
            self._loaded = session

    async def close(self) -> None:
        await self._people.close()
        await self.link.close()
        if self.web is not None:
            await self.web.close()

    async def ping(self) -> None:
        await self.server_time_msc()

    async def server_time_msc(self) -> int:
        answer = await self.link.read(pb.ProtoServerTimeReq(), pb.ProtoServerTimeRes)
        return answer.timeInMillis

    async def reports(self) -> AsyncIterator[Report]:
        """What is pushed, in the order in which it came; what waits is taken together."""
        session = self._loaded
        while session is not None and (events := await session.events(EVENTS_PER_REPORT)):
            unknown = self.world.unknown_traders(events)
            if unknown:
                try:
                    for row in await self._reading.traders_by_number(unknown):
                        self.world.take_trader(row)
                except (Refused, NotPermitted):
                    pass  # What the manager login may not see is not ours.
                except PlatformUnavailable:
                    await self.link.give_up()  # What these events said is read after the next link is up.
                    return
            yield self.world.report(events)

    async def test(self, login: int | None = None) -> list[Finding]:
        return await checks.run(self, login)

    # Accounts.

    async def open_account(self, account: NewAccount, *, send_by: float | None = None) -> AccountRecord:
        """Make an account, read its login back, and give it to its owner in the identity service."""
        self.link.require(checks.TRADER_CREATE, "ROLE_TRADER_CREATE")
        catalogue = self.world.catalogue
        first, _, last = account.name.partition(" ")
        secret = units.secret_of(account.main_password)
        trader = pb.ProtoTrader(
            traderId=0,
            login=0,
            groupId=catalogue.group_number(account.group),
            balance=0,
            accountType=0 if account.is_hedging else 1,
            name=first,
            lastName=last,
            passwordHash=secret,
            description=account.reference,
            email=account.email,
            accessRights=FULL_ACCESS,
            depositAssetId=catalogue.deposit_asset(account.currency).number,
            swapFree=account.is_swap_free,
            leverageInCents=account.leverage * 100,
            totalMarginCalculationType=0,
            brokerName=self._broker,
        )
        country = catalogue.countries.get(account.country.upper())
        if country is not None:
            trader.countryId = country
        person = Person(account.email, account.language, secret)
        self._opening = {**dict(list(self._opening.items())[-200:]), account.reference: person}
        request = pb.ProtoCrudTraderReq(operation=_CREATE, trader=trader)
        answer = await self.link.change(request, pb.ProtoCrudTraderRes, send_by=send_by)
        if not answer.traderId:
            raise OutcomeUnknown("The opening was answered without an account.")
        try:
            row = await self._read_trader(answer.traderId)
        except PlatformError as error:
            raise OutcomeUnknown(f"The new account could not be read: {error}") from None
        await self._give_to_owner(row.login, account.reference)
        return account_record(row, catalogue)

    async def _give_to_owner(self, login: int, reference: str) -> None:
        person = self._opening.pop(reference, None)
        if person is not None:
            await self._people.link(login, person)

    async def find_account(self, group: str, reference: str) -> AccountRecord | None:
        """The account whose description is our reference; `None` when the group holds none. Two are an incident."""
        rows = await self._reading.traders(self.world.catalogue.group_number(group))
        found = [row for row in rows if row.description == reference]
        if len(found) > 1:
            raise OutcomeUnknown(f"{len(found)} accounts carry the reference {reference}.")
        if not found:
            return None
        self.world.take_trader(found[0])
        await self._give_to_owner(found[0].login, reference)
        return account_record(found[0], self.world.catalogue)

    async def set_leverage(self, login: int, leverage: int, *, send_by: float | None = None) -> AccountRecord:
        return await self._writing.change(await self.trader(login), Wanted(leverage=leverage), send_by)

    async def set_group(self, login: int, group: str, *, send_by: float | None = None) -> AccountRecord:
        self.world.catalogue.group_number(group)
        return await self._writing.change(await self.trader(login), Wanted(group=group), send_by)

    async def set_access(self, login: int, access: Access, *, send_by: float | None = None) -> AccountRecord:
        """One of four levels. With something open, a lock on trading leaves closing, or stop losses would stand
        still."""
        trader = await self.trader(login)
        has_open = access.can_sign_in and not access.can_trade and await self._has_open(trader)
        rights = rights_for(access, has_open_positions=has_open)
        return await self._writing.change(trader, Wanted(rights=rights), send_by)

    async def _has_open(self, trader: Trader) -> bool:
        rows = await self._reading.positions(trader.number)
        self.world.book.replace_of(trader.number, rows)
        return bool(self.world.book.of(trader.number))

    async def archive_account(self, login: int, *, send_by: float | None = None) -> None:
        """Nobody can sign in to it any more. The platform has no archive, and what it deletes cannot be restored."""
        trader = await self.trader(login)
        if await self._has_open(trader):
            raise NamedRefusal("TRADER_HAS_POSITIONS")
        await self._writing.change(trader, Wanted(rights=NO_LOGIN), send_by)

    async def is_archived(self, login: int) -> bool:
        """Whether nobody can sign in to it, or it is deleted."""
        try:
            return (await self.read_account(login)).rights == NO_LOGIN
        except Refused as refusal:
            if refusal.reason is RefusalReason.NOT_FOUND:
                return True
            raise

    async def restore_account(self, login: int, *, send_by: float | None = None) -> AccountRecord:
        return await self._writing.change(await self.trader(login), Wanted(rights=FULL_ACCESS), send_by)

    async def change_password(
        self, login: int, kind: PasswordKind, password: str, *, send_by: float | None = None
    ) -> None:
        """An account has one password here."""
        if kind is not PasswordKind.MAIN:
            raise NamedRefusal("INVALID_REQUEST", "There is no investor password.")
        self.link.require(checks.TRADER_CHANGE_PASSWORD, "ROLE_TRADER_CHANGE_PASSWORD")
        trader, secret = await self.trader(login), units.secret_of(password)
        request = pb.ProtoChangeTraderPasswordReq(traderId=trader.number, passwordHash=secret)
        await self.link.change(request, pb.ProtoChangeTraderPasswordRes, send_by=send_by)
        await self._people.new_secret(login, secret)

    async def check_password(self, login: int, kind: PasswordKind, password: str) -> bool:
        if kind is not PasswordKind.MAIN:
            return False
        trader = await self.trader(login)
        request = pb.ProtoCheckTraderPasswordReq(traderId=trader.number, passwordHash=units.secret_of(password))
        try:
            await self.link.read(request, pb.ProtoCheckTraderPasswordRes)
        except NamedRefusal as refusal:
            if refusal.name == WRONG_PASSWORD:
                return False
            raise
        return True

    # Money.

    async def move_funds(
        self, login: int, amount: Decimal, reference: str, *, send_by: float | None = None
    ) -> FundsOperation:
        """A positive amount is paid in, a negative one is taken out, never below what the account can spare."""
        kind = convert.DEPOSIT if amount > 0 else convert.WITHDRAW
        number = await self._change_balance(login, kind, amount, reference, send_by)
        return FundsOperation(units.CASH_TICKETS + number, login, amount, reference)

    async def move_credit(
        self, login: int, amount: Decimal, reference: str, *, send_by: float | None = None
    ) -> FundsOperation:
        kind = convert.CREDIT_IN if amount > 0 else convert.CREDIT_OUT
        number = await self._change_balance(login, kind, amount, reference, send_by)
        return FundsOperation(units.CREDIT_TICKETS + number, login, amount, reference, is_credit=True)

    async def _change_balance(
        self, login: int, kind: int, amount: Decimal, reference: str, send_by: float | None
    ) -> int:
        self.link.require(checks.TRADER_CASHIER, "ROLE_TRADER_CASHIER")
        trader = await self.trader(login)
        try:
            minor = units.minor(abs(amount), self.world.catalogue.asset(trader.asset).digits)
        except ValueError as error:
            raise NamedRefusal("CHANGE_BALANCE_BAD_AMOUNT", str(error)) from None
        request = pb.ProtoChangeBalanceReq(
            traderId=trader.number, amount=minor, type=kind, externalId=reference, newWay=True
        )
        answer = await self.link.change(request, pb.ProtoChangeBalanceRes, send_by=send_by)
        if not answer.balanceHistoryId:
            raise OutcomeUnknown("The movement of money was answered without a record.")
        return answer.balanceHistoryId

    async def find_funds_operations(self, login: int, reference: str, since_msc: int) -> list[FundsOperation]:
        trader = await self.trader(login)
        until = await self.server_time_msc() + _DAY_MSC
        rows = await self._reading.cash_of(trader.number, max(since_msc - _EARLIER_MSC, 0), until)
        found = [convert.cash_deal(row, trader) for row in rows if row.externalId == reference]
        return [
            FundsOperation(deal.ticket, login, deal.profit, deal.comment, is_credit=deal.kind == "credit")
            for deal in found
        ]

    # Readings.

    async def read_account(self, login: int) -> AccountRecord:
        if not self.link.is_up and self.web is not None:
            return await self._writing.read_by_web(login)
        row = await self._read_trader((await self.trader(login)).number)
        return account_record(row, self.world.catalogue)

    async def read_accounts(self, group: str) -> list[AccountRecord]:
        rows = await self._reading.traders(self.world.catalogue.group_number(group))
        for row in rows:
            self.world.take_trader(row)
        return [account_record(row, self.world.catalogue) for row in rows]

    async def read_states(self, logins: Sequence[int]) -> list[AccountState]:
        return await self._figures.states(logins)

    async def positions(self, logins: Sequence[int]) -> list[Position]:
        return await self._figures.positions(logins)

    async def deals_since(self, groups: Sequence[str], from_msc: int, to_msc: int) -> list[Deal]:
        numbers = []
        for group in groups:
            try:
                numbers.append(self.world.catalogue.group_number(group))
            except NamedRefusal:
                continue  # A group that is not there has no deals.
        return await self._reading.deals([], numbers, from_msc, to_msc) if numbers else []

    def deal_chunks(self, groups: Sequence[str], from_msc: int, to_msc: int) -> AsyncIterator[DealChunk]:
        return chunks.by_time(partial(self.deals_since, groups), max(from_msc, _BEGINNING_MSC), to_msc)

    async def deals_of(self, login: int, from_msc: int, to_msc: int) -> list[Deal]:
        return await self._reading.deals([(await self.trader(login)).number], [], from_msc, to_msc)

    async def count_deals(self, login: int, from_msc: int, to_msc: int) -> int:
        begin, end = from_msc // 1000, -(-to_msc // 1000)
        deals = await self.deals_of(login, from_msc - 1000, to_msc + 1000)
        return sum(begin <= deal.server_time_msc // 1000 <= end for deal in deals)

    async def groups(self) -> list[Group]:
        await self._reading.groups()
        return self.world.catalogue.port_groups()

    async def copy_code(self, email: str, language: str) -> str:
        if self.web is None or self.options.copy_code is None:
            raise NotPermitted("No page for copying is set up.")
        user = await self.web.ensure_user(email, self._broker, language)
        return await self.web.code_for(user, *self.options.copy_code)

    async def copies(self) -> list[Copy]:
        """Whose strategy each sub-account copies. Its parent is named by the login that people see, where we see it."""
        found = []
        for row in await self._reading.copies():
            parent = self.world.traders.by_number(row.subAccountOf)
            known = self.world.traders.by_number(row.traderId)
            found.append(
                Copy(
                    login=row.login,
                    parent_login=parent.login if parent is not None else 0,
                    provider=str(row.strategyProviderId),
                    provider_name=row.strategyProviderName,
                    balance=known.balance if known is not None else Decimal(0),
                    currency=self.world.catalogue.asset_name(row.depositAssetId),
                )
            )
        return found

    async def symbols(self) -> list[Symbol]:
        return self.world.catalogue.port_symbols()

    async def trader(self, login: int) -> Trader:
        """The account of a login. One that is not known is looked for among all, not too often. Raises Refused."""
        found = self.world.traders.by_login(login)
        if found is None and time.monotonic() - self._searched_at > _SEARCH_EVERY_S:
            self._searched_at = time.monotonic()
            for row in await self._reading.traders():
                self.world.take_trader(row)
            found = self.world.traders.by_login(login)
        if found is None:
            self.link.require_up()  # Without a link nothing can be said of who is there.
            raise NamedRefusal("TRADER_NOT_FOUND", str(login))
        return found

    async def _read_trader(self, number: int) -> pb.ProtoTrader:
        rows = await self._reading.traders_by_number([number])
        if not rows or rows[0].deleted:
            raise NamedRefusal("TRADER_NOT_FOUND", str(number))
        self.world.take_trader(rows[0])
        return rows[0]
