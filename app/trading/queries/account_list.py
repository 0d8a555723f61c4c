"""The list of all trading accounts: its filters, its order, and the numbers of what they leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from app.clients import queries as clients
from app.clients.models import Client
from app.core.db import execute_sql, session
from app.trading.models import AccountStateRow, AccountStatus, AccountType, TradingAccount, TradingPlatform

SORTS: Mapping[str, Any] = {
    "login": TradingAccount.login,
    "client": Client.name_sort,
    "leverage": TradingAccount.leverage,
    "balance": AccountStateRow.balance,
    "equity": AccountStateRow.equity,
    "opened": TradingAccount.created_at,
}
DEFAULT_SORT = "-opened"


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """What the list is narrowed to. Empty values narrow nothing."""

    search: str = ""
    platform_id: UUID | None = None
    group: str = ""
    type_id: UUID | None = None
    country: str = ""
    currency: str = ""
    leverage: int | None = None
    status: AccountStatus | None = None
    kind: str = ""  # "real" or "demo".
    balance_from: Decimal | None = None
    balance_to: Decimal | None = None

    @classmethod
    def read(cls, values: Mapping[str, str]) -> AccountFilter:
        """From an address. Anything unreadable narrows nothing, so that no address is an error."""
        status, leverage = values.get("status", ""), values.get("leverage", "")
        return cls(
            search=values.get("q", "").strip()[:100],
            platform_id=_id(values.get("platform", "")),
            group=values.get("group", "")[:127],
            type_id=_id(values.get("type", "")),
            country=values.get("country", "").upper()[:2],
            currency=values.get("currency", "").upper()[:10],
            leverage=int(leverage) if leverage.isascii() and leverage.isdigit() and len(leverage) < 6 else None,
            status=AccountStatus(status) if status in set(AccountStatus) else None,
            kind=values["kind"] if values.get("kind") in ("real", "demo") else "",
            balance_from=_amount(values.get("from", "")),
            balance_to=_amount(values.get("to", "")),
        )

    def as_values(self) -> dict[str, str]:
        """As an address writes it."""
        found = {
            "q": self.search,
            "platform": self.platform_id,
            "group": self.group,
            "type": self.type_id,
            "country": self.country,
            "currency": self.currency,
            "leverage": self.leverage,
            "status": self.status.value if self.status else "",
            "kind": self.kind,
            "from": self.balance_from,
            "to": self.balance_to,
        }
        return {name: str(value) for name, value in found.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with what the list shows beside it."""

    account: TradingAccount
    client: Client
    kind: AccountType
    platform: TradingPlatform
    state: AccountStateRow | None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _amount(text: str) -> Decimal | None:
    try:
        amount = Decimal(text.strip().replace(",", "")) if text.strip() else None
    except InvalidOperation:
        return None
    return amount if amount is not None and amount.is_finite() and abs(amount) < 10**15 else None


def page_of_accounts(
    wanted: AccountFilter, *, sort: str, is_descending: bool, limit: int, offset: int
) -> tuple[list[AccountRow], int]:
    """A part of the narrowed list, and how many there are altogether."""
    total = session().scalar(select(func.count()).select_from(_ids(wanted).subquery())) or 0
    column = SORTS.get(sort, TradingAccount.created_at)
    order = column.desc().nulls_last() if is_descending else column.asc().nulls_last()
    tail = TradingAccount.id.desc() if is_descending else TradingAccount.id.asc()
    statement = (
        _joined(select(TradingAccount, Client, AccountType, TradingPlatform, AccountStateRow))
        .where(*_conditions(wanted))
        .order_by(order, tail)
        .limit(limit)
        .offset(offset)
        .execution_options(populate_existing=True)
    )
    return [AccountRow(*row) for row in session().execute(statement)], total


def account_ids(wanted: AccountFilter, limit: int) -> list[tuple[UUID, int | None]]:
    """(id, login) of the narrowed list's accounts, by login."""
    statement = _ids(wanted).order_by(TradingAccount.login, TradingAccount.id).limit(limit)
    return [(row.id, row.login) for row in session().execute(statement)]


def accounts_with_logins(platform_id: UUID, logins: Iterable[int]) -> dict[int, UUID]:
    """The platform's accounts of ours with these logins."""
    statement = select(TradingAccount.login, TradingAccount.id).where(
        TradingAccount.platform_id == platform_id, TradingAccount.login.in_(sorted(set(logins)))
    )
    return {int(row.login or 0): row.id for row in session().execute(statement)}


def _ids(wanted: AccountFilter) -> Select[Any]:
    return _joined(select(TradingAccount.id, TradingAccount.login)).where(*_conditions(wanted))


def _joined(statement: Any) -> Select[Any]:
    joined: Select[Any] = (
        statement.select_from(TradingAccount)
        .join(Client, Client.id == TradingAccount.client_id)
        .join(AccountType, AccountType.id == TradingAccount.type_id)
        .join(TradingPlatform, TradingPlatform.id == TradingAccount.platform_id)
        .outerjoin(AccountStateRow, AccountStateRow.account_id == TradingAccount.id)
    )
    return joined


def _conditions(wanted: AccountFilter) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.search.isascii() and wanted.search.isdigit() and len(wanted.search) < 19:
        found.append(
            (TradingAccount.login == int(wanted.search))
            | TradingAccount.client_id.in_(clients.search(wanted.search, clients.FOUND_MAX))
        )
    elif wanted.search:
        found.append(TradingAccount.client_id.in_(clients.search(wanted.search, clients.FOUND_MAX)))
    for column, value in (
        (TradingAccount.platform_id, wanted.platform_id),
        (TradingAccount.group_name, wanted.group or None),
        (TradingAccount.type_id, wanted.type_id),
        (Client.country, wanted.country or None),
        (TradingAccount.currency, wanted.currency or None),
        (TradingAccount.leverage, wanted.leverage),
        (TradingAccount.status, wanted.status),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.kind:
        found.append(TradingAccount.is_demo.is_(wanted.kind == "demo"))
    if wanted.balance_from is not None:
        found.append(AccountStateRow.balance >= wanted.balance_from)
    if wanted.balance_to is not None:
        found.append(AccountStateRow.balance <= wanted.balance_to)
    return found


@dataclass(frozen=True, slots=True)
class Offered:
    """What the filters of the list offer."""

    groups: Sequence[str]
    currencies: Sequence[str]
    leverages: Sequence[int]


def offered() -> Offered:
    """The groups, currencies and leverages that accounts have."""
    rows = execute_sql(
        "SELECT array_agg(DISTINCT group_name) AS groups, array_agg(DISTINCT currency) AS currencies,"
        " array_agg(DISTINCT leverage) AS leverages FROM trading_account WHERE tenant_id = :tenant_id"
    ).one()
    return Offered(sorted(rows.groups or ()), sorted(rows.currencies or ()), sorted(rows.leverages or ()))
