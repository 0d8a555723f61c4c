"""Operations on their way: how each kind is sent, and how each is looked for when its answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.kit import clock
from app.trading.models import OperationKind
from app.trading.platforms.base import Access, NewAccount, PasswordKind, RefusalReason, Refused, TradingPlatform
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
                investor_password=secrets["investor"],
            ),
            send_by=send_by,
        )
        return {"login": record.login, "rights": record.rights}
    if kind is OperationKind.SET_LEVERAGE:
        leverage = int(command.payload["leverage"])
        changed = await platform.set_leverage(command.login, leverage, send_by=send_by)
        return {"leverage": changed.leverage}
    if kind is OperationKind.SET_RIGHTS:
        access = Access(can_trade=bool(command.payload["allowed"]))
        changed = await platform.set_access(command.login, access, send_by=send_by)
        return {"rights": changed.rights, "may_trade": changed.may_trade}
    if kind is OperationKind.CHANGE_PASSWORD:
        which = PasswordKind(command.payload["which"])
        await platform.change_password(command.login, which, secrets[which.value], send_by=send_by)
        return {}
    moved = await platform.move_funds(command.login, command.signed_amount, command.reference, send_by=send_by)
    return {"ticket": moved.ticket}


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
        return Sight({"login": found.login, "rights": found.rights} if found else None)
    if kind is OperationKind.SET_LEVERAGE:
        current = (await platform.read_account(command.login)).leverage
        return Sight({"leverage": current} if current == int(command.payload["leverage"]) else None)
    if kind is OperationKind.SET_RIGHTS:
        record = await platform.read_account(command.login)
        is_done = record.may_trade == bool(command.payload["allowed"])
        return Sight({"rights": record.rights, "may_trade": record.may_trade} if is_done else None)
    if kind is OperationKind.CHANGE_PASSWORD:
        which = PasswordKind(command.payload["which"])
        if which.value not in secrets:
            return Sight(None, "The new password is no longer at hand; only its owner can try it.")
        return Sight({} if await platform.check_password(command.login, which, secrets[which.value]) else None)
    return await _look_for_money(platform, command)


async def _look_for_money(platform: TradingPlatform, command: Command) -> Sight:
    age_msc = int((clock.now() - command.sent_at).total_seconds() * 1000)
    since = await platform.server_time_msc() - age_msc - _MARGIN_MSC
    found = await platform.find_funds_operations(command.login, command.reference, since)
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
