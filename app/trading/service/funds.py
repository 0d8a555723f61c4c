"""Money between a client's wallet and a trading account."""

from __future__ import annotations

from uuid import UUID

from app.core.actor import Actor
from app.core.errors import Conflict, DomainError, Invalid
from app.kit.ids import reference
from app.kit.money import Money
from app.kit.text import _l
from app.ledger import service as ledger
from app.restrictions import service as restrictions
from app.trading import permissions
from app.trading.models import AccountType, OperationKind, TradingAccount, TradingPlatform
from app.trading.queries import accounts as queries
from app.trading.queries import operations as operation_queries
from app.trading.service import operations, outcomes, trading_locks
from app.trading.service.requesting import Requested, as_requested, ready, require_none_under_way, standing

MONEY_LIMIT = 1_000_000_000  # What a platform takes in one movement.


class OtherCurrency(DomainError):
    status_code, field = 422, "amount"
    message = _l("This account keeps its money in another currency.")


class DemoMoney(Conflict):
    message = _l("A demo account holds play money; it cannot be moved.")


class AmountTooLarge(DomainError):
    status_code, field = 422, "amount"
    message = _l("This is more than the platform accepts in one movement.")


class BelowLeastDeposit(DomainError):
    status_code, field = 422, "amount"
    message = _l("The first deposit to this account is at least %(amount)s.")


class RightsBeingApplied(Conflict):
    message = _l("A change of this account's rights is being applied on the platform. Try again in a moment.")


def fund(
    account_id: UUID, money: Money, *, key: str, by: Actor, asked: str | None = permissions.TRANSFER_OWN
) -> Requested:
    """Move money from the client's main wallet to the account. It is held until the platform has confirmed.

    `asked` is the restricted function that is asked; None when the caller has asked its own. The same key with the
    same money answers the operation that stands; with other money it raises ledger.KeyReused. While a lock on the
    account is on its way to the platform, RightsBeingApplied.
    """
    earlier = _standing_money(key, money)
    if earlier is not None:
        return earlier
    account, kind, platform = _ready_for_money(account_id, money)
    if asked is not None:
        restrictions.require(asked, account.client_id)
    if trading_locks.is_being_applied(account):
        raise RightsBeingApplied
    _require_least_deposit(account, kind, money)
    wallet_id = outcomes.main_wallet(account.client_id, money.currency)
    hold = ledger.place_hold(f"fund:{key}", wallet_id, money, "trading.fund", by)
    operation = operations.request(
        OperationKind.FUND,
        account,
        key=f"money:{key}",
        reference=reference("D"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        money=money,
        hold_id=hold.id,
    )
    return as_requested(operation, account)


def withdraw_from(
    account_id: UUID, money: Money, *, key: str, by: Actor, asked: str | None = permissions.TRANSFER_OWN
) -> Requested:
    """Move money from the account to the client's main wallet, when the platform has confirmed that it gave it."""
    earlier = _standing_money(key, money)
    if earlier is not None:
        return earlier
    account, _, platform = _ready_for_money(account_id, money)
    if asked is not None:
        restrictions.require(asked, account.client_id)
    operation = operations.request(
        OperationKind.WITHDRAW,
        account,
        key=f"money:{key}",
        reference=reference("W"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        money=money,
    )
    return as_requested(operation, account)


def check_money(account: TradingAccount, money: Money) -> None:
    """Raise OtherCurrency, Invalid or AmountTooLarge unless a platform can move this."""
    if money.currency != account.currency:
        raise OtherCurrency
    if money.minor <= 0:
        raise Invalid(_l("The amount must be more than zero."), field="amount")
    if money.amount > MONEY_LIMIT:
        raise AmountTooLarge


def _ready_for_money(account_id: UUID, money: Money) -> tuple[TradingAccount, AccountType, TradingPlatform]:
    found = ready(account_id, lock=True)  # An archiving of the account waits for us, or we see it.
    account = found[0]
    if account.is_demo:
        raise DemoMoney
    check_money(account, money)
    require_none_under_way(account, OperationKind.ARCHIVE_ACCOUNT)
    return found


def _require_least_deposit(account: TradingAccount, kind: AccountType, money: Money) -> None:
    """The first money on an account must be as much as its type asks for. An adopted account began before us."""
    if money.amount < kind.min_deposit and account.adopted_at is None and not queries.was_funded(account.id):
        least = Money(kind.min_deposit, account.currency)
        raise BelowLeastDeposit(BelowLeastDeposit.message.with_params(amount=str(least)))


def _standing_money(key: str, money: Money) -> Requested | None:
    operation = operation_queries.by_key(f"money:{key}")
    if operation is not None and operation.money != money:
        raise ledger.KeyReused
    return standing(operation)
