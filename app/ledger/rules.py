"""What the books are made of, without a database: owners, lines, drafts, and what makes an entry the same entry."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

from app.kit.money import Money

OwnerKind = Literal["client", "partner", "house"]
MAIN, HELD, TEMPORARY, REDEEM = "main", "held", "temporary", "redeem"
_RUNNING_HOUSE: frozenset[str] = frozenset()  # House wallets that need a floor; none does yet.


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose wallet it is: a client, a partner (a client's other role, same id), or a house account by name."""

    kind: OwnerKind
    id: UUID | str

    def __post_init__(self) -> None:
        if (self.kind == "house") != isinstance(self.id, str):
            raise TypeError("A house account has a name; a client or partner has an id.")

    @property
    def uuid(self) -> UUID | None:
        return self.id if isinstance(self.id, UUID) else None

    @property
    def house(self) -> str | None:
        return self.id if isinstance(self.id, str) else None

    @property
    def keeps_balance(self) -> bool:
        """Whether the wallet stores its balance. One that does has a floor of zero; a redeem wallet has none."""
        return self.kind != "house" or self.house in _RUNNING_HOUSE


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry: what a wallet gains (positive) or gives (negative)."""

    wallet_id: UUID
    money: Money


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """An entry that is to be posted. `business_date` is the tenant's trading day; without one it is the present one."""

    key: str
    kind: str
    lines: Sequence[Line]
    memo: str | None = None
    business_date: date | None = None
    links: Sequence[tuple[str, UUID]] = field(default=())


# A line as the database takes it: wallet, currency, whole minor units.
Side = tuple[UUID, str, int]


def sides_in_lock_order(lines: Sequence[Line]) -> list[Side]:
    """The lines that move something, by wallet id, which is the order in which every transaction locks wallets."""
    sides = [(line.wallet_id, line.money.currency, line.money.minor) for line in lines]
    return sorted((side for side in sides if side[2]), key=_by_wallet)


def _by_wallet(side: Side) -> int:
    return side[0].int


def is_balanced(sides: Sequence[Side]) -> bool:
    """Whether there are sides at all, and they sum to zero in each currency."""
    totals: dict[str, int] = {}
    for _, currency, minor in sides:
        totals[currency] = totals.get(currency, 0) + minor
    return bool(sides) and not any(totals.values())


def content_hash(kind: str, sides: Sequence[Side], reverses: UUID | None = None) -> bytes:
    """What must be equal for a second call under the same key to be the same act: the kind and every line."""
    parts = sorted(f"{wallet.hex}:{currency}:{minor}" for wallet, currency, minor in sides)
    return hashlib.sha256("\n".join([kind, str(reverses or ""), *parts]).encode()).digest()[:16]


def slices(drafts: Sequence[EntryDraft], wallets_max: int) -> list[list[EntryDraft]]:
    """The drafts in their order, cut so that no slice touches more than `wallets_max` wallets; an entry stays whole."""
    cut: list[list[EntryDraft]] = []
    current: list[EntryDraft] = []
    wallets: set[UUID] = set()
    for draft in drafts:
        touched = {line.wallet_id for line in draft.lines}
        if current and len(wallets | touched) > wallets_max:
            cut.append(current)
            current, wallets = [], set()
        current.append(draft)
        wallets |= touched
    if current:
        cut.append(current)
    return cut
