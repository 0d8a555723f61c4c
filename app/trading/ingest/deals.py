"""Deals become rows, closed trades and matched money."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog

from app.core.db import get
from app.kit import clock
from app.trading.ingest import legs
from app.trading.ingest.batch import Batch, Stored, Window
from app.trading.ingest.columns import deal_columns
from app.trading.models import (
    OperationState,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
)
from app.trading.platforms.base import DealKind, ServerClock
from app.trading.queries import ingest as queries
from app.trading.queries.ingest import ChangedDeal, KnownDeal
from app.trading.service import outcomes

log = structlog.get_logger()

SMALL: Final = 50  # Deals of a batch that somebody waits for, rather than of one that reads a history.


def store_deals(platform_id: UUID, batch: Batch, times: ServerClock | None, stored: Stored) -> None:
    """Write what is new, changed or gone, and everything that follows from it."""
    now = clock.now()
    deals = sorted({deal.ticket: deal for deal in batch.deals}.values(), key=lambda deal: deal.ticket)
    gone = list(batch.deleted_deals)
    if batch.window:
        gone += [ticket for ticket, _ in _vanished(platform_id, batch.window)]
    if not deals and not gone:
        return
    batch_no, last_id = queries.next_batch(is_small=len(deals) + len(gone) <= SMALL)
    known = queries.known_deals(platform_id, gone) if gone else {}
    positions: set[int] = set()
    moved: list[ChangedDeal] = []
    if deals:
        assert times is not None
        tickets = (deals[0].ticket, deals[-1].ticket)
        changes = queries.store_deals(platform_id, deal_columns(deals, times), tickets, batch_no, now)
        stored.deals = changes.count
        positions |= changes.position_ids
        stored.clients |= changes.client_ids
        moved, known = changes.movements, known | changes.known
    deleted = queries.delete_deals(platform_id, gone, batch_no, now) if gone else []
    stored.deleted = len(deleted)
    if not stored.deals and not deleted:
        return
    if deleted:
        positions |= {deal.position_id for deal in deleted if deal.position_id}
        stored.clients |= queries.clients_of_logins(platform_id, sorted({deal.login for deal in deleted}))
    if positions:
        stored.legs = legs.derive(platform_id, sorted(positions), batch_no, last_id, now)
    _match_money(platform_id, moved, deleted, known)


def vanished_logins(platform_id: UUID, window: Window) -> list[int]:
    """The logins of which a reading showed less than we hold: their deals are gone, or the account lies elsewhere."""
    return sorted({login for _, login in _vanished(platform_id, window)})


def _vanished(platform_id: UUID, window: Window) -> list[tuple[int, int]]:
    return queries.vanished_deals(
        platform_id, window.logins, window.from_msc, window.to_msc, window.seen, window.read_at
    )


def _match_money(
    platform_id: UUID,
    changed: Sequence[ChangedDeal],
    deleted: Sequence[ChangedDeal],
    known: dict[int, KnownDeal],
) -> None:
    """Join movements of money to the operations they carry out. What nothing explains goes to suspense and a queue."""
    moved = [deal for deal in changed if deal.kind == DealKind.BALANCE or _was_balance(known.get(deal.ticket))]
    moved += [deal for deal in deleted if deal.kind == DealKind.BALANCE]
    accounts = queries.accounts_by_login(platform_id, sorted({deal.login for deal in moved}))
    moved = [deal for deal in moved if deal.login in accounts and _is_in_our_books(accounts[deal.login], deal)]
    if not moved:
        return
    platform = get(TradingPlatform, platform_id)
    assert platform is not None
    is_gone = {deal.ticket for deal in deleted}
    fresh = [deal for deal in moved if deal.ticket not in known]
    operations = queries.operations_by_reference([deal.comment for deal in fresh if deal.comment])
    for deal in fresh:
        _match_one(platform, accounts[deal.login], deal, operations.get(deal.comment))
    for deal in moved:
        if deal.ticket in known:
            _book_change(platform, accounts[deal.login], deal, known[deal.ticket], deal.ticket in is_gone)


def _is_in_our_books(account: TradingAccount, deal: ChangedDeal) -> bool:
    """Play money never is. What moved before an account was adopted stands in its opening balance already."""
    return not account.is_demo and deal.server_time_msc >= (account.opening_msc or 0)


def _was_balance(before: KnownDeal | None) -> bool:
    return before is not None and before.kind == DealKind.BALANCE


def _match_one(
    platform: TradingPlatform, account: TradingAccount, deal: ChangedDeal, operation: PlatformOperation | None
) -> None:
    reason = "unmatched"
    if operation is not None and _fits(operation, account, deal):
        ticket = operation.result.get("ticket")
        if not operation.state.is_final:
            outcomes.confirm(operation, {"ticket": deal.ticket}, looked=operation.state is OperationState.UNKNOWN)
            return
        if operation.state.is_done and ticket in (None, deal.ticket):
            operation.result = {**operation.result, "ticket": deal.ticket}
            return
        reason = "duplicate" if operation.state.is_done else "late"
        log.error("trading.incident", reason=reason, operation=str(operation.id), ticket=deal.ticket)
    outcomes.book_unexplained(
        platform,
        account,
        deal.ticket,
        deal.profit,
        reason=reason,
        key=f"deal:{platform.id}:{deal.ticket}",
        comment=deal.comment,
        operation_id=operation.id if operation else None,
    )


def _fits(operation: PlatformOperation, account: TradingAccount, deal: ChangedDeal) -> bool:
    """Whether the deal is what the operation asked for: same account, same amount, same direction."""
    if operation.account_id != account.id or operation.money is None or not operation.kind.moves_money:
        return False
    return deal.profit == operation.signed_amount


def _book_change(
    platform: TradingPlatform, account: TradingAccount, deal: ChangedDeal, before: KnownDeal, is_gone: bool
) -> None:
    """A movement of money was changed, taken back or restored on the platform: the difference goes to suspense."""
    was = before.profit if before.kind == DealKind.BALANCE and not before.is_deleted else Decimal(0)
    now = deal.profit if deal.kind == DealKind.BALANCE and not is_gone else Decimal(0)
    if now != was:
        outcomes.book_unexplained(
            platform,
            account,
            deal.ticket,
            now - was,
            reason="changed",
            key=f"deal:{platform.id}:{deal.ticket}:{deal.revision}",
            comment=deal.comment,
        )


def link_account(account: TradingAccount) -> None:
    """An account has just got its login: take in what the platform reported about it before we knew whose it is."""
    assert account.login is not None
    batch_no, last_id = queries.next_batch()
    positions = queries.position_ids_of(account.platform_id, account.login)
    if positions:
        legs.derive(account.platform_id, positions, batch_no, last_id, clock.now())
    _match_money(account.platform_id, queries.balance_deals_of(account.platform_id, account.login), (), {})
