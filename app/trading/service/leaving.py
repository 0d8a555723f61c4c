"""From the simulator to a real server: accounts that only the simulator has must never act on somebody else's login."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from app.audit import service as audit
from app.core.actor import system_actor
from app.core.db import session
from app.core.errors import Conflict
from app.kit.text import _l
from app.trading.models import (
    AccountStatus,
    OperationState,
    PlatformOperation,
    TradingAccount,
    TradingPlatform,
)
from app.trading.service import outcomes

BY = system_actor("bundle")


class OnSimulatorOnly(Conflict):
    message = _l("This account was opened on the simulator. The server that is connected now does not have it.")


def leave_simulator(platform: TradingPlatform, now: datetime) -> int:
    """Put away every account that the simulator has opened, here alone: on the new server their logins are strangers'.

    What waits to be sent is refused, and what was held for it goes back. Answers how many accounts there were.
    """
    waiting = select(PlatformOperation).where(
        PlatformOperation.platform_id == platform.id, PlatformOperation.state == OperationState.REQUESTED
    )
    for operation in session().scalars(waiting.with_for_update()).all():
        outcomes.refuse(operation, None, "not_sent")
    standing = select(TradingAccount).where(
        TradingAccount.platform_id == platform.id,
        TradingAccount.adopted_at.is_(None),
        TradingAccount.status.in_((AccountStatus.OPENING, AccountStatus.ACTIVE)),
    )
    accounts = session().scalars(standing.with_for_update()).all()
    for account in accounts:
        account.status = AccountStatus.ARCHIVED if account.login is not None else AccountStatus.REFUSED
        account.archived_at = now if account.login is not None else None
    session().flush()
    audit.record("trading.platform.leave_simulator", platform, by=BY, after={"accounts": len(accounts)})
    return len(accounts)


def require_on_server(account: TradingAccount, platform: TradingPlatform) -> None:
    """Refuse an account that only the simulator had. Raises OnSimulatorOnly."""
    left = platform.settings.get("left_simulator_at")
    if left and account.adopted_at is None and account.created_at < datetime.fromisoformat(left):
        raise OnSimulatorOnly
