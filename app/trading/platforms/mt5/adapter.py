"""MetaTrader 5 behind the port: which command answers which question, and how an answer is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from app.trading.platforms.base import (
    AccountRecord,
    AccountState,
    Deal,
    FundsOperation,
    Group,
    NewAccount,
    OutcomeUnknown,
    PasswordKind,
    PlatformUnavailable,
    Position,
    RefusalReason,
    Refused,
    Symbol,
)
from app.trading.platforms.mt5 import codec, retcodes
from app.trading.platforms.mt5.codec import Answer, Unreadable
from app.trading.platforms.mt5.connection import Endpoint
from app.trading.platforms.mt5.pool import Pool, PoolSettings

_DAY_MSC = 86_400_000
_SLICE_MSC = 14 * _DAY_MSC  # Batch answers are not paged; long windows are asked in pieces.
_LOGINS_PER_REQUEST = 100
_GROUP_MASK_MAX = 127


class MT5Platform:
    """One MT5 trade server, reached through its access server. Fulfils `TradingPlatform`."""

    def __init__(self, endpoint: Endpoint, settings: PoolSettings | None = None) -> None:
        self.pool = Pool(endpoint, settings)

    async def connect(self) -> None:
        """Sign in on every connection and keep them warm."""
        await self.pool.warm_up()

    async def close(self) -> None:
        await self.pool.close()

    async def ping(self) -> None:
        await self.pool.read("test/access")

    async def server_time_msc(self) -> int:
        return codec.server_time_msc((await self.pool.read("time/server")).record)

    async def open_account(self, account: NewAccount, *, send_by: float | None = None) -> AccountRecord:
        answer = await self.pool.change("user/add", None, codec.new_account_body(account), send_by=send_by)
        return _changed_account(answer)

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

    async def allow_trading(self, login: int, allowed: bool, *, send_by: float | None = None) -> AccountRecord:
        """Rights are written as a whole: read them, change our bit alone, and look at what came back."""
        rights = (await self.read_account(login)).rights
        wanted = rights & ~codec.TRADE_DISABLED if allowed else rights | codec.TRADE_DISABLED
        account = await self._update(login, {"Rights": str(wanted)}, send_by)
        return _require(account, account.may_trade == allowed)

    async def _update(self, login: int, fields: dict[str, str], send_by: float | None) -> AccountRecord:
        answer = await self.pool.change("user/update", {"login": login}, fields, send_by=send_by)
        return _changed_account(answer)

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
        params = {
            "login": login,
            "type": codec.BALANCE,
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
        return FundsOperation(ticket, login, amount, reference)

    async def find_funds_operations(self, login: int, reference: str, since_msc: int) -> list[FundsOperation]:
        deals = await self.deals_of(login, since_msc, since_msc + _SLICE_MSC)
        return [
            FundsOperation(deal.ticket, deal.login, deal.profit, deal.comment)
            for deal in deals
            if deal.kind == "balance" and deal.comment == reference
        ]

    async def read_account(self, login: int) -> AccountRecord:
        return codec.account_record((await self.pool.read("user/get", {"login": login})).record)

    async def read_accounts(self, group: str) -> list[AccountRecord]:
        answer = await self._read_or_empty("user/get_batch", {"group": group})
        return [codec.account_record(row) for row in answer.records]

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
                    account = codec.account_record(row)
                    states[account.login] = codec.idle_state(account)
        return [states[login] for login in logins if login in states]

    async def positions(self, logins: Sequence[int]) -> list[Position]:
        found: list[Position] = []
        for some in _pieces(logins):
            answer = await self._read_or_empty("position/get_batch", {"login": codec.login_list(some)})
            found += [codec.position(row) for row in answer.records]
        return found

    async def deals_since(self, groups: Sequence[str], from_msc: int, to_msc: int) -> list[Deal]:
        deals: list[Deal] = []
        for mask in _masks(groups):
            deals += await self._deals({"group": mask}, from_msc, to_msc)
        return deals

    async def deals_of(self, login: int, from_msc: int, to_msc: int) -> list[Deal]:
        return await self._deals({"login": login}, from_msc, to_msc)

    async def _deals(self, of: dict[str, object], from_msc: int, to_msc: int) -> list[Deal]:
        """All deals of a window of server time. A piece that is too large for one answer is halved."""
        found: dict[int, Deal] = {}
        windows = list(_slices(from_msc // 1000, -(-to_msc // 1000)))
        while windows:
            begin, end = windows.pop(0)
            answer = await self._read_or_empty("deal/get_batch", {**of, "from": begin, "to": end})
            if answer.code == retcodes.PARTIAL and end - begin > 1:
                middle = (begin + end) // 2
                windows[:0] = [(begin, middle), (middle, end)]
                continue
            found.update((codec.whole(row, "Deal"), codec.deal(row)) for row in answer.records)
        return [found[ticket] for ticket in sorted(found)]

    async def count_deals(self, login: int, from_msc: int, to_msc: int) -> int:
        params = {"login": login, "from": from_msc // 1000, "to": -(-to_msc // 1000)}
        answer = await self._read_or_empty("deal/get_total", params)
        return codec.whole(answer.record, "Total") if answer.answer else 0

    async def groups(self) -> list[Group]:
        return [codec.group(row) for row in (await self._read_or_empty("group/get", {"mask": "*"})).records]

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


def _changed_account(answer: Answer) -> AccountRecord:
    """The record that a change was answered with. Without one we do not know what became of it."""
    try:
        account = codec.account_record(answer.record)
    except Unreadable as error:
        raise OutcomeUnknown(str(error)) from None
    if not account.login:
        raise OutcomeUnknown("The change was answered without an account.")
    return account


def _require(account: AccountRecord, is_done: bool) -> AccountRecord:
    """The platform ignores values it does not like without a word, so the returned record decides."""
    if not is_done:
        raise Refused(0, RefusalReason.IGNORED, "The platform kept the old value.")
    return account


def _pieces(logins: Sequence[int]) -> Iterator[Sequence[int]]:
    for begin in range(0, len(logins), _LOGINS_PER_REQUEST):
        yield logins[begin : begin + _LOGINS_PER_REQUEST]


def _slices(begin: int, end: int) -> Iterator[tuple[int, int]]:
    step = _SLICE_MSC // 1000
    while end - begin > step and begin > 0:
        yield begin, begin + step
        begin += step
    yield begin, end


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
