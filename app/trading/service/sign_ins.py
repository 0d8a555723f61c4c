"""From where people sign in to their trading accounts, as the platform reports it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.audit import queries as audit_queries
from app.audit import service as audit
from app.core.actor import Actor
from app.kit import clock
from app.kit.addresses import is_address
from app.trading.queries import ingest as queries

ACTION = "trading.account.sign_in"
REPEATS_AFTER = timedelta(hours=24)
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody connected to an account: from this address, with this kind of program (the platform's number)."""

    login: int
    ip: str
    terminal: str


def record_sign_ins(platform_id: UUID, sign_ins: Iterable[SignIn]) -> int:
    """Record from where our clients' accounts are used, and answer how many records that made.

    A terminal connects many times a day, so the same account, address and program make one record in 24 hours.
    """
    found = {each for each in sign_ins if is_address(each.ip)}
    accounts = queries.accounts_by_login(platform_id, sorted({each.login for each in found}))
    made = 0
    for login, account in accounts.items():
        since = clock.now() - REPEATS_AFTER
        statement = audit_queries.log(action=ACTION, client_id=account.client_id, since=since)
        known = {
            (row.object_id, row.ip, str((row.after or {}).get("terminal", "")))
            for row in audit_queries.page_of_log(statement, offset=0, limit=_LOOKED_AT)
        }
        for each in sorted((each for each in found if each.login == login), key=lambda each: (each.ip, each.terminal)):
            if (str(account.id), each.ip, each.terminal) not in known:
                who = Actor("client", None, f"Login {login}", ip=each.ip, client_id=account.client_id)
                audit.record(ACTION, account, by=who, after={"login": login, "terminal": each.terminal})
                made += 1
    return made
