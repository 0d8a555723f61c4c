"""Partners who are paid in a currency other than the plan's: the day converted once, nothing created, nothing lost."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.db import batch_scope, execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import NotFound
from app.kit import clock
from app.kit.money import exponent, round_decimal
from app.ledger import service as ledger
from app.partners import receivers
from app.partners.rules import Quote
from app.partners.rules.posting import MODES, post_day
from app.partners.settlement import posting, wallets
from app.partners.settlement import run as settlement
from app.rates import queries as rate_rows
from tests.partners import world
from tests.partners.conftest import RATE_DAY, THERE
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY

FRIDAY = date(2026, 11, 20)
WALLETS = {"EUR": Quote(dec(1), dec("1.1")), "JPY": Quote(dec("130.7658"), dec("1.1"))}


class Pair:
    """Partner P above trader D; P has an amount per lot."""

    def __init__(self, rate: str = "8.00", **changes: Any) -> None:
        with transaction():
            self.p, self.d = world.make_client("P"), world.make_client("D")
            world.link(self.d, self.p)
            world.grant(self.p, dec(rate))
            self.plan = plan_with(referral=None, **changes)
            world.publish(self.plan)
            self.platform = world.make_platform()

    def pay_in(self, currency: str) -> None:
        with transaction():
            wallets.choose_currency(self.p, currency, by=BY)

    def trade(self, day: date, *lots: str) -> list[int]:
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        with transaction():
            return self.platform.store(
                [
                    {
                        "client_id": self.d,
                        "opened_at": noon + timedelta(seconds=n, minutes=-10),
                        "closed_at": noon + timedelta(seconds=n),
                        "volume_lots": dec(each),
                    }
                    for n, each in enumerate(lots)
                ]
            )

    def cancel(self, trade_id: int) -> None:
        with transaction():
            self.platform.batches += 1
            execute_sql(
                "UPDATE closed_trade SET deleted_at = closed_at, corrected_at = closed_at, revision = 1, batch_no = :no"
                " WHERE tenant_id = :tenant_id AND id = :id",
                id=trade_id,
                no=self.platform.batches,
            )


def batches(day: date) -> list[Any]:
    return in_transaction(
        lambda: list(
            execute_sql(
                "SELECT * FROM commission_batch WHERE tenant_id = :tenant_id AND business_date = :day"
                " ORDER BY currency, sequence",
                day=day,
            )
        )
    )


def statements(day: date) -> dict[str, Any]:
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT * FROM commission_statement WHERE tenant_id = :tenant_id AND business_date = :day", day=day
        ).all()
    )
    return {row.currency: row for row in rows}


def total(currency: str) -> Decimal:
    """What all of the tenant's partners have, and what the house has spent, in a currency: they are the same."""

    def read() -> Decimal:
        return -ledger.balance(ledger.wallet(posting.EXPENSE, "commission", currency).id).amount

    return in_transaction(read)


def test_example_16d_a_euro_wallet(here: None) -> None:
    with batch_scope("test rates"), transaction():
        rate_rows.store_quotes([("USD", RATE_DAY, dec("1.10006"))])
    pair = Pair()
    pair.pay_in("EUR")
    pair.trade(FRIDAY, "1.00")

    run = world.settle(FRIDAY)

    [batch] = batches(FRIDAY)
    assert (batch.currency, batch.lines, batch.posted_minor) == ("EUR", dec("8.00"), 727)
    assert round(batch.converted, 6) == dec("7.272331")
    assert (batch.multiply / batch.divide).quantize(dec("0.00001")) == (1 / dec("1.10006")).quantize(dec("0.00001"))
    assert batch.rate_source == "ecb"
    assert batch.carry_out == batch.converted - dec("7.27")
    assert world.balances(pair.p, "EUR")["temporary"] == dec("7.27") == total("EUR")
    assert world.balances(pair.p)["temporary"] == dec(0)
    [statement] = statements(FRIDAY).values()
    assert (statement.currency, statement.lines, statement.converted) == ("EUR", dec("8.00"), batch.converted)
    assert run.proof["others"]["EUR"]["posted_minor"] == run.proof["others"]["EUR"]["temporary_minor"] == 727

    posting.release_due(datetime(2026, 11, 24, tzinfo=UTC), BY)
    assert world.balances(pair.p, "EUR") == {"temporary": dec(0), "redeem": dec("7.27")}


@pytest.mark.parametrize("currency", ["EUR", "JPY"])
@pytest.mark.parametrize(
    ("scope", "mode"), [("day", "half_even"), ("day", "down"), ("line", "half_even"), ("line", "half_up")]
)
def test_both_engines_convert_round_and_carry_alike(here: None, currency: str, scope: str, mode: str) -> None:
    drawn = random.Random(f"{currency} {scope} {mode}")
    pair = Pair("8.37", rounding_scope=scope, rounding_mode=mode)
    pair.pay_in(currency)
    carry, paid, settled = Decimal(0), Decimal(0), Decimal(0)
    for number in range(5):
        day = FRIDAY + timedelta(days=number)
        lots = [f"0.{drawn.randint(1, 99):02d}" for _ in range(drawn.randint(1, 4))]
        pair.trade(day, *lots)
        world.settle(day)
        wanted = post_day(
            [dec(each) * dec("8.37") for each in lots],
            carry,
            pair.plan,
            currency,
            track="god",
            wallet=WALLETS[currency],
        )
        [batch] = batches(day)
        assert (batch.lines, batch.converted, batch.carry_in, batch.posted_minor, batch.carry_out) == (
            wanted.lines, wanted.settled, wanted.carry_in, wanted.posted.minor, wanted.carry_out,
        )  # fmt: skip
        carry = wanted.carry_out if scope == "day" else Decimal(0)
        paid, settled = paid + wanted.posted.amount, settled + wanted.settled
    assert world.balances(pair.p, currency)["temporary"] == paid == total(currency)
    if scope == "day":
        assert settled == paid + carry


