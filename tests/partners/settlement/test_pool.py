"""Commission that is released into a pool of the whole brand: drawn by payouts, and taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.core.db import execute_sql, in_transaction, transaction
from app.kit.money import Money
from app.ledger import service as ledger
from app.partners import queries
from app.partners.payouts import service as payouts
from app.partners.payouts.terms import PayoutTerms
from app.partners.settlement import pool, posting
from tests.partners import world
from tests.partners.settlement.test_currencies import Pair
from tests.partners.trades import dec, plan_with
from tests.partners.world import BY

FRIDAY = date(2026, 11, 20)
LATER = datetime(2026, 12, 20, tzinfo=UTC)


def pooled(currency: str = "USD") -> Decimal:
    """What the pool's account holds; the partners' shares come to the same."""

    def read() -> Decimal:
        held = ledger.balance(ledger.wallet(pool.POOL, pool.PURPOSE, currency).id)
        shares = execute_sql(
            "SELECT coalesce(sum(balance_minor), 0) FROM commission_pool"
            " WHERE tenant_id = :tenant_id AND currency = :currency",
            currency=currency,
        ).scalar_one()
        assert held.minor == shares
        return held.amount

    return in_transaction(read)


def redeemable(pair: Pair) -> Decimal:
    return in_transaction(queries.balances, pair.p)[0].redeemable.amount


@pytest.fixture
def pair(here: None) -> Pair:
    found = Pair(release_target="tenant_pool")
    found.trade(FRIDAY, "1.00")
    world.settle(FRIDAY)
    return found


def test_what_is_released_stands_in_the_pool_and_a_payout_draws_it(pair: Pair) -> None:
    assert posting.release_due(LATER, BY) == 1
    assert posting.release_due(LATER, BY) == 0
    assert world.balances(pair.p) == {"temporary": dec(0), "redeem": dec(0)}
    assert (pooled(), redeemable(pair)) == (dec(8), dec(8))

    for _ in range(2):
        with transaction():
            world.pay_out(pair.p, "5.00", "once")
    assert (pooled(), redeemable(pair)) == (dec(3), dec(3))
    with pytest.raises(payouts.NotEnoughRedeemable, match="3"), transaction():
        world.pay_out(pair.p, "3.01", "too much")
    assert pooled() == dec(3)


def test_nobody_draws_what_is_anothers(pair: Pair) -> None:
    posting.release_due(LATER, BY)
    with transaction():
        other = world.make_client("Q")
    with pytest.raises(payouts.NotEnoughRedeemable), transaction():
        world.pay_out(other, "1.00", "once")
    assert pooled() == dec(8)


def test_what_is_taken_back_comes_out_of_the_pool_before_the_redeem_wallet(pair: Pair) -> None:
    posting.release_due(LATER, BY)
    with transaction():
        world.pay_out(pair.p, "5.00", "once")
    pair.cancel(1)
    world.settle(FRIDAY + timedelta(days=1))

    assert pooled() == dec(0)
    assert world.balances(pair.p) == {"temporary": dec(0), "redeem": dec(-5)}


def test_automatic_payouts_count_the_pool(here: None) -> None:
    pair = Pair(release_target="tenant_pool", payouts=PayoutTerms(automatic_from=dec(8)))
    pair.trade(FRIDAY, "1.00")
    world.settle(FRIDAY)
    posting.release_due(LATER, BY)

    assert payouts.pay_automatically(BY) == 1
    assert (pooled(), redeemable(pair)) == (dec(0), dec(0))


def test_a_share_stays_the_partners_when_the_plan_releases_to_partners_again(pair: Pair) -> None:
    posting.release_due(LATER, BY)
    with transaction():
        world.publish(plan_with(referral=None))
    pair.trade(FRIDAY + timedelta(days=1), "0.50")
    world.settle(FRIDAY + timedelta(days=1))
    posting.release_due(LATER, BY)

    assert (pooled(), world.balances(pair.p)["redeem"], redeemable(pair)) == (dec(8), dec(4), dec(12))
    with transaction():
        world.pay_out(pair.p, "10.00", "once")
    assert (pooled(), world.balances(pair.p)["redeem"]) == (dec(2), dec(0))
    assert in_transaction(pool.share_of, pair.p, "USD") == Money(dec(2), "USD")
