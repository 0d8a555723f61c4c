"""The gallery in a real browser, under the real content policy: every look, and everything that a script does."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator

import pytest
from flask import Response, render_template_string, request
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server

from tests.browser.checks import Watch, judge
from tests.ui.gallery import PAGES, create_gallery

pytestmark = pytest.mark.browser

DIALOG = """{% call ui.dialog_body("Change leverage") %}
<form method="post" action="/saved" hx-post="/saved" hx-target="#dialog">
{{ form.csrf() }}
<label for="new">New</label><input id="new" name="new" class="form-control">
{{ form.actions("Save") }}</form>{% endcall %}"""
CHILDREN = (
    '<tr role="row" id="node-9" aria-level="3"><td role="gridcell">Nine</td><td role="gridcell"></td>'
    '<td role="gridcell"></td></tr>'
)


@pytest.fixture(scope="module")
def gallery() -> Iterator[str]:
    app = create_gallery()

    @app.get("/dialog")
    def dialog() -> str:
        return render_template_string(DIALOG)

    @app.post("/saved")
    def saved() -> Response:
        tone = "success" if request.headers.get("X-CSRFToken") else "danger"
        triggers = {"close:dialog": {}, "toast": {"text": "محفوظ", "tone": tone}}
        return Response(status=204, headers={"HX-Trigger": json.dumps(triggers)})

    @app.get("/children")
    def children() -> str:
        return CHILDREN

    @app.post("/refused")
    def refused() -> tuple[str, int]:
        field = '<input id="bad" name="bad" aria-label="Bad" aria-invalid="true">'
        return f'<form id="edit" method="post" action="/refused">{field}</form>', 422

    @app.get("/events")
    def events() -> Response:
        def stream() -> Iterator[str]:
            yield 'event: beat\ndata: {"fresh": true}\n\n'
            yield 'data: <hx-partial hx-target="#acc-1" hx-swap="innerHTML"><bdi>24,900.00</bdi></hx-partial>\n\n'
            yield "event: wallet-changed\ndata: {}\n\n"
            yield "event: done\ndata: {}\n\n"

        return Response(stream(), mimetype="text/event-stream")

    counter = itertools.count(1)
    app.jinja_env.globals["seen_at"] = lambda: next(counter)

    @app.post("/broken")
    def broken() -> Response:
        return Response("broken", 500, headers={"X-Incident-Id": "7K3M9Q2XW4"})

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


LOOKS = [(name, *look) for name in PAGES for look in (("en", "light", "aurora"), ("ar", "dark", "najm"))]
LOOKS += [("dashboard", "ar", "light", "najm"), ("forms", "en", "dark", "najm")]
# English sentences on an Arabic page are the gallery's own; their signs may jump.
SENTENCES = "Latin text that ends in punctuation"


@pytest.mark.parametrize(("name", "lang", "theme", "brand"), LOOKS)
def test_every_page_in_every_look(page: Page, gallery: str, name: str, lang: str, theme: str, brand: str) -> None:
    watch = Watch(page)
    page.goto(f"{gallery}/{name}?lang={lang}&theme={theme}&brand={brand}")

    found = judge(page, watch)

    unexpected = [one for one in found if SENTENCES not in one]
    assert not unexpected, "\n".join(unexpected)


def test_a_confirmed_act_goes_on_and_a_declined_one_does_not(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/parts")
    sent: list[str] = []
    page.on("request", lambda sent_now: sent.append(sent_now.method) if sent_now.method == "POST" else None)
    post = page.get_by_role("button", name="Post", exact=True)

    post.click()
    expect(page.locator("#confirm-text")).to_have_text("Send 10.00 USD?")
    page.get_by_role("button", name="Cancel").click()
    assert sent == []

    post.click()
    with page.expect_request(lambda request: request.method == "POST"):
        page.locator("[data-confirm-yes]").click()
    assert sent == ["POST"]


def test_the_dialog_opens_with_its_fragment_and_closes_on_success(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/parts")
    page.evaluate("() => { const b = document.querySelector('[data-dialog]'); b.setAttribute('hx-get', '/dialog'); }")
    page.get_by_role("link", name="Dialog").click()
    expect(page.locator("#dialog")).to_be_visible()

    page.locator("#dialog").get_by_role("button", name="Save").click()

    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator(".x-toast.x-tone-success p")).to_have_text("محفوظ")


def test_the_theme_follows_the_choice_and_is_remembered(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/dashboard")
    page.get_by_role("button", name="Colours").click()
    page.get_by_role("button", name="Dark").click()

    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}["theme"] == "dark"


def test_selected_rows_are_counted(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/queue")
    page.locator("[data-select]").first.check()
    expect(page.locator("[data-bulk-count]")).to_have_text("1")

    page.locator("[data-select-all]").check()
    expect(page.locator("[data-bulk-count]")).to_have_text("5")

    page.locator("[data-select-all]").uncheck()
    expect(page.locator("[data-bulkbar]")).to_be_hidden()


def test_the_tree_opens_level_by_level_and_folds(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/record")
    page.evaluate("() => document.querySelector('#node-2 [data-tree-toggle]').setAttribute('hx-get', '/children')")
    toggle = page.locator("#node-2 [data-tree-toggle]")

    toggle.click()
    expect(page.locator("#node-9")).to_be_visible()
    expect(page.locator("#node-2")).to_have_attribute("aria-expanded", "true")

    toggle.click()
    expect(page.locator("#node-9")).to_be_hidden()

    page.locator("#node-1 [data-tree-toggle]").click()
    expect(page.locator("#node-2")).to_be_hidden()


def test_an_amount_is_filled_in_and_a_password_shown(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/forms")
    page.get_by_role("button", name="1,000").click()
    expect(page.locator("#amount")).to_have_value("1000")

    page.locator("[data-reveal]").click()
    expect(page.locator("#password")).to_have_attribute("type", "text")


def test_the_first_field_in_error_has_the_focus(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/forms")
    expect(page.locator("#email")).to_be_focused()


def test_a_refused_form_is_swapped_in_with_the_focus_on_its_error(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/parts")
    page.evaluate(
        """() => {
          const form = document.createElement('form');
          form.id = 'edit'; form.method = 'post'; form.action = '/refused';
          form.setAttribute('hx-post', '/refused'); form.setAttribute('hx-target', '#edit');
          form.setAttribute('hx-swap', 'outerMorph');
          form.innerHTML = '<button type="submit">Try</button>';
          document.querySelector('main').prepend(form);
          htmx.process(form);
        }"""
    )
    page.get_by_role("button", name="Try").click()

    expect(page.locator("#bad")).to_be_focused()


def test_a_failed_request_changes_nothing_and_names_the_incident(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/parts")
    page.evaluate(
        """() => {
          const button = document.createElement('button');
          button.type = 'button'; button.textContent = 'Break';
          button.setAttribute('hx-post', '/broken');
          document.querySelector('main').prepend(button);
          htmx.process(button);
        }"""
    )
    page.get_by_role("button", name="Break").click()

    expect(page.locator(".x-toast[role=alert]")).to_contain_text("7K3M9Q2XW4")
    expect(page.get_by_role("button", name="Break")).to_be_visible()


def test_a_chart_is_drawn_and_drawn_again_in_the_other_theme(page: Page, gallery: str) -> None:
    page.goto(f"{gallery}/dashboard?lang=ar")
    expect(page.locator("#equity canvas")).to_be_visible()

    page.evaluate("() => { document.querySelector('[data-set-theme=dark]').click(); }")

    expect(page.locator("#equity canvas")).to_have_count(1)
    expect(page.locator("#equity canvas")).to_be_visible()


def test_the_stream_shows_values_fetches_blocks_anew_and_drives_the_dot(page: Page, gallery: str) -> None:
    watch = Watch(page)
    answer = page.goto(f"{gallery}/parts?live=signed")
    assert answer is not None
    first = int(answer.text().split("data-seen>")[1].split("<")[0])

    expect(page.locator("#acc-1")).to_have_text("24,900.00")
    expect(page.locator("[data-seen]")).to_have_text(str(first + 1))
    expect(page.locator("#freshness")).to_have_attribute("data-state", "live")
    assert watch.heard == []
