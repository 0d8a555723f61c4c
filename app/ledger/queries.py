"""Reading the books, and the statements that the ledger's service runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select

from app.core.db import execute_sql, get, session, tenant_id
from app.core.errors import NotFound
from app.kit.ids import new_id
from app.kit.money import Money
from app.ledger.models import Adjustment, AdjustmentStatus, Hold, JournalEntry, JournalLink, Posting, Wallet
from app.ledger.rules import Line, Owner

# Sent to the driver as they stand: composing them anew for every entry would cost more than posting it. `%b` sends
# arrays in binary form, which need no quoting.
_POST = """
SELECT p.entry_id, p.outcome, p.posted_at FROM ledger_post(
  %(tenant_id)s, %(entry)s, %(key)s, %(hash)s, %(kind)s, %(memo)s::text, %(business_date)s, %(posted_at)s,
  %(actor_kind)s, %(actor_id)s::uuid, %(actor_name)s, %(reverses)s::uuid,
  %(wallets)b::uuid[], %(amounts)b::bigint[], %(currencies)b::text[]
) AS p
"""

_POST_BATCH = """
SELECT ledger_post_batch(
  %(tenant_id)s, %(entries)b::uuid[], %(keys)b::text[], %(hashes)b::bytea[], %(kinds)b::text[],
  %(memos)s::text[], %(dates)b::date[], %(posted_at)s, %(actor_kind)s, %(actor_id)s::uuid, %(actor_name)s,
  %(line_entries)b::int[], %(line_numbers)b::int[], %(wallets)b::uuid[], %(amounts)b::bigint[], %(currencies)b::text[]
)
"""


def run_post(**values: Any) -> Row[Any]:
    """Call the database's function that posts one entry: its id, what came of it, and when it was posted."""
    session().flush()
    return session().connection().exec_driver_sql(_POST, {"tenant_id": tenant_id(), **values}).one()


def run_post_batch(**values: Any) -> list[str]:
    """Call the database's function that posts many entries: the keys that stood already."""
    session().flush()
    found = session().connection().exec_driver_sql(_POST_BATCH, {"tenant_id": tenant_id(), **values}).scalar_one()
    return list(found or ())


_ADD_LINKS = """
INSERT INTO journal_link (tenant_id, entry_id, object_type, object_id)
SELECT :tenant_id, l.entry_id, l.object_type, l.object_id
FROM unnest(CAST(:entries AS uuid[]), CAST(:types AS text[]), CAST(:objects AS uuid[]))
  AS l (entry_id, object_type, object_id)
"""


def trust_keys() -> None:
    """Have this transaction look rows up by key. In books that a run has just filled the planner believes that reading
    a whole table is quicker, and the check that each posting's entry stands would do that once per posting. The plan of
    that check is kept by the connection, so what was kept before is forgotten."""
    execute_sql("DISCARD PLANS")
    execute_sql("SET LOCAL enable_seqscan = off")


def add_links(links: Sequence[tuple[UUID, str, UUID]]) -> None:
    """Say what entries are about: (entry, kind of object, object)."""
    if links:
        entries, types, objects = (list(column) for column in zip(*links, strict=True))
        execute_sql(_ADD_LINKS, entries=entries, types=types, objects=objects)


_MAKE_WALLETS = """
INSERT INTO wallet (
  tenant_id, id, owner_kind, owner_id, house, purpose, currency, keeps_balance, balance_minor, floor_minor,
  posting_count, created_at
)
SELECT
  :tenant_id, w.id, w.owner_kind, w.owner_id, w.house, w.purpose, w.currency, w.keeps_balance, 0,
  CASE WHEN w.keeps_balance AND w.purpose <> 'redeem' THEN 0 END, 0, :now  -- A clawback may take back what was spent.
FROM unnest(
  CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:owners AS uuid[]), CAST(:houses AS text[]),
  CAST(:purposes AS text[]), CAST(:currencies AS text[]), CAST(:keeps AS boolean[])
) AS w (id, owner_kind, owner_id, house, purpose, currency, keeps_balance)
ORDER BY w.owner_kind, w.owner_id, w.house, w.purpose, w.currency  -- Makers of the same ones meet in order.
ON CONFLICT ON CONSTRAINT wallet_of_owner DO NOTHING
"""

