"""Wallets: made when first needed, read fresh, locked in one order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from app.kit import clock
from app.kit.money import Money
from app.ledger import queries
from app.ledger.models import Wallet
from app.ledger.rules import Owner


def wallet(owner: Owner, purpose: str, currency: str) -> Wallet:
    """The owner's wallet for a purpose and currency, made when it does not stand yet. Read fresh."""
    found = queries.find_wallet(owner, purpose, currency)
    if found is None:
        queries.make_wallets([(owner, purpose, currency)], clock.now())
        found = queries.find_wallet(owner, purpose, currency)
    assert found is not None, "The wallet was made in this transaction or stands committed."
    return found


def wallets(wanted: Sequence[tuple[Owner, str, str]]) -> dict[tuple[Owner, str, str], UUID]:
    """The ids of many wallets at once, the missing ones made: (owner, purpose, currency) -> wallet id."""
    found = queries.wallet_ids(wanted)
    missing = [key for key in dict.fromkeys(wanted) if key not in found]
    if missing:
        queries.make_wallets(missing, clock.now())
        found |= queries.wallet_ids(missing)
    return found


def lock_wallets(wallet_ids: Iterable[UUID]) -> None:
    """Lock every wallet that an act will touch, in id order, before its first posting.

    Needed only by an act that posts more than once in a transaction: a single `post` locks in order by itself.
    """
    queries.lock_wallet_rows(wallet_ids)


def balance(wallet_id: UUID) -> Money:
    """What the wallet holds now: credits positive. Raises NotFound."""
    row = queries.get_wallet(wallet_id)
    return row.balance if row.keeps_balance else Money.from_minor(queries.summed_minor(row.id), row.currency)
