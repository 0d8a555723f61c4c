"""The connection test: which of the rights that the product needs the manager login has."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from app.trading.platforms.base import Finding, NotPermitted, OutcomeUnknown, PlatformError, Refused
from app.trading.platforms.mt5 import codec, retcodes
from app.trading.platforms.mt5.codec import Answer, Unreadable
from app.trading.platforms.mt5.pool import Pool

RIGHT_ACCOUNTS_READ: Final = "RIGHT_ACC_READ (25)"
RIGHT_ACCOUNTS_MANAGE: Final = "RIGHT_ACC_MANAGER (27)"
RIGHT_NAMES: Final = "RIGHT_ACC_DETAILS_NAME (26)"
RIGHT_DETAILS: Final = "RIGHT_ACC_DETAILS_* (76–81)"
RIGHT_TRADES_READ: Final = "RIGHT_TRADES_READ (29)"
RIGHT_MONEY: Final = "RIGHT_ACCOUNTANT (24)"
RIGHT_MANAGER: Final = "RIGHT_MANAGER (1)"

_GROUPS_TRIED = 20  # Groups may be empty; an account is looked for in so many of them.
_CENT = "0.01"


class _Failed(Exception):
    """A step that did not succeed, as its finding tells it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.check)
        self.finding = finding


async def run(pool: Pool, login: int | None) -> list[Finding]:
    """Try what the product does, reading only, and with a test account also writing. Ends early when nothing can be
    asked."""
    findings: list[Finding] = []
    try:
        await _step(pool, findings, "sign_in", RIGHT_MANAGER, "test/access")
        await _step(pool, findings, "clock", RIGHT_MANAGER, "time/server")
        groups = await _step(pool, findings, "groups", RIGHT_MANAGER, "group/list")
    except _Failed as failed:
        return [*findings, failed.finding]
    names = [str(name) for name in groups.answer or ()]
    if not names:
        findings[-1] = Finding("groups", False, "", "The manager login sees no group.")
    for check in (_symbols(pool, findings), _accounts(pool, findings, names, login), _writing(pool, findings, login)):
        try:
            await check
        except _Failed as failed:
            findings.append(failed.finding)
    return findings


async def _step(
    pool: Pool,
    findings: list[Finding],
    check: str,
    right: str,
    command: str,
    params: Mapping[str, object] | None = None,
) -> Answer:
    """One reading as a finding. Raises _Failed with the finding when it fails."""
    try:
        answer = await pool.read(command, params)
    except NotPermitted as error:
        raise _Failed(Finding(check, False, right, str(error))) from None
    except PlatformError as error:
        raise _Failed(Finding(check, False, "", str(error))) from None
    findings.append(Finding(check, True))
    return answer


async def _symbols(pool: Pool, findings: list[Finding]) -> None:
    answer = await _step(pool, findings, "symbols", RIGHT_MANAGER, "symbol/total")
    try:
        total = codec.whole(answer.record, "Total")
    except Unreadable:
        total = 0
    if not total:
        findings[-1] = Finding("symbols", False, "", "The manager login sees no symbol.")


async def _accounts(pool: Pool, findings: list[Finding], groups: list[str], login: int | None) -> None:
    known = login
    for group in groups[:_GROUPS_TRIED]:
        logins = await _step(pool, [], "accounts", RIGHT_ACCOUNTS_READ, "user/logins", {"group": group})
        if known is None and logins.answer:
            known = int(str(logins.answer[0]))
        if known is not None:
            break
    if known is None:
        detail = "There is no account to try it on."
        findings += [Finding(check, None, "", detail) for check in ("accounts", "personal_data", "trades")]
        return
    answer = await _step(pool, findings, "accounts", RIGHT_ACCOUNTS_READ, "user/get", {"login": known})
    missing = [
        right
        for right, is_empty in (
            (RIGHT_NAMES, not codec.text(answer.record, "Name")),
            (RIGHT_DETAILS, not codec.text(answer.record, "Email", "EMail")),
        )
        if is_empty
    ]
    findings.append(Finding("personal_data", not missing, ", ".join(missing)))
    window = {"login": known, "from": 0, "to": 4_000_000_000}
    await _step(pool, [], "trades", RIGHT_TRADES_READ, "deal/get_total", window)
    await _step(pool, findings, "trades", RIGHT_TRADES_READ, "position/get_total", {"login": known})


async def _writing(pool: Pool, findings: list[Finding], login: int | None) -> None:
    if login is None:
        detail = "Name a test account to try it."
        findings += [Finding("change_accounts", None, "", detail), Finding("money", None, "", detail)]
        return
    answer = await _step(pool, [], "change_accounts", RIGHT_ACCOUNTS_READ, "user/get", {"login": login})
    same = {"Leverage": codec.text(answer.record, "Leverage")}
    findings.append(
        await _change(pool, "change_accounts", RIGHT_ACCOUNTS_MANAGE, "user/update", {"login": login}, same)
    )
    for amount in (_CENT, f"-{_CENT}"):
        comment = f"TEST-{secrets.token_hex(4)}"
        params = {"login": login, "type": codec.BALANCE, "balance": amount, "comment": comment, "check_margin": 1}
        found = await _change(pool, "money", RIGHT_MONEY, "trade/balance", params)
        if not found.is_ok:
            break
    findings.append(found)


async def _change(
    pool: Pool,
    check: str,
    right: str,
    command: str,
    params: Mapping[str, object],
    body: Mapping[str, object] | None = None,
) -> Finding:
    try:
        await pool.change(command, params, body)
    except Refused as error:
        return Finding(check, False, right if error.code == retcodes.NO_PERMISSION else "", str(error))
    except OutcomeUnknown as error:  # Some servers answer 403 to a manager who lacks the right.
        return Finding(check, None, right if "403" in str(error) else "", str(error))
    except PlatformError as error:
        return Finding(check, False, "", str(error))
    return Finding(check, True)
