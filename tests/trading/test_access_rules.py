"""Which differences between wanted and actual rights count, as a rule and as the statement for many accounts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import clock
from app.trading import permissions
from app.trading.access import queries, rules
from app.trading.models import AccountType, TradingAccount, TradingPlatform
from app.trading.platforms.base import Access, Capabilities
from app.trading.platforms.kinds import CTRADER, capabilities_of, mt5_capabilities
from tests.trading.conftest import Desk

EVERYTHING = mt5_capabilities({"a": "b"})
ACCESSES = [Access(*bits) for bits in itertools.product((True, False), repeat=5)]
SETS = [
    frozenset(chosen) for size in range(6) for chosen in itertools.combinations(rules.RIGHTS, size)
]  # Every choice of functions.

accesses = st.builds(Access, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())


@given(accesses)
def test_access_survives_being_stored(access: Access) -> None:
    assert rules.from_stored({"access": rules.as_stored(access)}, Access()) == access


def test_a_payload_of_before_changes_trading_alone() -> None:
    before = Access(can_use_robots=False)

    assert rules.from_stored({"allowed": False}, before) == replace(before, can_trade=False)
    assert rules.is_partial({"allowed": False})
    assert rules.taken_by({"allowed": False}) == [permissions.TRADE]
    assert rules.taken_by({"allowed": True}) == []
    assert not rules.is_partial({"access": rules.as_stored(before)})


@given(accesses, accesses)
def test_what_is_as_wanted_has_no_gap(wanted: Access, actual: Access) -> None:
    assert rules.gaps(wanted, wanted, EVERYTHING) == []
    missing = rules.gaps(wanted, actual, EVERYTHING)
    mended = {rules.RIGHTS[function]: rules.allows(wanted, function) for function in missing}
    assert (missing == []) or rules.gaps(wanted, replace(actual, **mended), EVERYTHING) != missing


def test_levels_of_access_may_take_more_than_was_asked() -> None:
    no_login = Access(can_sign_in=False, can_trade=False, can_open=False)

    assert rules.gaps(rules.without([permissions.PLATFORM_SIGN_IN]), no_login, CTRADER) == []
    assert rules.gaps(Access(), no_login, CTRADER) == [permissions.PLATFORM_SIGN_IN]
    assert rules.gaps(Access(), Access(can_trade=False, can_open=False), CTRADER) == [permissions.TRADE]
    assert rules.gaps(rules.without([permissions.EXPERT_TRADING]), Access(), CTRADER) == []


def test_what_a_platform_can_do_follows_from_its_settings() -> None:
    assert not capabilities_of("mt5", {}).has_close_only
    assert capabilities_of("mt5", {"close_only_groups": {"a": "b"}}).has_close_only
    assert capabilities_of("ctrader", {}).has_close_only


@pytest.mark.parametrize("can", [Capabilities(), EVERYTHING, CTRADER], ids=["least", "mt5", "ctrader"])
def test_the_statement_for_many_agrees_with_the_rule_for_one(desk: Desk, can: Capabilities) -> None:
    """Every actual access against every choice of what staff withhold."""
    with desk.scope():
        from sqlalchemy import select

        from app.core.db import session

        kind = session().scalars(select(AccountType)).first()
        platform = session().scalars(select(TradingPlatform)).one()
        assert kind is not None
        rows = {}
        for number, (actual, withheld) in enumerate(itertools.product(ACCESSES[::3], SETS[::2])):
            row = TradingAccount(
                client_id=desk.client_id,
                platform_id=platform.id,
                type_id=kind.id,
                login=700_000 + number,
                group_name="g",
                currency="USD",
                leverage=100,
                rights=None,
                nickname="",
                status="active",
                is_demo=False,
                is_hedging=True,
                reference=f"A-{number}",
                created_at=clock.now(),
                access_known=rules.as_stored(actual),
                withheld={function: {} for function in withheld},
            )
            row.take_access(actual)
            rows[number] = (row, rules.gaps(rules.without(withheld), actual, can))
        session().add_all(row for row, _ in rows.values())
        session().flush()
        wanted = {row.id for row, gaps in rows.values() if gaps}
        found: set[object] = set()
        while some := [row for row in queries.to_enforce(platform.id, {}, can, clock.now()) if row.id not in found]:
            found |= {row.id for row in some}
            for row in some:
                row.status = "archived"  # type: ignore[assignment]  # So that the next page comes.
            session().flush()

        assert found == wanted
        session().rollback()
