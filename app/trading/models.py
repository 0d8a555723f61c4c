"""Platforms, accounts and what happened on them, as rows."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Integer, Numeric, Uuid
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import BulkModel, GlobalModel, TenantModel, status_column
from app.kit.money import Money
from app.trading.platforms.base import Access
from app.trading.states import AccountStatus as AccountStatus
from app.trading.states import OperationKind as OperationKind
from app.trading.states import OperationState as OperationState


class PlatformLease(GlobalModel):
    """Which connections exist and which connector owns each. `epoch` grows with every change of owner."""

    __tablename__ = "platform_lease"

    tenant_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    bridge_key: Mapped[str]  # Names the platform in the bridge's address; no secret.
    owner: Mapped[str]
    epoch: Mapped[int]
    expires_at: Mapped[datetime]


class TradingPlatform(TenantModel):
    """A trade server of the broker: where it is and under which names its secrets are kept."""

    __tablename__ = "trading_platform"

    code: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    server_name: Mapped[str]  # What a trader types into the terminal.
    settings: Mapped[dict[str, Any]]
    password_secret: Mapped[str]
    bridge_secret: Mapped[str]
    is_active: Mapped[bool]
    created_at: Mapped[datetime]
    address_since: Mapped[datetime | None]  # When the address last changed; none: since it was made.
    starts_at: Mapped[datetime | None]  # What closed before is not ours: no commission, no notice. Without it, always.

    @property
    def wallet_purpose(self) -> str:
        """The purpose of the house wallets in which the clients' money on this platform stands."""
        return f"platform:{self.id}"


class PlatformStatus(BulkModel):
    """How the link to a platform is, and how far we know what happened there."""

    __tablename__ = "platform_status"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
    )

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    link: Mapped[str]
    link_changed_at: Mapped[datetime]
    last_error: Mapped[str]
    checked_at: Mapped[datetime | None]
    latency_ms: Mapped[Decimal | None]
    bridge_epoch: Mapped[str | None]
    bridge_seq: Mapped[int]
    bridge_seen_at: Mapped[datetime | None]
    last_deal_at: Mapped[datetime | None]
    catch_up_wanted: Mapped[str]  # Why a catch-up is due ("gap", "start"); empty when none is.
    caught_up_at: Mapped[datetime | None]
    complete_until: Mapped[datetime | None]  # Business time: every deal before it has been read.
    high_water_msc: Mapped[int]
    reconciled_at: Mapped[datetime | None]


class ServerOffset(BulkModel):
    """From this server time on, the platform's clock stood so many minutes ahead of UTC."""

    __tablename__ = "server_offset"

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    from_msc: Mapped[int] = mapped_column(primary_key=True)
    minutes: Mapped[int]
    measured_at: Mapped[datetime]


class SymbolRow(BulkModel):
    """An instrument of a platform, as last read."""

    __tablename__ = "symbol"

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    symbol_class: Mapped[str]
    description: Mapped[str]
    profit_currency: Mapped[str]
    margin_currency: Mapped[str]
    digits: Mapped[int]
    contract_size: Mapped[Decimal]
    updated_at: Mapped[datetime]


class AccountType(TenantModel):
    """A kind of account the brand offers: which group it lies in for each currency, and what may be chosen."""

    __tablename__ = "account_type"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
    )

    code: Mapped[str]
    platform_id: Mapped[UUID] = mapped_column()
    label: Mapped[dict[str, Any]]  # Language to text.
    description: Mapped[dict[str, Any]]
    groups: Mapped[dict[str, Any]]  # Currency to group.
    leverages: Mapped[list[Any]]
    default_leverage: Mapped[int]
    leverage_warning_above: Mapped[int]
    min_deposit: Mapped[Decimal]
    is_hedging: Mapped[bool]
    is_swap_free: Mapped[bool]
    is_demo: Mapped[bool]
    demo_deposit: Mapped[Decimal]
    accounts_max: Mapped[int]
    position: Mapped[int]
    is_offered: Mapped[bool]
    leverage_ceilings: Mapped[list[Any]] = mapped_column(default=list)  # As `rules.leverage_ceiling` reads them.
    visible_to: Mapped[dict[str, Any]] = mapped_column(default=dict)  # As `rules.is_visible_to` reads it.
    margin_call_level: Mapped[Decimal] = mapped_column(default=Decimal(100))  # Percent.
    platform: Mapped[TradingPlatform] = relationship(foreign_keys=[platform_id], lazy="raise", viewonly=True)

    @property
    def currencies(self) -> list[str]:
        return list(self.groups)


