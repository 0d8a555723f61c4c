"""What movements of money are called."""

from __future__ import annotations

from app.kit.text import _l, _lp

KINDS = {
    "balance": _l("Deposit or withdrawal"),
    "credit": _lp("deal", "Credit"),
    "charge": _lp("deal", "Charge"),
    "correction": _lp("deal", "Correction"),
    "bonus": _lp("deal", "Bonus"),
    "commission": _lp("deal", "Commission"),
    "agent": _l("Agent's commission"),
    "interest": _lp("deal", "Interest"),
    "cancelled_trade": _l("Cancelled trade"),
    "dividend": _lp("deal", "Dividend"),
    "tax": _lp("deal", "Tax"),
    "compensation": _lp("deal", "Compensation"),
    "other": _lp("deal", "Other"),
}
