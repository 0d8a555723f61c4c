"""Holds: money that its owner still owns and may not spend."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from app.core.actor import Actor
from app.core.db import session
from app.kit import clock
from app.kit.money import Money
from app.ledger import errors, queries
from app.ledger.models import Hold, HoldStatus
from app.ledger.rules import HELD, Line, Owner
from app.ledger.service.posting import post
from app.ledger.service.wallets import wallet


def place_hold(key: str, wallet_id: UUID, money: Money, reason: str, by: Actor) -> Hold:
    """Move money from a wallet to its owner's held wallet, once per key. Raises InsufficientFunds, KeyReused."""
    source = queries.get_wallet(wallet_id)
    assert source.owner_id is not None, "Only a client's or partner's money is held."
    if money.currency != source.currency:
        raise errors.CurrencyMismatch
    if money.minor <= 0:
        raise errors.Unbalanced
    owner = Owner("client" if source.owner_kind == "client" else "partner", source.owner_id)
    held = wallet(owner, HELD, money.currency)
    entry = post(f"{key}:place", "hold.place", [Line(source.id, -money), Line(held.id, money)], by, memo=reason)
    if not entry.is_new:
        standing = queries.hold_by_key(key)
        if standing is None or (standing.wallet_id, standing.amount_minor) != (wallet_id, money.minor):
            raise errors.KeyReused
        return standing
    hold = Hold(
        key=key,
        wallet_id=source.id,
        held_wallet_id=held.id,
        currency=money.currency,
        amount_minor=money.minor,
        captured_minor=0,
        voided_minor=0,
        status=HoldStatus.OPEN,
        reason=reason,
        placed_at=clock.now(),
        closed_at=None,
    )
    session().add(hold)
    session().flush()
    return hold


def capture_hold(hold_id: UUID, key: str, to: Sequence[Line], by: Actor, memo: str | None = None) -> Hold:
    """Spend held money, all of it or a part: `to` says who gains what. Once per key.

    Raises HoldClosed when nothing is held any more, HoldExceeded when `to` takes more than is, KeyReused.
    """
    hold = queries.get_hold(hold_id, lock=True)
    part = sum((line.money for line in to), Money.zero(hold.currency))
    lines = [Line(hold.held_wallet_id, -part), *to]
    if queries.entry_by_key(key) is None:
        if hold.status is not HoldStatus.OPEN:
            raise errors.HoldClosed
        if part.minor <= 0 or part > hold.remaining:
            raise errors.HoldExceeded
    entry = post(key, "hold.capture", lines, by, memo=memo, links=[("hold", hold.id)])
    if entry.is_new:
        hold.captured_minor += part.minor
        _close_when_spent(hold, HoldStatus.CAPTURED)
    return hold


def void_hold(hold_id: UUID, key: str, by: Actor, memo: str | None = None) -> Hold:
    """Return what is still held to the wallet it came from, once per key. Raises HoldClosed when nothing is held."""
    hold = queries.get_hold(hold_id, lock=True)
    if queries.entry_by_key(key) is not None:
        return hold
    if hold.status is not HoldStatus.OPEN:
        raise errors.HoldClosed
    rest = hold.remaining
    lines = [Line(hold.held_wallet_id, -rest), Line(hold.wallet_id, rest)]
    post(key, "hold.void", lines, by, memo=memo, links=[("hold", hold.id)])
    hold.voided_minor += rest.minor
    _close_when_spent(hold, HoldStatus.VOIDED if not hold.captured_minor else HoldStatus.CAPTURED)
    return hold


def _close_when_spent(hold: Hold, status: HoldStatus) -> None:
    if not hold.remaining:
        hold.status, hold.closed_at = status, clock.now()
    session().flush()
