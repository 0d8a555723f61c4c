"""Statements add up, show the right days, and belong to their owner and to staff alone."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audit import queries as audit
from app.core.errors import Invalid
from app.tenancy import papers
from app.trading.queries import accounts
from app.trading.statements import queries, service
from tests.support.brands import Brand, acting, browser_of, make_staff
from tests.support.paper_desk import Desk, make_desk

DUBAI = ZoneInfo("Asia/Dubai")
NOV = datetime(2026, 11, 1, tzinfo=DUBAI)


def statement(desk: Desk, first: date, last: date) -> service.Statement:
    with acting(desk.brand):
        return service.statement(accounts.account(desk.account_id), papers.period(first, last, DUBAI))


def lived(desk: Desk) -> None:
    """October: 1,000 in. November: +250, -75.50, 300 out."""
    desk.cash(NOV - timedelta(days=20), "1000")
    desk.trade(NOV + timedelta(days=1), NOV + timedelta(days=2), "250")
    desk.trade(NOV + timedelta(days=3), NOV + timedelta(days=4), "-75.50")
    desk.cash(NOV + timedelta(days=5), "-300")
    desk.store()


def test_a_month_leads_from_its_opening_to_its_closing_balance(desk: Desk) -> None:
    lived(desk)
    november = statement(desk, date(2026, 11, 1), date(2026, 11, 30))

    assert november.opening_balance == Decimal(1000)
    assert (november.paid_in, november.paid_out) == (Decimal(0), Decimal(-300))
    assert november.profit == Decimal("174.50")
    assert november.closing_balance == Decimal("874.50")
    assert [trade.profit for trade in november.trades] == [Decimal(250), Decimal("-75.50")]
    assert [deal.profit for deal in november.movements] == [Decimal(-300)]


def test_a_day_is_the_brands_day(desk: Desk) -> None:
    """Half past eleven at night in London on the last of October is already November in Dubai."""
    desk.cash(datetime(2026, 10, 31, 19, 59, 59, tzinfo=UTC), "10")
    desk.cash(datetime(2026, 10, 31, 20, 0, 0, tzinfo=UTC), "7")
    desk.store()

    assert statement(desk, date(2026, 10, 1), date(2026, 10, 31)).closing_balance == Decimal(10)
    assert statement(desk, date(2026, 11, 1), date(2026, 11, 30)).paid_in == Decimal(7)


moves = st.lists(
    st.tuples(st.integers(0, 80), st.decimals(-500, 500, places=2), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=moves, cut=st.integers(1, 79))
def test_periods_join_without_a_gap(desk: Desk, moves: list[tuple[int, Decimal, bool]], cut: int) -> None:
    """Whatever moved the account, one period ends where the next begins, and both sum to the whole."""
    start = datetime(2026, 8, 1, 12, tzinfo=DUBAI)
    for day, amount, is_cash in sorted(moves):
        at = start + timedelta(days=day)
        if is_cash:
            desk.cash(at, str(amount))
        else:
            desk.trade(at, at + timedelta(hours=1), str(amount))
    desk.store()
    first, last = date(2026, 8, 1), date(2026, 10, 31)
    middle = first + timedelta(days=cut)

    whole = statement(desk, first, last)
    early, late = statement(desk, first, middle), statement(desk, middle + timedelta(days=1), last)

    assert early.closing_balance == late.opening_balance
    assert whole.closing_balance == late.closing_balance
    for name in ("paid_in", "paid_out", "profit", "swap", "commission", "other"):
        assert getattr(early, name) + getattr(late, name) == getattr(whole, name)


def test_a_period_is_at_most_a_year_and_runs_forward() -> None:
    for first, last in ((date(2026, 2, 1), date(2026, 1, 1)), (date(2020, 1, 1), date(2026, 1, 1))):
        with pytest.raises(Invalid):
            papers.period(first, last, DUBAI)


def test_the_history_is_filtered_and_summed(desk: Desk) -> None:
    lived(desk)
    with acting(desk.brand):
        won = queries.trade_sums(desk.account_id, queries.TradeFilter(result="won"))
        rows = queries.trades(desk.account_id, queries.TradeFilter(), sort="net", limit=10)

    assert (won.count, won.net) == (1, Decimal(250))
    assert [row.profit for row in rows] == [Decimal("-75.50"), Decimal(250)]


def test_the_owner_reads_page_pdf_and_csv(app: Flask, desk: Desk) -> None:
    lived(desk)
    cabinet = browser_of(app, desk.brand, desk.trader, "cabinet")
    base = f"/accounts/{desk.account_id}"
    days = "from=2026-11-01&to=2026-11-30"

    page = cabinet.get(f"{base}/statement?{days}")
    assert "874.50" in page.text
    assert "1,000.00" in page.text
    pdf = cabinet.get(f"{base}/statement.pdf?{days}")
    assert pdf.data.startswith(b"%PDF-")
    assert "statement-5001-2026-11-01-2026-11-30.pdf" in pdf.headers["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(cabinet.get(f"{base}/statement.csv?{days}").text)))
    totals = {line["kind"]: Decimal(line["amount"]) for line in lines if line["kind"].startswith("total_")}
    assert totals["total_closing_balance"] == Decimal("874.50")
    assert [line["amount"] for line in lines if line["kind"] == "trade"] == ["250.00", "-75.50"]
    history = cabinet.get(f"{base}/history?result=lost")
    assert history.status_code == 200
    assert "1 won" not in history.text


def test_files_write_lots_as_people_do(app: Flask, desk: Desk) -> None:
    desk.trade(NOV + timedelta(days=1), NOV + timedelta(days=2), "250", lots="20")
    desk.trade(NOV + timedelta(days=3), NOV + timedelta(days=4), "5", lots="0.10")
    desk.store()
    cabinet = browser_of(app, desk.brand, desk.trader, "cabinet")
    base = f"/accounts/{desk.account_id}"

    for page in ("statement.csv?from=2026-11-01&to=2026-11-30", "history.csv"):
        lines = csv.DictReader(io.StringIO(cabinet.get(f"{base}/{page}").text))
        assert sorted(line["lots"] for line in lines if line["lots"]) == ["0.1", "20"]


def test_every_language_prints(app: Flask, desk: Desk) -> None:
    lived(desk)
    cabinet = browser_of(app, desk.brand, desk.trader, "cabinet")

    for language in ("en", "ar", "ru"):
        pdf = cabinet.get(f"/accounts/{desk.account_id}/statement.pdf?from=2026-11-01&to=2026-11-30&lang={language}")
        assert pdf.data.startswith(b"%PDF-"), language


def test_an_impossible_period_is_explained(app: Flask, desk: Desk) -> None:
    cabinet = browser_of(app, desk.brand, desk.trader, "cabinet")
    path = f"/accounts/{desk.account_id}/statement?from=2026-11-30&to=2026-11-01"

    wrong = cabinet.get(path)

    assert wrong.status_code == 422
    assert "before the first one" in wrong.text
    assert cabinet.get(path.replace("/statement?", "/statement.pdf?")).status_code == 422


def test_nobody_else_reads_them(app: Flask, desk: Desk, south: Brand) -> None:
    lived(desk)
    stranger = make_desk(desk.brand, "stranger@example.com", 5002).trader
    abroad = make_desk(south, "abroad@example.com", 5001).trader
    for browser in (browser_of(app, desk.brand, stranger, "cabinet"), browser_of(app, south, abroad, "cabinet")):
        for page in ("statement", "statement.pdf", "statement.csv", "history", "history.csv"):
            assert browser.get(f"/accounts/{desk.account_id}/{page}").status_code == 404, page


def test_staff_read_them_and_an_export_is_recorded(app: Flask, desk: Desk) -> None:
    lived(desk)
    staff = make_staff(desk.brand, "support")
    office = browser_of(app, desk.brand, staff, "office")

    assert "874.50" in office.get(f"/accounts/{desk.account_id}/statement?from=2026-11-01&to=2026-11-30").text
    assert office.get(f"/accounts/{desk.account_id}/statement.pdf").status_code == 200
    with acting(desk.brand):
        found = audit.page_of_log(audit.log(action="trading.account.export"), offset=0, limit=10)
    assert [(record.actor_name, record.client_id) for record in found] == [("Support", desk.trader.client_id)]
