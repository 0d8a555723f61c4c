"""What clients are called, how they are ordered, and which states they have."""

from __future__ import annotations

import secrets
import unicodedata
from enum import StrEnum

from app.kit.text import Message, _l

NOTE_LENGTH_MAX = 2000
REASON_LENGTH_MAX = 300
KYC_LEVELS = (0, 1, 2, 3)

_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")


class ClientStatus(StrEnum):
    """Where a client stands in the life that the broker gives them."""

    REGISTERED = "registered"
    ACTIVE = "active"
    SUSPENDED = "suspended"

    @property
    def label(self) -> Message:
        return _STATUS_LABELS[self]

    @property
    def tone(self) -> str:
        return {"registered": "info", "active": "success", "suspended": "danger"}[self.value]


_STATUS_LABELS = {
    ClientStatus.REGISTERED: _l("Registered"),
    ClientStatus.ACTIVE: _l("Active"),
    ClientStatus.SUSPENDED: _l("Suspended"),
}

_KYC_LABELS = {
    0: _l("Not verified"),
    1: _l("Identity verified"),
    2: _l("Address verified"),
    3: _l("Fully verified"),
}


def kyc_label(level: int) -> Message:
    """What a verification level means, in words."""
    return _KYC_LABELS[level]


def kyc_tone(level: int) -> str:
    return "warning" if level == 0 else "success"


def sort_key(name: str) -> str:
    """A name as the database orders and searches it: case-folded, without accents, single blanks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return " ".join(plain.split())


def search_word(text: str) -> str:
    """What a person typed, as the search compares it: like a sort key, with Latin digits, without a leading #."""
    return sort_key(text.translate(_DIGITS)).removeprefix("#")[:100]


def new_number() -> int:
    """A client's number as people say it: seven digits at random, so that it tells nobody how many there are."""
    return 1_000_000 + secrets.randbelow(9_000_000)
