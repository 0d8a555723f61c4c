"""From a click to the platform's own answer, and from a deal on the platform to the row and to the page that shows it.

Floors, in the same run on the same simulator at no added delay: the bare protocol round trip of the same command, and
the round trip of the order itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from queue import Empty, Queue
from typing import Any
from uuid import UUID

import httpx
import redis

from app.demo.browsing import Browser
from bench import deals
from bench.harness import Bench, benchmark, percentile
from bench.streams import open_streams
from tools.product import Product

CHANGES, UNCOUNTED = 300, 20
ORDERS = 200
PAUSE_S = 0.05
"""Between two clicks or orders: what is measured is how long one takes, not how long it waits for what the one before
has left to do (its record in the chain, its mail)."""
STREAMS = 1_000
ABOVE_BARE_MS = 40.0
PAGE_P95_MS, PAGE_P99_MS = 50.0, 100.0
PARTS = ("request", "hand_over", "wire", "page")


@dataclass(frozen=True)
class Scene:
    """A brand of the demo with this platform, and an account to open there."""

    kind: str
    slug: str
    account_type: str
    currency: str
    leverages: tuple[str, str]


@dataclass(frozen=True)
class Stage:
    """An open account, its page, and the simulator's control port."""

    scene: Scene
    product: Product
    browser: Browser
    path: str
    login: int
    tenant: int
    platform_id: UUID
    control: httpx.Client

    @property
    def name(self) -> str:
        return f"sync.{self.scene.kind}"


@benchmark("sync.mt5")
def mt5(bench: Bench) -> None:
    """`sync.mt5.leverage` with its parts, `sync.mt5.event_to_row`, `sync.mt5.event_to_page`, in milliseconds."""
    measure(bench, Scene("mt5", "aurora", "classic", "EUR", ("10", "20")))


@benchmark("sync.ctrader")
def ctrader(bench: Bench) -> None:
    """The same for cTrader."""
    measure(bench, Scene("ctrader", "silkroad", "ctrader-start", "USD", ("25", "50")))


def measure(bench: Bench, scene: Scene) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # The product's processes inherit it.
    with bench.product() as product:
        stage = set_up(bench, product, scene)
        leverage(bench, stage, bare_updates(stage))
        with other_pages(product, scene):
            events(bench, stage)


def set_up(bench: Bench, product: Product, scene: Scene) -> Stage:
    person = product.sign_ins[scene.slug]["cabinet"]
    browser = Browser(product.port, f"{scene.slug}.localhost", "198.51.100.7")
    browser.sign_in(person["email"], person["password"])
    opening = f"/accounts/new?type={scene.account_type}"
    opened = browser.submit(opening, {"currency": scene.currency}, action="/accounts/new")
    account = re.search(r"/accounts/([0-9a-f-]{36})", opened)
    assert account is not None, "the account was not opened"
    with deals.owner(bench) as connection:
        found = connection.execute(
            "SELECT tenant_id, platform_id, login FROM trading_account WHERE id = %s", (account[1],)
        ).fetchone()
    assert found is not None
    assert found[2], "the account has no login yet"
    place = json.loads(product.env["KONTOR_SIM_MT5"])[scene.slug]
    port = (place if scene.kind == "mt5" else place[scene.kind])["control_port"]
    control = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
    return Stage(scene, product, browser, f"/accounts/{account[1]}", found[2], found[0], found[1], control)


def bare_updates(stage: Stage) -> list[float]:
    """The same command on warm authenticated connections, with nothing of the product around it."""
    os.environ.update(stage.product.env)
    from app.config import settings
    from app.core import db
    from app.trading.connector.making import make_platform
    from app.trading.connector.pace import Pace
    from app.trading.service import connections

    settings.cache_clear()
    with db.tenant_scope(stage.tenant):
        place = connections.connection_settings(stage.platform_id)

    async def run() -> list[float]:
        platform = make_platform(replace(place, requests_per_s=100_000), Pace())
        await platform.connect()
        taken = []
        for number in range(CHANGES):
            began = time.perf_counter()
            await platform.set_leverage(stage.login, int(stage.scene.leverages[number % 2]))
            taken.append((time.perf_counter() - began) * 1000)
        await platform.close()
        return sorted(taken[UNCOUNTED:])

    return asyncio.run(run())


