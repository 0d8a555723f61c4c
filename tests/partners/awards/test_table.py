"""Awards in a settlement: paid, taken back, held, proved, and each once."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import NotFound
from app.kit.ids import new_id
from app.partners.awards.service import Award, reverse_award, write_awards
from tests.partners import world
from tests.partners.conftest import HERE, THERE
from tests.partners.trades import plan_with

DAY = date(2026, 11, 20)


def start(**changes: Any) -> UUID:
    with transaction():
        partner = world.make_client("Partner")
        world.publish(plan_with(**changes))
    world.settle(DAY - timedelta(days=1))
    return partner


def written(partner: UUID, key: str, amount: str, **more: Any) -> int:
    award = Award(partner, "correction", key, Decimal(amount), **more)
    return in_transaction(write_awards, None, [award])


def statement(partner: UUID, day: date) -> tuple[Any, ...]:
    row = in_transaction(
        lambda: execute_sql(
            "SELECT lines, held, posted_minor FROM commission_statement"
            " WHERE tenant_id = :tenant_id AND partner_id = :partner AND business_date = :day",
            partner=partner,
            day=day,
        ).one()
    )
    return row.lines, row.held, row.posted_minor


@pytest.mark.usefixtures("here")
def test_an_award_is_paid_once_and_stands_on_the_statement() -> None:
    partner = start()

    assert (written(partner, "one", "12.345"), written(partner, "one", "99")) == (1, 0)
    world.settle(DAY)

    assert world.balances(partner)["temporary"] == Decimal("12.34")
    assert statement(partner, DAY) == (Decimal("12.345"), 0, 1234)


@pytest.mark.usefixtures("here")
def test_an_award_and_its_reversal_come_to_nothing() -> None:
    partner = start()
    written(partner, "one", "12.345")
    world.settle(DAY)

    assert in_transaction(reverse_award, partner, "correction", "one")
    assert not in_transaction(reverse_award, partner, "correction", "one")
    world.settle(DAY + timedelta(days=1))

    assert world.balances(partner) == {"temporary": 0, "redeem": 0}
    with pytest.raises(NotFound):
        in_transaction(reverse_award, partner, "correction", "another")


@pytest.mark.usefixtures("here")
def test_an_amount_below_zero_is_taken_from_what_is_there() -> None:
    partner = start(audit_days=30)
    written(partner, "one", "20")
    world.settle(DAY)
    written(partner, "less", "-5.5")
    world.settle(DAY + timedelta(days=1))

    assert world.balances(partner) == {"temporary": Decimal("14.5"), "redeem": 0}
    assert statement(partner, DAY + timedelta(days=1)) == (Decimal("-5.5"), 0, -550)


@pytest.mark.usefixtures("here")
def test_a_held_award_is_paid_when_nothing_speaks_against_it_any_more() -> None:
    partner = start()
    hold: dict[str, Any] = {"held_for": ("PARTNER_KYC",), "expires_on": DAY + timedelta(days=30)}
    written(partner, "one", "7", **hold)
    world.settle(DAY)
    assert world.balances(partner)["temporary"] == 0
    assert statement(partner, DAY) == (0, 7, 0)

    world.settle(DAY + timedelta(days=1))

    assert world.balances(partner)["temporary"] == 7


@pytest.mark.usefixtures("here")
def test_a_held_award_that_is_reversed_is_never_paid() -> None:
    partner = start()
    written(partner, "one", "7", held_for=("PARTNER_KYC",), expires_on=DAY + timedelta(days=30))
    world.settle(DAY)
    in_transaction(reverse_award, partner, "correction", "one")
    world.settle(DAY + timedelta(days=1))

    assert world.balances(partner) == {"temporary": 0, "redeem": 0}


@pytest.mark.usefixtures("pays")
def test_awards_of_another_tenant_are_not_there() -> None:
    outsider = new_id()
    with tenant_scope(THERE):
        there = start()
        written(there, "one", "5")
    with tenant_scope(HERE):
        here = start()
        with pytest.raises(NotFound):
            in_transaction(reverse_award, there, "correction", "one")
        with pytest.raises(NotFound):
            in_transaction(reverse_award, outsider, "correction", "one")
        world.settle(DAY)
        assert world.balances(here)["temporary"] == 0
    with tenant_scope(THERE):
        world.settle(DAY)
        assert world.balances(there)["temporary"] == 5
