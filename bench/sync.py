"""From a click to the platform's own answer, and from a deal on the platform to the page that shows it.

Floors, in the same run on the same simulator at no added delay: the bare protocol round trip of the same command, and
the round trip of the order itself.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx

from app.demo.browsing import Browser
from bench.harness import Bench, benchmark, percentile
from tools.product import Product

CHANGES = 500
DEALS = 200
GOAL_MS = 100.0


@benchmark("sync.mt5")
def run(bench: Bench) -> None:
    """`sync.mt5.leverage` and `sync.mt5.deal_to_page`, p50 and p95 in milliseconds."""
    with bench.product() as product:
        slug = "aurora"
        person = product.sign_ins[slug]["cabinet"]
        browser = Browser(product.port, f"{slug}.localhost", "198.51.100.7")
        browser.sign_in(person["email"], person["password"])
        opened = browser.submit("/accounts/new?type=classic", {"currency": "EUR"}, action="/accounts/new")
        account = re.search(r"/accounts/([0-9a-f-]{36})", opened)
        assert account is not None, "the account was not opened"
        path = f"/accounts/{account[1]}"
        login = int(_match(r"\b(\d{6,9})\b", re.sub(r"<[^>]+>", " ", browser.get(path))))
        control = control_url(product, slug)
        leverage(bench, browser, path, bare_updates(product, slug, login))
        deals(bench, browser, path, control, login)


def leverage(bench: Bench, browser: Browser, path: str, bare: list[float]) -> None:
    """Press the button again and again; each answer must say what the platform said."""
    form = browser.form(path, f"{path}/leverage")
    taken = []
    for number in range(CHANGES):
        wanted = ("10", "20")[number % 2]
        began = time.perf_counter()
        response = browser.http.post(
            f"{path}/leverage",
            data={**form.values, "leverage": wanted, "once": f"bench-leverage-{number:06d}"},
            headers={"HX-Request": "true", "HX-Request-Type": "partial"},
        )
        taken.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200, response.text[:400]
        assert f"1:{wanted}" in response.text, "the page does not show the platform's answer"
    taken.sort()
    bench.report("sync.mt5.leverage.p50", percentile(taken, 0.5), "ms", floor=percentile(bare, 0.5))
    bench.report(
        "sync.mt5.leverage",
        percentile(taken, 0.95),
        "ms",
        floor=percentile(bare, 0.95),
        goal=GOAL_MS,
        goal_is="value",
        better="lower",
    )


def bare_updates(product: Product, slug: str, login: int) -> list[float]:
    """The same command on one warm authenticated connection, with nothing of the product around it."""
    from app.trading.platforms.mt5.adapter import MT5Platform
    from app.trading.platforms.mt5.connection import Endpoint
    from app.trading.platforms.mt5.pool import PoolSettings

    brand = next(one for one in product.brands if one.slug == slug)
    place = json.loads(product.env["KONTOR_SIM_MT5"])[slug]
    authority = Path(place["ca_file"]).read_text()

    async def measure() -> list[float]:
        platform = MT5Platform(
            Endpoint(
                host=place["host"],
                port=place["port"],
                login=int(brand.platform["login"]),
                password=brand.password,
                ca_pem=authority,
                server_name=place["tls_name"],
            ),
            PoolSettings(requests_per_s=100_000),
        )
        await platform.connect()
        taken = []
        for number in range(CHANGES):
            began = time.perf_counter()
            await platform.set_leverage(login, (10, 20)[number % 2])
            taken.append((time.perf_counter() - began) * 1000)
        await platform.close()
        return sorted(taken)

    return asyncio.run(measure())


def deals(bench: Bench, browser: Browser, path: str, control: str, login: int) -> None:
    """Orders on the platform, and when the open page's stream hears of them."""
    post(control, "/balance", {"login": login, "amount": "1000000.00", "comment": "bench"})
    secret = _control(control).get(f"/users/{login}").json()
    password = find(secret, "main") or find(secret, "password")
    heard: Queue[tuple[float, str]] = Queue()
    stop = threading.Event()
    listener = threading.Thread(target=listen, args=(browser, path, heard.put, stop), daemon=True)
    listener.start()
    time.sleep(2)
    taken, bare = [], []
    for number in range(DEALS):
        while not heard.empty():
            heard.get_nowait()
        order = {
            "login": login,
            "password": password,
            "symbol": "EURUSD",
            "side": ("buy", "sell")[number % 2],
            "volume": "0.01",
        }
        began = time.perf_counter()
        answer = post(control, "/trader/order", order)
        bare.append((time.perf_counter() - began) * 1000)
        assert int(str(answer.get("retcode", 0))) in (0, 10008, 10009), answer
        try:
            at = wait_for(heard, "trades-changed", began)
        except Empty:
            raise AssertionError(f"deal {number} never reached the page") from None
        taken.append((at - began) * 1000)
        time.sleep(0.02)
    stop.set()
    taken.sort()
    bare.sort()
    floor = percentile(bare, 0.95)
    bench.report("sync.mt5.deal_to_page.p50", percentile(taken, 0.5), "ms", floor=percentile(bare, 0.5))
    bench.report(
        "sync.mt5.deal_to_page",
        percentile(taken, 0.95),
        "ms",
        floor=floor,
        goal=GOAL_MS,
        goal_is="value",
        better="lower",
    )


def wait_for(heard: Queue[tuple[float, str]], event: str, since: float) -> float:
    while True:
        at, name = heard.get(timeout=10)
        if name == event and at >= since:
            return at


def listen(browser: Browser, path: str, heard: Callable[[tuple[float, str]], None], stop: threading.Event) -> None:
    """Hold the page's stream open and note each event's instant."""
    page = browser.get(path)
    stream = _match(r'hx-sse:connect="([^"]+)"', page).replace("&amp;", "&")
    headers = dict(browser.http.headers)
    with httpx.Client(base_url=browser.http.base_url, headers=headers, cookies=browser.http.cookies) as http:
        with http.stream("GET", stream, timeout=None) as response:  # It waits as long as a page does.
            assert response.status_code == 200, response.status_code
            for line in response.iter_lines():
                if stop.is_set():
                    return
                if line.startswith("event: "):
                    heard((time.perf_counter(), line.removeprefix("event: ")))


def control_url(product: Product, slug: str) -> str:
    place = json.loads(product.env["KONTOR_SIM_MT5"])[slug]
    return f"http://127.0.0.1:{place['control_port']}"


def post(control: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the simulator's control port over a kept connection."""
    answer = _control(control).post(path, json=body)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


_clients: dict[str, httpx.Client] = {}


def _control(control: str) -> httpx.Client:
    if control not in _clients:
        _clients[control] = httpx.Client(base_url=control, timeout=30)
    return _clients[control]


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


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, f"nothing like {pattern} on the page"
    return found[1]
