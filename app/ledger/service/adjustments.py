"""Corrections by hand: two different people, a reason, and the house's adjustment wallet on the other side."""

from __future__ import annotations

from uuid import UUID

from app.audit import service as audit
from app.core import live
from app.core.actor import Actor
from app.core.db import session
from app.core.errors import Invalid
from app.kit import clock
from app.kit.money import Money
from app.kit.text import _l
from app.ledger import errors, queries
from app.ledger.models import Adjustment, AdjustmentStatus, Wallet
from app.ledger.rules import HELD, Line, Owner
from app.ledger.service.posting import post
from app.ledger.service.wallets import wallet

REASON_LENGTH_MAX = 500


def propose_adjustment(wallet_id: UUID, money: Money, reason: str, *, once: str, by: Actor) -> Adjustment:
    """Propose to give a wallet `money` (or take it, when negative). Nothing moves until another person approves.

    The same `once` answers the first proposal. Raises NotFound, Invalid naming the field, and KeyReused for the same
    `once` with another wallet or amount.
    """
    assert by.id is not None, "Only a person proposes an adjustment."
    standing = queries.adjustment_by_once_key(once)
    if standing is not None:
        if (standing.wallet_id, standing.amount, standing.proposed_by) != (wallet_id, money, by.id):
            raise errors.KeyReused
        return standing
    target = queries.get_wallet(wallet_id)
    if target.owner_kind == "house" or target.purpose == HELD:
        raise Invalid(_l("Only a client's or partner's own wallet can be adjusted."), field="wallet_id")
    if money.currency != target.currency:
        raise errors.CurrencyMismatch(field="amount")
    if not money:
        raise Invalid(_l("The amount must not be zero."), field="amount")
    if not 5 <= len(reason.strip()) <= REASON_LENGTH_MAX:
        raise Invalid(_l("Give a reason of at least 5 and at most 500 characters."), field="reason")
    row = Adjustment(
        wallet_id=target.id,
        currency=money.currency,
        amount_minor=money.minor,
        reason=reason.strip(),
        once_key=once,
        status=AdjustmentStatus.PROPOSED,
        proposed_by=by.id,
        proposed_by_name=by.name,
        proposed_at=clock.now(),
        decided_by=None,
        decided_by_name=None,
        decided_at=None,
        decision_note=None,
        entry_id=None,
    )
    session().add(row)
    session().flush()
    audit.record(
        "ledger.adjustment.propose",
        row,
        by=by,
        after={"wallet": target.id, "amount": str(money)},
        reason=row.reason,
        client_id=target.owner_id,
    )
    live.publish("office", "adjustments-changed")
    return row


def approve_adjustment(adjustment_id: UUID, *, by: Actor) -> Adjustment:
    """Book a proposed adjustment. Raises AdjustmentDecided, SamePerson for the proposer, InsufficientFunds.

    The row is locked before it is read, so two people pressing Approve together book it once.
    """
    row = queries.get_adjustment(adjustment_id, lock=True)
    if row.status is not AdjustmentStatus.PROPOSED:
        raise errors.AdjustmentDecided
    if row.proposed_by == by.id:
        raise errors.SamePerson
    target = queries.get_wallet(row.wallet_id)
    before = target.balance
    house = wallet(Owner("house", "adjustment"), "adjustment", row.currency)
    entry = post(
        f"adjustment:{row.id}",
        "adjustment",
        [Line(target.id, row.amount), Line(house.id, -row.amount)],
        by,
        memo=row.reason,
        links=[("adjustment", row.id)],
    )
    row.entry_id = entry.id
    _decide(row, AdjustmentStatus.APPROVED, by)
    audit.record(
        "ledger.adjustment.approve",
        row,
        by=by,
        before={"balance": str(before)},
        after={"balance": str(before + row.amount), "proposed_by": row.proposed_by_name},
        client_id=target.owner_id,
    )
    _tell(target)
    return row


def reject_adjustment(adjustment_id: UUID, note: str, *, by: Actor) -> Adjustment:
    """Turn a proposal down with a note; its proposer may do so too. Raises AdjustmentDecided, Invalid."""
    row = queries.get_adjustment(adjustment_id, lock=True)
    if row.status is not AdjustmentStatus.PROPOSED:
        raise errors.AdjustmentDecided
    if not note.strip():
        raise Invalid(_l("Say why you turn this down."), field="note")
    row.decision_note = note.strip()[:REASON_LENGTH_MAX]
    _decide(row, AdjustmentStatus.REJECTED, by)
    target = queries.get_wallet(row.wallet_id)
    audit.record("ledger.adjustment.reject", row, by=by, reason=row.decision_note, client_id=target.owner_id)
    live.publish("office", "adjustments-changed")
    return row


def _decide(row: Adjustment, status: AdjustmentStatus, by: Actor) -> None:
    row.status, row.decided_by, row.decided_by_name, row.decided_at = status, by.id, by.name, clock.now()
    session().flush()


def _tell(target: Wallet) -> None:
    if target.owner_id is not None:
        live.publish(f"client:{target.owner_id}", "wallet-changed")
    live.publish("office", "adjustments-changed")
