"""Account types and leverages that one client is offered. What is not offered is refused, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.clients import queries as clients
from app.core import features
from app.core.errors import DomainError
from app.kit import clock
from app.kit.text import _l
from app.referrals import queries as referrals
from app.trading.models import AccountType, TradingAccount, TradingPlatform
from app.trading.offers import rules
from app.trading.offers.rules import Visitor
from app.trading.queries import accounts as queries

SEGMENTS_PORT = "trading.segments"  # A function (client id) -> names of segments that a feature above knows.


class NoSuchLeverage(DomainError):
    status_code, field = 422, "leverage"
    message = _l("This leverage is not offered for this account.")


class LeverageTooHigh(DomainError):
    status_code, field = 422, "leverage"
    message = _l("For this client and this much equity at most %(ratio)s is allowed.")


def visitor(client_id: UUID, asked: Iterable[Mapping[str, Any]] | None = None) -> Visitor:
    """What is known of a client when something is offered. Segments: `referred`, `sponsor`, and those of features
    above. They are looked for only where one of the rules that are `asked` names any."""
    client = clients.get(client_id)
    if asked is not None and not any(rule.get("segments") or rule.get("not_segments") for rule in asked):
        return Visitor(client.country, client.kyc_level, frozenset())
    now = clock.business_now()
    segments = set()
    if referrals.parent_at(client_id, now) is not None:
        segments.add("referred")
    if referrals.children(client_id, now, limit=1):
        segments.add("sponsor")
    finders: list[Callable[[UUID], set[str]]] = features.port(SEGMENTS_PORT)
    for find in finders:
        segments |= find(client_id)
    return Visitor(client.country, client.kyc_level, frozenset(segments))


def account_types(client_id: UUID) -> list[AccountType]:
    """The account types that are offered to a client, in the brand's own order."""
    who = visitor(client_id)
    return [kind for kind in queries.account_types() if _is_for(kind, who)]


def is_offered(kind: AccountType, client_id: UUID) -> bool:
    """Whether a client may have accounts of this type."""
    return kind.is_offered and _is_for(kind, visitor(client_id))


def _is_for(kind: AccountType, who: Visitor) -> bool:
    """Whether the type is shown to this person, and ceilings leave at least one of its leverages."""
    if not rules.is_visible_to(kind.visible_to, who):
        return False
    ceilings = [
        rules.leverage_ceiling(kind.leverage_ceilings, who, currency, Decimal(0)) for currency in kind.currencies
    ]
    return any(rules.allowed([int(leverage) for leverage in kind.leverages], ceiling) for ceiling in ceilings)


def leverages(kind: AccountType, client_id: UUID, currency: str = "", equity: Decimal = Decimal(0)) -> list[int]:
    """The leverages that a client may choose, the smallest first."""
    ceiling = _ceiling(kind, client_id, currency, equity)
    return rules.allowed([int(leverage) for leverage in kind.leverages], ceiling)


def _ceiling(kind: AccountType, client_id: UUID, currency: str, equity: Decimal) -> int | None:
    ceilings = kind.leverage_ceilings
    return rules.leverage_ceiling(ceilings, visitor(client_id, ceilings), currency, equity) if ceilings else None


def leverages_of(account: TradingAccount, kind: AccountType) -> list[int]:
    """The leverages that an account may have, as much as it is worth now."""
    return leverages(kind, account.client_id, account.currency, _equity_of(account, kind))


def _equity_of(account: TradingAccount, kind: AccountType) -> Decimal:
    """What the account is worth, as last reported; read only where a ceiling may ask for it."""
    state = queries.state_of(account.id) if kind.leverage_ceilings else None
    return state.equity if state is not None else Decimal(0)


def require_leverage_of(account: TradingAccount, kind: AccountType, leverage: int) -> None:
    """The same as `require_leverage` for an account that is open, as much as it is worth now."""
    require_leverage(leverage, kind, account.client_id, account.currency, _equity_of(account, kind))


def require_leverage(
    leverage: int, kind: AccountType, client_id: UUID, currency: str, equity: Decimal = Decimal(0)
) -> None:
    """Raise NoSuchLeverage or LeverageTooHigh unless this leverage may be had."""
    if leverage not in kind.leverages:
        raise NoSuchLeverage
    ceiling = _ceiling(kind, client_id, currency, equity)
    if ceiling is not None and leverage > ceiling:
        raise LeverageTooHigh(LeverageTooHigh.message.with_params(ratio=f"1:{ceiling}"))


def groups_for(account: TradingAccount, platform: TradingPlatform) -> list[str]:
    """The platform's groups to which an account can be moved: in its currency, real or demo as it is, and no twin that
    only closes."""
    twins = set(platform.settings.get("close_only_groups", {}).values())
    known = queries.groups_in_currency(platform.id, account.currency, is_demo=account.is_demo)
    return sorted(known - twins)
