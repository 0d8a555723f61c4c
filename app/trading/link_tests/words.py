"""A connection test in words: what was tried, and what to do about what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.kit.text import Message, _l

CHECKS: Mapping[str, Message] = {
    "answer": _l("The connector answers"),
    "sign_in": _l("Sign-in of the manager login"),
    "clock": _l("The server's clock"),
    "groups": _l("The list of groups"),
    "symbols": _l("The list of symbols"),
    "accounts": _l("Reading accounts"),
    "personal_data": _l("Names and addresses of account owners"),
    "trades": _l("Reading orders, positions and deals"),
    "change_accounts": _l("Changing accounts"),
    "money": _l("Moving money"),
    "webservices": _l("The WebServices interface"),
    "manager": _l("The Manager interface"),
}
_ADVICE: Mapping[str, Message] = {
    "answer": _l("No connector has taken the test. See that the connector runs, and try again."),
    "sign_in": _l(
        "The platform cannot be signed in to. Check the address, the certificate, the login with its API password, and"
        " whether our address is on the manager's list."
    ),
    "groups": _l("No account can be opened or read without groups. Let the manager login see the client groups."),
    "symbols": _l("Without symbols nothing can be counted in lots. Let the manager login see them."),
    "personal_data": _l(
        "The fields come back empty, without an error. Existing accounts cannot be matched to clients without them, and"
        " an account whose answer was lost cannot be found again."
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One finding as a page shows it."""

    check: Message
    is_ok: bool | None
    advice: Message | None
    detail: str


def lines(findings: list[dict[str, Any]]) -> list[Line]:
    """The findings of a test in words."""
    return [_line(finding) for finding in findings]


def _line(finding: Mapping[str, Any]) -> Line:
    check, right = str(finding["check"]), str(finding.get("right", ""))
    advice = None
    if finding["is_ok"] is not True:
        advice = _ADVICE.get(check)
        if right and check == "personal_data":
            advice = _l("Names or addresses are empty: the manager login lacks %(right)s.", right=right)
        elif right:
            advice = _l("The manager login lacks the right %(right)s. Ask the platform's administrator.", right=right)
    label = CHECKS.get(check, Message("%(code)s", {"code": check}))
    return Line(label, finding["is_ok"], advice, str(finding.get("detail", "")))