class TradingAccount(TenantModel):
    """A client's login on a platform. The login is known once the platform has confirmed it."""

    __tablename__ = "trading_account"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
        ForeignKeyConstraint(["tenant_id", "type_id"], ["account_type.tenant_id", "account_type.id"]),
    )

    client_id: Mapped[UUID]
    platform_id: Mapped[UUID] = mapped_column()
    type_id: Mapped[UUID] = mapped_column()
    login: Mapped[int | None]
    group_name: Mapped[str]
    currency: Mapped[str]
    leverage: Mapped[int]
    rights: Mapped[int | None]
    may_trade: Mapped[bool] = mapped_column(default=True)
    may_sign_in: Mapped[bool] = mapped_column(default=True)
    may_open: Mapped[bool] = mapped_column(default=True)
    may_use_robots: Mapped[bool] = mapped_column(default=True)
    may_change_password: Mapped[bool] = mapped_column(default=True)
    access_known: Mapped[dict[str, Any] | None]  # What the platform allowed when we last settled it.
    withheld: Mapped[dict[str, Any]] = mapped_column(default=dict)  # Rights that staff keep from this account.
    nickname: Mapped[str]
    status: Mapped[AccountStatus] = status_column(AccountStatus)
    is_demo: Mapped[bool]
    is_hedging: Mapped[bool]
    reference: Mapped[str]
    created_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    adopted_at: Mapped[datetime | None]  # It was there before us; our books of it begin with its balance at an instant.
    opening_msc: Mapped[int | None]
    opening_balance: Mapped[Decimal | None]
    platform: Mapped[TradingPlatform] = relationship(foreign_keys=[platform_id], lazy="raise", viewonly=True)
    account_type: Mapped[AccountType] = relationship(foreign_keys=[type_id], lazy="raise", viewonly=True)

    @property
    def is_active(self) -> bool:
        return self.status is AccountStatus.ACTIVE

    @property
    def access(self) -> Access:
        """What the platform allows the owner, as last read."""
        return Access(self.may_sign_in, self.may_trade, self.may_open, self.may_use_robots, self.may_change_password)

    def take_access(self, access: Access) -> None:
        """Note what the platform allows the owner."""
        self.may_sign_in, self.may_trade, self.may_open = access.can_sign_in, access.can_trade, access.can_open
        self.may_use_robots, self.may_change_password = access.can_use_robots, access.can_change_password


class AccountStateRow(BulkModel):
    """The account's money as the platform last reported it."""

    __tablename__ = "account_state"

    account_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    balance: Mapped[Decimal]
    credit: Mapped[Decimal]
    equity: Mapped[Decimal]
    margin: Mapped[Decimal]
    free_margin: Mapped[Decimal]
    margin_level: Mapped[Decimal | None]
    floating_profit: Mapped[Decimal]
    at: Mapped[datetime]


class OpenPosition(BulkModel):
    """What is open now, as the platform last reported it."""

    __tablename__ = "open_position"

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    ticket: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[int]
    symbol: Mapped[str]
    side: Mapped[str]
    volume_lots: Mapped[Decimal] = mapped_column(Numeric(20, 8))
    open_price: Mapped[Decimal]
    current_price: Mapped[Decimal]
    stop_loss: Mapped[Decimal | None]
    take_profit: Mapped[Decimal | None]
    profit: Mapped[Decimal]
    swap: Mapped[Decimal]
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PlatformOperation(TenantModel):
    """One command to a platform, written down before it is sent. Secrets are never part of it."""

    __tablename__ = "platform_operation"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "platform_id"], ["trading_platform.tenant_id", "trading_platform.id"]),
        ForeignKeyConstraint(["tenant_id", "account_id"], ["trading_account.tenant_id", "trading_account.id"]),
    )

    key: Mapped[str]
    platform_id: Mapped[UUID]
    account_id: Mapped[UUID] = mapped_column()
    kind: Mapped[OperationKind] = status_column(OperationKind)
    state: Mapped[OperationState] = status_column(OperationState)
    payload: Mapped[dict[str, Any]]
    has_secret: Mapped[bool]  # It can only be sent while the password that came with it is at hand.
    amount_minor: Mapped[int | None]
    currency: Mapped[str | None]
    reference: Mapped[str]
    hold_id: Mapped[UUID | None]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    epoch: Mapped[int | None]
    sent_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0)
    next_look_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    refusal_code: Mapped[int | None]
    refusal_reason: Mapped[str | None]
    resolution: Mapped[str] = mapped_column(default="")
    stated_outcome: Mapped[str | None]  # What a first person saw; money moves when a second one saw the same.
    stated_by: Mapped[UUID | None]
    stated_by_name: Mapped[str | None]
    resolved_by: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(default="")  # Why staff asked for it.
    content_tag: Mapped[str] = mapped_column(default="")  # Tells a form sent again from one sent with other content.
    approved_by: Mapped[UUID | None]
    approved_by_name: Mapped[str | None]
    account: Mapped[TradingAccount] = relationship(foreign_keys=[account_id], lazy="raise", viewonly=True)

    @property
    def money(self) -> Money | None:
        if self.amount_minor is None or self.currency is None:
            return None
        return Money.from_minor(self.amount_minor, self.currency)

    @property
    def signed_amount(self) -> Decimal:
        """What the platform is asked to add to the account; less than nothing when it is to take."""
        money = self.money
        assert money is not None, "Only operations that move something have an amount."
        return -money.amount if self.kind.takes else money.amount


