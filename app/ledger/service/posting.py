"""The only doors through which money moves: one entry, many entries, and the entry that undoes one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from app.core.actor import Actor
from app.core.db import in_transaction, session
from app.core.errors import DomainError
from app.kit import clock
from app.kit.ids import new_id
from app.ledger import errors, queries, rules
from app.ledger.models import JournalLink
from app.ledger.rules import EntryDraft, Line
from app.tenancy import service as tenancy

WALLETS_PER_COMMIT_MAX = 1000
_REFUSALS: dict[str, type[DomainError]] = {
    "KL001": errors.InsufficientFunds,
    "KL002": errors.WalletMissing,
    "KL003": errors.CurrencyMismatch,
    "KL004": errors.Unbalanced,
    "KL005": errors.KeyReused,
}
_BY_CONSTRAINT: dict[str, type[DomainError]] = {
    "wallet_floor": errors.InsufficientFunds,
    "journal_entry_reversed_once": errors.AlreadyReversed,
}


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry that stands in the books. `is_new` is off when this key had posted it before."""

    id: UUID
    key: str
    kind: str
    posted_at: datetime
    is_new: bool


@dataclass(slots=True)
class BatchResult:
    """What became of a batch: how many entries are new, how many stood already, and which were refused and why."""

    posted: int = 0
    known: int = 0
    refused: list[tuple[EntryDraft, DomainError]] = field(default_factory=list)


def business_date_now() -> date:
    """The bound tenant's trading day by its business clock."""
    return clock.business_now().astimezone(tenancy.current().timezone).date()


def post(
    key: str,
    kind: str,
    lines: Sequence[Line],
    by: Actor,
    memo: str | None = None,
    business_date: date | None = None,
    links: Sequence[tuple[str, UUID]] = (),
    *,
    reverses: UUID | None = None,
) -> PostedEntry:
    """Post a balanced entry once. The same key with the same kind and lines answers the entry that stands.

    Raises KeyReused for the same key with other content, InsufficientFunds when a wallet would fall below its floor,
    CurrencyMismatch, WalletMissing, Unbalanced. A refusal spoils the transaction: roll back, or call in a savepoint.
    """
    sides = rules.sides_in_lock_order(lines)
    if not rules.is_balanced(sides):
        raise errors.Unbalanced
    with _refusals():
        row = queries.run_post(
            entry=new_id(),
            key=key,
            hash=rules.content_hash(kind, sides, reverses),
            kind=kind,
            memo=memo,
            business_date=business_date or business_date_now(),
            posted_at=clock.now(),
            actor_kind=by.kind,
            actor_id=by.id,
            actor_name=by.name,
            reverses=reverses,
            wallets=[side[0] for side in sides],
            amounts=[side[2] for side in sides],
            currencies=[side[1] for side in sides],
        )
    if row.outcome == "other":
        raise errors.KeyReused
    is_new = row.outcome == "posted"
    if is_new and links:
        session().add_all(JournalLink(entry_id=row.entry_id, object_type=t, object_id=i) for t, i in links)
        session().flush()
    return PostedEntry(row.entry_id, key, kind, row.posted_at, is_new)


def post_batch(entries: Sequence[EntryDraft], by: Actor) -> BatchResult:
    """Post many entries, each once, committing slices of at most 1,000 wallets so that nobody waits for all of them.

    Call it outside an open transaction. A slice that is refused is split until the refused entry stands alone; that one
    is answered in `refused`, the others are posted. Run again after a crash, it posts what is missing.
    """
    result = BatchResult()
    waiting = rules.slices(entries, WALLETS_PER_COMMIT_MAX)[::-1]
    while waiting:
        part = waiting.pop()
        try:
            known = in_transaction(post_slice, part, by)
        except DomainError as refusal:
            if len(part) == 1:
                result.refused.append((part[0], refusal))
            else:
                middle = len(part) // 2
                waiting += [part[middle:], part[:middle]]
        else:
            result.known += known
            result.posted += len(part) - known
    return result


def post_slice(entries: Sequence[EntryDraft], by: Actor) -> int:
    """Post entries together in the caller's transaction, all or none, and answer how many stood already.

    Refuses as `post` does. A key that occurs twice in one slice is refused as KeyReused.
    """
    if len({draft.key for draft in entries}) < len(entries):
        raise errors.KeyReused
    ids = [new_id() for _ in entries]
    today = business_date_now()
    ordered = [rules.sides_in_lock_order(draft.lines) for draft in entries]
    if not all(rules.is_balanced(sides) for sides in ordered):
        raise errors.Unbalanced
    flat = [side for sides in ordered for side in sides]
    queries.trust_keys()
    with _refusals():
        known = set(
            queries.run_post_batch(
                entries=ids,
                keys=[draft.key for draft in entries],
                hashes=[rules.content_hash(d.kind, sides) for d, sides in zip(entries, ordered, strict=True)],
                kinds=[draft.kind for draft in entries],
                memos=[draft.memo for draft in entries],
                dates=[draft.business_date or today for draft in entries],
                posted_at=clock.now(),
                actor_kind=by.kind,
                actor_id=by.id,
                actor_name=by.name,
                line_entries=[i for i, sides in enumerate(ordered, 1) for _ in sides],
                line_numbers=[number for sides in ordered for number in range(1, len(sides) + 1)],
                wallets=[side[0] for side in flat],
                amounts=[side[2] for side in flat],
                currencies=[side[1] for side in flat],
            )
        )
    queries.add_links(
        [
            (id_, kind, object_id)
            for id_, draft in zip(ids, entries, strict=True)
            if draft.key not in known
            for kind, object_id in draft.links
        ]
    )
    return len(known)


def reverse(entry_id: UUID, key: str, by: Actor, reason: str) -> PostedEntry:
    """Undo an entry by posting its opposite, once.

    Raises AlreadyReversed, NotReversible, InsufficientFunds, NotFound.
    """
    entry = queries.get_entry(entry_id)
    if entry.reverses_id is not None or entry.kind.startswith("hold."):
        raise errors.NotReversible
    standing = queries.reversal_of(entry_id)
    if standing is not None and standing.key != key:
        raise errors.AlreadyReversed
    lines = [Line(line.wallet_id, -line.money) for line in queries.lines_of(entry_id)]
    return post(key, "reversal", lines, by, memo=reason, reverses=entry_id)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the database refuses into the ledger's own refusals."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", None) or ""
        refusal = _REFUSALS.get(state) or _BY_CONSTRAINT.get(constraint)
        if refusal is None:
            raise
        raise refusal from error
