"""Rates against hand-computed ones, from the central bank's published history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import db, features
from app.core.actor import system_actor
from app.core.features import Feature
from app.kit.money import Money, Rounding
from app.rates import ecb, service
from app.rates.bundle import SECTION as RATES
from app.tenancy import service as tenancy
from app.tenancy.bundles import apply as applying
from tests.support.servers import TestServers
from tests.tenancy.bundles import GOOD, good_bundle, loyalty, write_bundle

# Published on 2 January 2024: 1 EUR = 1.0956 USD = 155.68 JPY = 0.86645 GBP.
DAY = datetime(2024, 1, 2, 12, tzinfo=UTC)
SATURDAY = datetime(2024, 1, 6, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _tenants(servers: TestServers, tmp_path: Path) -> Iterator[None]:
    before = features.features()
    features.install([Feature("rates", bundle=RATES), Feature("loyalty", bundle=loyalty())])
    tenancy.forget()
    plain = GOOD.format(slug="plain").replace('["USD", "AED"]', '["USD", "EUR"]')
    plain = "\n".join(line for line in plain.splitlines() if not line.startswith(("[rates]", "pegged")))
    for slug, text in (("gulf", None), ("plain", plain)):
        applying.apply(good_bundle(write_bundle(tmp_path, slug, text)), [RATES, loyalty()], by=system_actor("test"))
    yield
    features.install(before)
    tenancy.forget()


@contextmanager
def inside(slug: str) -> Iterator[None]:
    with db.directory_scope():
        tenant = db.execute_sql("SELECT id FROM tenant WHERE slug = :slug", slug=slug).scalar_one()
    with db.tenant_scope(tenant):
        yield


def test_a_published_rate_is_answered_as_published() -> None:
    with inside("plain"):
        rate = service.rate("EUR", "USD", DAY)

    assert (rate.value, rate.source, rate.at) == (Decimal("1.0956"), "ecb", datetime(2024, 1, 2, tzinfo=UTC))


def test_a_cross_goes_through_the_euro() -> None:
    with inside("plain"):
        assert service.rate("USD", "JPY", DAY).value == Decimal("142.0956553487")  # 155.68 / 1.0956
        assert service.rate("GBP", "USD", DAY).value == Decimal("1.2644699636")  # 1.0956 / 0.86645
        assert service.rate("USD", "EUR", DAY).value == Decimal("0.9127418766")  # 1 / 1.0956


def test_conversion_divides_by_the_quote_and_not_by_a_rounded_inverse() -> None:
    with inside("plain"):
        money = Money(Decimal("1095600000.00"), "USD")

        assert service.convert(money, "EUR", DAY) == Money(Decimal("1000000000.00"), "EUR")
        assert service.convert(Money(Decimal("10.00"), "USD"), "JPY", DAY) == Money(Decimal(1421), "JPY")  # 1420.96
        assert service.convert(Money(Decimal("10.00"), "USD"), "JPY", DAY, Rounding.DOWN) == Money(Decimal(1420), "JPY")


def test_a_day_without_publication_takes_the_last_one_before() -> None:
    with inside("plain"):
        assert service.rate("EUR", "USD", SATURDAY) == service.rate("EUR", "USD", datetime(2024, 1, 5, 9, tzinfo=UTC))
        assert service.rate("EUR", "USD", SATURDAY).at == datetime(2024, 1, 5, tzinfo=UTC)


def test_a_peg_is_the_bundles_rate_and_crosses_like_its_anchor() -> None:
    with inside("gulf"):
        assert service.rate("USD", "AED", DAY).value == Decimal("3.6725")
        assert service.rate("USD", "AED", DAY).source == "pegged"
        assert service.rate("EUR", "AED", DAY).value == Decimal("4.0235910000")  # 1.0956 × 3.6725
        assert service.rate("EUR", "AED", DAY).source == "ecb+pegged"
        assert service.convert(Money(Decimal("3672.50"), "AED"), "USD", DAY) == Money(Decimal("1000.00"), "USD")
        assert "AED" in service.currencies()


def test_another_tenants_peg_does_not_exist_here() -> None:
    with inside("plain"):
        assert "AED" not in service.currencies()
        with pytest.raises(service.RateUnknown, match="from USD to AED"):
            service.rate("USD", "AED", DAY)


def test_there_is_no_rate_before_the_first_publication_nor_for_an_unknown_currency() -> None:
    with inside("plain"):
        with pytest.raises(service.RateUnknown):
            service.rate("EUR", "USD", datetime(1998, 12, 31, tzinfo=UTC))
        with pytest.raises(service.RateUnknown):
            service.rate("EUR", "XXX", DAY)
        assert service.rate("XXX", "XXX", DAY).value == 1


def test_loading_the_history_again_changes_nothing_and_mends_a_wrong_quote() -> None:
    with db.batch_scope("test"), db.transaction():
        assert service.load_reference_rates() == 0
    with db.batch_scope("test"), db.transaction():
        db.execute_sql("UPDATE reference_rate SET per_euro = 9 WHERE currency = 'USD' AND quoted_on = '2024-01-02'")
    with db.batch_scope("test"), db.transaction():
        assert service.load_reference_rates() == 1
    with inside("plain"):
        assert service.rate("EUR", "USD", DAY).value == Decimal("1.0956")


def test_the_history_reaches_back_to_the_beginning_of_the_euro() -> None:
    quotes = {(currency, day): value for currency, day, value in ecb.quotes()}

    assert quotes["USD", date(1999, 1, 4)] == Decimal("1.1789")
    assert {"USD", "GBP", "CHF", "JPY", "EUR"} <= ecb.current_currencies()
    assert not {"AED", "SAR", "KZT", "UZS", "RUB"} & ecb.current_currencies()


@given(
    minor=st.integers(1, 10**12),
    there=st.decimals("0.0001", "10000", places=4),
    back=st.decimals("0.0001", "10000", places=4),
)
def test_there_and_back_loses_at_most_the_rounding(minor: int, there: Decimal, back: Decimal) -> None:
    out = service.Rate("USD", "GBP", there, back, "test", DAY)
    home = service.Rate("GBP", "USD", back, there, "test", DAY)
    money = Money.from_minor(minor, "USD")

    again = home.convert(out.convert(money))

    assert abs((again - money).amount) <= Decimal("0.005") * back / there + Decimal("0.005")
