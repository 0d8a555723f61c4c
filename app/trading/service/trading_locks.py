"""Locks reach the platform: what an account may do there follows from the ban matrix and from what staff withhold.

What is wanted is computed from the locks in force, never restored from a saved state. Changes made by hand on the
platform are noticed, written down, and taken over or overwritten as the platform's bundle says.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import get, session
from app.core.errors import Conflict
from app.kit import clock
from app.kit.ids import new_id, reference
from app.kit.text import _l
from app.restrictions import queries as restriction_queries
from app.restrictions import service as restrictions
from app.restrictions.models import Restriction, Source
from app.trading.access import queries, rules
from app.trading.access.models import AccessDrift
from app.trading.models import OperationKind, TradingAccount, TradingPlatform
from app.trading.permissions import EXPERT_TRADING, PLATFORM_SECRET, TRADE_OPEN
from app.trading.platforms.base import Access, AccountRecord, Capabilities
from app.trading.platforms.kinds import capabilities_of
from app.trading.queries import accounts as account_queries
from app.trading.service import operations, outcomes

EXPIRES_S = 3600  # A lock waits for a platform that is away; it is asked for again until it holds.
PLATFORM_CHANGE = "platform_change"  # The reason of a lock that was taken over from the platform.


class CannotCloseOnly(Conflict):
    message = _l(
        "Account %(account)s cannot be left to close only: its group on the platform has no twin for that."
        " Lock trading as a whole instead."
    )


def locked_functions(client_id: UUID) -> set[str]:
    """The functions on platforms that locks take from the client now."""
    return {row.function for row in restriction_queries.active_for(client_id, clock.now())} & rules.RIGHTS.keys()


def wanted_access(account: TradingAccount, locked: Collection[str] | None = None) -> Access:
    """What the account's owner should be able to do on the platform."""
    locked = locked_functions(account.client_id) if locked is None else locked
    return rules.without({*locked, *account.withheld})


def unsettled(account: TradingAccount) -> list[str]:
    """The functions in which the platform is not yet, or no longer, as it should be."""
    return rules.gaps(wanted_access(account), account.access, _capabilities(account))


def known_functions(account: TradingAccount) -> list[str]:
    """The functions that the account's platform can take away by itself."""
    can = _capabilities(account)
    missing = {
        TRADE_OPEN: not can.has_close_only,
        EXPERT_TRADING: not can.has_robots_switch,
        PLATFORM_SECRET: not can.has_password_switch,
    }
    return [function for function in rules.RIGHTS if not missing.get(function, False)]


def is_being_applied(account: TradingAccount) -> bool:
    """Whether a right that should be gone is still there, or a change of rights has no outcome yet."""
    if account_queries.has_open_operation(account.id, OperationKind.SET_RIGHTS):
        return True
    return any(rules.allows(account.access, function) for function in unsettled(account))


def enforce_for(client_id: UUID, *, by: Actor) -> int:
    """Bring the client's accounts in line with the locks that are in force now. Answers how many are to be changed."""
    locked = locked_functions(client_id)
    return sum(_enforce(account, locked, by) for account in account_queries.active_accounts_of(client_id))


def enforce_on(platform_id: UUID, *, by: Actor = outcomes.CONNECTOR) -> int:
    """The same for every account of a platform: locks that began or ended by themselves, and rights to be told
    again."""
    platform = get(TradingPlatform, platform_id)
    assert platform is not None, "A connection is of a platform."
    can = capabilities_of(platform.kind, platform.settings)
    locked = {function: restrictions.locked_clients(function) for function in rules.RIGHTS}
    return sum(
        _enforce(account, locked_functions(account.client_id), by)
        for account in queries.to_enforce(platform_id, locked, can, clock.now())
    )


def enforce(account: TradingAccount, *, by: Actor) -> bool:
    """The same for one account."""
    return _enforce(account, locked_functions(account.client_id), by)


def _enforce(account: TradingAccount, locked: Collection[str], by: Actor) -> bool:
    wanted = wanted_access(account, locked)
    missing = rules.gaps(wanted, account.access, _capabilities(account))
    if account.access_known is None:  # What it was allowed before us is not known: nothing is given.
        missing = [function for function in missing if not rules.allows(wanted, function)]
    if not missing or account_queries.has_open_operation(account.id, OperationKind.SET_RIGHTS):
        return False
    access = rules.as_stored(wanted)
    if account.access_known is None:
        access = {rules.RIGHTS[function]: False for function in missing}
    operation = operations.request(
        OperationKind.SET_RIGHTS,
        account,
        key=f"rights:{account.id}:{new_id()}",
        reference=reference("R"),
        by=by,
        expires_s=EXPIRES_S,
        payload={"access": access},
    )
    operations.hand_over(operation)
    return True


