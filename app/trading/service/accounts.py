"""What a client or the office may ask for a trading account. Each act writes an operation; the platform decides its
outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from app.clients import queries as clients
from app.core.actor import Actor
from app.core.db import get, session, tenant_id
from app.core.errors import Conflict, DomainError, Invalid, NotFound
from app.kit import clock
from app.kit.ids import reference
from app.kit.money import Money
from app.kit.text import Message, _l
from app.ledger import service as ledger
from app.restrictions import service as restrictions
from app.trading import permissions, rules, wire
from app.trading.models import (
    AccountStatus,
    AccountType,
    OperationKind,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
)
from app.trading.platforms.base import PasswordKind
from app.trading.queries import accounts as queries
from app.trading.queries import operations as operation_queries
from app.trading.service import operations, outcomes

MONEY_LIMIT = 1_000_000_000  # What a platform takes in one movement.


class NoSuchLeverage(DomainError):
    status_code, field = 422, "leverage"
    message = _l("This leverage is not offered for this account.")


class SameLeverage(DomainError):
    status_code, field = 422, "leverage"
    message = _l("The account has this leverage already.")


class TooManyAccounts(Conflict):
    message = _l("You have as many accounts of this type as one client may have.")


class AccountNotReady(Conflict):
    message = _l("This account is not open yet, or no longer.")


class ChangeUnderWay(Conflict):
    message = _l("An earlier change of this account has not been answered yet. Wait a moment and try again.")


class OtherCurrency(DomainError):
    status_code, field = 422, "amount"
    message = _l("This account keeps its money in another currency.")


class DemoMoney(Conflict):
    message = _l("A demo account holds play money; it cannot be moved.")


class AmountTooLarge(DomainError):
    status_code, field = 422, "amount"
    message = _l("This is more than the platform accepts in one movement.")


_WEAKNESSES = {
    "length": _l("Use 8 to 16 characters."),
    "letters": _l("Use Latin letters, digits and signs, without blanks."),
    "lower": _l("Add a small letter."),
    "upper": _l("Add a capital letter."),
    "digit": _l("Add a digit."),
    "special": _l("Add a sign such as ! or #."),
}


@dataclass(frozen=True, slots=True)
class Requested:
    """An operation that is written down, and the message that hands it to the connector after the commit."""

    operation: PlatformOperation
    account: TradingAccount
    message: str = field(repr=False)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)  # Generated ones, to be shown once.

    @property
    def request_key(self) -> str:
        return wire.requests_key(self.operation.tenant_id, self.operation.platform_id)

    @property
    def answer_key(self) -> str:
        return wire.answer_key(self.operation.id)


def check_password(password: str, *, name: str = "password") -> None:
    """Raise Invalid naming the field unless a platform will take this password."""
    weaknesses = rules.password_weaknesses(password)
    if weaknesses:
        raise Invalid(_WEAKNESSES[weaknesses[0]], field=name)


def open_account(
    client_id: UUID,
    type_code: str,
    currency: str,
    leverage: int,
    *,
    key: str,
    by: Actor,
    main_password: str = "",
    investor_password: str = "",
    nickname: str = "",
) -> Requested:
    """Ask the platform for a new account. Passwords left empty are generated and stand in the answer, once and
    nowhere else.

    The same key answers the request that was made under it, without passwords.
    """
    queries.wait_for_openings(client_id)
    standing = operation_queries.by_key(f"open:{client_id}:{key}")
    if standing is not None:
        return _standing(standing)
    kind = queries.account_type(type_code)
    if kind is None or not kind.is_offered:
        raise Invalid(_l("Choose one of the account types."), field="account_type")
    restrictions.require(permissions.OPEN_DEMO if kind.is_demo else permissions.OPEN_LIVE, client_id)
    if currency not in kind.groups:
        raise Invalid(_l("This account type is not offered in this currency."), field="currency")
    if leverage not in kind.leverages:
        raise NoSuchLeverage
    for name, password in (("main_password", main_password), ("investor_password", investor_password)):
        if password:
            check_password(password, name=name)
    if main_password and main_password == investor_password:
        raise Invalid(_l("Use two different passwords."), field="investor_password")
    client = clients.get(client_id)
    if queries.count_of_type(client_id, kind.id) >= kind.accounts_max:
        raise TooManyAccounts
    platform = get(TradingPlatform, kind.platform_id)
    assert platform is not None, "The foreign key holds."
    account = TradingAccount(
        client_id=client_id,
        platform_id=platform.id,
        type_id=kind.id,
        login=None,
        group_name=kind.groups[currency],
        currency=currency,
        leverage=leverage,
        rights=None,
        nickname=nickname.strip()[:40],
        status=AccountStatus.OPENING,
        is_demo=kind.is_demo,
        is_hedging=kind.is_hedging,
        reference=reference("A"),
        created_at=clock.now(),
        opened_at=None,
    )
    session().add(account)
    session().flush()
    secrets = {
        "main": main_password or rules.generate_password(),
        "investor": investor_password or rules.generate_password(),
    }
    operation = operations.request(
        OperationKind.OPEN_ACCOUNT,
        account,
        key=f"open:{client_id}:{key}",
        reference=account.reference,
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload={
            "name": client.name,
            "email": client.email,
            "country": client.country,
            "language": client.language,
            "leverage": leverage,
            "currency": currency,
            "is_hedging": kind.is_hedging,
            "is_swap_free": kind.is_swap_free,
            "demo_deposit": str(kind.demo_deposit) if kind.is_demo else "0",
        },
        has_secret=True,
    )
    generated = {
        name: secrets[name] for name, chosen in (("main", main_password), ("investor", investor_password)) if not chosen
    }
    return Requested(operation, account, _message(operation, secrets), generated)


def change_leverage(account_id: UUID, leverage: int, *, key: str, by: Actor) -> Requested:
    """Ask the platform to set another leverage, one of those the account type offers."""
    standing = operation_queries.by_key(f"leverage:{account_id}:{key}")
    if standing is not None:
        return _standing(standing)
    account, kind, platform = _ready(account_id, lock=True)
    if by.kind == "client":
        restrictions.require(permissions.LEVERAGE, account.client_id)
    if leverage not in kind.leverages:
        raise NoSuchLeverage
    if leverage == account.leverage:
        raise SameLeverage
    if queries.has_open_operation(account.id, OperationKind.SET_LEVERAGE):
        raise ChangeUnderWay
    operation = operations.request(
        OperationKind.SET_LEVERAGE,
        account,
        key=f"leverage:{account_id}:{key}",
        reference=reference("L"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload={"leverage": leverage, "before": account.leverage},
    )
    return Requested(operation, account, _message(operation))


def change_password(account_id: UUID, kind: PasswordKind, password: str, *, key: str, by: Actor) -> Requested:
    """Ask the platform for a new password; an empty one is generated and stands in the answer, once and nowhere
    else."""
    standing = operation_queries.by_key(f"password:{account_id}:{key}")
    if standing is not None:
        return _standing(standing)
    account, _, platform = _ready(account_id, lock=True)
    if by.kind == "client":
        restrictions.require(permissions.PLATFORM_SECRET, account.client_id)
    if password:
        check_password(password)
    chosen = password or rules.generate_password()
    operation = operations.request(
        OperationKind.CHANGE_PASSWORD,
        account,
        key=f"password:{account_id}:{key}",
        reference=reference("P"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload={"which": kind.value},
        has_secret=True,
    )
    generated = {} if password else {kind.value: chosen}
    return Requested(operation, account, _message(operation, {kind.value: chosen}), generated)


def fund(
    account_id: UUID, money: Money, *, key: str, by: Actor, asked: str | None = permissions.TRANSFER_OWN
) -> Requested:
    """Move money from the client's main wallet to the account. It is held until the platform has confirmed.

    `asked` is the restricted function that is asked; None when the caller has asked its own. The same key with the
    same money answers the
    operation that stands; with other money it raises ledger.KeyReused.
    """
    standing = _standing_money(key, money)
    if standing is not None:
        return standing
    account, _, platform = _ready_for_money(account_id, money)
    if asked is not None:
        restrictions.require(asked, account.client_id)
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
    return Requested(operation, account, _message(operation))


def withdraw_from(
    account_id: UUID, money: Money, *, key: str, by: Actor, asked: str | None = permissions.TRANSFER_OWN
) -> Requested:
    """Move money from the account to the client's main wallet, when the platform has confirmed that it gave it."""
    standing = _standing_money(key, money)
    if standing is not None:
        return standing
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
    return Requested(operation, account, _message(operation))


