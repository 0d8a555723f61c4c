"""The parts of the demonstration that can be wrong without a running product noticing."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.demo.browsing import forms_of, tone_of
from app.demo.crowd import level_sizes
from app.demo.money import small_picture
from app.demo.report import Report, quantile

PAGE = """
<form method="get" action="/search"><input name="q" value="x"></form>
<form method="post" action="/deposit?currency=USD">
  <input type="hidden" name="csrf_token" value="t"><input name="amount">
  <select name="currency"><option value="">–</option><option value="EUR">€</option>
    <option selected value="USD">$</option></select>
  <input type="radio" name="direction" value="to" checked><input type="radio" name="direction" value="from">
  <input type="checkbox" name="agree" value="y"><textarea name="note">old</textarea><input type="file" name="proof">
</form>
<span class="x-badge x-tone-warning"><span class="x-dot" aria-hidden="true"></span>قيد المراجعة</span>
"""


@given(clients=st.integers(1, 5000), depth=st.integers(1, 60))
def test_everybody_has_a_place_and_no_level_is_empty(clients: int, depth: int) -> None:
    sizes = level_sizes(clients, depth)

    assert sum(sizes) == clients
    assert len(sizes) == min(clients, depth)
    assert min(sizes) >= 1


def test_a_form_is_sent_as_it_stands_on_the_page() -> None:
    (form,) = forms_of(PAGE)

    assert form.action == "/deposit?currency=USD"
    assert form.values == {"csrf_token": "t", "amount": "", "currency": "USD", "direction": "to", "note": "old"}
    assert form.choices == {"currency": ["", "EUR", "USD"], "direction": ["to", "from"], "agree": ["y"]}


def test_the_tone_of_a_status_is_read_in_any_language() -> None:
    assert tone_of(PAGE) == "warning"
    assert tone_of("<p>Nothing here</p>") == ""


@given(values=st.lists(st.floats(0, 1000), min_size=1).map(sorted), share=st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = quantile(values, share)

    assert found in values
    assert sum(1 for value in values if value <= found) >= share * len(values)
    assert sum(1 for value in values if value < found) < share * len(values)


def test_the_first_failure_ends_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    def act(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    with pytest.raises(ValueError, match="2"):
        Report(2).each("Counting", [1, 2, 3], act)


def test_something_happens_midway_once(capsys: pytest.CaptureFixture[str]) -> None:
    midway: list[str] = []

    done = Report(2).each("Counting", list(range(10)), lambda number: number, midway=lambda: midway.append("now"))

    assert sorted(done) == list(range(10))
    assert midway == ["now"]
    assert "Counting: 10 in" in capsys.readouterr().out


def test_the_proof_of_a_wire_is_a_picture() -> None:
    content = small_picture()

    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (1, 1)
