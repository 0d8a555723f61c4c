"""The life of an operation: requested, sent, and its outcome. Every step is one short transaction of its caller.

requested -> sent -> confirmed | refused | unknown; unknown -> reconciled (found done) | refused (surely absent).
Nothing is ever sent twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import after_commit, get, session
from app.core.errors import Conflict, Invalid
from app.kit import clock
from app.kit.money import Money
from app.kit.text import _l
from app.trading import ingest, wire
from app.trading.models import OperationKind, OperationState, PlatformOperation, TradingAccount, TradingPlatform
from app.trading.queries import operations as queries
from app.trading.queries.leases import Lease
from app.trading.service import outcomes

log = structlog.get_logger()

SEND_WITHIN_S = 5  # A frame is written within so many seconds of `sent`, or not at all.
OVERDUE_S = 30


class OutcomeKnown(Conflict):
    message = _l("The outcome of this operation is known by now. Reload the page.")


@dataclass(frozen=True, slots=True)
class Command:
    """What the connector needs in order to send an operation, or to look for it."""

    operation_id: UUID
    kind: OperationKind
    reference: str
    login: int
    group: str
    payload: Mapping[str, Any]
    money: Money | None
    sent_at: datetime

    @property
    def signed_amount(self) -> Decimal:
        """What the platform is asked to add to the account's balance."""
        assert self.money is not None
        return -self.money.amount if self.kind.takes else self.money.amount


def request(
    kind: OperationKind,
    account: TradingAccount,
    *,
    key: str,
    reference: str,
    by: Actor,
    expires_s: int,
    payload: Mapping[str, Any] | None = None,
    money: Money | None = None,
    hold_id: UUID | None = None,
    has_secret: bool = False,
    reason: str = "",
    content_tag: str = "",
    needs_second_person: bool = False,
) -> PlatformOperation:
    """Write an operation down. It is sent after the commit: at once by its message, or within a second by the
    connector.

    One that needs a second person is only proposed, and sent when somebody else has approved it.
    """
    now = clock.now()
    operation = PlatformOperation(
        key=key,
        platform_id=account.platform_id,
        account_id=account.id,
        kind=kind,
        state=OperationState.PROPOSED if needs_second_person else OperationState.REQUESTED,
        payload=dict(payload or {}),
        has_secret=has_secret,
        amount_minor=money.minor if money else None,
        currency=money.currency if money else None,
        reference=reference,
        hold_id=hold_id,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_name=by.name,
        created_at=now,
        expires_at=now + timedelta(seconds=expires_s),
        reason=reason,
        content_tag=content_tag,
    )
    session().add(operation)
    session().flush()
    audit.record(
        f"trading.{kind.value}.{'propose' if needs_second_person else 'request'}",
        operation,
        by=by,
        after={**operation.payload, "money": str(money) if money else None, "login": account.login},
        reason=reason,
        client_id=account.client_id,
    )
    return operation


def hand_over(operation: PlatformOperation) -> None:
    """Tell the connector after the commit, where no page waits that does. Lost, it is found within a second."""
    target = wire.requests_key(operation.tenant_id, operation.platform_id)
    message = wire.encode_request(operation.tenant_id, wire.Request(operation.id))
    after_commit(lambda: wire.push(target, message))


def claim(operation_id: UUID, lease: Lease, owner: str) -> Command | None:
    """Allow the caller to send this operation now; None when it may not: expired, sent already, or the lease is
    lost."""
    now = clock.now()
    row = queries.claim(operation_id, lease, owner, now)
    if row is None:
        return None
    return Command(
        operation_id=operation_id,
        kind=OperationKind(row.kind),
        reference=row.reference,
        login=int(row.login or 0),
        group=row.group_name,
        payload=row.payload,
        money=Money.from_minor(row.amount_minor, row.currency) if row.currency else None,
        sent_at=now,
    )


def command(operation: PlatformOperation) -> Command:
    """What must be known to send this operation, or to look for it."""
    account = get(TradingAccount, operation.account_id)
    assert account is not None, "The foreign key holds."
    return Command(
        operation_id=operation.id,
        kind=operation.kind,
        reference=operation.reference,
        login=int(account.login or 0),
        group=account.group_name,
        payload=dict(operation.payload),
        money=operation.money,
        sent_at=operation.sent_at or clock.now(),
    )


