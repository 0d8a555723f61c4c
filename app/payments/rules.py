"""Bank details, limits and reasons: what can be said about a payment without a database."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from app.kit.money import Money
from app.kit.text import Message, _l

BANK_WIRE = "bank_wire"

DEPOSIT_REASONS: dict[str, Message] = {
    "not_received": _l("We did not receive the money."),
    "third_party": _l("The money came from somebody else's account and goes back there."),
    "wrong_amount": _l("The amount or currency does not match what you announced."),
    "unreadable_proof": _l("We could not read the proof of your transfer."),
    "other": _l("We could not accept this deposit. Contact support for details."),
}
WITHDRAWAL_REASONS: dict[str, Message] = {
    "holder_mismatch": _l("The bank account is not in your name."),
    "wrong_details": _l("The bank details are wrong or incomplete."),
    "verification_needed": _l("We need to verify your identity first."),
    "under_review": _l("Your account is being reviewed."),
    "bank_returned": _l("The bank returned the money."),
    "other": _l("We could not pay this withdrawal. Contact support for details."),
}
NOTE_LENGTH_MAX = 500

# How long an IBAN is in each country that has one (ISO 13616 registry).
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22,
    "VG": 24, "XK": 20,
}  # fmt: skip
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?")


@dataclass(frozen=True, slots=True)
class BankDetails:
    """Where a payout goes. Kept sealed; lists show the masked form."""

    holder: str
    iban: str
    bic: str
    bank_name: str

    @property
    def masked(self) -> str:
        """Country and last four characters of the account."""
        return f"{self.iban[:2]}•• •••• {self.iban[-4:]}"

    @property
    def grouped(self) -> str:
        """The IBAN in groups of four, as it is printed."""
        return " ".join(self.iban[i : i + 4] for i in range(0, len(self.iban), 4))


def normalised_iban(text: str) -> str:
    """An IBAN without spaces or dashes, in capitals, with Latin digits."""
    return re.sub(r"[\s\u00a0\u202f-]", "", text.translate(_DIGITS)).upper()


def iban_problem(iban: str) -> Message | None:
    """Why a normalised IBAN cannot be right: its country, its length, or its check digits."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban):
        return _l("Enter an IBAN: two letters for the country, then digits and letters.")
    length = _IBAN_LENGTHS.get(iban[:2])
    if length is None:
        return _l("The first two letters name no country that uses IBANs.")
    if len(iban) != length:
        return _l("An IBAN of this country has %(length)s characters; this one has %(given)s.", length=length,
                  given=len(iban))  # fmt: skip
    turned = iban[4:] + iban[:4]
    if int("".join(str(int(character, 36)) for character in turned)) % 97 != 1:
        return _l("The check digits of this IBAN are wrong. Compare it with your bank's papers.")
    return None


def bic_problem(bic: str) -> Message | None:
    """Why a BIC cannot be right. An empty one is allowed: the IBAN names the bank."""
    if bic and not _BIC.fullmatch(bic):
        return _l("A BIC has 8 or 11 letters and digits.")
    return None


def request_hash(money: Money, details: BankDetails) -> bytes:
    """What must be equal for a second press of the same form to be the same request."""
    text = "\n".join([str(money), details.holder, details.iban, details.bic, details.bank_name])
    return hashlib.sha256(text.encode()).digest()[:16]
