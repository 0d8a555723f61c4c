"""The list before a connection goes live: it fills in from facts, and nobody declares live what is not ready."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from flask import Flask

from app.audit import queries as audit
from app.core.db import execute_sql, session
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.kit.ids import new_id
from app.trading import bundle
from app.trading.golive import rules, service
from app.trading.golive.rules import Facts, StepState
from app.trading.link_tests.models import ConnectionTest
from app.trading.models import AccountStatus, OperationKind, OperationState, PlatformOperation, SymbolRow
from app.trading.queries import accounts
from app.trading.queries import operations as operation_queries
from app.trading.service import archiving, leaving
from app.trading.sync_health.models import SyncSubscription
from tests.support.brands import Brand, acting, browser_of, make_staff
from tests.support.paper_desk import Desk, make_desk, trading_document

READY = Facts(
    is_simulator=False,
    has_own_authority=True,
    has_password=True,
    needs_bridge=True,
    has_bridge_secret=True,
    is_up=True,
    last_error="",
    has_clock=True,
    tested_at=clock.now(),
    failed_rights=(),
    unverified=0,
    symbols=40,
    unknown_groups=(),
    events_arrive=True,
    simulator_accounts=0,
    waiting_logins=0,
    is_reading_accounts=False,
    has_read_accounts=True,
    starts_at=clock.now(),
    compared_at=clock.now(),
    differences=0,
    suspense=0,
    unknown_operations=0,
    paid_in=1,
    paid_out=1,
    watchers=1,
    short_looks=False,
    marks=frozenset(rules.BY_HAND),
)


def states(desk: Desk) -> dict[str, StepState]:
    with acting(desk.brand):
        return {step.key: step.state for step in service.look(desk.platform_id).steps}


def test_a_connection_with_everything_is_ready() -> None:
    assert rules.is_ready(rules.steps(READY))


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"is_simulator": True}, "address"),
        ({"has_password": False}, "password"),
        ({"is_up": False}, "link"),
        ({"has_clock": False}, "clock"),
        ({"tested_at": None}, "rights"),
        ({"failed_rights": ("RIGHT_ACCOUNTANT (24)",)}, "rights"),
        ({"symbols": 0}, "symbols"),
        ({"unknown_groups": ("real\\vip",)}, "groups"),
        ({"simulator_accounts": 2}, "simulator_accounts"),
        ({"is_reading_accounts": True}, "adoption"),
        ({"starts_at": None}, "start"),
        ({"compared_at": None}, "comparison"),
        ({"differences": 1}, "comparison"),
        ({"suspense": 1}, "queue"),
        ({"unknown_operations": 1}, "queue"),
        ({"short_looks": True}, "waits"),
        ({"paid_out": 0}, "round_trip"),
        ({"watchers": 0}, "watchers"),
        ({"marks": frozenset()}, "finance"),
    ],
)
def test_each_missing_thing_stands_in_the_way(changes: dict[str, object], step: str) -> None:
    found = rules.steps(replace(READY, **changes))  # type: ignore[arg-type]

    assert not rules.is_ready(found)
    assert step in {one.key for one in found if one.state is StepState.OPEN}


def test_what_could_not_be_verified_asks_for_a_look_and_stops_nobody() -> None:
    found = rules.steps(replace(READY, unverified=2, events_arrive=False, waiting_logins=3))

    assert rules.is_ready(found)
    assert {one.key for one in found if one.state is StepState.CHECK} == {"rights", "bridge", "adoption"}


def make_ready(desk: Desk) -> None:
    """Everything that the list reads, as a connector and staff would have left it."""
    now = clock.now()
    staff = make_staff(desk.brand, "dealing")
    with acting(desk.brand):
        execute_sql(
            "UPDATE platform_status SET link = 'up', reconciled_at = :now WHERE tenant_id = :tenant_id", now=now
        )
        execute_sql(
            "UPDATE trading_account SET adopted_at = :now WHERE tenant_id = :tenant_id",
            now=now,
        )
        session().add(
            ConnectionTest(
                platform_id=desk.platform_id,
                login=None,
                state="done",
                findings=[{"check": "sign_in", "is_ok": True, "right": "", "detail": ""}],
                requested_by=None,
                requested_by_name="Somebody",
                requested_at=now,
                started_at=now,
                finished_at=now,
            )
        )
        session().add(
            SymbolRow(
                platform_id=desk.platform_id,
                name="EURUSD",
                path="Forex\\EURUSD",
                symbol_class="forex",
                description="",
                profit_currency="USD",
                margin_currency="EUR",
                digits=5,
                contract_size=100_000,
                updated_at=now,
            )
        )
        session().add(
            SyncSubscription(
                platform_id=desk.platform_id,
                user_id=staff.id,
                kinds=["link_down"],
                link_down_minutes=5,
                changed_at=now,
            )
        )
        for kind in (OperationKind.FUND, OperationKind.WITHDRAW):
            session().add(confirmed(desk, kind))


def confirmed(desk: Desk, kind: OperationKind) -> PlatformOperation:
    now = clock.now()
    return PlatformOperation(
        key=str(new_id()),
        platform_id=desk.platform_id,
        account_id=desk.account_id,
        kind=kind,
        state=OperationState.CONFIRMED,
        payload={},
        has_secret=False,
        amount_minor=100,
        currency="USD",
        reference=str(new_id()),
        hold_id=None,
        actor_kind="system",
        actor_id=None,
        actor_name="test",
        created_at=now,
        expires_at=now + timedelta(minutes=1),
        epoch=1,
        sent_at=now,
        next_look_at=None,
        finished_at=now,
        refusal_code=None,
        refusal_reason=None,
        stated_outcome=None,
        stated_by=None,
        stated_by_name=None,
        resolved_by=None,
    )


def test_the_list_reads_the_platform_as_it_is(desk: Desk) -> None:
    before = states(desk)
    make_ready(desk)
    after = states(desk)

    assert {before[key] for key in ("link", "rights", "symbols", "comparison", "round_trip")} == {StepState.OPEN}
    assert {key for key, state in after.items() if state is StepState.OPEN} == {"old_office", "finance", "real_money"}


def test_another_address_makes_old_proofs_worthless(desk: Desk) -> None:
    make_ready(desk)
    document = trading_document(desk.brand)
    document["platforms"][0]["address"] = "mt5.broker.example:443"
    with acting(desk.brand):
        bundle.apply(msgspec.convert(document, bundle.TradingSection, strict=False))

    found = states(desk)

    assert {found[key] for key in ("rights", "comparison", "round_trip")} == {StepState.OPEN}


def test_an_admin_confirms_and_declares_it_live(app: Flask, desk: Desk) -> None:
    make_ready(desk)
    office = browser_of(app, desk.brand, make_staff(desk.brand, "admin"), "office")
    base = f"/platforms/{desk.platform_id}/go-live/"

    early = office.post(f"{base}live")
    assert early.status_code == 409
    short = office.post(f"{base}finance", {"note": "ok"})
    assert short.status_code == 422
    assert "Say in a few words" in short.text
    for step in rules.BY_HAND:
        assert office.post(f"{base}{step}", {"note": "Seen on the call today."}).status_code in (302, 303)
    assert office.post(f"{base}live").status_code in (302, 303)
    page = office.get(base)
    assert "declared it live" in page.text
    with acting(desk.brand):
        acts = [one.action for one in audit.page_of_log(audit.log(action="trading.go_live"), offset=0, limit=20)]
        assert acts.count("trading.go_live.confirm") == 3
        assert acts.count("trading.go_live.live") == 1


def test_a_word_can_be_taken_back(app: Flask, desk: Desk) -> None:
    make_ready(desk)
    office = browser_of(app, desk.brand, make_staff(desk.brand, "admin"), "office")
    base = f"/platforms/{desk.platform_id}/go-live/"
    office.post(f"{base}finance", {"note": "Seen on the call today."})

    office.post(f"{base}finance/take-back")
    office.post(f"{base}finance/take-back")

    assert states(desk)["finance"] is StepState.OPEN


def test_only_an_admin_confirms_and_only_what_is_by_hand(app: Flask, desk: Desk, south: Brand) -> None:
    dealing = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")
    base = f"/platforms/{desk.platform_id}/go-live/"

    assert dealing.get(base).status_code == 200
    assert dealing.post(f"{base}finance", {"note": "Seen on the call today."}).status_code == 403
    assert browser_of(app, desk.brand, make_staff(desk.brand, "sales"), "office").get(base).status_code == 403
    make_desk(south, "south@example.com", 5001)
    abroad = browser_of(app, south, make_staff(south, "admin"), "office")
    assert abroad.get(base).status_code == 404
    assert abroad.post(f"{base}finance", {"note": "Seen on the call today."}).status_code == 404
    admin = make_staff(desk.brand, "admin").actor()
    with acting(desk.brand), pytest.raises(NotFound):
        service.confirm(desk.platform_id, "link", note="It is up, believe me.", by=admin)
    with acting(desk.brand), pytest.raises(Invalid):
        service.confirm(desk.platform_id, "finance", note="", by=admin)


def test_accounts_of_the_simulator_are_put_away_when_it_is_left(desk: Desk) -> None:
    """On the real server their logins may be somebody else's: no money and no restoring ever reaches it."""
    document = trading_document(desk.brand)
    document["platforms"][0]["address"] = "simulator"
    with acting(desk.brand):
        bundle.apply(msgspec.convert(document, bundle.TradingSection, strict=False))
        waiting = confirmed(desk, OperationKind.SET_LEVERAGE)
        waiting.state, waiting.amount_minor, waiting.currency = OperationState.REQUESTED, None, None
        waiting.payload = {"leverage": 50}
        session().add(waiting)
        account = accounts.account(desk.account_id)
        account.created_at = clock.now() - timedelta(days=1)
    document["platforms"][0]["address"] = "mt5.broker.example:443"

    with acting(desk.brand):
        bundle.apply(msgspec.convert(document, bundle.TradingSection, strict=False))

    admin = make_staff(desk.brand, "admin").actor()
    with acting(desk.brand):
        assert accounts.account(desk.account_id).status is AccountStatus.ARCHIVED
        assert operation_queries.find(waiting.id).state is OperationState.REFUSED
        with pytest.raises(leaving.OnSimulatorOnly):
            archiving.restore(desk.account_id, key="once", by=admin, reason="A mistake, surely.")
        bundle.apply(msgspec.convert(document, bundle.TradingSection, strict=False))
        with pytest.raises(leaving.OnSimulatorOnly):
            archiving.restore(desk.account_id, key="again", by=admin, reason="A mistake, surely.")
    assert states(desk)["simulator_accounts"] is StepState.DONE


def test_another_name_of_the_same_server_puts_nothing_away(desk: Desk) -> None:
    document = trading_document(desk.brand)
    document["platforms"][0]["address"] = "other.broker.example:443"

    with acting(desk.brand):
        bundle.apply(msgspec.convert(document, bundle.TradingSection, strict=False))
        assert accounts.account(desk.account_id).status is AccountStatus.ACTIVE
