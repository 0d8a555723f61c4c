"""Operations on their way: how each kind is sent, and how each is looked for when its answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.kit import clock
from app.trading.access import rules as access_rules
from app.trading.models import OperationKind
from app.trading.platforms.base import (
    Access,
    AccountRecord,
    NewAccount,
    PasswordKind,
    RefusalReason,
    Refused,
    TradingPlatform,
)
from app.trading.service.operations import Command

_MARGIN_MSC = 7 * 86_400_000  # The platform's clock may have jumped since: summer time, a sandbox moved on for days.


async def send(
    platform: TradingPlatform, command: Command, secrets: Mapping[str, str], send_by: float
) -> dict[str, Any]:
    """Send one operation, once, and answer its result. Raises what the port raises."""
    kind = command.kind
    if kind is OperationKind.OPEN_ACCOUNT:
        payload = command.payload
        record = await platform.open_account(
            NewAccount(
                group=command.group,
                name=payload["name"],
                email=payload["email"],
                country=payload["country"],
                language=payload["language"],
                leverage=int(payload["leverage"]),
                reference=command.reference,
                main_password=secrets["main"],
                investor_password=secrets.get("investor", ""),
                currency=payload.get("currency", ""),
                is_hedging=bool(payload.get("is_hedging", True)),
                is_swap_free=bool(payload.get("is_swap_free", False)),
            ),
            send_by=send_by,
        )
        return _opened(record)
    if kind is OperationKind.SET_LEVERAGE:
        leverage = int(command.payload["leverage"])
        changed = await platform.set_leverage(command.login, leverage, send_by=send_by)
        return {"leverage": changed.leverage}
    if kind is OperationKind.SET_RIGHTS:
        access = await _wanted_access(platform, command)
        return _rights(await platform.set_access(command.login, access, send_by=send_by))
    if kind in (OperationKind.SET_GROUP, OperationKind.SET_TYPE):
        changed = await platform.set_group(command.login, command.payload["group"], send_by=send_by)
        return {"group": changed.group}
    if kind is OperationKind.ARCHIVE_ACCOUNT:
        await _require_empty(platform, command)
        await platform.archive_account(command.login, send_by=send_by)
        return {}
    if kind is OperationKind.RESTORE_ACCOUNT:
        return _rights(await platform.restore_account(command.login, send_by=send_by))
    if kind.is_credit:
        given = await platform.move_credit(command.login, command.signed_amount, command.reference, send_by=send_by)
        return {"ticket": given.ticket}
    if kind is OperationKind.CHANGE_PASSWORD:
        which = PasswordKind(command.payload["which"])
        await platform.change_password(command.login, which, secrets[which.value], send_by=send_by)
        return {}
    moved = await platform.move_funds(command.login, command.signed_amount, command.reference, send_by=send_by)
    return {"ticket": moved.ticket}


async def _require_empty(platform: TradingPlatform, command: Command) -> None:
    """What we hold of the account may be a moment old: before it is put away, its money is read once more."""
    if command.payload.get("must_be_empty"):
        record = await platform.read_account(command.login)
        if record.balance or record.credit:
            raise Refused(0, RefusalReason.NOT_EMPTY, "The account holds money.")


def _opened(record: AccountRecord) -> dict[str, Any]:
    return {"login": record.login, "rights": record.rights, "access": access_rules.as_stored(record.access)}


def _rights(record: AccountRecord) -> dict[str, Any]:
    return {"rights": record.rights, "group": record.group, "access": access_rules.as_stored(record.access)}


async def _wanted_access(platform: TradingPlatform, command: Command) -> Access:
    """The access that an operation asks for; rights that it does not name are as they are on the platform now."""
    now = Access()
    if access_rules.is_partial(command.payload):
        now = (await platform.read_account(command.login)).access
    return access_rules.from_stored(command.payload, now)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at the platform has shown: done with this result, surely not there, or nothing that a rule can
    decide."""

    result: dict[str, Any] | None
    needs_person: str = ""


async def look(platform: TradingPlatform, command: Command, secrets: Mapping[str, str]) -> Sight:
    """Find out whether an operation was done. Changes nothing. Raises what the port raises when the look itself
    fails."""
    kind = command.kind
    if kind is OperationKind.OPEN_ACCOUNT:
        found = await platform.find_account(command.group, command.reference)
        return Sight(_opened(found) if found else None)
    if kind is OperationKind.SET_LEVERAGE:
        current = (await platform.read_account(command.login)).leverage
        return Sight({"leverage": current} if current == int(command.payload["leverage"]) else None)
    if kind is OperationKind.SET_RIGHTS:
        record = await platform.read_account(command.login)
        wanted = access_rules.from_stored(command.payload, record.access)
        is_done = not access_rules.gaps(wanted, record.access, platform.capabilities)
        return Sight(_rights(record) if is_done else None)
    if kind in (OperationKind.SET_GROUP, OperationKind.SET_TYPE):
        group = (await platform.read_account(command.login)).group
        return Sight({"group": group} if group == command.payload["group"] else None)
    if kind is OperationKind.ARCHIVE_ACCOUNT:
        return Sight({} if await platform.is_archived(command.login) else None)
    if kind is OperationKind.RESTORE_ACCOUNT:
        return Sight(await _if_there(platform, command.login))
    if kind is OperationKind.CHANGE_PASSWORD:
        which = PasswordKind(command.payload["which"])
        if which.value not in secrets:
            return Sight(None, "The new password is no longer at hand; only its owner can try it.")
        return Sight({} if await platform.check_password(command.login, which, secrets[which.value]) else None)
    return await _look_for_money(platform, command)


async def _if_there(platform: TradingPlatform, login: int) -> dict[str, Any] | None:
    try:
        return _rights(await platform.read_account(login))
    except Refused as refusal:
        if refusal.reason is RefusalReason.NOT_FOUND:
            return None
        raise


async def _look_for_money(platform: TradingPlatform, command: Command) -> Sight:
    age_msc = int((clock.now() - command.sent_at).total_seconds() * 1000)
    since = await platform.server_time_msc() - age_msc - _MARGIN_MSC
    moves = await platform.find_funds_operations(command.login, command.reference, since)
    found = [move for move in moves if move.is_credit == command.kind.is_credit]
    if not found:
        return Sight(None)
    if len(found) > 1:
        return Sight(None, f"{len(found)} movements carry the reference.")
    if found[0].amount != command.signed_amount:
        return Sight(None, "The movement with the reference has another amount.")
    return Sight({"ticket": found[0].ticket})


def refusal(error: Exception) -> tuple[int | None, str]:
    """(code, reason) of an operation that was surely not done."""
    if isinstance(error, Refused):
        return error.code, error.reason.value
    return None, RefusalReason.NOT_SENT.value
