"""What an operation's outcome does: to the account, to the money that was held for it, and to whoever listens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor, system_actor
from app.core.db import after_commit, get, session
from app.core.events import publish
from app.kit import clock
from app.kit.money import Money, Rounding, round_money
from app.ledger import service as ledger
from app.ledger.service import Line, Owner
from app.trading import wire
from app.trading.access import baseline
from app.trading.access import rules as access_rules
from app.trading.events import AccountOpened, OperationFinished
from app.trading.models import (
    AccountStateRow,
    AccountStatus,
    OperationKind,
    OperationState,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
    UnmatchedDeal,
)
from app.trading.platforms.base import Access

CONNECTOR = system_actor("connector")


def platform_wallet(platform_id: UUID, currency: str) -> UUID:
    """The house wallet in which the clients' money on a platform stands. Only movements of money change it, never
    profit."""
    return ledger.wallet(Owner("house", "platform"), f"platform:{platform_id}", currency).id


def suspense_wallet(currency: str) -> UUID:
    """Where money waits whose reason nobody knows yet."""
    return ledger.wallet(Owner("house", "suspense"), "suspense", currency).id


def main_wallet(client_id: UUID, currency: str) -> UUID:
    """The client's wallet for everyday money."""
    return ledger.wallet(Owner("client", client_id), ledger.MAIN, currency).id


def account_of(operation: PlatformOperation) -> TradingAccount:
    """The account that an operation concerns, locked."""
    account = get(TradingAccount, operation.account_id, lock=True)
    assert account is not None, "The foreign key holds."
    return account


def confirm(
    operation: PlatformOperation, result: Mapping[str, Any], *, by: Actor = CONNECTOR, looked: bool = False
) -> TradingAccount:
    """The platform has done it. The caller holds the operation's lock and has seen that it is not final.

    `looked` says that the answer was lost and the deed was found afterwards.
    """
    operation.state = OperationState.RECONCILED if looked else OperationState.CONFIRMED
    operation.finished_at, operation.next_look_at = clock.now(), None
    operation.result = {**operation.result, **result}
    account = account_of(operation)
    before = _apply(operation, account, result)
    after = {"state": operation.state.value, **{k: v for k, v in result.items() if k != "before"}}
    audit.record(
        f"trading.{operation.kind.value}.done",
        operation,
        by=by,
        before=before or None,
        after=after,
        client_id=account.client_id,
    )
    _tell(operation, account)
    return account


def refuse(
    operation: PlatformOperation, code: int | None, reason: str, *, by: Actor = CONNECTOR, note: str = ""
) -> TradingAccount:
    """The platform has surely not done it: what was held goes back. The caller holds the operation's lock."""
    operation.state, operation.finished_at, operation.next_look_at = OperationState.REFUSED, clock.now(), None
    operation.refusal_code, operation.refusal_reason = code, reason
    account = account_of(operation)
    if operation.hold_id is not None:
        ledger.void_hold(operation.hold_id, f"operation:{operation.id}:void", by)
    if operation.kind is OperationKind.OPEN_ACCOUNT:
        account.status = AccountStatus.REFUSED
    audit.record(
        f"trading.{operation.kind.value}.refused",
        operation,
        by=by,
        after={"code": code, "reason": reason},
        reason=note,
        client_id=account.client_id,
    )
    _tell(operation, account)
    return account


def arrive_late(operation: PlatformOperation, ticket: int, *, by: Actor) -> TradingAccount:
    """What we had refused was done after all, under this ticket; its money is booked by the caller, who holds the
    operation's lock."""
    before = {"state": operation.state.value, "reason": operation.refusal_reason}
    operation.state, operation.finished_at = OperationState.RECONCILED, clock.now()
    operation.refusal_code, operation.refusal_reason = None, None
    operation.result = {**operation.result, "ticket": ticket}
    account = account_of(operation)
    audit.record(
        f"trading.{operation.kind.value}.done",
        operation,
        by=by,
        before=before,
        after={"state": operation.state.value, "ticket": ticket},
        client_id=account.client_id,
    )
    _tell(operation, account)
    return account