_SUM_SINCE_SNAPSHOT = """
SELECT coalesce(s.balance_minor, 0) + coalesce((
  SELECT sum(p.amount_minor) FROM posting AS p
  WHERE p.tenant_id = :tenant_id AND p.wallet_id = :wallet_id AND p.wallet_seq IS NULL
    AND p.entry_id >= coalesce(s.before_entry_id, '00000000-0000-0000-0000-000000000000')
), 0)
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
  SELECT w.before_entry_id, w.balance_minor FROM wallet_snapshot AS w
  WHERE w.tenant_id = :tenant_id AND w.wallet_id = :wallet_id
  ORDER BY w.before_entry_id DESC LIMIT 1
) AS s ON true
"""


def find_wallet(owner: Owner, purpose: str, currency: str) -> Wallet | None:
    """The owner's wallet, read fresh, or None where it was never needed."""
    statement = select(Wallet).where(
        Wallet.owner_kind == owner.kind,
        Wallet.owner_id == owner.uuid if owner.uuid else Wallet.owner_id.is_(None),
        Wallet.house == owner.house if owner.house else Wallet.house.is_(None),
        Wallet.purpose == purpose,
        Wallet.currency == currency,
    )
    return session().execute(statement, execution_options={"populate_existing": True}).scalar_one_or_none()


def make_wallets(wanted: Iterable[tuple[Owner, str, str]], now: datetime) -> None:
    """Make those wallets that do not stand yet. Two at once make one."""
    rows = list(wanted)
    execute_sql(
        _MAKE_WALLETS,
        ids=[new_id() for _ in rows],
        kinds=[owner.kind for owner, _, _ in rows],
        owners=[owner.uuid for owner, _, _ in rows],
        houses=[owner.house for owner, _, _ in rows],
        purposes=[purpose for _, purpose, _ in rows],
        currencies=[currency for _, _, currency in rows],
        keeps=[owner.keeps_balance for owner, _, _ in rows],
        now=now,
    )


def wallet_ids(wanted: Sequence[tuple[Owner, str, str]]) -> dict[tuple[Owner, str, str], UUID]:
    """The ids of those of the wanted wallets that stand."""
    found: dict[tuple[Owner, str, str], UUID] = {}
    for start in range(0, len(wanted), 5000):
        part = wanted[start : start + 5000]
        clients = {owner.uuid for owner, _, _ in part if owner.uuid}
        houses = {owner.house for owner, _, _ in part if owner.house}
        rows = session().execute(
            select(Wallet.id, Wallet.owner_kind, Wallet.owner_id, Wallet.house, Wallet.purpose, Wallet.currency).where(
                Wallet.owner_id.in_(clients) | Wallet.house.in_(houses)
            )
        )
        for row in rows:
            owner = Owner(row.owner_kind, row.owner_id or row.house)
            found[(owner, row.purpose, row.currency)] = row.id
    return {key: found[key] for key in wanted if key in found}


def get_wallet(wallet_id: UUID) -> Wallet:
    """A wallet by id, read fresh. Raises NotFound."""
    statement = select(Wallet).where(Wallet.id == wallet_id).execution_options(populate_existing=True)
    found = session().execute(statement).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def wallets_of(owner: Owner, purposes: Sequence[str] | None = None) -> list[Wallet]:
    """The owner's wallets by currency, read fresh; only of these purposes where they are given."""
    statement = select(Wallet).where(Wallet.owner_kind == owner.kind).order_by(Wallet.currency, Wallet.purpose)
    statement = statement.where(Wallet.owner_id == owner.uuid if owner.uuid else Wallet.house == owner.house)
    if purposes is not None:
        statement = statement.where(Wallet.purpose.in_(purposes))
    return list(session().execute(statement, execution_options={"populate_existing": True}).scalars())


