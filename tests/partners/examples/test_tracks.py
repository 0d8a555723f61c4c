"""Worked examples 1 to 4, 13, 15 and 16: what the tracks pay on one trade, in both engines."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from app.core.db import batch_scope, execute_sql, in_transaction, transaction
from app.kit.money import Money
from app.partners import permissions
from app.partners.arbitrage import arbitrage, arbitrage_faults
from app.partners.plan import Plan, ReferralRule, TypicalSymbol
from app.partners.rules import ClosedTrade, Facts, Person, Quote, settle_trade
from app.partners.rules.posting import post_day
from app.partners.settlement import wallets
from app.rates import queries as rates
from app.restrictions import service as restrictions
from app.restrictions.rules import REASONS
from tests.partners import world
from tests.partners.conftest import RATE_DAY
from tests.partners.examples.stage import FRIDAY, Stage, amounts, six
from tests.partners.trades import PLAN, C, capped, dec, plan_with, trade
from tests.partners.world import BY

pytestmark = pytest.mark.usefixtures("here")


def test_example_01_both_tracks_on_one_trade() -> None:
    stage = Stage()
    played = stage.play(PLAN, trade())

    assert played.outcomes[0].base == dec("12.00")
    assert played.only == amounts(R1_C="4.80", R2_B="2.40", R3_A="1.20", G_A="8.00")
    assert (played.total, played.why) == (dec("16.40"), {})
    assert {name: stage.temporary(name) for name in "CBA"} == {"C": dec("4.80"), "B": dec("2.40"), "A": dec("9.20")}


def test_example_01_is_flagged_by_the_no_arbitrage_check() -> None:
    typical = {"EURUSD": TypicalSymbol(spread=dec("0.00012"), contract_size=dec(100_000), currency="USD")}
    plan = plan_with(typical=typical, god={"nested_policy": "difference"})

    [row] = arbitrage(plan, dec("8.00"))
    assert (row.revenue, row.worst, row.is_safe) == (dec("12.00"), dec("16.40"), False)
    assert [key for key, _ in arbitrage_faults(plan, dec("8.00"))] == ["typical.EURUSD"]


def test_example_01_with_levels_of_the_level_below() -> None:
    stage = Stage()
    played = stage.play(plan_with(referral={"level_base": "previous"}), trade())

    assert played.only == amounts(R1_C="4.80", R2_B="0.96", R3_A="0.096", G_A="8.00")


def test_example_01_with_the_larger_track_alone() -> None:
    stage = Stage()
    played = stage.play(plan_with(overlap_policy="highest"), trade())

    assert played.only == amounts(R1_C="4.80", R2_B="2.40", G_A="8.00")
    assert played.why == {("referral", "A"): "OVERLAP"}
    assert played.total == dec("15.20")
    assert stage.temporary("A") == dec("8.00")


def yen(lots: str) -> ClosedTrade:
    return trade("USDJPY", lots, "0.020", bid=dec("118.868"))


def test_example_02_quote_currency_is_not_the_payout_currency() -> None:
    stage = Stage()
    played = stage.play(PLAN, yen("0.50"))

    assert round(played.outcomes[0].base, 6) == dec("8.411985")
    assert six(played.only) == amounts(R1_C="3.364794", R2_B="1.682397", R3_A="0.841199", G_A="4.00")
    assert played.posted == {
        ("C", "referral"): dec("3.36"),
        ("B", "referral"): dec("1.68"),
        ("A", "referral"): dec("0.84"),
        ("A", "god"): dec("4.00"),
    }


def test_example_02_points_are_not_dollars() -> None:
    assert PLAN.referral is not None
    stage = Stage()
    played = stage.play(plan_with(referral={"levels": (PLAN.referral.levels[1],)}, god=None), yen("1.00"))

    assert six(played.only) == amounts(R1_C="3.364794")


@pytest.mark.parametrize(
    ("basis", "base", "expected", "posted"),
    [
        ("open", "4.80", ("1.92", "0.96", "0.48"), ("1.92", "0.96", "0.48")),
        ("close", "7.50", ("3.00", "1.50", "0.75"), ("3.00", "1.50", "0.75")),
        ("half_half", "6.15", ("2.46", "1.23", "0.615"), ("2.46", "1.23", "0.62")),
    ],
)
def test_example_03_metal_three_spread_bases(
    basis: str, base: str, expected: tuple[str, ...], posted: tuple[str, ...]
) -> None:
    gold = trade(
        "XAUUSD", "0.30", "0.16", close_spread="0.25", bid=dec("4581.23"), contract_size=dec(100), symbol_class="metal"
    )
    stage = Stage()
    played = stage.play(plan_with(referral={"spread_basis": basis}, god=None), gold)

    assert played.outcomes[0].base == dec(base)
    assert list(played.only.values()) == [dec(value) for value in expected]
    assert [stage.temporary(name) for name in "CBA"] == [dec(value) for value in posted]


NESTED_PATH = ("X", "G1", "Y", "G2", "G3", "G4")
NESTED_RATES = {"G1": "5", "G2": "8", "G3": "8", "G4": "6"}


def nested(plan: Plan) -> tuple[Stage, Any]:
    stage = Stage(NESTED_PATH, NESTED_RATES)
    return stage, stage.play(plan, trade("GBPUSD", "2.50"))


def paid_by_name(expected: tuple[str | None, ...]) -> dict[str, Decimal]:
    return {f"G G{place}": dec(value) for place, value in enumerate(expected, 1) if value is not None}


@pytest.mark.parametrize(
    ("policy", "expected", "total"),
    [
        ("full", ("12.50", "20.00", "20.00", "15.00"), "67.50"),
        ("difference", ("12.50", "7.50", None, None), "20.00"),
        ("nearest", ("12.50", None, None, None), "12.50"),
        ("topmost", (None, None, None, "15.00"), "15.00"),
        ("highest", (None, "20.00", None, None), "20.00"),
        ("split", ("10.00", "2.25", "0.225", "0.025"), "12.50"),
    ],
)
def test_example_04_nested_god_mode_partners(policy: str, expected: tuple[str | None, ...], total: str) -> None:
    god = {"nested_policy": policy, "split_shares": (dec("0.20"), dec("0.10"))}
    stage, played = nested(plan_with(god=god, referral=None))

    assert played.only == paid_by_name(expected)
    assert played.why == {
        ("god", f"G{place}"): "NESTED_POLICY" for place, value in enumerate(expected, 1) if value is None
    }
    assert played.total == dec(total)
    if policy == "split":
        assert [stage.temporary(f"G{n}") for n in (1, 2, 3, 4)] == [dec(v) for v in ("10.00", "2.25", "0.22", "0.02")]
        assert [played.carried[f"G{n}", "god"] for n in (3, 4)] == [dec("0.005"), dec("0.005")]


@pytest.mark.parametrize(
    ("policy", "raw", "posted"),
    [
        ("pro_rata", ("6.944444", "11.111111", "11.111111", "8.333333"), ("6.94", "11.11", "11.11", "8.33")),
        ("nearest_first", ("12.50", "20.00", "5.00", None), ("12.50", "20.00", "5.00", "0")),
        ("top_first", (None, "2.50", "20.00", "15.00"), ("0", "2.50", "20.00", "15.00")),
    ],
)
def test_example_04_under_a_cap_of_15_per_lot(
    policy: str, raw: tuple[str | None, ...], posted: tuple[str, ...]
) -> None:
    stage, played = nested(plan_with(capped(max_total_per_lot=dec("15.00"), cap_policy=policy), referral=None))

    assert six(played.only) == paid_by_name(raw)
    assert [stage.temporary(f"G{n}") for n in (1, 2, 3, 4)] == [dec(value) for value in posted]
    assert dec("37.50") - dec("0.000000001") < played.total <= dec("37.50")


def test_example_04_depth_changes_no_number() -> None:
    deep = [f"N{place}" for place in range(1, 251)]
    stage = Stage(deep, {"N250": "8"})
    played = stage.play(plan_with(referral=None), trade("GBPUSD", "2.50"))

    assert played.only == {"G N250": dec("20.00")}
    assert played.outcomes[0].lines[0].distance == 250


def test_example_04_difference_looks_at_the_highest_rate_below() -> None:
    stage = Stage(("G1", "G2", "G3", "G4"), {"G1": "5", "G2": "8", "G3": "6", "G4": "7"})
    played = stage.play(plan_with(god={"nested_policy": "difference"}, referral=None), trade("GBPUSD", "2.50"))

    assert played.only == paid_by_name(("12.50", "7.50", None, None))


@pytest.mark.parametrize(
    ("caps", "god", "levels", "total"),
    [
        ({}, "8.00", ("4.80", "2.40", "1.20"), "16.40"),
        ({"share": "1.00"}, "8.00", ("2.29", "1.14", "0.57"), "12.00"),
        ({"share": "1.00", "order": ("referral", "god")}, "3.60", ("4.80", "2.40", "1.20"), "12.00"),
        ({"share": "1.00", "policy": "pro_rata"}, "5.85", ("3.51", "1.76", "0.88"), "12.00"),
        ({"share": "0.70"}, "8.00", ("0.23", "0.11", "0.06"), "8.40"),
    ],
)
def test_example_13_budget_caps_over_both_tracks(
    caps: dict[str, Any], god: str, levels: tuple[str, ...], total: str
) -> None:
    plan = PLAN
    if caps:
        plan = capped(
            max_total_share_of_revenue=dec(caps["share"]),
            cap_policy=caps.get("policy", "priority"),
            cap_order=caps.get("order", ("god", "referral")),
        )
    played = Stage().play(plan, trade())

    assert played.outcomes[0].revenue == dec("12.00")
    assert played.posted == {
        ("A", "god"): dec(god),
        ("C", "referral"): dec(levels[0]),
        ("B", "referral"): dec(levels[1]),
        ("A", "referral"): dec(levels[2]),
    }
    assert played.total <= dec(total)
    assert dec(total) - played.total < dec("0.00000001")


@pytest.mark.parametrize(
    ("policy", "expected", "why", "under_audit"),
    [
        ("forfeit", {"R2_B": "2.40", "R3_A": "1.20"}, "ACCRUAL_LOCKED", ("0", "2.40", "9.20")),
        ("compress", {"R1_B": "4.80", "R2_A": "2.40"}, "ACCRUAL_LOCKED", ("0", "4.80", "10.40")),
        ("hold", {"R1_C": "4.80", "R2_B": "2.40", "R3_A": "1.20"}, None, ("0", "2.40", "9.20")),
    ],
)
def test_example_15_an_upline_that_may_not_earn(
    policy: str, expected: dict[str, str], why: str | None, under_audit: tuple[str, ...]
) -> None:
    stage = Stage()
    with transaction():
        restrictions.lock(stage.ids["C"], permissions.COMMISSION_ACCRUAL, reason_code=next(iter(REASONS)), by=BY)
    played = stage.play(
        plan_with(on_ineligible=policy), trade(), facts=Facts(people={C: Person(is_accrual_locked=True)})
    )

    assert played.only == amounts(**expected, G_A="8.00")
    assert played.why == ({("referral", "C"): why} if why is not None else {})
    held = [line for line in played.outcomes[0].lines if line.held_for]
    assert [(stage.names[line.partner_id], line.amount) for line in held] == (
        [("C", dec("4.80"))] if policy == "hold" else []
    )
    assert [stage.temporary(name) for name in "CBA"] == [dec(value) for value in under_audit]


def of_kind(**given: object) -> Plan:
    """The examples' plan with another kind of base and no amounts per lot."""
    rule = msgspec.convert({"name": "default", **given}, ReferralRule, strict=False)
    return plan_with(referral={"rules": (rule,)}, god=None)