@given(
    days=st.lists(st.lists(st.decimals("0.0000000001", "9999", places=10), max_size=5), min_size=1, max_size=8),
    multiply=st.decimals("0.01", "200", places=6),
    divide=st.decimals("0.01", "200", places=6),
    mode=st.sampled_from(sorted(MODES)),
)
def test_over_days_nothing_is_created_and_nothing_lost(
    days: list[list[Decimal]], multiply: Decimal, divide: Decimal, mode: str
) -> None:
    plan, wallet = plan_with(rounding_mode=mode), Quote(multiply, divide)
    carry, posted, settled = Decimal(0), Decimal(0), Decimal(0)
    for amounts in days:
        done = post_day(amounts, carry, plan, "EUR", wallet=wallet)
        assert done.settled + done.carry_in - done.carry_out == done.posted.amount
        carry, posted, settled = done.carry_out, posted + done.posted.amount, settled + done.settled
    assert settled == posted + carry
    assert abs(carry) < dec("0.01")
    assert round_decimal(posted, exponent("EUR")) == posted


def test_what_is_taken_back_goes_in_the_currency_and_at_the_rate_that_held_it(here: None) -> None:
    pair = Pair()
    pair.pay_in("EUR")
    [taken] = pair.trade(FRIDAY, "1.00")
    world.settle(FRIDAY)
    before = world.balances(pair.p, "EUR")["temporary"]
    with batch_scope("test rates"), transaction():
        rate_rows.store_quotes([("USD", RATE_DAY + timedelta(days=1), dec("1.5"))])
    pair.pay_in("USD")
    pair.cancel(taken)
    pair.trade(FRIDAY + timedelta(days=1), "0.50")

    world.settle(FRIDAY + timedelta(days=1))

    assert before == dec("7.27")
    assert world.balances(pair.p, "EUR") == {"temporary": dec(0), "redeem": dec(0)}
    assert world.balances(pair.p)["temporary"] == dec("4.00")
    euro, dollar = batches(FRIDAY + timedelta(days=1))
    assert (euro.purpose, euro.currency, euro.lines, euro.multiply / euro.divide) == (
        "clawback", "EUR", dec("-8.00"), 1 / dec("1.1"),
    )  # fmt: skip
    assert (dollar.purpose, dollar.currency, dollar.lines) == ("settle", "USD", dec("4.00"))
    told = statements(FRIDAY + timedelta(days=1))
    assert (told["EUR"].lines, told["USD"].lines) == (dec("-8.00"), dec("4.00"))
    assert total("EUR") == 0


def test_a_neighbour_in_the_plans_currency_and_another_tenant_are_untouched(here: None) -> None:
    pair = Pair()
    with transaction():
        other, below = world.make_client("Q"), world.make_client("E")
        world.link(below, other)
        world.grant(other, dec(8))
        receivers.rebuild()
        pair.platform.store(
            [
                {
                    "client_id": below,
                    "opened_at": datetime(2026, 11, 20, 11, tzinfo=UTC),
                    "closed_at": datetime(2026, 11, 20, 12, tzinfo=UTC),
                }
            ]
        )
    pair.pay_in("EUR")
    pair.trade(FRIDAY, "1.00")
    with tenant_scope(THERE):
        beside = Pair()
        beside.trade(FRIDAY, "1.00")
    world.settle(FRIDAY)
    with tenant_scope(THERE):
        world.settle(FRIDAY)
        assert world.balances(beside.p)["temporary"] == dec("8.00")
        with pytest.raises(NotFound), transaction():
            wallets.choose_currency(pair.p, "EUR", by=BY)

    assert world.balances(other)["temporary"] == dec("8.00")
    assert sorted(statements(FRIDAY)) == ["EUR", "USD"]


def test_a_currency_without_a_rate_stops_the_run_and_says_so(here: None) -> None:
    early = date(1998, 6, 1)  # Before there was a euro.
    pair = Pair()
    pair.pay_in("JPY")
    pair.trade(early, "1.00")

    run = settlement.settle_day(early, by=BY)

    assert run.failure == "There is no exchange rate from USD to JPY yet."
    assert not run.is_proved


def test_only_offered_currencies_with_a_rate_can_be_chosen(here: None) -> None:
    pair = Pair()
    with clock.frozen(datetime(2026, 11, 21, tzinfo=UTC)):
        assert in_transaction(wallets.offered) == ["USD", "EUR", "JPY"]
        with pytest.raises(wallets.CurrencyNotOffered), transaction():
            wallets.choose_currency(pair.p, "GBP", by=BY)
        pair.pay_in("EUR")
        assert in_transaction(wallets.currency_of, pair.p) == "EUR"
        pair.pay_in("USD")
        assert in_transaction(wallets.currencies_in_use) == ["USD"]
