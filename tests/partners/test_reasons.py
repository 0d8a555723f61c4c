"""Every reason can be given, by both engines, and is a sentence to partners and staff."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path as FilePath
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, tenant_scope, transaction
from app.partners import labels
from app.partners.abuse.terms import AbuseTerms, Clusters
from app.partners.awards.rules import ClientState, cpa_step
from app.partners.awards.rules import Money as Paid
from app.partners.awards.terms import AwardRule, Conditions
from app.partners.plan import Caps, GodRule, Match, Plan
from app.partners.rules import Facts, Path, Person, ReasonCode, Upline
from app.partners.rules.facts import Volume
from app.partners.rules.gates import partner_gates
from tests.partners import world
from tests.partners.test_pages import DAY, NOON, Shop, shop
from tests.partners.trades import OPENED, PLAN, T1, C, D, dec, plan_with, settle, trade
from tests.support.brands import app, brands, browser_of, hash_once, make_staff, north, south
from tests.support.browsing import text_of

__all__ = ["app", "brands", "hash_once", "north", "shop", "south"]

NOT_OF_A_LINE = {
    "NOT_A_TRADE",  # Balance, credit and swap entries never become closed trades, so no line is looked for.
    "LEVEL_OUT_OF_RANGE",  # Nobody beyond the level list is a potential beneficiary.
    "AGREEMENT_NOT_SIGNED",  # Who has not agreed to the programme's terms is not approved.
}
SPECIFIED = """
DEMO NOT_A_TRADE ACCOUNT_EXCLUDED GROUP_EXCLUDED SYMBOL_EXCLUDED NO_RULE SPREAD_UNKNOWN PARTIAL_CLOSE_EXCLUDED
CLOSE_BY_EXCLUDED DEALER_DEAL COPY_TRADE HOLD_TOO_SHORT MOVE_TOO_SMALL ZERO_MOVE NEGATIVE_BALANCE VOLUME_TOO_SMALL
VOLUME_CAP HEDGE_NETTED CLIENT_NOT_ACTIVE CLIENT_KYC CLIENT_NOT_FUNDED CLIENT_LOCKED BEFORE_ATTRIBUTION FRAUD_HOLD
FRAUD_REJECT PARTNER_NOT_APPROVED PARTNER_SUSPENDED PARTNER_KYC AGREEMENT_NOT_SIGNED ACCRUAL_LOCKED SELF_REFERRAL
SAME_CLUSTER LEVEL_OUT_OF_RANGE NOT_QUALIFIED CPA_NOT_QUALIFIED NESTED_POLICY OVERLAP CAP_REACHED COUNTRY_DENIED
"""


def of_trade(plan: Plan = PLAN, facts: Facts | None = None, path: Path = T1, **changes: Any) -> set[ReasonCode]:
    """Everything that speaks against the lines of one trade, or holds them."""
    outcome = settle(trade(**changes), path, plan, facts)
    found = {code for one in outcome.reasons for code in (one.primary, *one.gates)}
    return found | {code for line in outcome.lines for code in line.held_for}


def gated(**gates: Any) -> Plan:
    return plan_with(gates=gates)


def volume(**changes: Any) -> Facts:
    return Facts(volume=Volume(**({"lots": dec(1), "lots_whole": dec(1)} | changes)))


def client(**changes: Any) -> Facts:
    return Facts(people={D: Person(**changes)})


def partner(**changes: Any) -> Facts:
    return Facts(people={C: Person(**changes)})


SOMEBODY = UUID(int=77)
LINKED = plan_with(abuse=AbuseTerms(clusters=Clusters(action="hold")))
CPA = AwardRule(name="cpa", amount=dec(50), conditions=Conditions(min_lots=dec(1)))
Way = Callable[[], Iterable[ReasonCode]]
WAYS: dict[ReasonCode, Way] = {
    ReasonCode.DEMO: lambda: of_trade(is_demo=True),
    ReasonCode.BEFORE_START: lambda: of_trade(facts=Facts(starts_at=OPENED + timedelta(days=1))),
    ReasonCode.OPENING_UNKNOWN: lambda: settle_unopened(),
    ReasonCode.ACCOUNT_EXCLUDED: lambda: of_trade(is_account_excluded=True),
    ReasonCode.PARTNER_ACCOUNT: lambda: of_trade(
        gated(include_sub_ib_accounts=False), path=Path(T1.uplines, trader_is_partner=True)
    ),
    ReasonCode.GROUP_EXCLUDED: lambda: of_trade(gated(excluded_groups=("stand*",))),
    ReasonCode.SYMBOL_EXCLUDED: lambda: of_trade(gated(excluded_symbols=("EUR*",))),
    ReasonCode.NO_RULE: lambda: of_trade(
        plan_with(god={"rules": (GodRule(name="gold", match=Match(symbols=("XAU*",))),)})
    ),
    ReasonCode.SPREAD_UNKNOWN: lambda: of_trade(open_bid=None),
    ReasonCode.RATE_UNKNOWN: lambda: of_trade(facts=Facts(profit_quote=None)),
    ReasonCode.PARTIAL_CLOSE_EXCLUDED: lambda: of_trade(gated(partial_close="exclude"), is_partial=True),
    ReasonCode.PARTIAL_NOT_FINAL: lambda: of_trade(facts=volume(is_not_final=True)),
    ReasonCode.CLOSE_BY_EXCLUDED: lambda: of_trade(gated(close_by="exclude"), is_close_by=True),
    ReasonCode.CLOSE_BY_NETTED: lambda: of_trade(facts=volume(is_close_by_netted=True)),
    ReasonCode.DEALER_DEAL: lambda: of_trade(reason="dealer"),
    ReasonCode.COPY_TRADE: lambda: of_trade(gated(copy_trades="exclude"), reason="signal"),
    ReasonCode.CLOCK_SUSPECT: lambda: of_trade(held=timedelta(seconds=-1)),
    ReasonCode.HOLD_TOO_SHORT: lambda: of_trade(held=timedelta(seconds=179)),
    ReasonCode.MOVE_TOO_SMALL: lambda: of_trade(gated(min_points=dec(100)), point=dec("0.00001")),
    ReasonCode.POINT_UNKNOWN: lambda: of_trade(gated(min_points=dec(100))),
    ReasonCode.ZERO_MOVE: lambda: of_trade(gated(zero_move="exclude"), open_price=dec(1), close_price=dec(1)),
    ReasonCode.NEGATIVE_BALANCE: lambda: of_trade(facts=volume(is_below_zero=True)),
    ReasonCode.VOLUME_TOO_SMALL: lambda: of_trade(gated(min_volume_lots=dec(2))),
    ReasonCode.VOLUME_CAP: lambda: of_trade(gated(max_volume_lots=dec("0.5"))),
    ReasonCode.EQUITY_UNKNOWN: lambda: of_trade(facts=volume(is_equity_unknown=True)),
    ReasonCode.HEDGE_NETTED: lambda: of_trade(facts=volume(lots_netted=dec(1))),
    ReasonCode.CLIENT_NOT_ACTIVE: lambda: of_trade(facts=client(is_active=False)),
    ReasonCode.CLIENT_KYC: lambda: of_trade(gated(client_kyc_level=2)),
    ReasonCode.CLIENT_NOT_FUNDED: lambda: of_trade(gated(client_funded=True), facts=client(is_funded=False)),
    ReasonCode.CLIENT_LOCKED: lambda: of_trade(facts=client(is_accrual_locked=True)),
    ReasonCode.BEFORE_ATTRIBUTION: lambda: of_trade(path=Path(T1.uplines, was_attributed=False)),
    ReasonCode.FRAUD_HOLD: lambda: of_trade(facts=Facts(verdict="hold")),
    ReasonCode.FRAUD_REJECT: lambda: of_trade(facts=Facts(verdict="reject")),
    ReasonCode.PARTNER_NOT_APPROVED: lambda: of_trade(facts=partner(is_approved=False)),
    ReasonCode.PARTNER_SUSPENDED: lambda: of_trade(facts=partner(is_active=False)),
    ReasonCode.PARTNER_KYC: lambda: of_trade(gated(partner_kyc_level=2)),
    ReasonCode.ACCRUAL_LOCKED: lambda: of_trade(facts=partner(is_accrual_locked=True)),
    ReasonCode.SELF_REFERRAL: lambda: of_trade(
        facts=Facts(people={C: Person(person=SOMEBODY), D: Person(person=SOMEBODY)})
    ),
    ReasonCode.SAME_CLUSTER: lambda: partner_gates(Person(), Person(), LINKED, are_linked=True),
    ReasonCode.NOT_QUALIFIED: lambda: of_trade(facts=partner(is_qualified=False)),
    ReasonCode.CPA_NOT_QUALIFIED: lambda: of_client(CPA),
    ReasonCode.COUNTRY_DENIED: lambda: of_trade(gated(countries_denied=("FR",)), facts=partner(country="FR")),
    ReasonCode.NESTED_POLICY: lambda: of_trade(
        plan_with(god={"nested_policy": "nearest"}), path=Path((Upline(C, 1, dec(5)), *T1.uplines[1:]))
    ),
    ReasonCode.ZERO_AMOUNT: lambda: of_trade(spread="0"),
    ReasonCode.OVERLAP: lambda: of_trade(plan_with(overlap_policy="highest")),
    ReasonCode.CAP_REACHED: lambda: of_trade(plan_with(caps=Caps(max_total_per_lot=dec(8)))),
}


def settle_unopened() -> set[ReasonCode]:
    outcome = settle(replace(trade(), opened_at=None, open_price=None))
    return {one.primary for one in outcome.reasons}


def of_client(rule: AwardRule) -> Iterable[ReasonCode]:
    step = cpa_step(rule, ClientState(money=(Paid(OPENED, dec(100)),)), OPENED + timedelta(days=1))
    assert step is not None
    return step.gates


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_can_be_given(code: ReasonCode) -> None:
    assert code in set(WAYS[code]())


STATEMENTS = "\n".join(
    path.read_text()
    for path in FilePath("app/partners").rglob("*")
    if path.suffix in (".sql", ".py") and "rules" not in path.parts
)


@pytest.mark.parametrize("code", ReasonCode)
def test_the_set_based_engine_knows_every_reason(code: ReasonCode) -> None:
    assert f"'{code}'" in STATEMENTS or f"ReasonCode.{code.name}" in STATEMENTS


def test_every_reason_of_the_rules_is_known() -> None:
    known = {code.value for code in ReasonCode}

    assert set(SPECIFIED.split()) - known == NOT_OF_A_LINE
    assert known.isdisjoint(NOT_OF_A_LINE)


def test_partners_and_staff_read_every_reason_as_a_sentence(app: Flask, shop: Shop) -> None:
    assert shop.pia.client_id is not None
    with tenant_scope(shop.brand.id):
        with transaction():
            assert shop.dan.client_id is not None
            platform = world.make_platform()
            platform.deals, platform.batches = 1000, 1000
            closed = {"opened_at": NOON, "closed_at": NOON + timedelta(days=1)}
            trades = platform.store([{"client_id": shop.dan.client_id, **closed} for _ in ReasonCode])
        world.settle(DAY + timedelta(days=1))
        with transaction():
            for number, code in zip(trades, ReasonCode, strict=True):
                execute_sql(
                    "INSERT INTO commission_reason (tenant_id, partner_id, trade_id, revision, track, business_date,"
                    " distance, reason, gates)"
                    " VALUES (:tenant_id, :partner, :trade, 0, 'cashback', :day, 1, :code, :gates)",
                    partner=shop.pia.client_id,
                    trade=number,
                    day=DAY + timedelta(days=1),
                    code=code.value,
                    gates=[code.value],
                )
    portal = browser_of(app, shop.brand, shop.pia, "partner")
    office = browser_of(app, shop.brand, make_staff(shop.brand, "partner_desk"), "office")

    for number, code in zip(trades, ReasonCode, strict=True):
        sentence = str(labels.reason(code))
        assert sentence in text_of(portal.get(f"/earnings?reason={code}")), code
        assert sentence in text_of(office.get(f"/commission/partners/{shop.pia.client_id}?reason={code}")), code
        assert sentence in text_of(portal.get(f"/earnings/{number}/0/cashback/none")), code
