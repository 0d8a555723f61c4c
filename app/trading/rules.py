"""Closed trades from deals. A platform keeps no history of positions; this computation is the history.

A leg is one closed part of a position: one closing deal joined to one opening deal it consumes, first in, first out.
Legs depend only on the
position's deals, not on the order in which they arrived, so a late or corrected deal is met by computing the
position again.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from app.trading.platforms.base import DealKind, Entry, Side

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Fill:
    """What the derivation needs of a deal. Instants are UTC, so a change of the platform's offset does not lengthen
    a trade."""

    ticket: int
    kind: DealKind
    side: Side | None
    entry: Entry | None
    is_service: bool
    at: datetime
    server_time_msc: int
    volume_lots: Decimal
    volume_closed_lots: Decimal | None
    price: Decimal
    position_price: Decimal | None = None
    market_bid: Decimal | None = None
    market_ask: Decimal | None = None
    profit: Decimal = _ZERO
    swap: Decimal = _ZERO
    commission: Decimal = _ZERO
    fee: Decimal = _ZERO
    reason: str = "client"
    money_digits: int = 2
    entry_price: Decimal | None = None  # Set where the platform itself says what a closing deal closes.
    opened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One closed part of a position. Without a known opening it is an orphan: nothing about its opening is known."""

    closing: Fill
    number: int  # From 1, in the order in which the closing deal consumes opening deals.
    opening: Fill | None
    side: Side
    volume_lots: Decimal
    holding: timedelta | None
    holding_nearest: timedelta | None
    profit: Decimal
    swap: Decimal
    commission: Decimal  # The closing deal's part and the opening deal's part, pro rata to the lots.
    fee: Decimal
    is_partial: bool  # Something of the position stays open after the closing deal.

    @property
    def open_price(self) -> Decimal | None:
        """What the platform says the closed part was entered at; else the opening deal's price; for an orphan the
        average the platform remembers, if it does."""
        if self.closing.entry_price is not None:
            return self.closing.entry_price
        return self.opening.price if self.opening else self.closing.position_price

    @property
    def opened_at(self) -> datetime | None:
        """The instant that the holding time counts from (UTC)."""
        if self.closing.entry_price is not None and self.closing.opened_at is not None:
            return self.closing.opened_at
        return self.opening.at if self.opening else None


@dataclass(frozen=True, slots=True)
class History:
    """A position as its deals tell it."""

    legs: tuple[Leg, ...]
    open_lots: Decimal
    side: Side | None  # Of what is still open.

    @property
    def has_orphan(self) -> bool:
        return any(leg.opened_at is None for leg in self.legs)


@dataclass(slots=True)
class _Open:
    fill: Fill
    lots: Decimal  # What it opened.
    left: Decimal

    def share(self, amount: Decimal, leg: Decimal) -> Decimal:
        """The part of the opening deal's cost that falls on its next `leg` lots."""
        return _part(amount, self.lots, self.lots - self.left, leg, self.fill.money_digits)


def derive_legs(fills: Iterable[Fill]) -> History:
    """Compute a position from all its deals, in any order."""
    ordered = sorted(fills, key=lambda fill: (fill.server_time_msc, fill.ticket))
    entries: deque[_Open] = deque()
    entry_times: list[datetime] = []
    legs: list[Leg] = []
    side: Side | None = None
    for fill in ordered:
        if fill.kind is not DealKind.TRADE or fill.is_service or fill.side is None:
            continue
        closed = _closed_lots(fill, sum((entry.left for entry in entries), _ZERO))
        opened = fill.volume_lots - closed if fill.entry in (Entry.IN, Entry.INOUT) else _ZERO
        if closed > 0:
            legs += _close(fill, closed, opened, entries, entry_times)
        if opened > 0:
            cost = (
                fill if fill.entry is Entry.IN else _without_costs(fill)
            )  # A reversal's costs fall on what it closes.
            entries.append(_Open(cost, opened, opened))
            entry_times.append(fill.at)
            side = fill.side
    open_lots = sum((entry.left for entry in entries), _ZERO)
    return History(tuple(legs), open_lots, side if open_lots else None)


def _closed_lots(fill: Fill, open_lots: Decimal) -> Decimal:
    """How much the deal closes. Where the platform does not say: all of an exit, and of a reversal what was open."""
    if fill.entry in (Entry.OUT, Entry.OUT_BY):
        return fill.volume_closed_lots or fill.volume_lots
    if fill.entry is Entry.INOUT:
        known = fill.volume_closed_lots
        return known if known else min(fill.volume_lots, open_lots)
    return _ZERO


