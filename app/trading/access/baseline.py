"""What an account was allowed when we first saw it, which is not ours to give back."""

from __future__ import annotations

from collections.abc import Collection

from app.kit import clock
from app.trading.access import queries, rules
from app.trading.models import TradingAccount
from app.trading.platforms.base import Access

FOUND = "found"


def note(account: TradingAccount, access: Access, ours: Collection[str] = ()) -> None:
    """At the first sight of an account, withhold the rights that it lacks, so that lifting a lock never gives them.

    `ours` are the functions that we took away ourselves.
    """
    if account.access_known is not None:
        return
    missing = [function for function in rules.RIGHTS if not rules.allows(access, function) and function not in ours]
    if missing and account.login is not None:
        missing = [function for function in missing if function not in queries.taken_by_us(account.id)]
    if missing:
        at = clock.now().isoformat()
        found = {function: {"source": FOUND, "at": at, "by": "", "reason": ""} for function in missing}
        account.withheld = {**account.withheld, **found}