_BALANCES_AT = """
SELECT w.purpose, w.currency, coalesce(sum(p.amount_minor) FILTER (WHERE e.posted_at <= :at), 0) AS minor
FROM wallet AS w
LEFT JOIN posting AS p ON p.tenant_id = w.tenant_id AND p.wallet_id = w.id
LEFT JOIN journal_entry AS e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
WHERE w.tenant_id = :tenant_id AND w.owner_kind = :kind AND w.owner_id = :owner
GROUP BY w.purpose, w.currency
"""


def balances_at(owner: Owner, at: datetime) -> dict[tuple[str, str], Money]:
    """What a client's or partner's wallets held as of an instant, by purpose and currency: the sum of every posting up
    to it, so the present instant gives the present balances."""
    rows = execute_sql(_BALANCES_AT, kind=owner.kind, owner=owner.uuid, at=at)
    return {(row.purpose, row.currency): Money.from_minor(int(row.minor), row.currency) for row in rows}


def house_wallets() -> list[Wallet]:
    """Every house wallet of the tenant."""
    statement = (
        select(Wallet).where(Wallet.owner_kind == "house").order_by(Wallet.house, Wallet.purpose, Wallet.currency)
    )
    return list(session().execute(statement).scalars())


def lock_wallet_rows(ids: Iterable[UUID]) -> None:
    """Lock wallets that keep a balance, lowest id first."""
    execute_sql(
        "SELECT 1 FROM wallet WHERE tenant_id = :tenant_id AND id = ANY (CAST(:ids AS uuid[])) AND keeps_balance"
        " ORDER BY id FOR NO KEY UPDATE",
        ids=list(ids),
    )


def summed_minor(wallet_id: UUID) -> int:
    """The balance of a wallet that keeps none: its last snapshot and what was posted since."""
    return int(execute_sql(_SUM_SINCE_SNAPSHOT, wallet_id=wallet_id).scalar_one())


def entry_by_key(key: str) -> JournalEntry | None:
    """The entry that was posted under a key."""
    return session().execute(select(JournalEntry).where(JournalEntry.key == key)).scalar_one_or_none()


def get_entry(entry_id: UUID) -> JournalEntry:
    """An entry by id. Raises NotFound."""
    found = get(JournalEntry, entry_id)
    if found is None:
        raise NotFound
    return found


def lines_of(entry_id: UUID) -> list[Line]:
    """The lines of an entry, in the order of their numbers."""
    rows = session().execute(
        select(Posting.wallet_id, Posting.amount_minor, Posting.currency)
        .where(Posting.entry_id == entry_id)
        .order_by(Posting.number)
    )
    return [Line(row.wallet_id, Money.from_minor(row.amount_minor, row.currency)) for row in rows]


def reversal_of(entry_id: UUID) -> JournalEntry | None:
    """The entry that undid this one."""
    return session().execute(select(JournalEntry).where(JournalEntry.reverses_id == entry_id)).scalar_one_or_none()


def entries_for(object_id: UUID) -> list[JournalEntry]:
    """The entries that were posted for an object, oldest first."""
    statement = (
        select(JournalEntry)
        .join(JournalLink, JournalLink.entry_id == JournalEntry.id)
        .where(JournalLink.object_id == object_id)
        .order_by(JournalEntry.posted_at, JournalEntry.id)
    )
    return list(session().execute(statement).scalars())


def get_hold(hold_id: UUID, *, lock: bool = False) -> Hold:
    """A hold by id. Raises NotFound."""
    found = get(Hold, hold_id, lock=lock)
    if found is None:
        raise NotFound
    return found


def hold_by_key(key: str) -> Hold | None:
    """The hold that was placed under a key."""
    return session().execute(select(Hold).where(Hold.key == key)).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A posting as its wallet's owner reads it, with the balance after it where the wallet keeps one."""

    seq: int
    entry_id: UUID
    kind: str
    memo: str | None
    posted_at: datetime
    business_date: date
    amount: Money
    balance_after: Money | None


