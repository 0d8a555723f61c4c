"""A simulated plant, and a platform that is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from app.kit.ids import new_id
from app.simulators.ctrader.running import SimServer, running_simulator
from app.trading.platforms.base import AccountRecord, NewAccount, Report
from app.trading.platforms.ctrader.adapter import CTraderPlatform, Options
from app.trading.platforms.ctrader.link import LinkSettings
from app.trading.platforms.ctrader.session import Endpoint
from app.trading.platforms.ctrader.webservices import WebEndpoint
from tests.support.loops import in_thread

T = TypeVar("T")


@pytest.fixture(scope="module")
def plant() -> Iterator[SimServer]:
    with running_simulator(seed=11, list_chunk=5) as running:
        if not running.call(lambda books: books.traders):
            in_thread(_with_one_account(running))
        yield running


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "plant" in request.fixturenames:
        request.getfixturevalue("plant").simulator.faults.clear()


def make(plant: SimServer, *, options: Options | None = None, **changes: Any) -> CTraderPlatform:
    known: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": plant.manager_port,
        "plant": plant.config.plant,
        "environment": plant.config.environment,
        "login": plant.manager_login,
        "password": plant.manager_password,
        "ca_pem": plant.ca_file.read_text(),
        "server_name": "localhost",
        "request_timeout_s": 2.0,
    }
    endpoint = Endpoint(**{**known, **changes})
    web = WebEndpoint(
        url=plant.web_url,
        login=endpoint.login,
        password=endpoint.password,
        ca_pem=endpoint.ca_pem,
        server_name="localhost",
        timeout_s=5.0,
    )
    return CTraderPlatform(endpoint, web, options, LinkSettings(requests_per_s=1000, first_pause_s=0.05))


@asynccontextmanager
async def connected(plant: SimServer, **changes: Any) -> AsyncIterator[CTraderPlatform]:
    platform = make(plant, **changes)
    try:
        await platform.connect()
        yield platform
    finally:
        await platform.close()


def run(plant: SimServer, act: Callable[[CTraderPlatform], Awaitable[T]], **changes: Any) -> T:
    """Do something with a connected platform."""

    async def inside() -> T:
        async with connected(plant, **changes) as platform:
            return await act(platform)

    return in_thread(inside())


async def open_one(
    platform: CTraderPlatform, *, group: str = "Standard", currency: str = "USD", money: str = "0", **changes: Any
) -> AccountRecord:
    """A new account with some money on it."""
    tag = new_id().hex[-12:]
    known: dict[str, Any] = {
        "group": group,
        "name": "Mona Osei",
        "email": f"mona-{tag}@example.com",
        "country": "KE",
        "language": "en",
        "leverage": 100,
        "reference": f"A-{tag}",
        "main_password": "Correct-Horse1",
        "investor_password": "Other-Horse1",
        "currency": currency,
    }
    account = await platform.open_account(NewAccount(**{**known, **changes}))
    if Decimal(money):
        await platform.move_funds(account.login, Decimal(money), f"D-{tag}")
    return account


async def reports_until(platform: CTraderPlatform, is_enough: Callable[[list[Report]], object]) -> list[Report]:
    """What the platform tells, until it is enough."""
    told: list[Report] = []
    async with asyncio.timeout(30):
        async for report in platform.reports():
            told.append(report)
            if is_enough(told):
                break
    return told


@asynccontextmanager
async def listening(platform: CTraderPlatform) -> AsyncIterator[list[Report]]:
    """What the platform tells while the block runs."""
    told: list[Report] = []

    async def listen() -> None:
        async for report in platform.reports():
            told.append(report)

    task = asyncio.create_task(listen())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _with_one_account(plant: SimServer) -> None:
    async with connected(plant) as platform:
        await open_one(platform)