def _ready(account_id: UUID, *, lock: bool = False) -> tuple[TradingAccount, AccountType, TradingPlatform]:
    account = get(TradingAccount, account_id, lock=lock)
    if account is None:
        raise NotFound
    if not account.is_active:
        raise AccountNotReady
    kind = session().get(AccountType, (account.tenant_id, account.type_id))  # Most pages have read both already.
    platform = session().get(TradingPlatform, (account.tenant_id, account.platform_id))
    assert kind is not None, "The foreign key holds."
    assert platform is not None, "The foreign key holds."
    return account, kind, platform


def _ready_for_money(account_id: UUID, money: Money) -> tuple[TradingAccount, AccountType, TradingPlatform]:
    found = _ready(account_id)
    account = found[0]
    if account.is_demo:
        raise DemoMoney
    if money.currency != account.currency:
        raise OtherCurrency
    if money.minor <= 0:
        raise Invalid(_l("The amount must be more than zero."), field="amount")
    if money.amount > MONEY_LIMIT:
        raise AmountTooLarge
    return found


def _standing(operation: PlatformOperation) -> Requested:
    account = get(TradingAccount, operation.account_id)
    assert account is not None, "The foreign key holds."
    return Requested(operation, account, _message(operation))


def _standing_money(key: str, money: Money) -> Requested | None:
    operation = operation_queries.by_key(f"money:{key}")
    if operation is None:
        return None
    if operation.money != money:
        raise ledger.KeyReused
    return _standing(operation)


def _message(operation: PlatformOperation, secrets: dict[str, str] | None = None) -> str:
    return wire.encode_request(tenant_id(), wire.Request(operation.id, secrets or {}))


_REFUSALS: dict[str, Message] = {
    "not_enough_money": _l("The account does not have enough free margin for this."),
    "amount_too_large": _l("This is more than the platform accepts in one movement."),
    "bad_password": _l("The platform finds this password too weak. Choose another one."),
    "group": _l("The platform does not know this kind of account. We have been told."),
    "open_positions": _l("Close the open positions first."),
    "logins_exhausted": _l("The platform has no free account numbers at the moment. We have been told."),
    "too_frequent": _l("The platform is busy. Try again in a moment."),
    "ignored": _l("The platform kept the old value."),
    "not_sent": _l("The platform cannot be reached at the moment. Nothing has been changed; try again later."),
    "expired": _l("The platform could not be reached in time. Nothing has been changed; try again later."),
    "absent": _l("The platform did not carry it out. Nothing has been changed; you may try again."),
}


def refusal_message(operation: PlatformOperation) -> Message:
    """Why the platform refused, for the person who asked."""
    return _REFUSALS.get(operation.refusal_reason or "", _l("The platform has refused this. Contact support."))
