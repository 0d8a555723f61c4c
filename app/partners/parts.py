"""What every part of a plan is: immutable data that refuses a key nobody knows."""

from __future__ import annotations

import msgspec


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a plan: immutable, and a key nobody knows is an error."""
