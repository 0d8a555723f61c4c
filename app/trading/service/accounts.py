"""What a client or the office may ask for a trading account. Each act writes an operation; the platform decides its
outcome."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from app.clients import queries as clients
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict, DomainError, Invalid
from app.kit import clock
from app.kit.ids import reference
from app.kit.text import _l
from app.restrictions import service as restrictions
from app.trading import permissions, rules
from app.trading.models import (
    AccountStatus,
    AccountType,
    OperationKind,
    TradingAccount,
    TradingPlatform,
)
from app.trading.offers.rules import margin_level_after
from app.trading.platforms.base import PasswordKind
from app.trading.platforms.kinds import capabilities_of
from app.trading.queries import accounts as queries
from app.trading.queries import operations as operation_queries
from app.trading.service import offers, operations
from app.trading.service.requesting import (
    Requested,
    as_requested,
    content_tag,
    ready,
    require_none_under_way,
    standing,
)


class SameLeverage(DomainError):
    status_code, field = 422, "leverage"
    message = _l("The account has this leverage already.")


class MarginCallNear(DomainError):
    """Asked again with `accepted`, the change is made all the same."""

    status_code, field = 422, "accepted"
    message = _l(
        "With this leverage the margin level would fall from %(before)s%% to about %(after)s%%. A margin call comes at"
        " %(call)s%%. Confirm that you want this."
    )


class TooManyAccounts(Conflict):
    message = _l("You have as many accounts of this type as one client may have.")


_WEAKNESSES = {
    "length": _l("Use 8 to 16 characters."),
    "letters": _l("Use Latin letters, digits and signs, without blanks."),
    "lower": _l("Add a small letter."),
    "upper": _l("Add a capital letter."),
    "digit": _l("Add a digit."),
    "special": _l("Add a sign such as ! or #."),
}


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

    The same key answers the request that was made under it, without passwords; with other content it raises
    FormChanged.
    """
    queries.wait_for_openings(client_id)
    key = f"open:{client_id}:{key}"
    tag = content_tag(key, type_code, currency, leverage, nickname, main_password, investor_password)
    earlier = standing(operation_queries.by_key(key), tag)
    if earlier is not None:
        return earlier
    kind = queries.account_type(type_code)
    if kind is None or not offers.is_offered(kind, client_id):
        raise Invalid(_l("Choose one of the account types."), field="account_type")
    restrictions.require(permissions.OPEN_DEMO if kind.is_demo else permissions.OPEN_LIVE, client_id)
    if currency not in kind.groups:
        raise Invalid(_l("This account type is not offered in this currency."), field="currency")
    offers.require_leverage(leverage, kind, client_id, currency)
    for name, password in (("main_password", main_password), ("investor_password", investor_password)):
        if password:
            check_password(password, name=name)
    if main_password and main_password == investor_password:
        raise Invalid(_l("Use two different passwords."), field="investor_password")
    if queries.count_of_type(client_id, kind.id) >= kind.accounts_max:
        raise TooManyAccounts
    account, platform = _new_account(client_id, kind, currency, leverage, nickname)
    secrets = {"main": main_password or rules.generate_password()}
    if capabilities_of(platform.kind, platform.settings).has_investor_password:
        secrets["investor"] = investor_password or rules.generate_password()
    client = clients.get(client_id)
    operation = operations.request(
        OperationKind.OPEN_ACCOUNT,
        account,
        key=key,
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
        content_tag=tag,
    )
    chosen = {"main": main_password, "investor": investor_password}
    generated = {name: secret for name, secret in secrets.items() if not chosen[name]}
    return as_requested(operation, account, secrets, **generated)


def _new_account(
    client_id: UUID, kind: AccountType, currency: str, leverage: int, nickname: str
) -> tuple[TradingAccount, TradingPlatform]:
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
    return account, platform


def change_leverage(
    account_id: UUID, leverage: int, *, key: str, by: Actor, reason: str = "", accepted: bool = False
) -> Requested:
    """Ask the platform to set another leverage, one of those the account type offers, under the ceilings that hold.

    Raises MarginCallNear when lower leverage would bring the account to a margin call, unless that is `accepted`.
    """
    key = f"leverage:{account_id}:{key}"
    tag = content_tag(key, leverage)
    earlier = standing(operation_queries.by_key(key), tag)
    if earlier is not None:
        return earlier
    account, kind, platform = ready(account_id, lock=True)
    if by.kind == "client":
        restrictions.require(permissions.LEVERAGE, account.client_id)
    offers.require_leverage_of(account, kind, leverage)
    if leverage == account.leverage:
        raise SameLeverage
    require_none_under_way(account, OperationKind.SET_LEVERAGE)
    if leverage < account.leverage and not accepted:  # Higher leverage binds less margin.
        _require_margin(account, kind, leverage)
    operation = operations.request(
        OperationKind.SET_LEVERAGE,
        account,
        key=key,
        reference=reference("L"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload={"leverage": leverage, "before": account.leverage},
        reason=reason,
        content_tag=tag,
    )
    return as_requested(operation, account)


def _require_margin(account: TradingAccount, kind: AccountType, leverage: int) -> None:
    state = queries.state_of(account.id)
    if state is None or state.margin_level is None:
        return
    after = margin_level_after(state.margin_level, account.leverage, leverage)
    if after is not None and after < kind.margin_call_level <= state.margin_level:
        shown = {"before": state.margin_level, "after": after, "call": kind.margin_call_level}
        texts = {name: str(level.quantize(Decimal(1))) for name, level in shown.items()}
        raise MarginCallNear(MarginCallNear.message.with_params(**texts))


def change_password(
    account_id: UUID, kind: PasswordKind, password: str, *, key: str, by: Actor, reason: str = ""
) -> Requested:
    """Ask the platform for a new password; an empty one is generated and stands in the answer, once and nowhere
    else."""
    key = f"password:{account_id}:{key}"
    tag = content_tag(key, kind.value, password)
    earlier = standing(operation_queries.by_key(key), tag)
    if earlier is not None:
        return earlier
    account, _, platform = ready(account_id, lock=True)
    if by.kind == "client":
        restrictions.require(permissions.PLATFORM_SECRET, account.client_id)
    if kind is PasswordKind.INVESTOR and not capabilities_of(platform.kind, platform.settings).has_investor_password:
        raise Invalid(_l("This platform has one password for each account."), field="which")
    if password:
        check_password(password)
    chosen = password or rules.generate_password()
    operation = operations.request(
        OperationKind.CHANGE_PASSWORD,
        account,
        key=key,
        reference=reference("P"),
        by=by,
        expires_s=platform.settings["operation_expires_s"],
        payload={"which": kind.value},
        has_secret=True,
        reason=reason,
        content_tag=tag,
    )
    generated = {} if password else {kind.value: chosen}
    return as_requested(operation, account, {kind.value: chosen}, **generated)