def _apply(operation: PlatformOperation, account: TradingAccount, result: Mapping[str, Any]) -> dict[str, Any]:
    """Bring our rows to what the platform has done; answers what was before, for the audit."""
    kind = operation.kind
    if kind is OperationKind.OPEN_ACCOUNT:
        account.login, account.status, account.opened_at = int(result["login"]), AccountStatus.ACTIVE, clock.now()
        account.rights = int(result.get("rights", 0))
        _take_access(account, access_rules.from_stored(result, Access()), ())
        session().add(_empty_state(account))
        session().flush()
        publish(AccountOpened(account.id, account.client_id, account.is_demo))
    elif kind is OperationKind.SET_LEVERAGE:
        before: dict[str, Any] = {"leverage": account.leverage}
        account.leverage = int(result.get("leverage", operation.payload["leverage"]))
        return before
    elif kind in (OperationKind.SET_GROUP, OperationKind.SET_TYPE):
        before = {"group": account.group_name, "type": str(account.type_id)}
        account.group_name = str(result.get("group", operation.payload["group"]))
        if kind is OperationKind.SET_TYPE:
            account.type_id = UUID(operation.payload["type_id"])
            account.is_hedging = bool(operation.payload["is_hedging"])
        return before
    elif kind is OperationKind.SET_RIGHTS:
        before = {"rights": account.rights, **access_rules.as_stored(account.access)}
        account.rights = int(result.get("rights", account.rights or 0))
        account.group_name = str(result.get("group", account.group_name))
        asked = access_rules.from_stored(operation.payload, account.access)
        told = access_rules.from_stored(result, asked) if "access" in result else asked
        _take_access(account, told, access_rules.taken_by(operation.payload))
        return before
    elif kind is OperationKind.ARCHIVE_ACCOUNT:
        account.status, account.archived_at = AccountStatus.ARCHIVED, clock.now()
    elif kind is OperationKind.RESTORE_ACCOUNT:
        account.status, account.archived_at = AccountStatus.ACTIVE, None
    elif kind is OperationKind.FUND:
        assert operation.hold_id is not None
        assert operation.money is not None
        line = Line(platform_wallet(operation.platform_id, operation.money.currency), operation.money)
        ledger.capture_hold(operation.hold_id, f"operation:{operation.id}:capture", [line], CONNECTOR)
    elif kind is OperationKind.WITHDRAW:
        money = operation.money
        assert money is not None
        ledger.post(
            f"operation:{operation.id}:withdraw",
            "trading.withdraw",
            [
                Line(platform_wallet(operation.platform_id, money.currency), -money),
                Line(main_wallet(account.client_id, money.currency), money),
            ],
            CONNECTOR,
            links=[("platform_operation", operation.id), ("trading_account", account.id)],
        )
    elif kind in (OperationKind.CORRECT_IN, OperationKind.CORRECT_OUT):
        assert operation.currency is not None
        signed = money_of(operation.signed_amount, operation.currency)
        ledger.post(
            f"operation:{operation.id}:correct",
            "trading.correct",
            [
                Line(platform_wallet(operation.platform_id, signed.currency), signed),
                Line(suspense_wallet(signed.currency), -signed),
            ],
            CONNECTOR,
            links=[("platform_operation", operation.id), ("trading_account", account.id)],
        )
    return {}


def _take_access(account: TradingAccount, access: Access, ours: Collection[str]) -> None:
    """Note what the platform allows now. Seen for the first time, what is missing without us stays withheld."""
    baseline.note(account, access, ours)
    account.take_access(access)
    account.access_known = access_rules.as_stored(access)


def _empty_state(account: TradingAccount) -> AccountStateRow:
    zero = Decimal(0)
    return AccountStateRow(
        account_id=account.id,
        balance=zero,
        credit=zero,
        equity=zero,
        margin=zero,
        free_margin=zero,
        margin_level=None,
        floating_profit=zero,
        at=clock.now(),
    )


def _tell(operation: PlatformOperation, account: TradingAccount) -> None:
    session().flush()
    publish(
        OperationFinished(
            operation.id,
            operation.key,
            operation.kind,
            operation.state,
            account.id,
            account.client_id,
            operation.money,
            operation.refusal_reason,
        )
    )
    live.publish(f"client:{account.client_id}", "accounts-changed")
    if "unknown" in operation.result:  # It stood in the staff's list.
        live.publish("office", "platforms-changed")
    if operation.kind.moves_money:
        live.publish(f"client:{account.client_id}", "wallet-changed")
    if operation.state.is_done and operation.kind.changes_figures and account.login is not None:
        after_commit(partial(wire.ask_figures, account.tenant_id, account.platform_id, account.login))


def book_unexplained(
    platform: TradingPlatform,
    account: TradingAccount,
    ticket: int,
    amount: Decimal,
    *,
    reason: str,
    key: str,
    comment: str,
    operation_id: UUID | None = None,
) -> None:
    """Book a movement of money on the platform that no operation of ours explains, against suspense, and queue it."""
    money = round_money(amount, account.currency, Rounding.HALF_EVEN)
    entry = None
    if money:
        entry = ledger.post(
            key,
            "trading.unmatched",
            [Line(platform_wallet(platform.id, money.currency), money), Line(suspense_wallet(money.currency), -money)],
            CONNECTOR,
            links=[("trading_account", account.id)],
        )
    row = session().get(UnmatchedDeal, (account.tenant_id, platform.id, ticket))
    if row is None:
        row = UnmatchedDeal(platform_id=platform.id, ticket=ticket, found_at=clock.now())
        row.amount = row.booked = Decimal(0)
        session().add(row)
    row.reason, row.login, row.account_id, row.operation_id = reason, int(account.login or 0), account.id, operation_id
    row.amount, row.currency, row.comment = row.amount + amount, account.currency, comment[:64]
    row.entry_id = entry.id if entry else row.entry_id
    row.resolved_at, row.resolved_by, row.note = None, "", ""
    if not row.in_suspense:  # What was moved by hand was taken back by hand.
        row.resolved_at = clock.now()
    session().flush()
    audit.record(
        "trading.deal.unmatched",
        ("unmatched_deal", f"{platform.code}:{ticket}"),
        by=CONNECTOR,
        after={"amount": amount, "currency": account.currency, "reason": reason, "login": account.login},
        client_id=account.client_id,
    )
    live.publish("office", "platforms-changed")


def money_of(amount: Decimal, currency: str) -> Money:
    """A figure of the platform as money."""
    return round_money(amount, currency, Rounding.HALF_EVEN)
