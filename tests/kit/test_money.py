"""Money: exact amounts, stated rounding, splitting without loss, and what a person may type."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit.money import (
    AmountError,
    Money,
    Rounding,
    exponent,
    parse_amount,
    round_decimal,
    round_money,
    split_by_weight,
)


def cents() -> st.SearchStrategy[Decimal]:
    return st.integers(-(10**12), 10**12).map(lambda minor: Decimal(minor).scaleb(-2))


@given(total=cents(), weights=st.lists(st.integers(0, 100).map(Decimal), min_size=1).filter(any))
def test_splitting_money_never_creates_or_loses_a_cent(total: Decimal, weights: list[Decimal]) -> None:
    shares = split_by_weight(Money(total, "USD"), weights)

    assert sum(share.amount for share in shares) == total
    assert all(share.amount == 0 for share, weight in zip(shares, weights, strict=True) if weight == 0)


@given(minor=st.integers(-(10**17), 10**17), currency=st.sampled_from(["USD", "JPY", "KWD", "USDT", "BTC"]))
def test_minor_units_and_amount_are_the_same_money(minor: int, currency: str) -> None:
    money = Money.from_minor(minor, currency)

    assert money.minor == minor
    assert money.amount == Decimal(minor) / 10 ** exponent(currency)
    assert Money(money.amount, currency) == money


def test_money_finer_than_its_currency_cannot_exist() -> None:
    with pytest.raises(ValueError):
        Money(Decimal("0.001"), "USD")
    with pytest.raises(ValueError):
        Money(Decimal("0.5"), "JPY")


def test_two_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")
    with pytest.raises(ValueError):
        assert Money(Decimal(1), "USD") < Money(Decimal(1), "EUR")


@pytest.mark.parametrize(
    ("value", "mode", "expected"),
    [
        ("0.125", Rounding.HALF_EVEN, "0.12"),
        ("0.135", Rounding.HALF_EVEN, "0.14"),
        ("0.125", Rounding.HALF_UP, "0.13"),
        ("-0.125", Rounding.HALF_EVEN, "-0.12"),
        ("0.129", Rounding.DOWN, "0.12"),
        ("-0.129", Rounding.DOWN, "-0.12"),
    ],
)
def test_rounding_does_what_its_mode_says(value: str, mode: Rounding, expected: str) -> None:
    assert round_decimal(Decimal(value), 2, mode) == Decimal(expected)
    assert round_money(Decimal(value), "USD", mode) == Money(Decimal(expected), "USD")


@pytest.mark.parametrize(
    ("text", "currency", "expected"),
    [
        ("250", "USD", "250.00"),
        ("1,250.50", "USD", "1250.50"),
        ("1 250.50", "USD", "1250.50"),
        ("12,5", "EUR", "12.50"),
        ("٢٥٠٫٧٥", "USD", "250.75"),
        ("۱۰۰", "USD", "100.00"),
        ("1000", "JPY", "1000"),
        ("0.000001", "USDT", "0.000001"),
    ],
)
def test_an_amount_is_understood_as_people_write_it(text: str, currency: str, expected: str) -> None:
    assert parse_amount(text, currency) == Money(Decimal(expected), currency)


@pytest.mark.parametrize(
    ("text", "currency", "sentence"),
    [
        ("", "USD", "Enter an amount."),
        ("abc", "USD", "Enter the amount in digits, for example 250.00."),
        ("1e5", "USD", "Enter the amount in digits, for example 250.00."),
        ("NaN", "USD", "Enter the amount in digits, for example 250.00."),
        ("1.2.3", "USD", "Enter the amount in digits, for example 250.00."),
        ("-5", "USD", "The amount must be more than zero."),
        ("0", "USD", "The amount must be more than zero."),
        ("1.005", "USD", "USD has at most 2 decimals."),
        ("1.5", "JPY", "JPY has no decimals."),
        ("99999999999999999999", "USD", "The amount is too large."),
    ],
)
def test_an_amount_that_may_not_be_used_is_refused_with_a_reason(text: str, currency: str, sentence: str) -> None:
    with pytest.raises(AmountError) as refusal:
        parse_amount(text, currency)

    assert refusal.value.message.in_english() == sentence
