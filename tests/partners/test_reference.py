"""The plain reference where no worked example looks, and plans that are refused."""

from __future__ import annotations

import msgspec
import pytest

from app.partners.faults import faults
from app.partners.plan import Plan, ReferralRule
from tests.partners.trades import PLAN, capped, dec, plan_with, reasons, settle, trade


def base_rule(**given: object) -> Plan:
    """The examples' plan with another kind of base and no amounts per lot."""
    rule = msgspec.convert({"name": "default", **given}, ReferralRule, strict=False)
    return plan_with(referral={"rules": (rule,)}, god=None)


def test_a_markup_that_nobody_recorded_is_an_unknown_spread() -> None:
    unknown = settle(trade("XAUUSD", "0.01"), plan=base_rule(kind="pct_markup"))

    assert reasons(unknown.reasons) == {("referral", who): "SPREAD_UNKNOWN" for who in ("C", "B", "A")}


def test_a_loss_of_the_client_pays_nothing() -> None:
    lost = settle(trade(profit=dec(-50)), plan=base_rule(kind="pct_profit"))

    assert reasons(lost.reasons) == {("referral", who): "ZERO_AMOUNT" for who in ("C", "B", "A")}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"kind": "pips", "pips": "1"}, "pip_size"),
        ({"kind": "per_lot"}, "rate"),
        ({"kind": "pct_spread", "markup": "0.0001"}, "markup"),
        ({"kind": "per_million", "rate": "0"}, "rate"),
    ],
)
def test_a_kind_without_its_number_is_refused(given: dict[str, str], key: str) -> None:
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