def record_confirmed(operation_id: UUID, result: Mapping[str, Any], *, looked: bool = False) -> OperationState:
    """The platform answered yes, or the deed was found there. Told twice, it counts once."""
    operation = queries.lock(operation_id)
    if operation.state.is_final:
        _note_contradiction(operation, "confirmed")
        return operation.state
    account = outcomes.confirm(operation, result, looked=looked or operation.state is OperationState.UNKNOWN)
    if operation.kind is OperationKind.OPEN_ACCOUNT:
        ingest.link_account(account)
        _fill_demo(account, operation)
    return operation.state


def record_refused(operation_id: UUID, code: int | None, reason: str) -> OperationState:
    """The platform answered no, or the command was surely not sent: what was held goes back."""
    operation = queries.lock(operation_id)
    if operation.state.is_final:
        _note_contradiction(operation, "refused")
        return operation.state
    outcomes.refuse(operation, code, reason)
    return operation.state


def record_unknown(operation_id: UUID, why: str) -> OperationState:
    """No usable answer came. Money stays held; the platform will be looked at."""
    operation = queries.lock(operation_id)
    if operation.state is OperationState.SENT:
        _become_unknown(operation, why)
    return operation.state


def _become_unknown(operation: PlatformOperation, why: str) -> None:
    operation.state = OperationState.UNKNOWN
    operation.result = {**operation.result, "unknown": why[:200]}
    operation.next_look_at = _look_at(operation, 0)
    log.warning("trading.operation_unknown", operation=str(operation.id), kind=operation.kind.value, why=why)
    account = get(TradingAccount, operation.account_id)
    assert account is not None, "The foreign key holds."
    live.publish("office", "platforms-changed")
    live.publish(f"client:{account.client_id}", "accounts-changed")


def _look_at(operation: PlatformOperation, number: int) -> datetime | None:
    """When to look for the `number`-th time, counted from the last moment at which it can have been sent."""
    waits = look_waits(operation.platform_id)
    assert operation.sent_at is not None
    if number >= len(waits):
        return None
    return operation.sent_at + wait_of(operation.platform_id, "send_within_s", SEND_WITHIN_S) + waits[number]


def wait_of(platform_id: UUID, name: str, default: int) -> timedelta:
    """One of the platform's waits; platforms set up before it could be chosen have the default."""
    platform = get(TradingPlatform, platform_id)
    assert platform is not None, "The foreign key holds."
    return timedelta(seconds=float(Decimal(platform.settings.get(name, default))))


def look_waits(platform_id: UUID) -> list[timedelta]:
    """The platform's waits before each look."""
    platform = get(TradingPlatform, platform_id)
    assert platform is not None, "The foreign key holds."
    return [timedelta(seconds=float(Decimal(wait))) for wait in platform.settings["look_after_s"]]


@dataclass(frozen=True, slots=True)
class Chores:
    """What the owner of a connection has to do now: operations refused as too old, to be sent, and to be looked for."""

    expired: list[UUID]
    due: list[UUID]
    looks: list[Command]


def chores(lease: Lease, *, is_up: bool) -> Chores:
    """Refuse what was not sent in time, and answer what is to be done. With the link down nothing is sent or looked
    for.

    What came by no message is due after a second. What an earlier owner sent and never finished has an unknown outcome.
    """
    now = clock.now()
    expired = expire(lease.platform_id)
    if not is_up:
        return Chores(expired, [], [])
    take_over(lease)
    due = list(queries.due(lease.platform_id, now, now - timedelta(seconds=1)))
    looks = [command(operation) for operation in queries.to_look_for(lease.platform_id, now)]
    return Chores(expired, due, looks)


def expire(platform_id: UUID) -> list[UUID]:
    """Refuse what was not sent in time, and answer those operations."""
    refused = []
    for operation_id in queries.expired(platform_id, clock.now()):
        operation = queries.lock(operation_id)
        if operation.state is OperationState.REQUESTED:
            outcomes.refuse(operation, None, "expired")
            refused.append(operation_id)
    return refused