def leverage(bench: Bench, stage: Stage, bare: list[float]) -> None:
    """Press the button again and again; each answer must say what the platform said."""
    url = f"{stage.path}/leverage"
    form = stage.browser.form(stage.path, url)
    began: dict[str, float] = {}
    ended: dict[str, float] = {}
    taken = []
    for number in range(CHANGES):
        wanted = stage.scene.leverages[number % 2]
        key = f"bench-leverage-{number:06d}"
        data = {**form.values, "leverage": wanted, "once": key}
        headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
        began[key], started = time.time(), time.perf_counter()
        response = stage.browser.http.post(url, data=data, headers=headers)
        taken.append((time.perf_counter() - started) * 1000)
        ended[key] = time.time()
        assert response.status_code == 200, response.text[:400]
        assert f"1:{wanted}" in response.text, "the page does not show the platform's answer"
        time.sleep(PAUSE_S)
    counted = sorted(taken[UNCOUNTED:])
    floor = percentile(bare, 0.95)
    bench.report(f"{stage.name}.leverage.p50", percentile(counted, 0.5), "ms", floor=percentile(bare, 0.5))
    bench.report(
        f"{stage.name}.leverage",
        percentile(counted, 0.95),
        "ms",
        floor=floor,
        goal=floor + ABOVE_BARE_MS,
        goal_is="value",
        better="lower",
    )
    for part, found in parts(bench, stage, began, ended).items():
        bench.report(f"{stage.name}.leverage.{part}", percentile(found, 0.5), "ms")


def parts(bench: Bench, stage: Stage, began: Mapping[str, float], ended: Mapping[str, float]) -> dict[str, list[float]]:
    """Where the time of each click went, by the instants on its row: until it was written down; until the connector
    claimed it; until the platform had answered; until the page was here."""
    with deals.owner(bench) as connection:
        rows = connection.execute(
            "SELECT right(key, 21), created_at, sent_at, finished_at FROM platform_operation"
            " WHERE tenant_id = %s AND key LIKE '%%bench-leverage-%%' ORDER BY created_at",
            (stage.tenant,),
        ).fetchall()
    found: dict[str, list[float]] = {part: [] for part in PARTS}
    for key, *instants in rows[UNCOUNTED:]:
        if key not in began or any(not isinstance(at, datetime) for at in instants):
            continue
        ends = [began[key], *(at.timestamp() for at in instants), ended[key]]
        for part, begin, end in zip(PARTS, ends[:-1], ends[1:], strict=True):
            found[part].append((end - begin) * 1000)
    assert found["page"], "no click left its instants"
    return {part: sorted(times) for part, times in found.items()}


def other_pages(product: Product, scene: Scene) -> Any:
    """The streams of a thousand open pages of another brand's trader."""
    slug = next(brand.slug for brand in product.brands if brand.slug != scene.slug)
    person = product.sign_ins[slug]["cabinet"]
    browser = Browser(product.port, f"{slug}.localhost", "198.51.100.8")
    browser.sign_in(person["email"], person["password"])
    stream = stream_of(browser.get("/accounts"))
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.http.cookies.jar)
    headers = {**browser.http.headers, "Cookie": cookies, "Host": f"{slug}.localhost:{product.port}"}
    headers = {name.title(): value for name, value in headers.items()}
    return open_streams(product.port, stream, headers, STREAMS)


