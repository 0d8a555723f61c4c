"""Readings about trading accounts, for pages and services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from app.core.db import execute_sql, get, session, tenant_id
from app.core.errors import NotFound
from app.trading.models import (
    AccountStateRow,
    AccountStatus,
    AccountType,
    ClosedTrade,
    DealRow,
    OpenPosition,
    OperationKind,
    OperationState,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
)


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account with everything that a card or a row shows of it."""

    account: TradingAccount
    kind: AccountType
    platform: TradingPlatform
    state: AccountStateRow | None


def wait_for_openings(client_id: UUID) -> None:
    """A client's accounts are asked for one at a time, so that two presses at once are seen as one."""
    execute_sql(
        "SELECT pg_advisory_xact_lock(hashtext('open account'), hashtext(:client))",
        client=f"{tenant_id()}:{client_id}",
    )


def account_types(*, offered_only: bool = True) -> Sequence[AccountType]:
    """The brand's account types in its own order."""
    statement = select(AccountType).order_by(AccountType.position, AccountType.code)
    if offered_only:
        statement = statement.where(AccountType.is_offered.is_(True))
    return session().scalars(statement).all()


def account_type(code: str) -> AccountType | None:
    """The account type with this code."""
    return session().scalars(select(AccountType).where(AccountType.code == code)).one_or_none()


def count_of_type(client_id: UUID, type_id: UUID) -> int:
    """How many accounts of a type a client has, or is about to have."""
    statement = (
        select(func.count())
        .select_from(TradingAccount)
        .where(
            TradingAccount.client_id == client_id,
            TradingAccount.type_id == type_id,
            TradingAccount.status.in_((AccountStatus.OPENING, AccountStatus.ACTIVE)),
        )
    )
    return session().scalar(statement) or 0


def accounts_of(client_id: UUID, *, with_refused: bool = False) -> list[AccountView]:
    """A client's accounts, newest first."""
    statement = (
        select(TradingAccount, AccountType, TradingPlatform, AccountStateRow)
        .join(AccountType, AccountType.id == TradingAccount.type_id)
        .join(TradingPlatform, TradingPlatform.id == TradingAccount.platform_id)
        .outerjoin(AccountStateRow, AccountStateRow.account_id == TradingAccount.id)
        .where(TradingAccount.client_id == client_id)
        .order_by(TradingAccount.created_at.desc(), TradingAccount.id.desc())
        .execution_options(populate_existing=True)
    )
    if not with_refused:
        statement = statement.where(TradingAccount.status != AccountStatus.REFUSED)
    return [AccountView(row[0], row[1], row[2], row[3]) for row in session().execute(statement)]


def account_view(account_id: UUID, client_id: UUID | None = None) -> AccountView:
    """One account, read fresh. With `client_id` only that client's own. Raises NotFound."""
    statement = (
        select(TradingAccount, AccountType, TradingPlatform, AccountStateRow)
        .join(AccountType, AccountType.id == TradingAccount.type_id)
        .join(TradingPlatform, TradingPlatform.id == TradingAccount.platform_id)
        .outerjoin(AccountStateRow, AccountStateRow.account_id == TradingAccount.id)
        .where(TradingAccount.id == account_id)
        .execution_options(populate_existing=True)
    )
    if client_id is not None:
        statement = statement.where(TradingAccount.client_id == client_id)
    row = session().execute(statement).one_or_none()
    if row is None:
        raise NotFound
    return AccountView(row[0], row[1], row[2], row[3])


def account(account_id: UUID) -> TradingAccount:
    """One account. Raises NotFound."""
    row = get(TradingAccount, account_id)
    if row is None:
        raise NotFound
    return row


