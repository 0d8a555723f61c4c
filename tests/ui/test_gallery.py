"""Every macro and layout, rendered: the page rules hold in both directions, and blocks render alone."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from jinja2_fragments.flask import render_block

from tests.ui.gallery import PAGES, SAMPLES, create_gallery
from tests.ui.lint import PageError, lint_page


@pytest.fixture(scope="module")
def gallery() -> FlaskClient:
    return create_gallery().test_client()


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_keeps_the_rules(gallery: FlaskClient, name: str, lang: str) -> None:
    response = gallery.get(f"/{name}?lang={lang}")

    assert response.status_code == 200
    lint_page(response.get_data(as_text=True), lang, is_sample=True)


def test_a_block_rendered_alone_still_has_its_macros(gallery: FlaskClient) -> None:
    app = gallery.application
    with app.test_request_context("/queue?lang=en"):
        block = render_block("gallery/queue.html", "list", **SAMPLES)

    assert block.startswith('<div id="list">')
    assert "24,863.12\u00a0USD" in block


def test_stylesheets_scripts_and_fonts_are_found_and_kept_for_ever(gallery: FlaskClient) -> None:
    page = gallery.get("/dashboard").get_data(as_text=True)
    addresses = {part.split('"')[0].split("#")[0] for part in page.replace('src="', 'href="').split('href="')[1:]}
    files = sorted(address for address in addresses if address.startswith(("/static/", "/brand/")))

    answers = {}
    for address in files:
        with gallery.get(address) as answer:
            answers[address] = (answer.status_code, "immutable" in answer.headers["Cache-Control"])

    assert len(files) > 8
    assert answers == dict.fromkeys(files, (200, True))


def test_static_files_travel_compressed(gallery: FlaskClient) -> None:
    page = gallery.get("/dashboard").get_data(as_text=True)
    sheet = page.split('css/app.css"')[0].rsplit('"', 1)[1] + "css/app.css"
    kit = page.split("kit.ltr.")[0].rsplit('"', 1)[1] + "kit.ltr." + page.split("kit.ltr.")[1].split('"')[0]

    with gallery.get(sheet, headers={"Accept-Encoding": "gzip"}) as own:
        assert own.headers["Content-Encoding"] == "gzip"
    with gallery.get(kit, headers={"Accept-Encoding": "gzip, br"}) as vendored:
        assert vendored.headers["Content-Encoding"] == "br"
        assert len(vendored.data) < 45_000


@pytest.mark.parametrize(
    ("wrong", "finding"),
    [
        ("<h1>Again</h1>", "2 <h1>"),
        ('<input name="a">', "has no label"),
        ("<button>Go</button>", "has no type"),
        ('<p style="color:red">x</p>', "attribute style"),
        ('<p onclick="x()">x</p>', "attribute onclick"),
        ("<script>x()</script>", "inline script"),
        ('<p id="main">x</p>', "stands 2 times"),
        ('<form method="post" action="/x"></form>', "without a token"),
        ("<p>Hello %(name)s</p>", "shows"),
        ("<p>None</p>", "shows 'None'"),
        ('<a href="/x"></a>', "has no name"),
        ('<div hx-trigger="click[ctrlKey]">x</div>', "needs eval"),
    ],
)
def test_the_linter_names_what_is_wrong(gallery: FlaskClient, wrong: str, finding: str) -> None:
    page = gallery.get("/parts").get_data(as_text=True).replace("</main>", f"{wrong}</main>")

    with pytest.raises(PageError, match=finding.replace("(", r"\(")):
        lint_page(page, "en")
