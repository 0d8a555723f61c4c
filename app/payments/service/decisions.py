"""What deposits and withdrawals decide in the same way: staleness, two people, reasons, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Invalid
from app.kit import clock
from app.kit.money import Money
from app.kit.text import Message, _l
from app.notifications.service import Recipient, notify
from app.payments import bundle, errors, queries, rules
from app.payments.bundle import CurrencyRules
from app.payments.models import Deposit, PaymentApproval, Withdrawal


def currency_rules(currency: str) -> CurrencyRules:
    """The limits of an offered currency. Raises CurrencyNotOffered."""
    found = bundle.rules_of(currency)
    if found is None:
        raise errors.CurrencyNotOffered
    return found


def require_within(money: Money, least: Money, most: Money) -> None:
    """Raises AmountTooSmall or AmountTooLarge, naming the limit."""
    if money < least:
        raise errors.AmountTooSmall(limit=least)
    if money > most:
        raise errors.AmountTooLarge(limit=most)


def approvals_needed(money: Money) -> int:
    """How many different people must approve a payment of this size. A currency no longer offered needs two."""
    found = bundle.rules_of(money.currency)
    return 2 if found is None or money >= found.money("second_person_from") else 1


def require_fresh(row: Deposit | Withdrawal, version: int | None) -> None:
    """Raises StalePayment when the page that the decision came from showed an older state."""
    if version is not None and version != row.version:
        raise errors.StalePayment


def is_pressed_twice(row: Deposit | Withdrawal, version: int | None, last_by: UUID | None, by: Actor) -> bool:
    """Whether this is the same person's same press once more: the page shows the state just before their own act."""
    return version is not None and version == row.version - 1 and last_by is not None and last_by == by.id


def last_approver(row: Deposit | Withdrawal) -> UUID | None:
    """Who gave the latest approval."""
    steps = queries.approvals(row.id)
    return steps[-1].decided_by if steps else None


def approve_step(row: Deposit | Withdrawal, money: Money, *, by: Actor) -> bool:
    """Note one person's approval, and answer whether it was the last that is needed. The caller holds the row's lock.

    Raises OwnEarlierStep when this person has approved before; the database refuses that as well.
    """
    assert by.id is not None, "Only a person approves."
    if any(step.decided_by == by.id for step in queries.approvals(row.id)):
        raise errors.OwnEarlierStep
    row.approvals_needed = approvals_needed(money)
    row.approvals_given += 1
    session().add(
        PaymentApproval(
            object_id=row.id,
            step=row.approvals_given,
            deposit_id=row.id if isinstance(row, Deposit) else None,
            withdrawal_id=row.id if isinstance(row, Withdrawal) else None,
            amount_minor=money.minor,
            currency=money.currency,
            decided_by=by.id,
            decided_by_name=by.name,
            decided_at=clock.now(),
        )
    )
    return row.approvals_given >= row.approvals_needed


def require_reason(code: str, note: str, known: Mapping[str, Message]) -> str:
    """The note, cleaned. Raises ReasonNeeded, and Invalid for a note that is too long."""
    if code not in known:
        raise errors.ReasonNeeded
    if len(note) > rules.NOTE_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=rules.NOTE_LENGTH_MAX), field="note")
    return note.strip()


def decided(row: Deposit | Withdrawal, *, by: Actor) -> None:
    """Note who brought the payment to its end, and make pages that show an older state stale."""
    row.decided_by, row.decided_by_name, row.decided_at = by.id, by.name, clock.now()
    changed(row)


def changed(row: Deposit | Withdrawal) -> None:
    """Write the row and tell the open pages of the client and of the office."""
    row.version += 1
    session().flush()
    tell(row.client_id)


def tell(client_id: UUID) -> None:
    """The client's wallets and payments, and the office's queues, look different now."""
    live.publish(f"client:{client_id}", "wallet-changed")
    live.publish("office", "payments-changed")


def write_to(client_id: UUID, template: str, **params: object) -> None:
    """Mail the client, in the client's language, once this has committed."""
    client = clients.get(client_id)
    notify(f"payments.{template}", Recipient(client.email, client.name, client.language), **params)
