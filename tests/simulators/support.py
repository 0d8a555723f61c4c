"""A plain Web API client, a control client, and a market whose prices a test sets."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from app.simulators.market import Market, Quote, SimClock
from app.simulators.mt5 import SimConfig, SimServer
from app.simulators.mt5.config import ManagerConfig
from app.simulators.mt5.records import LOT, User
from app.simulators.mt5.state import Passwords, TradeServer

PASSWORD = "Abcd123#x"
START = datetime(2024, 3, 13, 9, 0, tzinfo=UTC)


def digest(password: str) -> bytes:
    """H of the specification, computed here without the simulator's help."""
    inner = hashlib.md5(password.encode("utf-16-le")).digest()
    return hashlib.md5(inner + b"WebAPI").digest()


class WebAPI:
    """One HTTPS connection, and so one session."""

    def __init__(self, sim: SimServer) -> None:
        self._sim = sim
        context = ssl.create_default_context(cafile=str(sim.ca_file))
        self.http = http.client.HTTPSConnection("localhost", sim.port, context=context, timeout=10)

    def __enter__(self) -> WebAPI:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def request(
        self, path: str, body: str | bytes | None = None, content_type: str = "application/json", **params: object
    ) -> tuple[int, str]:
        """Send a request and return status and text."""
        query = urlencode({name: str(value) for name, value in params.items()}, quote_via=quote)
        headers = {"Content-Type": content_type} if body is not None else {}
        self.http.request("POST" if body is not None else "GET", f"/{path}?{query}", body, headers)
        answer = self.http.getresponse()
        return answer.status, answer.read().decode()

    def __call__(self, command: str, body: Any = None, **params: object) -> dict[str, Any]:
        """Send a command and return the whole answer."""
        sent = None if body is None else json.dumps(body)
        status, text = self.request(f"api/{command}", sent, "application/json", **params)
        assert status == 200, (status, text)
        answer: dict[str, Any] = json.loads(text)
        return answer

    def answer(self, command: str, body: Any = None, **params: object) -> Any:
        """Send a command that must succeed and return what it answers."""
        whole = self(command, body, **params)
        assert whole["retcode"] == "0 Done", whole
        return whole.get("answer")

    def retcode(self, command: str, body: Any = None, **params: object) -> int:
        """Send a command and return its code."""
        return int(self(command, body, **params)["retcode"].split()[0])

    def sign_in(self, login: int | None = None, password: str | None = None) -> WebAPI:
        """Do the handshake and check the server's proof."""
        login, password = login or self._sim.manager_login, password or self._sim.manager_password
        status, proof, expected = self.try_sign_in(login, password)
        assert status == 200
        assert proof == expected
        return self

    def try_sign_in(self, login: int, password: str) -> tuple[int, str, str]:
        """Do the handshake; return status, the server's proof, and what it should be."""
        started = self("auth/start", version=3950, agent="Test", login=login, type="manager")
        own, challenge = digest(password), os.urandom(16)
        status, text = self.request(
            "api/auth/answer",
            srv_rand_answer=hashlib.md5(own + bytes.fromhex(started["srv_rand"])).hexdigest(),
            cli_rand=challenge.hex(),
        )
        proof = json.loads(text).get("cli_rand_answer", text) if status == 200 else ""
        return status, proof, hashlib.md5(own + challenge).hexdigest()

    def open_account(
        self, group: str = "real\\standard-usd", deposit: str | None = "10000.00", **fields: object
    ) -> int:
        """Open an account, put money on it, and return its login."""
        given = {"name": "Ada Test", "leverage": 100, **fields}
        made = self.answer("user/add", {"PassMain": PASSWORD, "PassInvestor": PASSWORD}, group=group, **given)
        login = int(made["Login"])
        if deposit is not None:
            self.answer("trade/balance", login=login, type=2, balance=deposit, comment="first")
        return login


class Control:
    """The control port of a simulator."""

    def __init__(self, sim: SimServer) -> None:
        self._http = httpx.Client(base_url=sim.control_url, timeout=30)

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        return self._http.get(path, params=params).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        return self._http.post(path, json=body).raise_for_status().json()

    def put(self, path: str, **body: Any) -> Any:
        return self._http.put(path, json=body).raise_for_status().json()

    def delete(self, path: str) -> Any:
        return self._http.delete(path).raise_for_status().json()

    def trade(self, login: int, act: str = "order", **body: Any) -> Any:
        """Trade as the account's owner."""
        return self.post(f"/trader/{act}", login=login, password=PASSWORD, **body)


class PricedMarket(Market):
    """A market whose quotes stand where a test puts them; every currency is worth one of every other."""

    def __init__(self) -> None:
        super().__init__(1)
        self.prices = {"EURUSD": (Decimal("1.10000"), Decimal("1.10000"))}
        self.rates: dict[tuple[str, str], Decimal] = {}

    def set(self, symbol: str, bid: str, ask: str | None = None) -> None:
        """Move a symbol; without an ask there is no spread."""
        self.prices[symbol] = (Decimal(bid), Decimal(ask or bid))

    def quote(self, name: str, at: datetime) -> Quote:
        bid, ask = self.prices[name]
        return Quote(bid, ask, at)

    def conversion(self, base: str, quote: str, at: datetime) -> Decimal:
        return self.rates.get((base, quote), Decimal(1))


class Books:
    """A trade server without a network: its clock stands still and its prices are the test's."""

    def __init__(self, **settings: Any) -> None:
        self.market = PricedMarket()
        self.clock = SimClock(START, speed=0)
        self.config = SimConfig(start=START, speed=0, **settings)
        self.server = TradeServer(self.config, self.clock, self.market)
        self.events: list[str] = []
        self.server.subscribe(lambda event: self.events.append(event.type))

    def account(self, group: str = "real\\standard-usd", balance: str = "10000", leverage: int = 100) -> User:
        """An account with money that no deal explains to anybody but the books."""
        from app.simulators.mt5.accounts import open_account
        from app.simulators.mt5.money import change_balance

        user = open_account(
            self.server,
            {"group": group, "name": "Ada", "leverage": leverage},
            Passwords(main=PASSWORD, investor=PASSWORD),
            ManagerConfig(),
        )
        if Decimal(balance):
            change_balance(self.server, user, 2, Decimal(balance), "first", dealer=1)
        return user


def lots(text: str) -> int:
    """Lots in the platform's finest unit."""
    return int(Decimal(text) * LOT)
