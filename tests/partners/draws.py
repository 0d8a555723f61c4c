"""Random worlds for both engines, drawn: trees with moves, plans, trades and people."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from app.partners.abuse.terms import AbuseTerms, Clusters, HoldBand
from app.partners.plan import (
    Caps,
    Gates,
    GodRule,
    GodTrack,
    Level,
    Match,
    Plan,
    ReferralRule,
    ReferralTrack,
    SpreadBasis,
    TypicalSymbol,
)
from app.partners.rules import Person
from app.referrals.rules import FOREVER
from tests.partners import world
from tests.partners.rebates import agreements
from tests.partners.volume import neighbours


def examples(usual: int) -> settings:
    """How many random worlds a test looks at: the same ones every time, unless somebody asks for so many others."""
    asked = os.environ.get("KONTOR_EXAMPLES")
    steps = [Phase.explicit, Phase.generate] if asked is None else list(Phase)  # Shrinking a world takes minutes.
    return settings(
        max_examples=int(asked or usual),
        derandomize=asked is None,
        phases=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


FIRST_DAY = date(2026, 3, 2)
SHARES = [Decimal(text) for text in ("0", "0.05", "0.1", "0.2", "0.3333", "0.4")]
RATES = [Decimal(text) for text in ("0.5", "2.5", "5", "6", "8", "8")]
HOLD_BANDS = tuple(
    HoldBand(from_seconds=Decimal(begins), share=Decimal(share))
    for begins, share in ((0, "0"), (60, "0.3333"), (3600, "0.7"), (5400, "1"))
)
LOTS = [Decimal(text) for text in ("0.01", "0.33", "1", "2.5", "1.2345678")]
SYMBOLS = {"EURUSD": ("fx", "USD", 100_000), "USDJPY": ("fx", "JPY", 100_000), "XAUUSD": ("metal", "USD", 100)}


@dataclass(frozen=True)
class Link:
    child: int
    parent: int
    hour_from: int  # Below 0: long ago.
    hour_to: int  # Above 24: still.


def hours(day: date, hour: float) -> datetime:
    """An instant of a day; far before and far after for hours outside it."""
    if hour < 0:
        return world.FAR_BACK
    return FOREVER if hour > 24 else datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


@st.composite
def trees(draw: st.DrawFn) -> tuple[int, list[Link], list[tuple[int, Decimal, int, int]]]:
    """People 0 to n-1, everybody sponsored by somebody with a higher number; some are moved at one o'clock."""
    count = draw(st.integers(2, 7))
    links = []
    for child in range(count - 1):
        if draw(st.booleans()) or draw(st.booleans()):
            parents = st.integers(child + 1, count - 1)
            start = draw(st.sampled_from([-1, -1, -1, 9]))
            if draw(st.integers(0, 3)) == 0:
                links.append(Link(child, draw(parents), start, 13))
                if draw(st.booleans()):
                    links.append(Link(child, draw(parents), 13, 25))
            else:
                links.append(Link(child, draw(parents), start, 25))
    grants = [
        (person, draw(st.sampled_from(RATES)), draw(st.sampled_from([-1, -1, 11])), 25)
        for person in range(count)
        if draw(st.booleans())
    ]
    return count, links, grants


@st.composite
def level_lists(draw: st.DrawFn) -> tuple[Level, ...]:
    shares = draw(st.lists(st.sampled_from(SHARES), min_size=1, max_size=5))
    return tuple(Level(name=f"Level {n}", share=share) for n, share in enumerate(shares))


