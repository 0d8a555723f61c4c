"""IBANs are judged by country, length and check digits; the bundle's section refuses nonsense."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.payments import rules
from app.payments.bundle import PaymentsSection
from tests.payments.conftest import _SECTION

# Published examples of the registry.
GOOD = ("GB82WEST12345698765432", "DE89370400440532013000", "NO9386011117947", "MT84MALT011000012345MTLCAST001S",
        "AE070331234567890123456", "SA0380000000608010167519", "KZ86125KZT5004100100")  # fmt: skip


@pytest.mark.parametrize("iban", GOOD)
def test_known_ibans_hold(iban: str) -> None:
    assert rules.iban_problem(rules.normalised_iban(" ".join(iban))) is None


@given(iban=st.sampled_from(GOOD), place=st.integers(2, 30), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_is_always_found(iban: str, place: int, digit: str) -> None:
    place = 2 + place % (len(iban) - 2)
    if not iban[place].isdigit() or iban[place] == digit:
        return
    assert rules.iban_problem(iban[:place] + digit + iban[place + 1 :]) is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conversion_spread": "0.5"}, "below 0.2"),
        ({"currencies": [_SECTION["currencies"][0]] * 2}, "twice"),  # type: ignore[index]
        ({"currencies": [{**_SECTION["currencies"][0], "deposit_min": 0}]}, "more than zero"),  # type: ignore[index, dict-item]
        ({"currencies": [{**_SECTION["currencies"][0], "deposit_max": 1}]}, "less than the least"),  # type: ignore[index, dict-item]
        ({"currencies": [{**_SECTION["currencies"][0], "deposit_min": "0.001"}]}, "at most 2 decimals"),  # type: ignore[index, dict-item]
    ],
)
def test_the_bundle_refuses_nonsense(change: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert({**_SECTION, **change}, PaymentsSection, strict=False)
