"""Worked examples 5, 6, 7 and 12: which volume counts, and at which amount, in both engines."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert

from app.core.db import execute_sql, in_transaction, session, transaction
from app.partners.plan import Plan
from app.partners.ranks.terms import Band, TierMethod, Tiers
from app.partners.rules import Facts
from app.partners.rules.own import Month, flat_true_up, tiered
from app.partners.volume.counting import Funds
from app.trading.models import DealRow
from tests.partners import world
from tests.partners.examples.stage import FRIDAY, Stage, amounts, at
from tests.partners.trades import OPENED, PLAN, dec, plan_with, trade
from tests.partners.volume import neighbours

pytestmark = pytest.mark.usefixtures("here")
EVERYBODY = (("referral", "C"), ("referral", "B"), ("referral", "A"), ("god", "A"))


@pytest.mark.parametrize("held_ms", [179_000, 179_999])
def test_example_05_too_short_by_a_second_or_a_millisecond(held_ms: int) -> None:
    played = Stage().play(PLAN, trade(spread="0.00010", held=timedelta(milliseconds=held_ms)))

    assert played.only == {}
    assert played.why == dict.fromkeys(EVERYBODY, "HOLD_TOO_SHORT")
    assert played.posted == {}


def test_example_05_exactly_the_minimum_holding_time() -> None:
    stage = Stage()
    played = stage.play(PLAN, trade(spread="0.00010", held=timedelta(seconds=180)))

    assert played.only == amounts(R1_C="4.00", R2_B="2.00", R3_A="1.00", G_A="8.00")
    assert [stage.temporary(name) for name in "CBA"] == [dec("4.00"), dec("2.00"), dec("9.00")]


EARLY = trade(spread="0.00010", lots="0.40", held=timedelta(seconds=150), is_partial=True, position=7001)
REST = trade(spread="0.00010", lots="0.60", held=timedelta(seconds=300), position=7001)


def test_example_05_each_partial_close_has_its_own_clock() -> None:
    played = Stage().play(PLAN, EARLY, REST)

    assert played.raw == [{}, amounts(R1_C="2.40", R2_B="1.20", R3_A="0.60", G_A="4.80")]
    assert played.reasons == [dict.fromkeys(EVERYBODY, "HOLD_TOO_SHORT"), {}]


def test_example_05_partial_closes_excluded() -> None:
    played = Stage().play(plan_with(gates={"partial_close": "exclude"}), EARLY, REST)

    assert played.raw == [{}, {}]
    assert played.reasons == [dict.fromkeys(EVERYBODY, "PARTIAL_CLOSE_EXCLUDED")] * 2


def test_the_last_close_may_pay_for_the_whole_position() -> None:
    first = trade(lots="0.40", spread="0.00010", is_partial=True, position=7001)
    last = trade(lots="0.60", spread="0.00020", position=7001, held=timedelta(minutes=20))
    played = Stage().play(plan_with(gates={"partial_close": "final_only"}), first, last)

    assert played.outcomes[1].base == dec("16.00")
    assert set(played.reasons[0].values()) == {"PARTIAL_NOT_FINAL"}


@pytest.mark.parametrize(
    ("netting", "paid", "netted", "amount"),
    [
        ("off", ("1.50", "1.00", "0.80"), ("0", "0", "0"), "26.40"),
        ("max_side", ("1.50", "0.30", "0"), ("0", "0.70", "0.80"), "14.40"),
    ],
)
def test_example_06_hedged_volume(netting: str, paid: tuple[str, ...], netted: tuple[str, ...], amount: str) -> None:
    gold = {"symbol_class": "metal", "contract_size": dec(100), "bid": dec("4581.23")}
    stage = Stage()
    played = stage.play(
        plan_with(referral=None, gates={"hedge_netting": netting}),
        *(
            trade("XAUUSD", lots, "0.16", side=side, held=timedelta(minutes=10 + place), **gold)
            for place, (side, lots) in enumerate((("buy", "1.50"), ("sell", "1.00"), ("sell", "0.80")))
        ),
    )

    assert in_transaction(_counted) == [(dec(one), dec(other)) for one, other in zip(paid, netted, strict=True)]
    assert (played.total, stage.temporary("A")) == (dec(amount), dec(amount))


def _counted() -> list[tuple[Decimal, Decimal]]:
    rows = execute_sql(
        "SELECT coalesce(lots_paid, lots) AS paid, coalesce(lots_netted, 0) AS netted FROM settled_trade"
        " WHERE tenant_id = :tenant_id ORDER BY trade_id"
    )
    return [(row.paid, row.netted) for row in rows]


BANDS = (Band(rate=dec(5), upto=dec(100)), Band(rate=dec(6), upto=dec(500)), Band(rate=dec(7)))


def tiered_plan(method: TierMethod) -> Plan:
    assert PLAN.god is not None
    [rule] = PLAN.god.rules
    rules = (type(rule)(name="default", tiers=Tiers(method=method, bands=BANDS)),)
    return plan_with(referral=None, god={"rules": rules})


def month_of(stage: Stage, *volumes: tuple[date, str]) -> None:
    """Trades of a month, settled day after day up to its last."""
    with transaction():
        for day, lots in volumes:
            stage.store(trade(lots=lots, opened_at=at(day, 8)))
    day = min(day for day, _ in volumes)
    while day <= max(day for day, _ in volumes):
        world.settle(day)
        day += timedelta(days=1)


def per_lot_lines() -> list[Decimal]:
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT amount FROM commission_line WHERE tenant_id = :tenant_id AND component = 'base' ORDER BY trade_id"
        ).all()
    )
    return [row.amount for row in rows]


LAST = date(2026, 10, 31)


def test_example_07_tiers_of_the_previous_period() -> None:
    assert tiered(tiered_plan("previous_period").god.rules[0].tiers, Month(previous=dec(480)), dec(620)).gross == 3720  # type: ignore[union-attr, arg-type]
    stage = Stage()
    with transaction():
        world.publish(tiered_plan("previous_period"))
    month_of(stage, (LAST, "480"), (LAST + timedelta(days=1), "620.00"))

    assert per_lot_lines()[-1] == dec("3720.00")


def test_example_07_tiers_at_the_margin() -> None:
    tiers = Tiers(method="marginal", bands=BANDS)
    assert tiered(tiers, Month(), dec("620.00")).gross == dec("3740.00") == 100 * 5 + 400 * 6 + 120 * 7
    assert tiered(tiers, Month(stood_at=dec("96.00")), dec("10.00")).gross == dec("56.00")
    stage = Stage()
    with transaction():
        world.publish(tiered_plan("marginal"))
    month_of(stage, (LAST, "96.00"), (LAST, "10.00"), (LAST, "514.00"))

    assert per_lot_lines()[:2] == [dec("480.00"), dec("56.00")]
    assert stage.temporary("A") == dec("3740.00")


def test_example_07_tiers_of_all_lots_once_reached() -> None:
    tiers = Tiers(method="flat_on_reach", bands=BANDS)
    paid = [(dec(100), dec(1), dec(500)), (dec(400), dec(1), dec(2000)), (dec(120), dec(1), dec(720))]
    assert dec(3220) + flat_true_up(tiers, "god", paid, dec(620)) == dec("4340.00")
    stage = Stage()
    with transaction():
        world.publish(tiered_plan("flat_on_reach"))
    month_of(stage, (LAST - timedelta(days=1), "100"), (LAST - timedelta(days=1), "400"), (LAST, "120"))

    assert per_lot_lines() == [500, 2000, 720]
    assert stage.temporary("A") == dec("4340.00")


def test_example_12_bonus_funded_volume() -> None:
    stage = Stage()
    with transaction():
        login = neighbours.login_of(stage.platform.account(stage.ids["D"]))
        early = OPENED - timedelta(hours=1)
        session().execute(
            insert(DealRow),
            [
                neighbours.deal(stage.platform, 1001, login, early, kind="balance", side=None, profit=dec(750)),
                neighbours.deal(stage.platform, 1002, login, early, kind="credit", side=None, profit=dec(250)),
                neighbours.deal(
                    stage.platform, 10_000_001, login, OPENED, entry="in", volume_lots=dec(1), position_id=1
                ),
            ],
        )
    played = stage.play(plan_with(gates={"credit_coefficient": "on"}), trade(), funds=Funds(dec(750), dec(250)))

    assert played.only == amounts(R1_C="3.60", R2_B="1.80", R3_A="0.90", G_A="6.00")
    factor = in_transaction(
        lambda: execute_sql("SELECT credit_factor FROM settled_trade WHERE tenant_id = :tenant_id").scalar_one()
    )
    assert factor == dec("0.75")
    assert stage.temporary("A") == dec("6.90")


@pytest.mark.parametrize(
    ("basis", "base", "levels"),
    [("open", "20.00", ("8.00", "4.00", "2.00")), ("capped", "6.80", ("2.72", "1.36", "0.68"))],
)
def test_example_12_spread_spike(basis: str, base: str, levels: tuple[str, ...]) -> None:
    """The day before somebody without a sponsor traded at 13.6 points: that is the average."""
    stage = Stage()
    yesterday = FRIDAY - timedelta(days=1)
    with transaction():
        stranger = world.make_client("Stranger")
        usual = {"symbol": "GBPUSD", "open_bid": dec("1.30000"), "open_ask": dec("1.300136")}
        stage.platform.store(
            [{"client_id": stranger, "opened_at": at(yesterday, 9), "closed_at": at(yesterday, 10), **usual}]
        )
    played = stage.play(
        plan_with(referral={"spread_basis": basis}, god=None, average_days=1),
        trade("GBPUSD", "0.50", "0.00040", bid=dec("1.30000")),
        facts=Facts(average_spread=dec("0.000136")),
    )

    assert played.outcomes[0].base == dec(base)
    assert played.only == amounts(R1_C=levels[0], R2_B=levels[1], R3_A=levels[2])
    assert [stage.temporary(name) for name in "CBA"] == [dec(value) for value in levels]
