"""What a plan says about payouts: by which ways, when they need a person's yes, and when they go by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from app.kit.text import Message, _l
from app.partners.parts import Part

Method = Literal["wallet", "account", "bank"]
METHODS: tuple[Method, ...] = ("wallet", "account", "bank")
AMOUNTS = ("approval_from", "second_person_from", "automatic_from")


class PayoutTerms(Part, frozen=True):
    """Amounts are in the plan's currency. Nothing given means: to the own wallet, at once, when the partner asks.

    A payout of `approval_from` or more waits for a person, one of `second_person_from` or more for two. What is
    redeemable is paid to the partner's own wallet by itself once it reaches `automatic_from`.
    """

    methods: tuple[Method, ...] = ("wallet",)
    approval_from: Decimal | None = None
    second_person_from: Decimal | None = None
    automatic_from: Decimal | None = None

    def approvals_needed(self, amount: Decimal) -> int:
        """How many different people must approve a payout of this size."""
        if self.second_person_from is not None and amount >= self.second_person_from:
            return 2
        return 1 if self.approval_from is not None and amount >= self.approval_from else 0


def payout_faults(terms: PayoutTerms, min_payout: Decimal) -> Iterator[tuple[str, Message]]:
    """What is wrong with the terms: (key, sentence)."""
    if not terms.methods or len(set(terms.methods)) != len(terms.methods):
        yield "payouts.methods", _l("Name at least one way of payout, and each only once.")
    for name in AMOUNTS:
        amount: Decimal | None = getattr(terms, name)
        if amount is not None and not (amount.is_finite() and amount >= 0):
            yield f"payouts.{name}", _l("This number must not be negative.")
    if terms.automatic_from is not None and terms.automatic_from <= 0:
        yield "payouts.automatic_from", _l("Automatic payouts need an amount above zero.")
    if terms.automatic_from is not None and terms.automatic_from < min_payout:
        yield "payouts.automatic_from", _l("Automatic payouts cannot begin below the least amount of a payout.")
    if terms.automatic_from is not None and "wallet" not in terms.methods:
        yield "payouts.methods", _l("Automatic payouts go to the own wallet, so that way must be offered.")
