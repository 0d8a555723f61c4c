"""What two plans say otherwise: line by line, by the dotted name of each setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from app.partners.plan import Plan


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting. An empty side means that it is not there."""

    key: str
    before: str
    after: str


def differences(before: Plan | None, after: Plan) -> list[Difference]:
    """Every setting that differs, in the order of the plan. Rules and levels are matched by their names."""
    old = dict(_flat("", msgspec.to_builtins(before))) if before is not None else {}
    new = dict(_flat("", msgspec.to_builtins(after)))
    keys = [*new, *(key for key in old if key not in new)]
    return [
        Difference(key, old.get(key, ""), new.get(key, ""))
        for key in keys
        if old.get(key, "") != new.get(key, "") and key != "arbitrage_accepted_by"
    ]


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{prefix}.{name}" if prefix else str(name), inner)
    elif isinstance(value, (list, tuple)) and value and isinstance(value[0], Mapping):
        for number, inner in enumerate(value, 1):
            yield from _flat(f"{prefix}.{inner.get('name') or number}", {k: v for k, v in inner.items() if k != "name"})
    elif isinstance(value, (list, tuple)):
        yield prefix, ", ".join(_plain(one) for one in value)
    else:
        yield prefix, _plain(value)


def _plain(value: Any) -> str:
    """A value as people write it: 0.20 and 0.2 are the same number."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    try:
        return f"{Decimal(text).normalize():f}"
    except InvalidOperation:
        return text