def test_example_16_a_share_of_the_markup() -> None:
    played = Stage().play(of_kind(kind="pct_markup", markup="0.00006"), trade())

    assert played.outcomes[0].base == dec("6.00")
    assert played.only == amounts(R1_C="2.40", R2_B="1.20", R3_A="0.60")


def test_example_16_b_share_of_the_clients_commission() -> None:
    played = Stage().play(of_kind(kind="pct_commission"), trade(commission=dec("-7.00")))

    assert played.only == amounts(R1_C="2.80", R2_B="1.40", R3_A="0.70")


def test_example_16_c_cent_account() -> None:
    stage = Stage()
    plan = plan_with(volume_multipliers={"cent*": dec("0.01")}, referral=None)
    played = stage.play(plan, trade(lots="250", group="cent-usd"))

    assert played.outcomes[0].lots_counted == dec("2.50")
    assert played.only == amounts(G_A="20.00")
    assert stage.temporary("A") == dec("20.00")


def test_example_16_d_a_wallet_in_euro() -> None:
    plan = plan_with(referral=None)
    stage = Stage()
    with batch_scope("test rates"), transaction():
        rates.store_quotes([("USD", RATE_DAY, dec("1.10006"))])
    with transaction():
        wallets.choose_currency(stage.ids["A"], "EUR", by=BY)
        world.publish(plan)
        [closed] = stage.store(trade())
    world.settle(FRIDAY)

    [line] = settle_trade(closed, stage.path, plan, Facts()).lines
    posted = post_day([line.amount], dec(0), plan, "EUR", track="god", wallet=Quote(divide=dec("1.10006")))
    assert (round(posted.settled, 6), posted.posted) == (dec("7.272331"), Money(dec("7.27"), "EUR"))
    batch = in_transaction(
        lambda: execute_sql(
            "SELECT currency, lines, posted_minor, carry_out FROM commission_batch WHERE tenant_id = :tenant_id"
        ).one()
    )
    assert tuple(batch) == ("EUR", dec("8.00"), 727, posted.carry_out)
    assert world.balances(stage.ids["A"], "EUR") == {"temporary": dec("7.27"), "redeem": dec(0)}
    assert world.balances(stage.ids["A"], "USD") == {"temporary": dec(0), "redeem": dec(0)}


