"""The arithmetic of the audit chain: what is hashed, and how values become comparable text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

GENESIS = "0" * 64  # What the first link of a tenant's chain follows.
UNSEALED_SECONDS_MAX = 10


def plain(value: object) -> Any:
    """A value as JSON can carry it, always in the same way. Decimals stay exact; what is unknown becomes its text."""
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return sorted((plain(item) for item in value), key=str)
        case Decimal() | UUID() | date() | time() | timedelta():
            return str(value)
        case _:
            return str(value)


def canonical(value: object) -> bytes:
    """One spelling for equal values."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def value_hash(salt: str, values: Mapping[str, object]) -> str:
    """The hash that stands for a record's values in the chain.

    The salt lies beside the values. When a person's values are erased it goes too, and what is left in the chain
    cannot be guessed back from a list of likely values.
    """
    return hashlib.sha256(salt.encode() + canonical(values)).hexdigest()


@dataclass(frozen=True, slots=True)
class Sealed:
    """What of a record is bound into the chain: who did what to what and when, and the hash of the values."""

    tenant_id: int
    seq: int
    record_id: UUID
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    action: str
    object_type: str
    object_id: str
    client_id: UUID | None
    request_id: str
    value_hash: str


def link_hash(previous: str, sealed: Sealed) -> str:
    """The hash of one link: of the link before it and of everything that this one binds."""
    return hashlib.sha256(previous.encode() + canonical(asdict(sealed))).hexdigest()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of an act, as it was and as it became. None where it did not exist."""

    field: str
    before: str | None
    after: str | None


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Difference]:
    """The fields that an act changed, in a stable order; unchanged ones are left out."""
    old, new = before or {}, after or {}
    changed = [name for name in [*old, *(key for key in new if key not in old)] if old.get(name) != new.get(name)]
    return [Difference(name, _shown(old.get(name)), _shown(new.get(name))) for name in changed]


def _shown(value: object) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