KINDS: tuple[dict[str, Any], ...] = (
    {"kind": "pct_markup", "markup": Decimal("0.00006")},
    {"kind": "pct_markup"},
    {"kind": "pips", "pips": Decimal("0.7"), "pip_size": Decimal("0.0001")},
    {"kind": "pct_commission"},
    {"kind": "per_million", "rate": Decimal("33.3")},
    {"kind": "pct_profit"},
    {"kind": "per_lot", "rate": Decimal("7.77")},
)
amounts = st.one_of(st.none(), st.sampled_from([Decimal("0.7"), Decimal("3.3333"), Decimal(5), Decimal(12)]))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    bases: st.SearchStrategy[SpreadBasis] = st.sampled_from(["open", "close", "half_half", "capped", "typical"])
    referral, god = None, None
    if draw(st.integers(0, 4)):
        kinds: st.SearchStrategy[dict[str, Any]] = st.one_of(st.just({}), st.sampled_from(KINDS))
        rules = [ReferralRule(name="default", max_per_event=draw(amounts), **draw(kinds))]
        if draw(st.booleans()):
            rules.append(
                ReferralRule(
                    name="metal",
                    match=neighbours.drawn_match(draw, {"symbol_classes": ("metal",)}),
                    levels=draw(st.one_of(st.just(()), level_lists())),
                    spread_basis=draw(st.one_of(st.none(), bases)),
                    **draw(kinds),
                )
            )
        if draw(st.integers(0, 3)) == 0:
            rules[0] = ReferralRule(name="default", match=Match(symbols=("EUR*",)))
        referral = ReferralTrack(
            levels=draw(level_lists()),
            spread_basis=draw(bases),
            level_base=draw(st.sampled_from(["root", "previous"])),
            rules=tuple(rules),
        )
    if draw(st.integers(0, 4)):
        god = GodTrack(
            nested_policy=draw(st.sampled_from(["full", "difference", "nearest", "topmost", "split", "highest"])),
            split_shares=(Decimal("0.2"), Decimal("0.1")),
            rules=(
                GodRule(
                    name="fx",
                    match=neighbours.drawn_match(draw, {"symbol_classes": ("fx",)}),
                    max_per_event=draw(amounts),
                ),
                GodRule(
                    name="gold",
                    match=Match(symbols=("XAU*",)),
                    weight=draw(st.sampled_from([Decimal("0.1"), Decimal(0)])),
                ),
            ),
        )
    return Plan(
        name="Random",
        currency=draw(st.sampled_from(["USD", "USD", "EUR"])),
        referral=referral,
        god=god,
        gates=Gates(
            min_hold_seconds=draw(st.sampled_from([Decimal(0), Decimal(180), Decimal("3600.5")])),
            exempt_from_hold=draw(st.sampled_from([(), ("stop_out",)])),
            exempt_hold_groups=draw(st.sampled_from([(), (), ("cent*",)])),
            hold_policy=draw(st.sampled_from(["reject", "bands"])),
            hold_bands=HOLD_BANDS,
            **neighbours.drawn_gates(draw),
            copy_trades=draw(st.sampled_from(["pay", "exclude"])),
            zero_move=draw(st.sampled_from(["pay", "exclude"])),
            min_volume_lots=draw(st.sampled_from([Decimal(0), Decimal("0.05")])),
            excluded_groups=draw(st.sampled_from([(), (), ("cent*",)])),
            client_kyc_level=draw(st.sampled_from([0, 0, 1])),
            partner_kyc_level=draw(st.sampled_from([0, 0, 1])),
            countries_denied=draw(st.sampled_from([(), ("FR",)])),
        ),
        caps=Caps(
            max_total_per_lot=draw(amounts),
            max_total_share_of_revenue=draw(st.one_of(st.none(), st.sampled_from([Decimal("0.5"), Decimal(1)]))),
            cap_policy=draw(st.sampled_from(["priority", "pro_rata", "nearest_first", "top_first"])),
            cap_order=draw(st.sampled_from([("god", "referral"), ("referral", "god")])),
            partner=neighbours.drawn_period_caps(draw),
        ),
        on_ineligible=draw(st.sampled_from(["forfeit", "compress", "hold"])),
        overlap_policy=draw(st.sampled_from(["stack", "highest", "track_priority"])),
        tree_as_of=draw(st.sampled_from(["close", "open", "settlement"])),
        fx_time=draw(st.sampled_from(["event", "settlement"])),
        revenue_basis=draw(st.one_of(st.none(), bases)),
        average_days=draw(st.sampled_from([1, 3])),
        volume_multipliers=draw(st.sampled_from([{}, {"cent*": Decimal("0.01")}])),
        spread_wait_days=0,
        typical=draw(
            st.sampled_from(
                [
                    {},
                    {"EURUSD": TypicalSymbol(spread=Decimal("0.0001"), contract_size=Decimal(100_000), currency="USD")},
                ]
            )
        ),
        abuse=AbuseTerms(clusters=Clusters(action=draw(st.sampled_from(["off", "shadow"])))),
        rounding_scope=draw(st.sampled_from(["day", "line"])),
        rounding_mode=draw(st.sampled_from(["half_even", "down", "half_up"])),
        **draw(agreements.sharing()),
    )


