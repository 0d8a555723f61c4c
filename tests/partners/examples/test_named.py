"""Every worked example and every property of the commission rules has tests that bear its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = "\n".join(path.read_text() for path in HERE.parent.rglob("test_*.py"))


@pytest.mark.parametrize("number", range(1, 17))
def test_an_example_has_a_test_of_its_number(number: int) -> None:
    assert re.search(rf"^def test_example_{number:02}_", TESTS, re.MULTILINE)


@pytest.mark.parametrize("number", range(1, 12))
def test_a_property_has_a_test_of_its_number(number: int) -> None:
    assert re.search(rf"^def test_property_{number:02}_", TESTS, re.MULTILINE)