def _capabilities(account: TradingAccount) -> Capabilities:
    platform = session().get(TradingPlatform, (account.tenant_id, account.platform_id))
    assert platform is not None, "The foreign key holds."
    return capabilities_of(platform.kind, platform.settings)


def require_close_only(account: TradingAccount) -> None:
    """Raise CannotCloseOnly unless the platform can leave this account to close only."""
    platform = session().get(TradingPlatform, (account.tenant_id, account.platform_id))
    assert platform is not None, "The foreign key holds."
    twins: dict[str, str] = platform.settings.get("close_only_groups", {})
    can = capabilities_of(platform.kind, platform.settings)
    has_twin = platform.kind != "mt5" or account.group_name in {*twins, *twins.values()}
    if not (can.has_close_only and has_twin):
        number = account.login or account.reference
        raise CannotCloseOnly(CannotCloseOnly.message.with_params(account=number))


def require_lockable(client_id: UUID, function: str) -> None:
    """Raise CannotCloseOnly when staff lock what the platform of one of the client's accounts cannot take away."""
    if function == TRADE_OPEN:
        for account in account_queries.active_accounts_of(client_id):
            require_close_only(account)


def drifted_logins(platform_id: UUID) -> list[int]:
    """Logins whose access seems to have been changed by hand: they are read afresh before anything is said of them."""
    return list(queries.drifted(platform_id))


def note_reading(platform_id: UUID, record: AccountRecord, read_at: datetime) -> bool:
    """A fresh reading of an account whose access seemed to have changed by hand: write down what did.

    `read_at` is when the reading began: an own change that ended later makes it old. Answers whether there was drift.
    """
    account = (
        session()
        .scalars(
            select(TradingAccount)
            .where(TradingAccount.platform_id == platform_id, TradingAccount.login == record.login)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        .one_or_none()
    )
    if account is None or not account.is_active or account.access_known is None:
        return False
    if queries.changed_since(account.id, read_at):
        return False
    account.take_access(record.access)
    account.group_name = record.group or account.group_name
    known = rules.from_stored({"access": account.access_known}, record.access)
    account.access_known = rules.as_stored(record.access)
    wanted = wanted_access(account)
    changed = [
        function for function in rules.RIGHTS if rules.allows(known, function) != rules.allows(record.access, function)
    ]
    drift = [function for function in rules.gaps(wanted, record.access, _capabilities(account)) if function in changed]
    for function in drift:
        _note_drift(account, function, is_taken=not rules.allows(record.access, function))
    return bool(drift)


def _note_drift(account: TradingAccount, function: str, *, is_taken: bool) -> None:
    platform = session().get(TradingPlatform, (account.tenant_id, account.platform_id))
    assert platform is not None, "The foreign key holds."
    is_adopted = platform.settings.get("drift", "adopt") == "adopt"
    if is_adopted:
        is_adopted = _adopt_taken(account, function) if is_taken else _adopt_given(account, function)
    row = AccessDrift(
        account_id=account.id,
        access_right=function,
        is_taken=is_taken,
        handling="adopted" if is_adopted else "overwritten",
        found_at=clock.now(),
    )
    session().add(row)
    session().flush()
    audit.record(
        "trading.access.drift",
        account,
        by=outcomes.CONNECTOR,
        after=queries.as_values(row),
        client_id=account.client_id,
    )
    live.publish("office", "platforms-changed")
    live.publish(f"client:{account.client_id}", "accounts-changed")


def _adopt_taken(account: TradingAccount, function: str) -> bool:
    """A right was taken away on the platform: the ban matrix says so from now on, and a person can lift it there."""
    restrictions.lock(
        account.client_id,
        function,
        reason_code=PLATFORM_CHANGE,
        internal_note=f"Account {account.login}",
        source=Source.PLATFORM,
        by=outcomes.CONNECTOR,
    )
    return True


def _adopt_given(account: TradingAccount, function: str) -> bool:
    """A right was given back on the platform: locks taken over from there end. Everybody else's lock holds."""
    locks: list[Restriction] = [
        row for row in restriction_queries.active_for(account.client_id, clock.now()) if row.function == function
    ]
    if function in account.withheld or any(row.source is not Source.PLATFORM for row in locks):
        return False
    for row in locks:
        restrictions.lift(row.id, reason="Given back on the platform.", by=outcomes.CONNECTOR)
    return True
