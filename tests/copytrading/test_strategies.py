"""A strategy from its publication to the list: whose it is, what is shown of it, and who may say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask

from app.copytrading import queries, service
from app.copytrading.models import Strategy, StrategyFigures
from app.core.db import session
from app.core.errors import Invalid, NotFound
from app.kit import clock
from app.restrictions import service as restrictions
from app.restrictions.service import Restricted
from app.trading.models import AccountStateRow
from tests.support.brands import Brand, acting, browser_of, make_staff, run_jobs
from tests.support.paper_desk import Desk, make_desk, offer_copy_trading

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def publish(desk: Desk, name: str = "Calm harbour") -> Strategy:
    with acting(desk.brand):
        assert desk.trader.client_id is not None
        return service.publish(
            desk.trader.client_id,
            desk.account_id,
            name=name,
            about="",
            has_accepted=True,
            by=desk.trader.actor("client"),
        )


def figures(desk: Desk, strategy: Strategy) -> StrategyFigures:
    with acting(desk.brand):
        found = queries.strategy_row(strategy.id).figures
        assert found is not None
        return found


def traded(desk: Desk) -> None:
    """1,000 paid in; two gains, a loss; 500 taken out: 1.1 x 0.9 x (1340 / 1190 ... )."""
    start = NOW - timedelta(days=40)
    desk.cash(start, "1000")
    desk.trade(start + timedelta(hours=1), start + timedelta(hours=2), "100")
    desk.cash(start + timedelta(days=5), "1000")
    desk.trade(start + timedelta(days=10), start + timedelta(days=10, hours=3), "-210", lots="2")
    desk.store()


def test_the_figures_come_from_deals_and_closed_trades(desk: Desk) -> None:
    with clock.frozen(NOW):
        traded(desk)
        found = figures(desk, publish(desk))

    assert found.return_all == Decimal("-0.01")  # 1.1 x 0.9
    assert found.drawdown == Decimal("0.1")
    assert (found.trades, found.won, found.lots) == (2, 1, Decimal(3))
    assert (found.gross_profit, found.gross_loss) == (Decimal(100), Decimal(210))
    assert found.holding_ms == 2 * 3_600_000
    assert found.age_days == 40
    assert found.equity == Decimal(1890)
    assert found.rank == 1


def test_a_reading_of_equity_counts_what_is_open(desk: Desk) -> None:
    with clock.frozen(NOW):
        traded(desk)
        strategy = publish(desk)
        with acting(desk.brand):
            session().add(
                AccountStateRow(
                    account_id=desk.account_id,
                    balance=Decimal(1890),
                    credit=Decimal(0),
                    equity=Decimal(2079),
                    margin=Decimal(0),
                    free_margin=Decimal(2079),
                    margin_level=None,
                    floating_profit=Decimal(189),
                    at=clock.now(),
                )
            )
        with acting(desk.brand):
            service.refresh(clock.business_now())

        assert figures(desk, strategy).return_all == Decimal("0.089")  # 0.99 x 1.1
        assert figures(desk, strategy).equity == Decimal(2079)


def test_the_figures_come_round_by_themselves(desk: Desk) -> None:
    with clock.frozen(NOW):
        strategy = publish(desk)
        traded(desk)
        from app.core.jobs import enqueue_after_commit

        with acting(desk.brand):
            enqueue_after_commit("copytrading.figures")
        run_jobs(desk.brand)

        assert figures(desk, strategy).return_all == Decimal("-0.01")


def test_the_young_the_small_and_the_idle_are_listed_without_a_rank(desk: Desk) -> None:
    with clock.frozen(NOW):
        idle = publish(desk)
        young = make_desk(desk.brand, "young@example.com", 5002)
        young.cash(NOW - timedelta(days=3), "1000")
        young.trade(NOW - timedelta(days=2), NOW - timedelta(days=1), "500")
        young.store()
        second = publish(young, "Young")

    assert figures(desk, idle).rank is None
    assert figures(young, second).rank is None
    with acting(desk.brand):
        rows, total = queries.strategies(queries.StrategyFilter())
    assert total == 2
    assert {row.strategy.name for row in rows} == {"Calm harbour", "Young"}


def test_publishing_is_refused_with_a_reason(desk: Desk, south: Brand) -> None:
    offer_copy_trading(south)
    other = make_desk(south, "other@example.com", 5001)
    client = desk.trader.client_id
    assert client is not None
    by = desk.trader.actor("client")

    def attempt(account_id: object = desk.account_id, name: str = "A name", accepted: bool = True) -> None:
        with acting(desk.brand):
            service.publish(client, account_id, name=name, about="", has_accepted=accepted, by=by)  # type: ignore[arg-type]

    for kwargs, field in (
        ({"account_id": other.account_id}, "account"),
        ({"accepted": False}, "has_accepted"),
        ({"name": "x"}, "name"),
        ({"name": "mail me: a@b.c"}, "name"),
    ):
        with pytest.raises(Invalid) as refused:
            attempt(**kwargs)  # type: ignore[arg-type]
        assert refused.value.field == field
    publish(desk)
    with pytest.raises(Invalid):
        attempt()  # It is listed already.


def test_names_are_told_apart(desk: Desk) -> None:
    publish(desk)
    second = make_desk(desk.brand, "second@example.com", 5003)

    with pytest.raises(Invalid) as refused:
        publish(second, "CALM  Harbour")

    assert refused.value.field == "name"


def test_a_lock_takes_publishing_away(desk: Desk) -> None:
    assert desk.trader.client_id is not None
    staff = make_staff(desk.brand, "compliance")
    with acting(desk.brand):
        restrictions.lock(desk.trader.client_id, "publish_strategy", reason_code="client_request", by=staff.actor())

    with pytest.raises(Restricted):
        publish(desk)


def test_a_withdrawn_strategy_is_gone_for_everybody_else(app: Flask, desk: Desk) -> None:
    strategy = publish(desk)
    outsider = make_desk(desk.brand, "reader@example.com", 5004, name="Reader").trader
    reader, owner = (browser_of(app, desk.brand, person, "cabinet") for person in (outsider, desk.trader))

    assert reader.get(f"/strategies/{strategy.id}").status_code == 200
    assert reader.post(f"/strategies/{strategy.id}/withdraw").status_code == 404
    assert owner.post(f"/strategies/{strategy.id}/withdraw").status_code in (302, 303)
    assert reader.get(f"/strategies/{strategy.id}").status_code == 404
    assert "Calm harbour" not in reader.get("/strategies/").text
    assert owner.get(f"/strategies/{strategy.id}").status_code == 200


def test_a_reader_never_learns_whose_strategy_it_is(app: Flask, desk: Desk) -> None:
    traded(desk)
    strategy = publish(desk)
    reader = browser_of(
        app, desk.brand, make_desk(desk.brand, "reader@example.com", 5004, name="Reader").trader, "cabinet"
    )

    for path in (
        "/strategies/",
        f"/strategies/{strategy.id}",
        f"/strategies/{strategy.id}/days.csv",
        "/strategies/strategies.csv",
    ):
        text = reader.get(path).text
        assert [word for word in ("Mona", "mona@example.com", "5001") if word in text] == [], path
    assert "equity" not in reader.get(f"/strategies/{strategy.id}/days.csv").text
    owner = browser_of(app, desk.brand, desk.trader, "cabinet")
    assert "equity" in owner.get(f"/strategies/{strategy.id}/days.csv").text


def test_staff_take_a_strategy_off_the_list_and_put_it_back(app: Flask, desk: Desk) -> None:
    strategy = publish(desk)
    office = browser_of(app, desk.brand, make_staff(desk.brand, "compliance"), "office")
    sales = browser_of(app, desk.brand, make_staff(desk.brand, "sales"), "office")

    assert "Calm harbour" in office.get("/strategies/").text
    assert sales.get(f"/strategies/{strategy.id}").status_code == 403
    short = office.post(f"/strategies/{strategy.id}", {"reason": "no"})
    assert short.status_code == 422
    assert "at least five" in short.text
    office.post(f"/strategies/{strategy.id}", {"reason": "Advertises signals elsewhere."})
    owner = browser_of(app, desk.brand, desk.trader, "cabinet")
    assert "Advertises signals elsewhere." in owner.get(f"/strategies/{strategy.id}").text
    with acting(desk.brand):
        assert queries.strategies(queries.StrategyFilter())[1] == 0
    office.post(f"/strategies/{strategy.id}", {"reason": "The advertisement is gone."})
    with acting(desk.brand):
        assert queries.strategies(queries.StrategyFilter())[1] == 1


def test_another_brand_sees_nothing_of_it(app: Flask, desk: Desk, south: Brand) -> None:
    offer_copy_trading(south)
    strategy = publish(desk)
    there = browser_of(app, south, make_desk(south, "south@example.com", 5001).trader, "cabinet")

    assert there.get(f"/strategies/{strategy.id}").status_code == 404
    assert "Calm harbour" not in there.get("/strategies/").text
    with acting(south), pytest.raises(NotFound):
        queries.strategy_row(strategy.id)


def test_a_brand_without_the_section_has_no_such_page(app: Flask, north: Brand) -> None:
    trader = make_desk(north, "mona@example.com", 5001).trader
    cabinet = browser_of(app, north, trader, "cabinet")

    assert cabinet.get("/strategies/").status_code == 404
    assert "/strategies" not in cabinet.get("/accounts").text


def test_publishing_by_the_form(app: Flask, desk: Desk) -> None:
    cabinet = browser_of(app, desk.brand, desk.trader, "cabinet")
    wrong = cabinet.post("/strategies/publish", {"account": str(desk.account_id), "name": "Steady", "about": ""})

    assert wrong.status_code == 422
    assert "Accept the terms" in wrong.text
    done = cabinet.post(
        "/strategies/publish",
        {"account": str(desk.account_id), "name": "Steady", "about": "Metals at night.", "has_accepted": "y"},
    )
    assert done.status_code in (302, 303)
    page = cabinet.get(done.headers["Location"])
    assert "Steady" in page.text
    assert "Metals at night." in page.text