class DealRow(BulkModel):
    """A deal as the platform records it, once per ticket. `revision` counts its corrections."""

    __tablename__ = "deal"

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    ticket: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[int]
    kind: Mapped[str]
    side: Mapped[str | None]
    entry: Mapped[str | None]
    reason: Mapped[str]
    is_service: Mapped[bool]
    order_ticket: Mapped[int]
    position_id: Mapped[int]
    symbol: Mapped[str]
    volume_lots: Mapped[Decimal] = mapped_column(Numeric(20, 8))
    volume_closed_lots: Mapped[Decimal | None] = mapped_column(Numeric(20, 8))
    contract_size: Mapped[Decimal]
    price: Mapped[Decimal]
    position_price: Mapped[Decimal | None]
    market_bid: Mapped[Decimal | None]
    market_ask: Mapped[Decimal | None]
    profit: Mapped[Decimal]
    swap: Mapped[Decimal]
    commission: Mapped[Decimal]
    fee: Mapped[Decimal]
    profit_rate: Mapped[Decimal | None]
    comment: Mapped[str]
    manager_login: Mapped[int]
    modify_flags: Mapped[int]
    money_digits: Mapped[int]
    entry_price: Mapped[Decimal | None]
    opened_server_msc: Mapped[int | None]
    opened_at: Mapped[datetime | None]
    markup_usd: Mapped[Decimal | None]
    balance_after: Mapped[Decimal | None]
    balance_version: Mapped[int | None]
    is_copied: Mapped[bool]
    is_sign_unverified: Mapped[bool]
    server_time_msc: Mapped[int]
    at: Mapped[datetime]
    content_hash: Mapped[str]
    batch_no: Mapped[int]
    arrived_at: Mapped[datetime]
    revision: Mapped[int]
    corrected_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class ClosedTrade(BulkModel):
    """One closed leg of a position: a closing deal joined to an opening deal it consumes.

    `id` is given once and stays through corrections; `batch_no` is the ingest batch that last changed the row, and
    grows in the order in
    which rows become visible: feeds read on from it. An orphan has no opening; a leg that a correction took away
    keeps its row, `deleted_at`.
    """

    __tablename__ = "closed_trade"

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    closing_deal: Mapped[int] = mapped_column(primary_key=True)
    leg: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int]
    account_id: Mapped[UUID]
    client_id: Mapped[UUID]
    login: Mapped[int]
    position_id: Mapped[int]
    opening_deal: Mapped[int | None]
    symbol: Mapped[str]
    symbol_class: Mapped[str]
    side: Mapped[str]
    volume_lots: Mapped[Decimal] = mapped_column(Numeric(20, 8))
    contract_size: Mapped[Decimal]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime]
    holding_ms: Mapped[int | None]
    holding_nearest_ms: Mapped[int | None]
    open_price: Mapped[Decimal | None]
    close_price: Mapped[Decimal]
    open_bid: Mapped[Decimal | None]
    open_ask: Mapped[Decimal | None]
    close_bid: Mapped[Decimal | None]
    close_ask: Mapped[Decimal | None]
    profit: Mapped[Decimal]
    swap: Mapped[Decimal]
    commission: Mapped[Decimal]
    fee: Mapped[Decimal]
    profit_rate: Mapped[Decimal | None]
    profit_currency: Mapped[str | None]
    account_currency: Mapped[str]
    is_demo: Mapped[bool]
    is_partial: Mapped[bool]
    is_close_by: Mapped[bool]
    is_edited: Mapped[bool]
    is_copied: Mapped[bool]
    markup_usd: Mapped[Decimal | None]
    reason: Mapped[str]
    arrived_at: Mapped[datetime]
    batch_no: Mapped[int]
    revision: Mapped[int]
    corrected_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class UnmatchedDeal(BulkModel):
    """A movement of money on a platform that no operation of ours explains. Its money stands in suspense."""

    __tablename__ = "unmatched_deal"

    platform_id: Mapped[UUID] = mapped_column(Uuid(), primary_key=True)
    ticket: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str]
    login: Mapped[int]
    account_id: Mapped[UUID | None]
    operation_id: Mapped[UUID | None]
    amount: Mapped[Decimal]
    currency: Mapped[str | None]
    comment: Mapped[str]
    entry_id: Mapped[UUID | None]
    found_at: Mapped[datetime]
    booked: Mapped[Decimal] = mapped_column(default=Decimal(0))  # What of the amount has left suspense.
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")

    @property
    def in_suspense(self) -> Decimal:
        """What still waits to be booked, signed as the movement on the platform."""
        return self.amount - self.booked


class SyncDifference(TenantModel):
    """Something that the platform counts otherwise than we do. Resolved by itself when a later comparison agrees."""

    __tablename__ = "sync_difference"

    platform_id: Mapped[UUID]
    account_id: Mapped[UUID | None]
    kind: Mapped[str]
    currency: Mapped[str] = mapped_column(default="")  # Of a house wallet; an account has its own.
    ours: Mapped[Decimal]
    theirs: Mapped[Decimal]
    found_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]
    category: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    explained_by: Mapped[str] = mapped_column(default="")
    explained_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]

    @property
    def by(self) -> Decimal:
        """By how much the platform has more than we do."""
        return self.theirs - self.ours
