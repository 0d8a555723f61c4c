"""What machine words of awards are called on a page."""

from __future__ import annotations

from app.kit.text import Message, _l, _lp
from app.partners import labels

KINDS: dict[str, Message] = {
    "cpa": _l("For a client who deposits"),
    "pct_deposit": _l("Share of deposits"),
    "revenue_share": _l("Share of revenue"),
    "true_up": _l("Difference of a tier"),
    "override": _l("For partners below"),
    "correction": _l("Correction"),
    "cashback": _l("Cashback"),
}
RULE_KINDS: dict[str, Message] = {name: KINDS[name] for name in ("cpa", "pct_deposit", "revenue_share")}
LEVELS: dict[str, Message] = {
    "direct": _l("The direct partner gets all of it"),
    "referral": _l("The plan's levels share it"),
}
DEPOSITS: dict[str, Message] = {
    "all": _l("Every deposit, window after window"),
    "first": _l("The first deposit alone"),
}
PERIODS: dict[str, Message] = {"month": _l("Calendar month"), "week": _l("Week from Monday")}
MISSING: dict[str, Message] = {
    "deposit": _lp("condition", "Net deposit"),
    "lots": _lp("condition", "Lots traded"),
    "days": _l("Days since the first deposit"),
    "kyc": _l("Verification level"),
}
TRIGGERS: dict[str, Message] = {
    "chargeback": _l("A deposit was charged back"),
    "fraud": _l("Fraud"),
    "wrong_attribution": _l("The client belonged to somebody else"),
    "wrong_plan": _l("A wrong plan was applied"),
}
STATES = labels.STATES


def reason(code: str) -> Message:
    """The sentence of a reason against an award."""
    if code == "ZERO_AMOUNT":
        return _l("The plan's rule gives nothing for this.")
    return labels.reason(code)