OTHER_BASES = {
    "the same spread in pips": (of_kind(kind="pips", pips="1.2", pip_size="0.0001"), trade(spread="0.9"), "12.00"),
    "every million dollars at the opening price": (
        of_kind(kind="per_million", rate="30"), trade(open_price=dec("1.10012")), "3.30036",
    ),
    "the client's profit": (of_kind(kind="pct_profit"), trade(profit=dec(50)), "50"),
    "an amount for every lot": (of_kind(kind="per_lot", rate="10"), trade(lots="0.50"), "5.00"),
    "the markup as the platform records it": (
        of_kind(kind="pct_markup"), trade("XAUUSD", "0.01", markup_usd=dec("0.18")), "0.18",
    ),
    "the spread at the close": (plan_with(referral={"spread_basis": "close"}), trade(close_spread="0.0002"), "20.00"),
    "the usual spread": (
        plan_with(
            referral={"spread_basis": "typical"},
            typical={"EURUSD": TypicalSymbol(spread=dec("0.0001"), contract_size=dec(100_000), currency="USD")},
        ),
        trade(), "10.00",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_BASES)
def test_every_other_base_pays_in_both_engines(name: str) -> None:
    plan, closed, base = OTHER_BASES[name]
    played = Stage().play(plan, closed)

    assert played.outcomes[0].base == dec(base)
    assert played.only["R1 C"] == dec("0.4") * dec(base)


def test_an_exempt_reason_passes_the_clock() -> None:
    plan = plan_with(gates={"exempt_from_hold": ("stop_out",)})
    played = Stage().play(plan, trade(held=timedelta(seconds=5), reason="stop_out"))

    assert len(played.only) == 4
