"""What of the evidence may be shown to whom. Staff see all; a partner sees nothing of other partners and accounts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from app.kit.text import Message, _l, _lp

PARTS: Final[dict[str, Message]] = {
    "line": _l("The line"),
    "reason": _l("The reason"),
    "award": _l("The award"),
    "siblings": _l("All lines of this partner on the trade"),
    "trade": _l("The trade"),
    "settled": _l("The trade as it was settled"),
    "deals": _lp("evidence", "Deals"),
    "client": _l("The client"),
    "path": _l("The path"),
    "receivers": _l("Who received"),
    "plan": _l("The plan version"),
    "rule": _l("The rule"),
    "terms": _l("The rule's shares"),
    "quotes": _l("Exchange rates"),
    "gates": _l("What spoke against it"),
    "verdict": _l("The verdict on the trade"),
    "holds": _lp("evidence", "Holds"),
    "run": _l("The settlement run"),
    "batches": _l("The day's sums"),
    "journals": _l("Journal entries"),
    "statement": _l("The statement"),
}
_FOR_PARTNERS: Final = (
    "line", "reason", "award", "siblings", "trade", "settled", "rule", "terms", "quotes", "holds", "batches",
    "statement",
)  # fmt: skip
_OF_TRADE: Final = (
    "id", "symbol", "symbol_class", "side", "volume_lots", "contract_size", "opened_at", "closed_at", "open_price",
    "close_price", "open_bid", "open_ask", "close_bid", "close_ask", "profit_currency", "closing_deal", "opening_deal",
)  # fmt: skip
_NOBODY_ELSES: Final = frozenset({"tenant_id", "client_id", "gates", "entry_id", "release_entry_id", "detail"})


def for_partner(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of the document that is the partner's own."""
    found = {name: _stripped(document[name]) for name in _FOR_PARTNERS if document.get(name) is not None}
    trade = document.get("trade")
    if trade is not None:
        found["trade"] = {name: trade.get(name) for name in _OF_TRADE}
    return found


def _stripped(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _stripped(item) for key, item in value.items() if key not in _NOBODY_ELSES}
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return value


def parts(document: Mapping[str, Any]) -> list[tuple[Message, list[list[tuple[str, str]]]]]:
    """The document for reading: each part with its records, each record with its names and values."""
    found = []
    for name, label in PARTS.items():
        value = document.get(name)
        records = value if isinstance(value, list) else [value]
        shown = [_pairs(record) for record in records if isinstance(record, Mapping)]
        if shown:
            found.append((label, shown))
    return found


def _pairs(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, _text(value)) for key, value in record.items() if key != "tenant_id" and value not in (None, "", [])]


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool | dict | list):
        return as_json(value)
    return str(value)


def as_json(value: Any) -> str:
    """JSON in which a number keeps every digit."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_json(item) for item in value) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
