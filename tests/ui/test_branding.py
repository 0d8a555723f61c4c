"""Whatever colours a brand chooses, its pages can be read."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ui import branding
from app.ui.branding import Branding, contrast, parse_colour, stylesheet
from tests.ui.gallery import BRANDS, create_gallery

colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")
brands = st.builds(
    Branding,
    primary=colours,
    accent=colours,
    sidebar=colours,
    radius=st.sampled_from([0, 6, 10, 14]),
    font=st.sampled_from(sorted(branding.FONTS)),
)


def variables(sheet: str, theme: str) -> dict[str, str]:
    """The variables that hold in a theme, later rules over earlier ones."""
    found: dict[str, str] = {}
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet):
        if selector == ":root" or f"={theme}" in selector:
            found |= dict(pair.split(":", 1) for pair in body.split(";") if pair)
    return found


@settings(max_examples=120, deadline=None)
@given(brand=brands)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_brand_colours_reaches_the_contrast_of_wcag(theme: str, brand: Branding) -> None:
    value = variables(stylesheet(brand), theme)
    surface = branding.LIGHT_SURFACE if theme == "light" else branding.DARK_SURFACE
    colour = {name: parse_colour(text) for name, text in value.items() if re.fullmatch(r"#[0-9a-f]{6}", text)}

    assert contrast(colour["--app-on-primary"], colour["--app-primary"]) >= 4.5
    assert contrast(colour["--app-on-primary"], colour["--app-primary-hover"]) >= 4.5
    assert contrast(colour["--app-link"], surface) >= 4.5
    assert contrast(colour["--app-side-fg"], colour["--app-side-bg"]) >= 4.5
    assert contrast(colour["--app-side-fg"], colour["--app-side-active"]) >= 4.5
    assert contrast(colour["--app-side-muted"], colour["--app-side-bg"]) >= 4.5
    for number in range(1, 7):
        ground = branding.WHITE if theme == "light" else branding.DARK_SURFACE
        assert contrast(colour[f"--chart-{number}"], ground) >= 3


@given(brand=brands)
def test_a_brands_sheet_is_small_and_safe(brand: Branding) -> None:
    sheet = stylesheet(brand)

    assert len(sheet) < 2200
    assert "<" not in sheet
    assert "url(" not in sheet


def test_a_strong_brand_colour_is_not_changed() -> None:
    assert "--app-primary:#4338ca" in stylesheet(BRANDS["aurora"])
    assert "--app-link:#4338ca" in stylesheet(BRANDS["aurora"])


@pytest.mark.parametrize("wrong", ["red", "#12345", "#gggggg", "#1234567"])
def test_only_colours_are_taken(wrong: str) -> None:
    with pytest.raises(ValueError):
        parse_colour(wrong)


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_gallery().test_client()


def test_the_sheet_is_served_under_its_own_fingerprint(client: FlaskClient) -> None:
    page = client.get("/dashboard?brand=najm").get_data(as_text=True)
    address = f"/brand/najm-{branding.fingerprint(BRANDS['najm'])}.css"

    sheet = client.get(address)

    assert address in page
    assert sheet.get_data(as_text=True) == stylesheet(BRANDS["najm"])
    assert "immutable" in sheet.headers["Cache-Control"]


def test_an_old_address_answers_todays_sheet_and_is_not_kept(client: FlaskClient) -> None:
    sheet = client.get("/brand/najm-000000000000.css")

    assert sheet.status_code == 200
    assert sheet.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    ["/brand/nobody-000000000000.css", "/brand/najm/000000000000/secret.toml", "/brand/najm/000000000000/none.svg"],
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404
