"""Tickets grow, with gaps, as on a server whose numbers several databases share."""

from __future__ import annotations

from random import Random

_GAPS = (0, 0, 0, 0, 0, 0, 1, 1, 2, 5)


class Tickets:
    """Numbers for orders and deals. The same seed gives the same numbers."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self.last = {"order": 500, "deal": 400}

    def take(self, kind: str) -> int:
        """The next number of a kind."""
        self.last[kind] += 1 + self._random.choice(_GAPS)
        return self.last[kind]
