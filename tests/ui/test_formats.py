"""How figures, dates and names are written for a reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask, render_template_string
from hypothesis import given
from hypothesis import strategies as st

from app.kit import clock
from app.kit.money import Money
from app.kit.text import _l, _ln
from app.ui import formats, locales
from tests.ui.gallery import create_gallery

NBSP = "\u00a0"


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_gallery()


@pytest.mark.parametrize(
    ("money", "locale", "shown"),
    [
        (Money(Decimal("-1204.30"), "USD"), "en", f"−1,204.30{NBSP}USD"),
        (Money(Decimal("1204.30"), "USD"), "de", f"1.204,30{NBSP}USD"),
        (Money(Decimal("1204.30"), "USD"), "ru", f"1{NBSP}204,30{NBSP}USD"),
        (Money(Decimal("-1204.30"), "USD"), "ar", f"−1,204.30{NBSP}USD"),
        (Money(Decimal("1204"), "JPY"), "en", f"1,204{NBSP}JPY"),
        (Money(Decimal("0.00000001"), "BTC"), "en", f"0.00000001{NBSP}BTC"),
        (Money(Decimal("12.5"), "USDT"), "en", f"12.50{NBSP}USDT"),
        (Money(Decimal("1.234567"), "USDT"), "en", f"1.234567{NBSP}USDT"),
        (Money(Decimal("0"), "KWD"), "en", f"0.000{NBSP}KWD"),
    ],
)
def test_money_is_written_sign_first_code_last(money: Money, locale: str, shown: str) -> None:
    assert formats.money(money, locale=locale) == shown


def test_money_may_be_given_in_minor_units_and_show_its_plus() -> None:
    assert formats.money(120430, "USD", sign=True, locale="en") == f"+1,204.30{NBSP}USD"
    assert formats.money(Decimal("0"), "EUR", sign=True, locale="en") == f"0.00{NBSP}EUR"
    assert formats.money(-5, "USD", code=False, locale="en") == "−0.05"


def test_an_amount_without_a_currency_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="currency"):
        formats.money(Decimal(1))


@given(minor=st.integers(-(10**15), 10**15), currency=st.sampled_from(["USD", "JPY", "KWD", "BTC", "USDT"]))
def test_every_digit_of_an_amount_can_be_read_back(minor: int, currency: str) -> None:
    money = Money.from_minor(minor, currency)
    shown = formats.money(money, locale="en", code=False)

    assert Decimal(shown.replace("−", "-").replace(",", "")) == money.amount


@pytest.mark.parametrize("locale", ["en", "ar", "ru", "de", "es", "kk", "uz"])
def test_percent_stands_last_in_every_language(locale: str) -> None:
    shown = formats.percent(Decimal("-0.1236"), locale=locale)

    assert shown.startswith("−")
    assert shown.endswith("%")
    assert formats.percent(Decimal("0.4"), locale=locale) == "40%"


def test_lots_prices_and_addresses() -> None:
    assert formats.lots(Decimal("0.5"), locale="en") == "0.50"
    assert formats.lots(Decimal("0.00125"), locale="en") == "0.00125"
    assert formats.price(Decimal("1.08340"), locale="en") == "1.08340"
    assert formats.price(Decimal("64012.5"), 2, locale="en") == "64012.50"
    assert formats.short_address("TQn9Y2khEsLJW1ChVWFMSMeRDow5KcbLSE") == "TQn9Y2…KcbLSE"


def test_dates_follow_the_language_and_the_readers_zone(app: Flask) -> None:
    at = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)

    assert formats.instant(at, locale="en") == "Nov 24, 2026, 23:30"
    assert formats.instant(at, locale="de") == "24. Nov. 2026, 23:30"
    assert formats.instant(at, locale="ar") == "24 نوفمبر 2026، 23:30"
    assert formats.instant(at, "seconds", locale="ru") == "23:30:00"
    assert formats.day(date(2026, 11, 24), locale="ru") == "24 нояб. 2026\u202fг."
    assert formats.iso(at) == "2026-11-24T23:30:00Z"


@pytest.fixture
def noon() -> Iterator[datetime]:
    with clock.frozen(datetime(2026, 11, 24, 12, tzinfo=UTC)):
        yield clock.now()


def test_relative_time_becomes_a_date_after_a_week(noon: datetime) -> None:
    assert formats.instant(noon - timedelta(minutes=5), "relative", locale="en") == "5 minutes ago"
    assert formats.instant(noon - timedelta(days=9), "relative", locale="en") == "Nov 15, 2026"


def test_both_kinds_of_digits_are_read() -> None:
    assert formats.latin_digits("١٢٣٫٥٠") == "123.50"
    assert formats.latin_digits("۱۲۳") == "123"


def test_arabic_indic_digits_only_for_who_wants_them() -> None:
    assert formats.number(1204, locale="ar") == "1,204"
    formats.install_digit_preference(lambda: True)
    try:
        assert formats.number(1204, locale="ar") == "١,٢٠٤"
        assert formats.number(1204, locale="en") == "1,204"
    finally:
        formats.install_digit_preference(bool)


def test_money_in_a_page_is_a_left_to_right_isolate(app: Flask) -> None:
    with app.test_request_context("/?lang=ar"):
        html = render_template_string("{{ money.amount(v, tone=True) }}", v=Money(Decimal("-3.5"), "USD"))

    assert html == f'<bdi dir="ltr" class="num x-loss">−3.50{NBSP}USD</bdi>'


def test_names_are_escaped_and_isolated(app: Flask) -> None:
    with app.test_request_context("/"):
        html = render_template_string("{{ ui.person('<b>Mona S.</b>', href='/x') }}")

    assert "<b>" not in html
    assert "<bdi>&lt;b&gt;Mona S.&lt;/b&gt;</bdi>" in html


def test_a_live_value_is_safe_html_in_the_streams_language() -> None:
    loss = {"kind": "money", "value": "-1204.3", "currency": "USD", "signed": "1"}

    assert formats.live_value(loss, "de") == f'<bdi dir="ltr" class="num x-loss">−1.204,30{NBSP}USD</bdi>'
    assert formats.live_value({"kind": "text", "value": "<b>"}, "en") == '<bdi dir="ltr" class="num">&lt;b&gt;</bdi>'
    assert formats.live_value({"kind": "money", "value": "x", "currency": "USD"}, "en") == formats.DASH


def test_a_message_carries_its_values_as_the_reader_sees_them(app: Flask) -> None:
    message = _l("At most %(limit)s.", limit=Money(Decimal("1204.3"), "USD"))

    with locales.speaking("en"):
        assert str(message) == f"At most \u20661,204.30{NBSP}USD\u2069."
        assert str(_ln("%(num)s row", "%(num)s rows", 2)) == "2 rows"


def test_initials_for_any_name() -> None:
    assert [formats.initials(name) for name in ("Layla Kareem", "mona", "ليلى كريم", "  ", "…")] == [
        "LK",
        "M",
        "لك",
        "?",
        "?",
    ]
