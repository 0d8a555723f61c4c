"""Who copies a strategy: as the platform says, counted when staff have said which provider it is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask

from app.copytrading import queries, service
from app.core.errors import Invalid
from app.trading.copies import service as copies
from app.trading.platforms.base import Copy
from tests.copytrading.test_strategies import publish, traded
from tests.support.brands import Brand, acting, browser_of, make_staff
from tests.support.paper_desk import Desk


def copy(login: int, parent: int, provider: str = "77", balance: str = "100", currency: str = "USD") -> Copy:
    return Copy(login, parent, provider, "Calm one", Decimal(balance), currency)


def store(desk: Desk, *found: Copy) -> None:
    with acting(desk.brand):
        copies.store(desk.platform_id, found)


def counted(desk: Desk) -> tuple[int | None, Decimal | None]:
    with acting(desk.brand):
        figures = queries.strategies_of(desk.trader.client_id)[0].figures  # type: ignore[arg-type]
        assert figures is not None
        return figures.copiers, figures.copied_equity


def test_people_are_counted_once_and_money_is_summed(desk: Desk) -> None:
    traded(desk)
    strategy = publish(desk)
    store(desk, copy(1, 10), copy(2, 10, balance="50.5"), copy(3, 11), copy(4, 12, provider="78"))
    staff = make_staff(desk.brand, "dealing").actor()
    assert counted(desk) == (None, None)

    with acting(desk.brand):
        service.name_provider(strategy.id, "77", by=staff)

    assert counted(desk) == (2, Decimal("250.50"))


def test_whoever_stops_copying_is_gone_with_the_next_reading(desk: Desk) -> None:
    store(desk, copy(1, 10), copy(2, 11))
    store(desk, copy(2, 11, balance="70"))

    with acting(desk.brand):
        assert [(one.provider, one.copiers) for one in copies.providers(desk.platform_id)] == [("77", 1)]
        assert copies.copies_of(desk.platform_id, "77") == (1, [("USD", Decimal(70))])
    store(desk)
    with acting(desk.brand):
        assert copies.providers(desk.platform_id) == []


def test_a_currency_without_a_rate_leaves_the_sum_open(desk: Desk) -> None:
    traded(desk)
    strategy = publish(desk)
    store(desk, copy(1, 10, currency="XXX"))

    with acting(desk.brand):
        service.name_provider(strategy.id, "77", by=make_staff(desk.brand, "dealing").actor())

    assert counted(desk) == (1, None)


def test_staff_choose_a_provider_on_the_page(app: Flask, desk: Desk, south: Brand) -> None:
    strategy = publish(desk)
    store(desk, copy(1, 10))
    office = browser_of(app, desk.brand, make_staff(desk.brand, "dealing"), "office")
    sales = browser_of(app, desk.brand, make_staff(desk.brand, "sales"), "office")

    assert "Calm one, 1 copy" in office.get(f"/strategies/{strategy.id}").text
    assert sales.post(f"/strategies/{strategy.id}/provider", {"provider": "77"}).status_code == 403
    assert office.post(f"/strategies/{strategy.id}/provider", {"provider": "99"}).status_code == 422
    office.post(f"/strategies/{strategy.id}/provider", {"provider": "77"})
    assert counted(desk) == (1, Decimal(100))
    with acting(south):
        assert copies.providers(desk.platform_id) == []


def test_a_provider_that_the_platform_does_not_know_is_refused(desk: Desk) -> None:
    strategy = publish(desk)

    with acting(desk.brand), pytest.raises(Invalid):
        service.name_provider(strategy.id, "77", by=desk.trader.actor())
