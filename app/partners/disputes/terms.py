"""What a brand says about disputes: how long everybody has, and from which amount on two people decide."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from app.kit.text import Message, _l
from app.partners.parts import Part


class DisputeTerms(Part, frozen=True):
    """The section `partners.disputes` of a bundle.

    A line may be disputed for `file_within_days` days after its settlement day. The desk should answer within
    `answer_within_days`; an answered dispute whose partner is silent for `reply_within_days` counts as withdrawn. An
    amount above `second_person_above`, in the plan's currency, needs another person's yes.
    """

    file_within_days: int = 90
    answer_within_days: int = 5
    reply_within_days: int = 14
    second_person_above: Decimal = Decimal(50)
    open_max: int = 50


def term_faults(terms: DisputeTerms) -> Iterator[tuple[str, Message]]:
    """What is wrong with the terms: (key, sentence)."""
    for name in ("file_within_days", "answer_within_days", "reply_within_days", "open_max"):
        if not 1 <= getattr(terms, name) <= 3650:
            yield f"disputes.{name}", _l("Give a number from 1 to 3650.")
    if terms.second_person_above < 0:
        yield "disputes.second_person_above", _l("Give an amount of at least 0.")