def _close(
    fill: Fill, closed: Decimal, opened: Decimal, entries: deque[_Open], entry_times: Sequence[datetime]
) -> list[Leg]:
    assert fill.side is not None
    side = Side.SELL if fill.side is Side.BUY else Side.BUY  # The closing deal goes the other way than its position.
    before = [at for at in entry_times if at <= fill.at]
    nearest = fill.at - max(before) if before else None
    legs: list[Leg] = []
    done = _ZERO
    is_partial = opened > 0 or sum((entry.left for entry in entries), _ZERO) > closed
    if fill.entry_price is not None:
        return [_stated_leg(fill, side, closed, entries, nearest, is_partial=is_partial)]
    while done < closed:
        entry = entries[0] if entries else None
        lots = min(closed - done, entry.left) if entry else closed - done
        legs.append(
            Leg(
                closing=fill,
                number=len(legs) + 1,
                opening=entry.fill if entry else None,
                side=side,
                volume_lots=lots,
                holding=max(fill.at - entry.fill.at, timedelta(0)) if entry else None,
                holding_nearest=nearest if entry else None,
                profit=_part(fill.profit, closed, done, lots, fill.money_digits),
                swap=_part(fill.swap, closed, done, lots, fill.money_digits),
                commission=_part(fill.commission, closed, done, lots, fill.money_digits)
                + (entry.share(entry.fill.commission, lots) if entry else _ZERO),
                fee=_part(fill.fee, closed, done, lots, fill.money_digits)
                + (entry.share(entry.fill.fee, lots) if entry else _ZERO),
                is_partial=is_partial,
            )
        )
        done += lots
        if entry:
            entry.left -= lots
            if entry.left == 0:
                entries.popleft()
    return legs


def _stated_leg(
    fill: Fill,
    side: Side,
    closed: Decimal,
    entries: deque[_Open],
    nearest: timedelta | None,
    *,
    is_partial: bool,
) -> Leg:
    """One leg for a closing deal that says itself what it closed. Its commission and fee cover both sides already."""
    opening = entries[0].fill if entries else None
    left = closed
    while entries and left > 0:
        taken = min(left, entries[0].left)
        entries[0].left -= taken
        left -= taken
        if entries[0].left == 0:
            entries.popleft()
    opened_at = fill.opened_at or (opening.at if opening else None)
    holding = max(fill.at - opened_at, timedelta(0)) if opened_at else None
    return Leg(
        closing=fill,
        number=1,
        opening=opening,
        side=side,
        volume_lots=closed,
        holding=holding,
        holding_nearest=nearest if nearest is not None else holding,
        profit=fill.profit,
        swap=fill.swap,
        commission=fill.commission,
        fee=fill.fee,
        is_partial=is_partial,
    )


def _part(total: Decimal, whole: Decimal, before: Decimal, part: Decimal, digits: int) -> Decimal:
    """The share of `total` between `before` and `before + part` of `whole`. The shares of all parts sum to `total`
    exactly."""
    if not total:
        return _ZERO
    return _rounded(total, before + part, whole, digits) - _rounded(total, before, whole, digits)


def _rounded(total: Decimal, part: Decimal, whole: Decimal, digits: int) -> Decimal:
    if part == whole:
        return total
    with localcontext() as context:
        context.prec = 60
        return (total * part / whole).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)


def _without_costs(fill: Fill) -> Fill:
    return replace(fill, commission=_ZERO, fee=_ZERO)


MIN_PASSWORD, MAX_PASSWORD = 8, 16
_SPECIALS = "!#$%&*+-./:=?@_"


def password_weaknesses(password: str) -> list[str]:
    """What a platform password lacks: `length`, `lower`, `upper`, `digit`, `special`, `letters`. An empty list means
    it will do."""
    lacks = []
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        lacks.append("length")
    if not (password.isascii() and password.isprintable() and " " not in password):
        lacks.append("letters")
    for name, found in (
        ("lower", any(c.islower() for c in password)),
        ("upper", any(c.isupper() for c in password)),
        ("digit", any(c.isdigit() for c in password)),
        ("special", any(not c.isalnum() for c in password)),
    ):
        if not found:
            lacks.append(name)
    return lacks


def generate_password() -> str:
    """A password of 12 characters with all four classes, without characters that look alike."""
    classes = ("abcdefghijkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789", _SPECIALS)
    while True:
        picked = [secrets.choice(alphabet) for alphabet in classes]
        picked += [secrets.choice("".join(classes[:3])) for _ in range(8)]
        secrets.SystemRandom().shuffle(picked)
        password = "".join(picked)
        if not password_weaknesses(password):
            return password
