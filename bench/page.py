"""Pages with twenty rows against a floor that asks the database the same questions raw and fills a plain template."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from jinja2 import Environment

from bench.harness import Bench, benchmark, milliseconds, percentile
from tools import roles
from tools.children import PROJECT
from tools.product import bundles, flask

BRAND, ROWS, TIMES = "aurora", 20, 300
FLOOR_TEMPLATE = Environment(autoescape=True).from_string(
    "<!doctype html><title>{{ title }}</title><table>{% for row in rows %}<tr>"
    "{% for cell in row %}<td>{{ cell }}</td>{% endfor %}<td><a href='/clients/{{ row[0] }}'>{{ row[1] }}</a></td>"
    "</tr>{% endfor %}</table>"
)


@benchmark("page")
def run(bench: Bench) -> None:
    """Processor time of one page, in this process, from the request's bytes to the answer's."""
    env = dict(bench.env)
    for brand in bundles(bench.data):
        env |= brand.env
    flask(env, "tenants", "apply", "--dir", str(PROJECT / "tenants"))
    flask(env, "demo", "seed")
    app, open_page = sign_in("office", f"admin@{BRAND}.example")
    make_clients()
    for name, path in (("page.office_clients", "/clients"), ("page.office_audit", "/audit")):
        show = partial(open_page, path)
        asked = questions_of(show)
        floor = cpu_ms(replay(bench, asked))
        value = cpu_ms(show)
        bench.report(name, value, "ms", floor=floor, goal=3.5, better="lower")
        wall = milliseconds(show, times=TIMES)
        bench.report(f"{name}.p95", percentile(wall, 0.95), "ms")
    del app


def make_clients() -> None:
    """So many clients of the brand, as sign-up makes them, with one password between them."""
    from app.web.sandbox import ensure_person

    for number in range(ROWS):
        ensure_person(
            BRAND, f"bench{number}@{BRAND}.example", f"Bench Client {number}", ("trader",), "long-word-17", "DE"
        )


def sign_in(audience: str, email: str, *, brand: str = BRAND) -> tuple[Any, Callable[[str], None]]:
    """The application in this process, and a way to open its pages as somebody who has signed in."""
    from app.demo.people import PASSWORD
    from app.factory import create_app

    app = create_app()
    host = f"{audience}.{brand}.localhost" if audience != "cabinet" else f"{brand}.localhost"
    client = app.test_client()
    page = client.get("/sign-in", headers={"Host": host}).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page) or re.search(
        r'name="csrf-token" content="([^"]+)"', page
    )
    assert token is not None, "The sign-in page holds no form token."
    answer = client.post(
        "/sign-in",
        data={"email": email, "password": PASSWORD, "csrf_token": token[1]},
        headers={"Host": host, "X-CSRFToken": token[1]},
    )
    assert answer.status_code in (200, 302, 303), answer.status_code

    def open_page(path: str) -> None:
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 200, (path, answer.status_code)
        answer.get_data()

    return app, open_page


def questions_of(work: Callable[[], None]) -> list[tuple[str, Any]]:
    """The statements that the work sends to the database, as the driver gets them."""
    from sqlalchemy import event

    from app.core.db import app_engine

    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _ctx: object, _many: bool) -> None:
        asked.append((statement, parameters))

    work()  # The second time is the usual one: what is read once stands in memory.
    event.listen(app_engine(), "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(app_engine(), "before_cursor_execute", note)
    return asked


def replay(bench: Bench, asked: list[tuple[str, Any]]) -> Callable[[], None]:
    """Ask the same through the driver alone, in as many transactions, and fill a plain template with twenty rows."""
    connection = psycopg.connect(roles.libpq(bench.servers.database.app))

    def work() -> None:
        rows: list[tuple[Any, ...]] = []
        for statement, parameters in asked:
            cursor = connection.execute(statement, parameters, prepare=True)
            found = cursor.fetchall() if cursor.description else []
            rows = found if len(found) > len(rows) else rows
        connection.commit()
        FLOOR_TEMPLATE.render(title="Bench", rows=rows[:ROWS])

    return work


def cpu_ms(work: Callable[[], None]) -> float:
    """Processor time of this process for one call, in milliseconds: the middle of many."""
    for _ in range(20):
        work()
    taken = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        taken.append((time.process_time() - began) * 1000)
    return percentile(sorted(taken), 0.5)