def statement(wallet_id: UUID, *, before_seq: int | None = None, limit: int = 50) -> list[StatementLine]:
    """Lines of a wallet that keeps its balance, newest first; `before_seq` goes on where the last page ended."""
    chosen = (
        select(
            Posting.wallet_seq,
            Posting.entry_id,
            JournalEntry.kind,
            JournalEntry.memo,
            JournalEntry.posted_at,
            JournalEntry.business_date,
            Posting.amount_minor,
            Posting.balance_after_minor,
            Posting.currency,
        )
        .join(JournalEntry, (JournalEntry.id == Posting.entry_id) & (JournalEntry.tenant_id == Posting.tenant_id))
        .where(Posting.wallet_id == wallet_id, Posting.wallet_seq.is_not(None))
        .order_by(Posting.wallet_seq.desc())
        .limit(limit)
    )
    if before_seq is not None:
        chosen = chosen.where(Posting.wallet_seq < before_seq)
    return [
        StatementLine(
            seq=row.wallet_seq or 0,
            entry_id=row.entry_id,
            kind=row.kind,
            memo=row.memo,
            posted_at=row.posted_at,
            business_date=row.business_date,
            amount=Money.from_minor(row.amount_minor, row.currency),
            balance_after=Money.from_minor(row.balance_after_minor or 0, row.currency),
        )
        for row in session().execute(chosen)
    ]


def adjustments(
    *, status: AdjustmentStatus | None, limit: int = 100
) -> Sequence[Row[Adjustment, UUID | None, str, str]]:
    """Adjustments with their wallet's owner: what waits oldest first, what is decided newest first."""
    order = Adjustment.proposed_at if status is AdjustmentStatus.PROPOSED else Adjustment.proposed_at.desc()
    chosen = (
        select(Adjustment, Wallet.owner_id, Wallet.owner_kind, Wallet.purpose)
        .join(Wallet, (Wallet.id == Adjustment.wallet_id) & (Wallet.tenant_id == Adjustment.tenant_id))
        .order_by(order)
        .limit(limit)
    )
    if status is not None:
        chosen = chosen.where(Adjustment.status == status)
    return session().execute(chosen).all()


def proposed_adjustments() -> int:
    """How many adjustments wait for a second person."""
    waiting = select(func.count()).select_from(Adjustment).where(Adjustment.status == AdjustmentStatus.PROPOSED)
    return session().execute(waiting).scalar_one()


def get_adjustment(adjustment_id: UUID, *, lock: bool = False) -> Adjustment:
    """An adjustment by id. Raises NotFound."""
    found = get(Adjustment, adjustment_id, lock=lock)
    if found is None:
        raise NotFound
    return found


def adjustment_by_once_key(key: str) -> Adjustment | None:
    """The adjustment that was proposed with a form's number. Two presses at once are seen one after the other."""
    execute_sql("SELECT pg_advisory_xact_lock(hashtext('adjustment'), hashtext(:key))", key=f"{tenant_id()}:{key}")
    return session().execute(select(Adjustment).where(Adjustment.once_key == key)).scalar_one_or_none()


def balances_of(owners: Sequence[UUID], *, kind: str = "client", purpose: str = "main") -> Mapping[UUID, list[Money]]:
    """What each of these owners has in wallets of a purpose, by currency. Owners without wallets are absent."""
    rows = session().execute(
        select(Wallet.owner_id, Wallet.balance_minor, Wallet.currency)
        .where(Wallet.owner_kind == kind, Wallet.purpose == purpose, Wallet.owner_id.in_(owners))
        .order_by(Wallet.currency)
    )
    found: dict[UUID, list[Money]] = {}
    for row in rows:
        if row.owner_id is not None:
            found.setdefault(row.owner_id, []).append(Money.from_minor(row.balance_minor, row.currency))
    return found