def positions_of(account: TradingAccount) -> Sequence[OpenPosition]:
    """What an account has open, newest first."""
    if account.login is None:
        return []
    statement = (
        select(OpenPosition)
        .where(OpenPosition.platform_id == account.platform_id, OpenPosition.login == account.login)
        .order_by(OpenPosition.opened_at.desc(), OpenPosition.ticket.desc())
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()


def closed_trades_of(account_id: UUID, *, limit: int = 50, before: datetime | None = None) -> Sequence[ClosedTrade]:
    """An account's closed trades, latest first."""
    statement = (
        select(ClosedTrade)
        .where(ClosedTrade.account_id == account_id, ClosedTrade.deleted_at.is_(None))
        .order_by(ClosedTrade.closed_at.desc(), ClosedTrade.closing_deal.desc(), ClosedTrade.leg)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    if before is not None:
        statement = statement.where(ClosedTrade.closed_at < before)
    return session().scalars(statement).all()


def deals_of(account: TradingAccount, *, limit: int = 50) -> Sequence[DealRow]:
    """An account's deals, latest first."""
    if account.login is None:
        return []
    statement = (
        select(DealRow)
        .where(DealRow.platform_id == account.platform_id, DealRow.login == account.login, DealRow.deleted_at.is_(None))
        .order_by(DealRow.server_time_msc.desc(), DealRow.ticket.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()


def operations_of(account_id: UUID, *, limit: int = 20) -> Sequence[PlatformOperation]:
    """What was asked for an account, latest first."""
    statement = (
        select(PlatformOperation)
        .where(PlatformOperation.account_id == account_id)
        .order_by(PlatformOperation.created_at.desc(), PlatformOperation.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return session().scalars(statement).all()


def has_open_operation(account_id: UUID, kind: OperationKind) -> bool:
    """Whether an operation of this kind waits for its outcome."""
    statement = select(PlatformOperation.id).where(
        PlatformOperation.account_id == account_id,
        PlatformOperation.kind == kind,
        PlatformOperation.state.in_((OperationState.REQUESTED, OperationState.SENT, OperationState.UNKNOWN)),
    )
    return session().scalars(statement.limit(1)).one_or_none() is not None


def accounts_by_id(account_ids: Sequence[UUID]) -> dict[UUID, TradingAccount]:
    """These accounts by their ids."""
    if not account_ids:
        return {}
    rows = session().scalars(select(TradingAccount).where(TradingAccount.id.in_(list(account_ids))))
    return {row.id: row for row in rows}


def positions_of_client(client_id: UUID) -> list[tuple[OpenPosition, TradingAccount]]:
    """What a client has open on all accounts, newest first."""
    statement = (
        select(OpenPosition, TradingAccount)
        .join(
            TradingAccount,
            (TradingAccount.platform_id == OpenPosition.platform_id) & (TradingAccount.login == OpenPosition.login),
        )
        .where(TradingAccount.client_id == client_id)
        .order_by(OpenPosition.opened_at.desc(), OpenPosition.ticket.desc())
        .execution_options(populate_existing=True)
    )
    return [(row[0], row[1]) for row in session().execute(statement)]


def active_accounts_of(client_id: UUID) -> Sequence[TradingAccount]:
    """A client's open accounts."""
    statement = select(TradingAccount).where(
        TradingAccount.client_id == client_id, TradingAccount.status == AccountStatus.ACTIVE
    )
    return session().scalars(statement.order_by(TradingAccount.id)).all()


def state_of(account_id: UUID) -> AccountStateRow | None:
    """An account's money as last reported."""
    statement = select(AccountStateRow).where(AccountStateRow.account_id == account_id)
    return session().scalars(statement.execution_options(populate_existing=True)).one_or_none()


def was_funded(account_id: UUID) -> bool:
    """Whether money was ever moved to an account, or is on its way."""
    statement = select(PlatformOperation.id).where(
        PlatformOperation.account_id == account_id,
        PlatformOperation.kind == OperationKind.FUND,
        PlatformOperation.state != OperationState.REFUSED,
    )
    return session().scalars(statement.limit(1)).one_or_none() is not None


def groups_in_currency(platform_id: UUID, currency: str, *, is_demo: bool) -> set[str]:
    """The platform's groups that are known to keep accounts in a currency: of account types, and of accounts."""
    rows = execute_sql(
        "SELECT t.groups ->> :currency FROM account_type AS t WHERE t.tenant_id = :tenant_id"
        " AND t.platform_id = :platform_id AND t.is_demo = :is_demo AND t.groups ? :currency"
        " UNION SELECT a.group_name FROM trading_account AS a WHERE a.tenant_id = :tenant_id"
        " AND a.platform_id = :platform_id AND a.is_demo = :is_demo AND a.currency = :currency"
        " AND a.status IN ('active', 'archived')",
        platform_id=platform_id,
        currency=currency,
        is_demo=is_demo,
    )
    return set(rows.scalars())


def has_anything_open(account_id: UUID) -> bool:
    """Whether any operation of an account has no outcome yet, proposals included."""
    statement = select(PlatformOperation.id).where(
        PlatformOperation.account_id == account_id,
        PlatformOperation.state.in_(
            (OperationState.PROPOSED, OperationState.REQUESTED, OperationState.SENT, OperationState.UNKNOWN)
        ),
    )
    return session().scalars(statement.limit(1)).one_or_none() is not None
