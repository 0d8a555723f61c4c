"""The worked examples of the commission rules, by name, with every setting that they vary, on the plain reference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from app.kit.money import Money, Rounding, round_money
from app.partners.arbitrage import arbitrage, arbitrage_faults
from app.partners.faults import faults
from app.partners.plan import Plan, ReferralRule, TypicalSymbol
from app.partners.rules import Facts, Path, Person, Quote, Upline
from app.partners.rules.posting import post_day
from tests.partners.trades import PLAN, C, capped, dec, plan_with, raw, reasons, settle, trade


def amounts(**values: str) -> dict[str, Decimal]:
    """Expected amounts, written as `R1_C="4.80"`."""
    return {name.replace("_", " "): dec(value) for name, value in values.items()}


def posted(value: Decimal) -> Decimal:
    return round_money(value, "USD", Rounding.HALF_EVEN).amount


class TestExample1BothTracksOnOneTrade:
    def test_both_tracks_pay(self) -> None:
        outcome = settle(trade())

        assert outcome.base == dec("12.00")
        assert raw(outcome) == amounts(R1_C="4.80", R2_B="2.40", R3_A="1.20", G_A="8.00")
        assert sum(line.amount for line in outcome.lines) == dec("16.40")
        assert outcome.reasons == ()

    def test_level_base_previous(self) -> None:
        outcome = settle(trade(), plan=plan_with(referral={"level_base": "previous"}))

        assert raw(outcome) == amounts(R1_C="4.80", R2_B="0.96", R3_A="0.096", G_A="8.00")

    def test_overlap_highest_keeps_the_larger_track(self) -> None:
        outcome = settle(trade(), plan=plan_with(overlap_policy="highest"))

        assert raw(outcome) == amounts(R1_C="4.80", R2_B="2.40", G_A="8.00")
        assert reasons(outcome.reasons) == {("referral", "A"): "OVERLAP"}
        assert sum(line.amount for line in outcome.lines) == dec("15.20")

    def test_the_plan_pays_more_than_it_earns_and_is_flagged(self) -> None:
        typical = {"EURUSD": TypicalSymbol(spread=dec("0.00012"), contract_size=dec(100_000), currency="USD")}
        plan = plan_with(typical=typical, god={"nested_policy": "difference"})

        [row] = arbitrage(plan, dec("8.00"))
        assert (row.revenue, row.worst, row.is_safe) == (dec("12.00"), dec("16.40"), False)
        assert [key for key, _ in arbitrage_faults(plan, dec("8.00"))] == ["typical.EURUSD"]


class TestExample2QuoteCurrencyIsNotThePayoutCurrency:
    FACTS = Facts(profit_quote=Quote(divide=dec("118.878"), source="mid"))

    def test_yen_spread_is_paid_in_dollars(self) -> None:
        outcome = settle(trade("USDJPY", "0.50", "0.020", bid=dec("118.868")), facts=self.FACTS)

        assert outcome.base == dec("8.4119853968")
        shown = {name: round(amount, 6) for name, amount in raw(outcome).items()}
        assert shown == amounts(R1_C="3.364794", R2_B="1.682397", R3_A="0.841199", G_A="4.00")
        assert [posted(amount) for amount in raw(outcome).values()] == [
            dec(v) for v in ("3.36", "1.68", "0.84", "4.00")
        ]

    def test_points_are_not_dollars(self) -> None:
        plan = plan_with(referral={"levels": (PLAN.referral.levels[1],)}, god=None) if PLAN.referral else PLAN
        outcome = settle(trade("USDJPY", "1.00", "0.020", bid=dec("118.868")), plan=plan, facts=self.FACTS)

        assert round(raw(outcome)["R1 C"], 6) == dec("3.364794")


@pytest.mark.parametrize(
    ("basis", "base", "expected"),
    [
        ("open", "4.80", ("1.92", "0.96", "0.48")),
        ("close", "7.50", ("3.00", "1.50", "0.75")),
        ("half_half", "6.15", ("2.46", "1.23", "0.615")),
    ],
)
def test_example_3_metal_three_spread_bases(basis: str, base: str, expected: tuple[str, ...]) -> None:
    gold = trade(
        "XAUUSD", "0.30", "0.16", close_spread="0.25", bid=dec("4581.23"), contract_size=dec(100), symbol_class="metal"
    )
    outcome = settle(gold, plan=plan_with(referral={"spread_basis": basis}, god=None))

    assert outcome.base == dec(base)
    assert tuple(raw(outcome).values()) == tuple(dec(value) for value in expected)
    if basis == "half_half":
        assert posted(dec("0.615")) == dec("0.62")


class TestExample4NestedGodModePartners:
    X, G1, Y, G2, G3, G4 = (UUID(int=number) for number in range(101, 107))
    NAMES = {X: "X", G1: "G1", Y: "Y", G2: "G2", G3: "G3", G4: "G4"}
    PATH = Path(
        (
            Upline(X, 1),
            Upline(G1, 2, dec(5)),
            Upline(Y, 3),
            Upline(G2, 4, dec(8)),
            Upline(G3, 5, dec(8)),
            Upline(G4, 6, dec(6)),
        )
    )
    TRADE = trade("GBPUSD", "2.50")

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            ("full", ("12.50", "20.00", "20.00", "15.00")),
            ("difference", ("12.50", "7.50", None, None)),
            ("nearest", ("12.50", None, None, None)),
            ("topmost", (None, None, None, "15.00")),
            ("highest", (None, "20.00", None, None)),
            ("split", ("10.00", "2.25", "0.225", "0.025")),
        ],
    )
    def test_policy(self, policy: str, expected: tuple[str | None, ...]) -> None:
        god = {"nested_policy": policy, "split_shares": (dec("0.20"), dec("0.10"))}
        outcome = settle(self.TRADE, self.PATH, plan_with(god=god, referral=None))

        wanted = {f"G G{n}": dec(value) for n, value in enumerate(expected, 1) if value is not None}
        nothing = {("god", f"G{n}"): "NESTED_POLICY" for n, value in enumerate(expected, 1) if value is None}
        assert raw(outcome, self.NAMES) == wanted
        assert reasons(outcome.reasons, self.NAMES) == nothing

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            ("pro_rata", ("6.9444444444", "11.1111111111", "11.1111111111", "8.3333333333")),
            ("nearest_first", ("12.50", "20.00", "5.00", None)),
            ("top_first", (None, "2.50", "20.00", "15.00")),
        ],
    )
    def test_cap_of_15_per_lot(self, policy: str, expected: tuple[str | None, ...]) -> None:
        plan = plan_with(capped(max_total_per_lot=dec("15.00"), cap_policy=policy), referral=None)
        outcome = settle(self.TRADE, self.PATH, plan)

        assert raw(outcome, self.NAMES) == {f"G G{n}": dec(v) for n, v in enumerate(expected, 1) if v is not None}
        assert sum(line.amount for line in outcome.lines) <= dec("37.50")

    def test_depth_changes_no_number(self) -> None:
        deep = Path(tuple(Upline(UUID(int=1000 + n), n, dec(8) if n == 250 else None) for n in range(1, 251)))
        [line] = settle(self.TRADE, deep, plan_with(referral=None)).lines

        assert (line.amount, line.distance) == (dec("20.00"), 250)

    def test_difference_looks_at_the_highest_rate_below_not_the_next(self) -> None:
        path = Path(tuple(Upline(UUID(int=100 + n), n, dec(rate)) for n, rate in enumerate((5, 8, 6, 7), 1)))
        outcome = settle(self.TRADE, path, plan_with(god={"nested_policy": "difference"}, referral=None))

        assert [line.amount for line in outcome.lines] == [dec("12.50"), dec("7.50")]


class TestExample5MinimumHoldingTimeAndPartialClose:
    @pytest.mark.parametrize("held", ["179.000", "179.999"])
    def test_too_short_pays_nothing_and_stores_four_reasons(self, held: str) -> None:
        outcome = settle(trade(spread="0.00010", held=timedelta(milliseconds=int(Decimal(held) * 1000))))

        assert outcome.lines == ()
        everybody = (("referral", "C"), ("referral", "B"), ("referral", "A"), ("god", "A"))
        assert reasons(outcome.reasons) == dict.fromkeys(everybody, "HOLD_TOO_SHORT")

    def test_exactly_the_minimum_passes(self) -> None:
        outcome = settle(trade(spread="0.00010", held=timedelta(seconds=180)))

        assert raw(outcome) == amounts(R1_C="4.00", R2_B="2.00", R3_A="1.00", G_A="8.00")

    def test_each_partial_close_has_its_own_clock(self) -> None:
        early = trade(spread="0.00010", lots="0.40", held=timedelta(seconds=150), is_partial=True)
        rest = trade(spread="0.00010", lots="0.60", held=timedelta(seconds=300), is_partial=True)

        assert {reason.primary.value for reason in settle(early).reasons} == {"HOLD_TOO_SHORT"}
        assert raw(settle(rest)) == amounts(R1_C="2.40", R2_B="1.20", R3_A="0.60", G_A="4.80")

    def test_partial_close_exclude(self) -> None:
        plan = plan_with(gates={"partial_close": "exclude"})
        for held in (150, 300):
            outcome = settle(trade(spread="0.00010", held=timedelta(seconds=held), is_partial=True), plan=plan)

            assert outcome.lines == ()
            assert {reason.primary.value for reason in outcome.reasons} == {"PARTIAL_CLOSE_EXCLUDED"}

    def test_an_exempt_reason_passes_the_clock(self) -> None:
        plan = plan_with(gates={"exempt_from_hold": ("stop_out",)})
        outcome = settle(trade(held=timedelta(seconds=5), reason="stop_out"), plan=plan)

        assert len(outcome.lines) == 4


class TestExample11RoundingAndCarry:
    RAW = dec("0.048")

    def test_seven_small_trades(self) -> None:
        outcome = settle(trade(lots="0.01"), plan=plan_with(god=None))

        assert raw(outcome)["R1 C"] == self.RAW

    def test_day_half_even_with_carry_is_exact(self) -> None:
        first = post_day([self.RAW] * 7, dec(0), PLAN, "USD")
        second = post_day([self.RAW] * 3, first.carry_out, PLAN, "USD")

        assert (first.posted, first.carry_out) == (Money(dec("0.34"), "USD"), dec("-0.004"))
        assert (second.posted, second.carry_out) == (Money(dec("0.14"), "USD"), dec(0))

    @pytest.mark.parametrize(("mode", "day_1", "day_2"), [("half_even", "0.35", "0.15"), ("down", "0.28", "0.12")])
    def test_line_by_line(self, mode: str, day_1: str, day_2: str) -> None:
        plan = plan_with(rounding_scope="line", rounding_mode=mode)

        assert post_day([self.RAW] * 7, dec(0), plan, "USD").posted == Money(dec(day_1), "USD")
        assert post_day([self.RAW] * 3, dec(0), plan, "USD").posted == Money(dec(day_2), "USD")


@pytest.mark.parametrize(
    ("caps", "expected"),
    [
        ({}, ("8.00", "4.80", "2.40", "1.20")),
        ({"share": "1.00", "policy": "priority"}, ("8.00", "2.29", "1.14", "0.57")),
        (
            {"share": "1.00", "policy": "priority", "order": ("referral", "god")},
            ("3.60", "4.80", "2.40", "1.20"),
        ),
        ({"share": "1.00", "policy": "pro_rata"}, ("5.85", "3.51", "1.76", "0.88")),
        ({"share": "0.70", "policy": "priority"}, ("8.00", "0.23", "0.11", "0.06")),
    ],
)
def test_example_13_budget_caps_over_both_tracks(caps: dict[str, str], expected: tuple[str, ...]) -> None:
    plan = PLAN
    if caps:
        plan = capped(
            max_total_share_of_revenue=dec(caps["share"]),
            cap_policy=caps["policy"],
            cap_order=caps.get("order", ("god", "referral")),
        )
    outcome = settle(trade(), plan=plan)

    shown = raw(outcome)
    assert tuple(posted(shown[name]) for name in ("G A", "R1 C", "R2 B", "R3 A")) == tuple(dec(v) for v in expected)
    limit = dec("12.00") * dec(caps.get("share", "10"))
    assert sum(shown.values()) <= limit


class TestExample15AnUplineThatMayNotEarn:
    LOCKED = Facts(people={C: Person(is_accrual_locked=True)})

    def test_forfeit(self) -> None:
        outcome = settle(trade(), plan=plan_with(on_ineligible="forfeit"), facts=self.LOCKED)

        assert raw(outcome) == amounts(R2_B="2.40", R3_A="1.20", G_A="8.00")
        assert reasons(outcome.reasons) == {("referral", "C"): "ACCRUAL_LOCKED"}

    def test_compress(self) -> None:
        outcome = settle(trade(), plan=plan_with(on_ineligible="compress"), facts=self.LOCKED)

        assert raw(outcome) == amounts(R1_B="4.80", R2_A="2.40", G_A="8.00")
        assert reasons(outcome.reasons) == {("referral", "C"): "ACCRUAL_LOCKED"}

    def test_hold(self) -> None:
        outcome = settle(trade(), plan=plan_with(on_ineligible="hold"), facts=self.LOCKED)

        assert raw(outcome) == amounts(R1_C="4.80", R2_B="2.40", R3_A="1.20", G_A="8.00")
        held = {line.partner_id: [code.value for code in line.held_for] for line in outcome.lines if line.held_for}
        assert held == {C: ["ACCRUAL_LOCKED"]}


def base_rule(**given: object) -> Plan:
    """The examples' plan with another kind of base and no amounts per lot."""
    return plan_with(
        referral={"rules": (msgspec.convert({"name": "default", **given}, ReferralRule, strict=False),)}, god=None
    )


