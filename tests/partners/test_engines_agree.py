"""The set-based engine against the plain reference, over random trees, plans, trades, moves and facts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from app.core.db import in_transaction
from app.partners import receivers
from tests.partners import draws, world, worlds

_day = iter(range(1, 100_000))


@pytest.mark.usefixtures("here")
@draws.examples(25)
@given(drawn=draws.worlds())
def test_sql_and_reference_give_the_same_lines_and_reasons(drawn: dict[str, Any]) -> None:
    built = worlds.build(drawn, draws.FIRST_DAY + timedelta(days=next(_day)))

    world.settle(built.day)

    assert worlds.settled(built.first) == worlds.expected(built)
    assert in_transaction(receivers.differences) == 0
