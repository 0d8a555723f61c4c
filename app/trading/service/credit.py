"""Credit: the broker's own money on a client's account. It trades and is never withdrawn: the books do not know it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import get
from app.core.errors import Conflict
from app.kit import clock
from app.kit.ids import reference
from app.kit.money import Money
from app.kit.text import _l
from app.trading.models import OperationKind, OperationState, PlatformOperation, TradingAccount, TradingPlatform
from app.trading.queries import operations as operation_queries
from app.trading.service import operations, outcomes
from app.trading.service.funds import check_money
from app.trading.service.requesting import (
    Requested,
    as_requested,
    content_tag,
    ready,
    require_none_under_way,
    require_reason,
    standing,
)


class AlreadyDecided(Conflict):
    message = _l("Somebody has already decided this. Reload the page.")


class SecondPersonNeeded(Conflict):
    message = _l("Somebody else must approve what you have asked for.")


def move_credit(account_id: UUID, money: Money, *, is_taken: bool, reason: str, key: str, by: Actor) -> Requested:
    """Ask the platform to give an account credit, or to take it back.

    From the amount that the platform's bundle names, and in a currency for which it names none, it is only proposed: a
    second person approves it.
    """
    key = f"credit:{account_id}:{key}"
    tag = content_tag(key, money, is_taken)
    earlier = standing(operation_queries.by_key(key), tag)
    if earlier is not None:
        return earlier
    account, _, platform = ready(account_id, lock=True)
    reason = require_reason(reason)
    check_money(account, money)
    require_none_under_way(account, OperationKind.ARCHIVE_ACCOUNT)
    operation = operations.request(
        OperationKind.CREDIT_OUT if is_taken else OperationKind.CREDIT_IN,
        account,
        key=key,
        reference=reference("C"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        money=money,
        reason=reason,
        content_tag=tag,
        needs_second_person=needs_second_person(platform, money),
    )
    live.publish("office", "platforms-changed")
    live.publish(f"client:{account.client_id}", "accounts-changed")
    return as_requested(operation, account)


def needs_second_person(platform: TradingPlatform, money: Money) -> bool:
    """Whether so much credit needs two people."""
    alone_below = platform.settings.get("credit_second_person_from", {}).get(money.currency)
    return alone_below is None or money.amount >= Decimal(str(alone_below))


def approve(operation_id: UUID, *, by: Actor) -> Requested:
    """A second person agrees: the operation is sent. Raises AlreadyDecided, SecondPersonNeeded."""
    operation = _proposed(operation_id)
    if operation.actor_id == by.id:
        raise SecondPersonNeeded
    account, _, platform = ready(operation.account_id)
    operation.state = OperationState.REQUESTED
    operation.approved_by, operation.approved_by_name = by.id, by.name
    operation.expires_at = clock.now() + timedelta(seconds=platform.settings["operation_expires_s"])
    audit.record(
        f"trading.{operation.kind.value}.approve",
        operation,
        by=by,
        after={"money": str(operation.money), "login": account.login},
        client_id=account.client_id,
    )
    live.publish("office", "platforms-changed")
    return as_requested(operation, account)


def decline(operation_id: UUID, *, reason: str, by: Actor) -> PlatformOperation:
    """It is not done. Whoever asked for it may take it back in the same way. Raises AlreadyDecided, Invalid."""
    operation = _proposed(operation_id)
    outcomes.refuse(operation, None, "declined", by=by, note=require_reason(reason))
    live.publish("office", "platforms-changed")
    return operation


def _proposed(operation_id: UUID) -> PlatformOperation:
    account_id = operation_queries.find(operation_id).account_id
    get(TradingAccount, account_id, lock=True)  # Before the operation, as everywhere.
    operation = operation_queries.lock(operation_id)
    if operation.state is not OperationState.PROPOSED:
        raise AlreadyDecided
    return operation
