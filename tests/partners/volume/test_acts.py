"""Staff take an account out of commission and say that two clients are one person; outsiders do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.kit import clock
from app.partners.volume import service
from tests.partners import world
from tests.partners.test_pages import Shop, desk, pia, shop
from tests.partners.trades import dec, plan_with
from tests.support.brands import app, brands, browser_of, hash_once, make_staff, north, south
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "desk", "hash_once", "north", "pia", "shop", "south"]


def account_of(shop: Shop) -> UUID:
    """The account on which Dan trades."""
    with tenant_scope(shop.brand.id):
        return in_transaction(
            lambda: execute_sql(
                "SELECT id FROM trading_account WHERE tenant_id = :tenant_id AND client_id = :client",
                client=shop.dan.client_id,
            ).scalar_one()
        )


def audited(shop: Shop, action: str) -> list[Any]:
    with tenant_scope(shop.brand.id):
        return list(
            in_transaction(
                lambda: execute_sql(
                    "SELECT actor_name, reason FROM audit_record WHERE tenant_id = :tenant_id AND action = :action"
                    " ORDER BY at",
                    action=action,
                ).all()
            )
        )


def test_an_account_is_taken_out_and_let_back_in(desk: Visitor, shop: Shop) -> None:
    account = account_of(shop)
    page = f"/commission/accounts/{account}"
    assert "Pays as the plan says" in text_of(desk.get(f"/accounts/{account}"))

    assert desk.post(page, {"reason": ""}).status_code == 422
    assert desk.post(page, {"reason": "Trades for the bonus alone."}).status_code == 303

    shown = text_of(desk.get(f"/accounts/{account}"))
    assert "Pays nothing" in shown
    assert "Trades for the bonus alone." in shown
    assert desk.post(page, {"reason": "Talked it over."}).status_code == 303
    assert "Pays as the plan says" in text_of(desk.get(f"/accounts/{account}"))
    assert [row.reason for row in audited(shop, "partners.account.exclude")] == [
        "Trades for the bonus alone.",
        "Talked it over.",
    ]


@pytest.mark.parametrize("role", ["support", "sales", "dealing"])
def test_who_may_not_is_told_so(app: Flask, shop: Shop, role: str) -> None:
    visitor = browser_of(app, shop.brand, make_staff(shop.brand, role), "office")

    assert visitor.post(f"/commission/accounts/{account_of(shop)}", {"reason": "x"}).status_code == 403
    assert visitor.post(f"/commission/partners/{shop.dan.client_id}/person", {"reason": "x"}).status_code == 403


def test_two_clients_are_one_person_and_three_through_each_other(desk: Visitor, shop: Shop) -> None:
    page = f"/commission/partners/{shop.dan.client_id}/person"
    with tenant_scope(shop.brand.id):
        dan, third = (number_of(one) for one in (shop.dan.client_id, in_transaction(world.make_client, "Third")))
        pia = number_of(shop.pia.client_id)

    assert desk.post(page, {"number": "abc", "reason": "x"}).status_code == 422
    assert desk.post(page, {"number": str(dan), "reason": "x"}).status_code == 422
    assert desk.post(page, {"number": str(third), "reason": "Same passport."}).status_code == 303
    other = f"/commission/partners/{shop.pia.client_id}/person"
    assert desk.post(other, {"number": str(third), "reason": "Same address."}).status_code == 303

    assert str(pia) in text_of(desk.get(page))
    assert desk.post(f"{other}/part", {}).status_code == 303
    assert str(pia) not in text_of(desk.get(page))
    assert len(audited(shop, "partners.person.join")) == 2


def number_of(client_id: UUID | None) -> int:
    return int(
        in_transaction(
            lambda: execute_sql(
                "SELECT number FROM client WHERE tenant_id = :tenant_id AND id = :id", id=client_id
            ).scalar_one()
        )
    )


def test_an_excluded_account_pays_nothing_from_then_on(here: None) -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with transaction():
        p, d = world.make_client("P"), world.make_client("D")
        world.link(d, p)
        world.grant(p, dec(8))
        world.publish(plan_with(referral=None))
        platform = world.make_platform()
        account = platform.account(d)
        before, after = platform.store(
            [
                {"client_id": d, "opened_at": noon - timedelta(hours=2), "closed_at": noon + timedelta(minutes=minute)}
                for minute in (-1, 1)
            ]
        )
    with clock.frozen(noon), transaction():
        service.set_pays(account, pays=False, reason="test", by=world.BY)

    world.settle(noon.date())

    assert {(row[0], row[7]) for row in world.lines()} == {(before, dec(8))}
    assert {(row[0], row[4]) for row in world.reasons()} == {(after, "ACCOUNT_EXCLUDED")}


def test_nobody_earns_from_a_trade_of_their_own_under_another_name(here: None) -> None:
    day = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with transaction():
        above, p, d = (world.make_client(name) for name in ("Above", "P", "D"))
        world.link(d, p)
        world.link(p, above)
        world.grant(p, dec(8))
        world.grant(above, dec(9))
        world.publish(plan_with(referral=None, god={"nested_policy": "difference"}))
        number = number_of_here(d)
        service.join_people(p, number, reason="test", by=world.BY)
        world.make_platform().store([{"client_id": d, "opened_at": day - timedelta(minutes=9), "closed_at": day}])

    world.settle(day.date())

    assert {(row[2], row[7]) for row in world.lines()} == {(above, dec(1))}
    assert {(row[2], row[4]) for row in world.reasons()} == {(p, "SELF_REFERRAL")}


def number_of_here(client_id: UUID) -> int:
    row = execute_sql("SELECT number FROM client WHERE tenant_id = :tenant_id AND id = :id", id=client_id)
    return int(row.scalar_one())