@st.composite
def trades(draw: st.DrawFn, count: int) -> dict[str, Any]:
    symbol = draw(st.sampled_from(sorted(SYMBOLS)))
    kind, currency, contract = SYMBOLS[symbol]
    opened = draw(st.sampled_from([None, 8.5, 10.0, 12.999, 13.0, 14.0]))
    held = draw(st.sampled_from([0.01, 0.05, 1.0, 2.5]))
    spread = st.one_of(st.none(), st.sampled_from([Decimal("0"), Decimal("0.00012"), Decimal("0.02"), Decimal("0.16")]))
    return {
        "person": draw(st.integers(0, count - 1)),
        "symbol": symbol,
        "symbol_class": kind,
        "profit_currency": draw(st.sampled_from([currency, currency, currency, "XXX"])),
        "contract_size": Decimal(contract),
        "volume_lots": draw(st.sampled_from(LOTS)),
        "opened": opened,
        "closed": (opened if opened is not None else 10) + held,
        "open_spread": draw(spread),
        "close_spread": draw(spread),
        "close_price": draw(st.sampled_from([Decimal("1.1"), Decimal("1.2")])),
        "commission": draw(st.sampled_from([Decimal(0), Decimal(-7), Decimal("3.33"), Decimal("-0.07")])),
        "account_currency": draw(st.sampled_from(["USD", "EUR", "YYY"])),
        "profit": draw(st.sampled_from([Decimal(0), Decimal("-12.5"), Decimal("33.33")])),
        "markup_usd": draw(st.sampled_from([None, Decimal(0), Decimal("6.03"), Decimal("-1")])),
        "group": draw(st.sampled_from(["standard", "cent-a"])),
        "reason": draw(st.sampled_from(["client", "client", "stop_out", "dealer", "signal"])),
        "is_demo": draw(st.integers(0, 9)) == 0,
        "is_partial": draw(st.booleans()),
        "is_close_by": draw(st.integers(0, 4)) == 0,
        "verdict": draw(st.sampled_from(["clear"] * 6 + ["hold", "reject"])),
        **neighbours.drawn_trade(draw),
    }


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """People, their links and grants, a plan and the trades of a day. In two of three of them most trades count."""
    count, links, grants = draw(trees())
    drawn = {
        "count": count,
        "links": links,
        "grants": grants,
        "plan": draw(plans()),
        "agreements": draw(agreements.wishes(count)),
        "starts": draw(st.sampled_from([None, None, None, 11.0])),  # Some trades close at this very instant.
        "trades": draw(st.lists(trades(count), min_size=1, max_size=5)),
        **neighbours.drawn_world(draw, count),
        "linked": draw(st.one_of(st.just(()), st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)))),
        "people": [
            Person(
                is_approved=draw(st.integers(0, 6)) > 0,
                is_active=draw(st.integers(0, 6)) > 0,
                kyc_level=draw(st.integers(0, 1)),
                country=draw(st.sampled_from(["DE", "DE", "DE", "FR"])),
                is_accrual_locked=draw(st.integers(0, 5)) == 0,
            )
            for _ in range(count)
        ],
    }
    return _that_count(drawn) if draw(st.integers(0, 2)) else drawn


def _that_count(drawn: dict[str, Any]) -> dict[str, Any]:
    """The same world with trades, people and gates that keep little from being paid."""
    plan: Plan = drawn["plan"]
    gates = msgspec.structs.replace(
        plan.gates,
        min_hold_seconds=min(plan.gates.min_hold_seconds, Decimal(180)),
        min_points=Decimal(0),
        zero_move="pay",
        negative_balance="pay",
        equity_unknown="balance",
        client_funded=False,
        client_kyc_level=0,
        include_sub_ib_accounts=True,
        close_by="both" if plan.gates.close_by == "exclude" else plan.gates.close_by,
        partial_close="pro_rata" if plan.gates.partial_close == "exclude" else plan.gates.partial_close,
    )
    trades = [
        one
        | {
            "opened": one["opened"] or 10.0,
            "closed": (one["opened"] or 10.0) + max(one["closed"] - (one["opened"] or 10), 0.05),
            "open_spread": one["open_spread"] or Decimal("0.00012"),
            "close_spread": one["close_spread"] or Decimal("0.00016"),
            "profit_currency": SYMBOLS[one["symbol"]][1],
            "account_currency": "USD" if one["account_currency"] == "YYY" else one["account_currency"],
            "reason": "client",
            "is_demo": False,
        }
        for one in drawn["trades"]
    ]
    people = [replace(one, is_active=True, kyc_level=1) for one in drawn["people"]]
    links = [link for link in drawn["links"] if link.hour_from < 0] or drawn["links"]
    chain = {link.child for link in links}
    links += [Link(child, child + 1, -1, 25) for child in range(drawn["count"] - 1) if child not in chain]
    return drawn | {
        "plan": msgspec.structs.replace(plan, gates=gates),
        "trades": trades,
        "people": people,
        "links": links,
        "excluded": [],
        "starts": None,
    }