def take_over(lease: Lease) -> int:
    """What an earlier owner sent and never finished has an unknown outcome. Answers how many there were."""
    overdue = wait_of(lease.platform_id, "overdue_s", OVERDUE_S)
    found = queries.abandoned(lease.platform_id, lease.epoch, clock.now() - overdue)
    for operation_id in found:
        operation = queries.lock(operation_id)
        if operation.state is OperationState.SENT:
            _become_unknown(operation, "The connector that sent it is gone.")
    return len(found)


def record_absent(operation_id: UUID) -> OperationState:
    """A look with the link up did not find it. After the last look, which lies past every delay, it is surely not
    done."""
    operation = queries.lock(operation_id)
    if operation.state is not OperationState.UNKNOWN:
        return operation.state
    operation.looks += 1
    following = _look_at(operation, operation.looks)
    if following is None:
        outcomes.refuse(operation, None, "absent")
    else:
        operation.next_look_at = max(following, clock.now())
    return operation.state


def record_look_failed(operation_id: UUID, why: str, *, needs_person: bool = False) -> None:
    """The look itself failed, which says nothing; or it found what no rule can decide, and a person must."""
    operation = queries.lock(operation_id)
    if operation.state is OperationState.UNKNOWN:
        operation.result = {**operation.result, "look": why[:200]}
        operation.next_look_at = None if needs_person else clock.now() + timedelta(seconds=5)
        live.publish("office", "platforms-changed")


def resolve(operation_id: UUID, *, was_done: bool, note: str, by: Actor) -> PlatformOperation:
    """A person who has looked on the platform says what became of it.

    Where money hangs on it, two people must have seen the same: the first word is kept, and the operation stays unknown
    until somebody else agrees. Who sees it otherwise replaces the first word. Raises OutcomeKnown, Invalid.
    """
    operation = queries.lock(operation_id)
    if operation.state is not OperationState.UNKNOWN:
        raise OutcomeKnown
    if len(note.strip()) < 5:
        raise Invalid(_l("Say what you saw on the platform, in at least five characters."), field="note")
    if was_done and operation.kind is OperationKind.OPEN_ACCOUNT:
        raise Invalid(_l("An account that was opened is found by itself. Search the platform again."), field="note")
    operation.resolution = note.strip()[:500]
    outcome = "done" if was_done else "absent"
    if operation.money is not None:
        if operation.stated_outcome != outcome or operation.stated_by == by.id:
            operation.stated_outcome, operation.stated_by, operation.stated_by_name = outcome, by.id, by.name
            after = {"outcome": outcome, "note": operation.resolution}
            audit.record("trading.operation.state", operation, by=by, after=after)
            live.publish("office", "platforms-changed")
            return operation
        operation.resolved_by = by.id
    if was_done:
        outcomes.confirm(operation, {}, by=by, looked=True)
    else:
        outcomes.refuse(operation, None, "absent", by=by, note=operation.resolution)
    live.publish("office", "platforms-changed")
    return operation


def look_again(operation_id: UUID, *, by: Actor) -> PlatformOperation:
    """Have the platform searched once more, now. Raises OutcomeKnown."""
    operation = queries.lock(operation_id)
    if operation.state is not OperationState.UNKNOWN:
        raise OutcomeKnown
    operation.next_look_at = clock.now()
    operation.looks = max(operation.looks - 1, 0)
    audit.record("trading.operation.look_again", operation, by=by)
    return operation


def _note_contradiction(operation: PlatformOperation, told: str) -> None:
    if told == "confirmed" and operation.state is OperationState.REFUSED:
        log.error("trading.incident", reason="confirmed_after_refusal", operation=str(operation.id))


def _fill_demo(account: TradingAccount, opening: PlatformOperation) -> None:
    """Give a new demo account its play money. It is no money of ours or the client's, so the books do not know it."""
    amount = Decimal(str(opening.payload.get("demo_deposit", "0")))
    if account.is_demo and amount > 0:
        request(
            OperationKind.DEMO_DEPOSIT,
            account,
            key=f"demo:{account.id}",
            reference=f"{opening.reference}-DEMO",
            by=outcomes.CONNECTOR,
            expires_s=3600,
            money=outcomes.money_of(amount, account.currency),
        )
