"""Deals as columns: one array literal per column, read by PostgreSQL's own parser.

A batch of one deal and one of thousands travel the same way. Every cell is written once, in one form for one value, and
the content hash is taken over these very texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from hashlib import blake2b
from operator import attrgetter

from app.trading.platforms.base import Deal, ServerClock

_NUMBERS = (
    "volume_lots", "volume_closed_lots", "contract_size", "price", "position_price", "market_bid", "market_ask",
    "profit", "swap", "commission", "fee", "profit_rate", "entry_price", "markup_usd", "balance_after",
)  # fmt: skip
_WHOLE = (
    "ticket", "login", "order_ticket", "position_id", "manager_login", "modify_flags", "money_digits",
    "server_time_msc", "opened_server_msc", "balance_version",
)  # fmt: skip
_WORDS = ("kind", "side", "entry", "reason", "symbol", "comment")
_FLAGS = ("is_service", "is_copied", "is_sign_unverified")


def deal_columns(deals: Sequence[Deal], times: ServerClock) -> dict[str, str]:
    """The columns of these deals as array literals, with their instants (`at_msc`, `opened_msc`, UTC) and
    `content_hash`: what must be equal for two reports of a ticket to say the same."""
    cells: dict[str, list[str]] = {}
    for name in _NUMBERS:
        cells[name] = [_number(value) for value in map(attrgetter(name), deals)]
    for name in _WHOLE:
        cells[name] = ["NULL" if value is None else str(value) for value in map(attrgetter(name), deals)]
    for name in _WORDS:
        cells[name] = _words(list(map(attrgetter(name), deals)))
    for name in _FLAGS:
        cells[name] = ["t" if value else "f" for value in map(attrgetter(name), deals)]
    hashes = [_hash(row) for row in zip(*cells.values(), strict=True)]
    cells["at_msc"] = [str(times.utc_msc(deal.server_time_msc)) for deal in deals]
    cells["opened_msc"] = [
        str(times.utc_msc(deal.opened_server_msc)) if deal.opened_server_msc else "NULL" for deal in deals
    ]
    cells["content_hash"] = hashes
    return {name: literal(column) for name, column in cells.items()}


def literal(cells: Iterable[str]) -> str:
    """An array literal of cells that are written already."""
    return "{" + ",".join(cells) + "}"


def _number(value: Decimal | None) -> str:
    """The one text of a number: 1.10 and 1.1 are the same."""
    if not value:
        return "NULL" if value is None else "0"
    text = str(value)
    if "E" in text:
        text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _words(values: Sequence[str | None]) -> list[str]:
    quoted = {value: _quoted(value) for value in set(values)}
    return [quoted[value] for value in values]


def _quoted(value: str | None) -> str:
    if value is None:
        return "NULL"
    plain = value.replace("\0", "").replace("\\", "\\\\").replace('"', '\\"')  # A NUL cannot be stored.
    return f'"{plain}"'


def _hash(row: Sequence[str]) -> str:
    return blake2b("\x1f".join(row).encode(), digest_size=16).hexdigest()