def events(bench: Bench, stage: Stage) -> None:
    """Orders on the platform, each opening a position or closing it again; when their rows are committed; and when the
    open page's stream hears of them."""
    order: dict[str, Any] = {"login": stage.login, "symbol": "EURUSD", "volume": "0.01"}
    post(stage.control, "/balance", {"login": stage.login, "amount": "1000000.00", "comment": "bench"})
    if stage.scene.kind == "mt5":
        known = stage.control.get(f"/users/{stage.login}").json()
        order["password"] = find(known, "main") or find(known, "password")
    page: Queue[float] = Queue()
    row: Queue[float] = Queue()
    stop = threading.Event()
    for listen in (hear_page, hear_commits):
        put = (page if listen is hear_page else row).put
        threading.Thread(target=listen, args=(bench, stage, put, stop), daemon=True).start()
    time.sleep(3)
    bare, to_row, to_page = [], [], []
    closing: dict[str, Any] = {}
    for number in range(ORDERS):
        for heard in (page, row):
            while not heard.empty():
                heard.get_nowait()
        began = time.perf_counter()
        answer = post(stage.control, "/trader/order", order | (closing if number % 2 else {"side": "buy"}))
        bare.append((time.perf_counter() - began) * 1000)
        closing = {"side": "sell", "position": answer["position"]}
        assert int(str(answer.get("retcode", 0))) in (0, 10008, 10009), answer
        try:
            to_row.append((row.get(timeout=15) - began) * 1000)
            to_page.append((page.get(timeout=15) - began) * 1000)
        except Empty:
            raise AssertionError(f"deal {number} never reached the page") from None
        time.sleep(PAUSE_S)
    stop.set()
    floor = percentile(sorted(bare), 0.95)
    for name, taken in (("event_to_row", sorted(to_row)), ("event_to_page", sorted(to_page))):
        is_page = name == "event_to_page"
        bench.report(f"{stage.name}.{name}.p50", percentile(taken, 0.5), "ms")
        for share, goal in ((0.95, PAGE_P95_MS), (0.99, PAGE_P99_MS)):
            bench.report(
                f"{stage.name}.{name}" + (".p99" if share == 0.99 else ""),
                percentile(taken, share),
                "ms",
                floor=floor if share == 0.95 else None,
                goal=goal if is_page else None,
                goal_is="value",
                better="lower",
            )


def hear_page(bench: Bench, stage: Stage, heard: Callable[[float], None], stop: threading.Event) -> None:
    """Hold the page's stream open and note when it is told of trades."""
    browser = stage.browser
    stream = stream_of(browser.get(stage.path))
    headers = dict(browser.http.headers)
    with httpx.Client(base_url=browser.http.base_url, headers=headers, cookies=browser.http.cookies) as http:
        with http.stream("GET", stream, timeout=None) as response:  # It waits as long as a page does.
            assert response.status_code == 200, response.status_code
            for line in response.iter_lines():
                if stop.is_set():
                    return
                if line == "event: trades-changed":
                    heard(time.perf_counter())


def hear_commits(bench: Bench, stage: Stage, heard: Callable[[float], None], stop: threading.Event) -> None:
    """Note when a batch with deals has been committed: that is when it is published."""
    from app.core.redis import key

    with redis.Redis.from_url(bench.servers.redis) as connection, connection.pubsub() as subscription:
        subscription.psubscribe(key("t", stage.tenant, "client:*"))
        while not stop.is_set():
            message = subscription.get_message(timeout=1)
            if message and message["type"] == "pmessage" and b"trades-changed" in message["data"]:
                heard(time.perf_counter())


def stream_of(page: str) -> str:
    found = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert found is not None, "the page has no stream"
    return found[1].replace("&amp;", "&")


def post(control: httpx.Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the simulator's control port over a kept connection."""
    answer = control.post(path, json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def find(value: Any, name: str) -> str:
    """The first text under a key of that name, however deep it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key.lower() == name and isinstance(inner, str):
                return inner
        for inner in value.values():
            if found := find(inner, name):
                return found
    return ""