class TestExample16OtherBases:
    def test_markup(self) -> None:
        outcome = settle(trade(), plan=base_rule(kind="pct_markup", markup="0.00006"))

        assert outcome.base == dec("6.00")
        assert raw(outcome) == amounts(R1_C="2.40", R2_B="1.20", R3_A="0.60")

    def test_markup_as_the_platform_records_it(self) -> None:
        """Nine cents on each side of an ounce of gold: eighteen for the round turn."""
        outcome = settle(trade("XAUUSD", "0.01", markup_usd=dec("0.18")), plan=base_rule(kind="pct_markup"))

        assert outcome.base == dec("0.18")
        unknown = settle(trade("XAUUSD", "0.01"), plan=base_rule(kind="pct_markup"))
        assert reasons(unknown.reasons) == {("referral", who): "SPREAD_UNKNOWN" for who in ("C", "B", "A")}

    def test_commission_of_the_client(self) -> None:
        outcome = settle(trade(commission=dec("-7.00")), plan=base_rule(kind="pct_commission"))

        assert raw(outcome) == amounts(R1_C="2.80", R2_B="1.40", R3_A="0.70")

    def test_cent_account(self) -> None:
        plan = plan_with(volume_multipliers={"cent*": dec("0.01")}, referral=None)
        outcome = settle(trade(lots="250", group="cent-usd"), plan=plan)

        assert outcome.lots_counted == dec("2.50")
        assert raw(outcome) == amounts(G_A="20.00")

    def test_pips_equal_the_same_spread(self) -> None:
        outcome = settle(trade(spread="0.9"), plan=base_rule(kind="pips", pips="1.2", pip_size="0.0001"))

        assert outcome.base == dec("12.00")

    def test_per_million(self) -> None:
        """One lot of EURUSD at 1.10012 is 110,012 dollars: at 30 per million 3.30036."""
        outcome = settle(trade(open_price=dec("1.10012")), plan=base_rule(kind="per_million", rate="30"))

        assert outcome.base == dec("3.30036")

    def test_profit_counts_and_loss_does_not(self) -> None:
        assert settle(trade(profit=dec(50)), plan=base_rule(kind="pct_profit")).base == dec(50)
        lost = settle(trade(profit=dec(-50)), plan=base_rule(kind="pct_profit"))
        assert reasons(lost.reasons) == {("referral", who): "ZERO_AMOUNT" for who in ("C", "B", "A")}

    def test_per_lot(self) -> None:
        outcome = settle(trade(lots="0.50"), plan=base_rule(kind="per_lot", rate="10"))

        assert raw(outcome) == amounts(R1_C="2.00", R2_B="1.00", R3_A="0.50")

    @pytest.mark.parametrize(
        ("given", "key"),
        [
            ({"kind": "pips", "pips": "1"}, "pip_size"),
            ({"kind": "per_lot"}, "rate"),
            ({"kind": "pct_spread", "markup": "0.0001"}, "markup"),
            ({"kind": "per_million", "rate": "0"}, "rate"),
        ],
    )
    def test_a_kind_without_its_number_is_refused(self, given: dict[str, str], key: str) -> None:
        assert f"referral.rules.default.{key}" in [where for where, _ in faults(base_rule(**given))]


def test_a_full_plan_without_a_cap_is_refused() -> None:
    assert [key for key, _ in faults(PLAN)] == ["caps.max_total_per_lot"]
    assert list(faults(capped(max_total_per_lot=dec(15)))) == []


def test_shares_over_one_hundred_percent_are_refused() -> None:
    assert PLAN.referral is not None
    plan = plan_with(
        capped(max_total_per_lot=dec(15)), referral={"levels": (*PLAN.referral.levels, *PLAN.referral.levels)}
    )

    assert [key for key, _ in faults(plan)] == ["referral.levels"]
