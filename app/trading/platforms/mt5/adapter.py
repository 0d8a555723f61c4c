"""MetaTrader 5 behind the port: which command answers which question, and how an answer is checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from weakref import WeakValueDictionary

from app.trading.platforms import chunks
from app.trading.platforms.base import (
    Access,
    AccountRecord,
    AccountState,
    Capabilities,
    Copy,
    Deal,
    DealChunk,
    DealKind,
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
    Trouble,
)
from app.trading.platforms.chunks import TooLarge
from app.trading.platforms.kinds import mt5_capabilities
from app.trading.platforms.mt5 import checks, codec, retcodes
from app.trading.platforms.mt5.codec import Answer, Unreadable
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import Pool, PoolSettings

_DAY_MSC = 86_400_000
_SLICE_MSC = 14 * _DAY_MSC
_BEGINNING_MSC = 1_262_304_000_000  # 2010: MT5 is not older.
_MANY = 500  # So many records are read in a thread, for the loop has others to serve.
_LOGINS_PER_REQUEST = 100
_GROUP_MASK_MAX = 127


class MT5Platform:
    """One MT5 trade server, reached through its access server. Fulfils `TradingPlatform`.

    MT5 knows no account that may only close. `close_only_groups` names, for a group, its twin whose symbols take
    closing deals only; an account is moved there and back.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        settings: PoolSettings | None = None,
        close_only_groups: Mapping[str, str] | None = None,
    ) -> None:
        self.pool = Pool(endpoint, settings)
        self.capabilities: Capabilities = mt5_capabilities(close_only_groups or {})
        self._twins = dict(close_only_groups or {})
        self._originals = {twin: group for group, twin in self._twins.items()}
        self._rights_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def connect(self) -> None:
        """Sign in on every connection and keep them warm."""
        await self.pool.warm_up()

    async def close(self) -> None:
        await self.pool.close()

    async def ping(self) -> None:
        await self.pool.read("test/access")

    async def reports(self) -> AsyncIterator[Report]:
        """Nothing: the Web API answers and never speaks first. The bridge does."""
        none: tuple[Report, ...] = ()
        for report in none:
            yield report

    async def test(self, login: int | None = None) -> list[Finding]:
        return await checks.run(self.pool, login)

    async def server_time_msc(self) -> int:
        return codec.server_time_msc((await self.pool.read("time/server")).record)

    async def open_account(self, account: NewAccount, *, send_by: float | None = None) -> AccountRecord:
        answer = await self.pool.change("user/add", None, codec.new_account_body(account), send_by=send_by)
        return self._changed(answer)

    async def find_account(self, group: str, reference: str) -> AccountRecord | None:
        """The account whose comment is our reference; `None` when the group holds none. Two of them are an incident."""
        found = [account for account in await self.read_accounts(group) if account.comment == reference]
        if len(found) > 1:
            raise OutcomeUnknown(f"{len(found)} accounts carry the reference {reference}.")
        return found[0] if found else None

    async def set_leverage(self, login: int, leverage: int, *, send_by: float | None = None) -> AccountRecord:
        account = await self._update(login, {"Leverage": str(leverage)}, send_by)
        return _require(account, account.leverage == leverage)

    async def set_group(self, login: int, group: str, *, send_by: float | None = None) -> AccountRecord:
        account = await self._update(login, {"Group": group}, send_by)
        return _require(account, account.group == group)

    async def set_access(self, login: int, access: Access, *, send_by: float | None = None) -> AccountRecord:
        """Rights are written as a whole: read them, change our bits alone, and look at what came back.

        Two changes of one account's rights do not pass each other. Refused (`GROUP`) when the account may only close
        and its group has no twin for that.
        """
        async with self._rights_locks.setdefault(login, asyncio.Lock()):
            before = await self.read_account(login)
            fields = {"Rights": str(codec.rights_for(access, before.rights))}
            group = self._group_for(access, before.group)
            if group != before.group:
                fields["Group"] = group
            account = await self._update(login, fields, send_by)
        return _require(account, str(account.rights) == fields["Rights"] and account.group == group)

    def _group_for(self, access: Access, group: str) -> str:
        """Where an account with this access lies. One that cannot trade at all stays where it is."""
        if access.can_open:
            return self._originals.get(group, group)
        if not (access.can_sign_in and access.can_trade) or group in self._originals:
            return group
        if group not in self._twins:
            raise Refused(0, RefusalReason.GROUP, f"The group {group} has no twin that only closes.")
        return self._twins[group]

    async def archive_account(self, login: int, *, send_by: float | None = None) -> None:
        await self.pool.change("user/archive/add", {"login": login}, send_by=send_by)
        try:
            is_archived = await self.is_archived(login)
        except PlatformError as error:
            raise OutcomeUnknown(f"The archive could not be read: {error}") from None
        if not is_archived:
            raise Refused(0, RefusalReason.IGNORED, "The account is not in the archive.")

    async def is_archived(self, login: int) -> bool:
        return bool((await self._read_or_empty("user/archive/get", {"login": login})).answer)

    async def restore_account(self, login: int, *, send_by: float | None = None) -> AccountRecord:
        """Bring an account back as it was put away: the platform wants its whole record."""
        archived = await self.pool.read("user/archive/get", {"login": login})
        await self.pool.change("user/restore", {"login": login}, archived.record, send_by=send_by)
        try:
            return await self.read_account(login)
        except Refused:
            raise Refused(0, RefusalReason.IGNORED, "The account did not come back.") from None
        except PlatformError as error:
            raise OutcomeUnknown(f"The account could not be read: {error}") from None

    async def _update(self, login: int, fields: dict[str, str], send_by: float | None) -> AccountRecord:
        return self._changed(await self.pool.change("user/update", {"login": login}, fields, send_by=send_by))

    def _changed(self, answer: Answer) -> AccountRecord:
        """The record that a change was answered with. Without one we do not know what became of it."""
        try:
            account = self._record(answer.record)
        except Unreadable as error:
            raise OutcomeUnknown(str(error)) from None
        if not account.login:
            raise OutcomeUnknown("The change was answered without an account.")
        return account

    def _record(self, record: codec.Record) -> AccountRecord:
        return codec.account_record(record, self._originals)

    async def change_password(
        self, login: int, kind: PasswordKind, password: str, *, send_by: float | None = None
    ) -> None:
        body = {"Login": str(login), "Type": kind.value, "Password": password}
        await self.pool.change("user/change_password", None, body, send_by=send_by)

    async def check_password(self, login: int, kind: PasswordKind, password: str) -> bool:
        try:
            await self.pool.read(
                "user/check_password", None, {"Login": str(login), "Type": kind.value, "Password": password}
            )
        except Refused as refusal:
            if refusal.code == retcodes.PASSWORD:
                return False
            raise
        return True

    async def move_funds(
        self, login: int, amount: Decimal, reference: str, *, send_by: float | None = None
    ) -> FundsOperation:
        """A positive amount is paid in, a negative one is taken out, never below what the account can spare."""
        return await self._move(codec.BALANCE, login, amount, reference, send_by)

    async def move_credit(
        self, login: int, amount: Decimal, reference: str, *, send_by: float | None = None
    ) -> FundsOperation:
        """The same with the account's credit, which trades and cannot be withdrawn."""
        return await self._move(codec.CREDIT, login, amount, reference, send_by)

    async def _move(
        self, kind: int, login: int, amount: Decimal, reference: str, send_by: float | None
    ) -> FundsOperation:
        params = {
            "login": login,
            "type": kind,
            "balance": f"{amount:f}",
            "comment": reference,
            "check_margin": 1,
        }
        answer = await self.pool.change("trade/balance", params, send_by=send_by)
        try:
            ticket = codec.whole(answer.record, "Ticket")
        except Unreadable as error:
            raise OutcomeUnknown(str(error)) from None
        if not ticket:
            raise OutcomeUnknown("The movement of money was answered without a deal.")
        return FundsOperation(ticket, login, amount, reference, kind == codec.CREDIT)

    async def find_funds_operations(self, login: int, reference: str, since_msc: int) -> list[FundsOperation]:
        deals = await self.deals_of(login, since_msc, since_msc + _SLICE_MSC)
        return [
            FundsOperation(deal.ticket, deal.login, deal.profit, deal.comment, deal.kind is DealKind.CREDIT)
            for deal in deals
            if deal.kind in (DealKind.BALANCE, DealKind.CREDIT) and deal.comment == reference
        ]

    async def read_account(self, login: int) -> AccountRecord:
        return self._record((await self.pool.read("user/get", {"login": login})).record)

    async def read_accounts(self, group: str) -> list[AccountRecord]:
        answer = await self._read_or_empty("user/get_batch", {"group": group})
        return [self._record(row) for row in answer.records]

    async def read_states(self, logins: Sequence[int]) -> list[AccountState]:
        """The trading states of these accounts. Accounts without one on the platform are made up from their money."""
        states: dict[int, AccountState] = {}
        for some in _pieces(logins):
            answer = await self._read_or_empty("user/account/get_batch", {"login": codec.login_list(some)})
            for row in answer.records:
                states[codec.whole(row, "Login")] = codec.account_state(row)
            silent = [login for login in some if login not in states]
            if silent:
                users = await self._read_or_empty("user/get_batch", {"login": codec.login_list(silent)})
                for row in users.records:
                    account = self._record(row)
                    states[account.login] = codec.idle_state(account)
        return [states[login] for login in logins if login in states]

    async def positions(self, logins: Sequence[int]) -> list[Position]:
        found: list[Position] = []
        for some in _pieces(logins):
            answer = await self._read_or_empty("position/get_batch", {"login": codec.login_list(some)})
            found += [codec.position(row) for row in answer.records]
        return found

    async def deals_since(self, groups: Sequence[str], from_msc: int, to_msc: int) -> list[Deal]:
        return await _joined(self.deal_chunks(groups, from_msc, to_msc))

    def deal_chunks(self, groups: Sequence[str], from_msc: int, to_msc: int) -> AsyncIterator[DealChunk]:
        masks = [{"group": mask} for mask in _masks(groups)]
        return chunks.by_time(partial(self._deals, masks), max(from_msc, _BEGINNING_MSC), to_msc)

    async def deals_of(self, login: int, from_msc: int, to_msc: int) -> list[Deal]:
        return await _joined(
            chunks.by_time(partial(self._deals, [{"login": login}]), max(from_msc, _BEGINNING_MSC), to_msc)
        )

    async def _deals(self, of: Sequence[Mapping[str, object]], begin_msc: int, end_msc: int) -> list[Deal]:
        """All deals of a window of server time, by ticket. Raises TooLarge."""
        found: dict[int, Deal] = {}
        for whose in of:
            params = {**whose, "from": begin_msc // 1000, "to": -(-end_msc // 1000)}
            try:
                answer = await self._read_or_empty("deal/get_batch", params)
            except PlatformUnavailable as error:
                if error.trouble in (Trouble.OVERSIZED, Trouble.SLOW):
                    raise TooLarge(str(error), trouble=error.trouble) from None
                raise
            if answer.code == retcodes.PARTIAL:
                raise TooLarge("deal/get_batch answered with a part.", trouble=Trouble.OVERSIZED)
            rows = answer.records
            if len(rows) > _MANY:
                deals = await asyncio.to_thread(_read_deals, rows)
            else:
                deals = _read_deals(rows)
            found.update((deal.ticket, deal) for deal in deals)
        return [found[ticket] for ticket in sorted(found)]

    async def count_deals(self, login: int, from_msc: int, to_msc: int) -> int:
        params = {"login": login, "from": from_msc // 1000, "to": -(-to_msc // 1000)}
        answer = await self._read_or_empty("deal/get_total", params)
        return codec.whole(answer.record, "Total") if answer.answer else 0

    async def groups(self) -> list[Group]:
        return [codec.group(row) for row in (await self._read_or_empty("group/get", {"mask": "*"})).records]

    async def copies(self) -> list[Copy]:
        return []  # MT5 tells nobody who follows whose signals.

    async def copy_code(self, email: str, language: str) -> str:
        raise NotPermitted("MT5 has no page for copying.")

    async def symbols(self) -> list[Symbol]:
        return [codec.symbol(row) for row in (await self._read_or_empty("symbol/get", {"mask": "*"})).records]

    async def _read_or_empty(self, command: str, params: Mapping[str, object]) -> Answer:
        """A reading for which "not found" is an empty list."""
        try:
            return await self.pool.read(command, params)
        except Refused as refusal:
            if refusal.code == retcodes.NOT_FOUND:
                return Answer(1, "", None, {})
            raise PlatformUnavailable(f"{command}: {refusal}") from None


def _require(account: AccountRecord, is_done: bool) -> AccountRecord:
    """The platform ignores values it does not like without a word, so the returned record decides."""
    if not is_done:
        raise Refused(0, RefusalReason.IGNORED, "The platform kept the old value.")
    return account


def _pieces(logins: Sequence[int]) -> Iterator[Sequence[int]]:
    for begin in range(0, len(logins), _LOGINS_PER_REQUEST):
        yield logins[begin : begin + _LOGINS_PER_REQUEST]


def _read_deals(rows: Sequence[codec.Record]) -> list[Deal]:
    return [codec.deal(row) for row in rows]


async def _joined(pieces: AsyncIterator[DealChunk]) -> list[Deal]:
    found = {deal.ticket: deal async for piece in pieces for deal in piece.deals}
    return [found[ticket] for ticket in sorted(found)]


def _masks(groups: Sequence[str]) -> Iterator[str]:
    """Groups joined by commas, no longer than the platform reads."""
    mask = ""
    for group in groups:
        if mask and len(mask) + 1 + len(group) > _GROUP_MASK_MAX:
            yield mask
            mask = ""
        mask = f"{mask},{group}" if mask else group
    if mask:
        yield mask
