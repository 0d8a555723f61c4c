"""A plain framed client, a control client, and books without a network whose prices a test sets."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import struct
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import httpx
from google.protobuf.message import Message

from app.simulators.ctrader import SimConfig, SimServer
from app.simulators.ctrader.accounts import open_account
from app.simulators.ctrader.enums import BalanceType
from app.simulators.ctrader.funds import change_balance
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.proto import sim_openapi_pb2 as oa
from app.simulators.ctrader.records import Trader
from app.simulators.ctrader.state import Event, Plant
from app.simulators.market import Quote, SimClock

M = TypeVar("M", bound=Message)
START = datetime(2024, 3, 13, 9, 0, tzinfo=UTC)
LATEST = 1 << 50
PASSWORD = "Abcd123#x"


def digest(password: str) -> str:
    return hashlib.md5(password.encode()).hexdigest()


def number_of(message: Message | type[Message]) -> int:
    return int(message.DESCRIPTOR.fields_by_name["payloadType"].default_value)


CLASSES: dict[int, type[Message]] = {
    number_of(getattr(module, name)): getattr(module, name)
    for module in (pb, oa)
    for name, descriptor in module.DESCRIPTOR.message_types_by_name.items()
    if "payloadType" in descriptor.fields_by_name and name != "ProtoMessage"
}


class Frames:
    """A connection to a protobuf face, and what has come over it."""

    def __init__(self, port: int, ca_file: str | None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        if ca_file is None:
            self.socket: socket.socket = plain
        else:
            context = ssl.create_default_context(cafile=ca_file)
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self._numbers = 0
        self.events: list[tuple[str, Any]] = []

    def close(self) -> None:
        self.socket.close()

    def read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def raw(self) -> bytes:
        """The next frame, length included."""
        head = self.read(4)
        return head + self.read(struct.unpack(">I", head)[0])

    def next(self) -> tuple[pb.ProtoMessage, Any]:
        """The next envelope and its content. Heartbeats are passed over."""
        while True:
            envelope = pb.ProtoMessage.FromString(self.raw()[4:])
            if envelope.payloadType != 51:
                return envelope, CLASSES[envelope.payloadType].FromString(envelope.payload)

    def is_ended(self) -> bool:
        """Whether the other side has closed; heartbeats on the way are read."""
        try:
            while True:
                self.raw()
        except (EOFError, ConnectionError, ssl.SSLError):
            return True

    def frame(self, message: Message, message_id: str | None) -> bytes:
        envelope = pb.ProtoMessage(payloadType=number_of(message), payload=message.SerializePartialToString())
        if message_id is not None:
            envelope.clientMsgId = message_id
        body = envelope.SerializeToString()
        return struct.pack(">I", len(body)) + body

    def send(self, message: Message) -> str:
        """Send a request and return its id."""
        self._numbers += 1
        self.socket.sendall(self.frame(message, f"t{self._numbers}"))
        return f"t{self._numbers}"

    def ask(self, message: Message) -> Any:
        """Send a request and return its first answer. Events that come before it are kept."""
        wanted = self.send(message)
        while True:
            envelope, content = self.next()
            if envelope.HasField("clientMsgId") and envelope.clientMsgId == wanted:
                return content
            self.events.append((type(content).__name__, content))

    def ok(self, message: Message, kind: type[M]) -> M:
        """Send a request that must be answered by this kind."""
        answer = self.ask(message)
        assert isinstance(answer, kind), answer
        return answer

    def error(self, message: Message) -> str:
        """Send a request that must be refused, and return the error's name."""
        answer = self.ask(message)
        assert hasattr(answer, "errorCode"), answer
        return str(answer.errorCode)

    def event(self, name: str) -> Any:
        """The next event of this kind; others before it are dropped."""
        while True:
            kind, content = self.events.pop(0) if self.events else (None, None)
            if kind is None:
                _, content = self.next()
                kind = type(content).__name__
            if kind == name:
                return content


class Manager(Frames):
    """A signed-in manager."""

    def __init__(self, sim: SimServer, login: int | None = None, password: str | None = None) -> None:
        super().__init__(sim.manager_port, str(sim.ca_file))
        assert isinstance(self.next()[1], pb.ProtoHelloEvent)
        self.permissions = self.ok(
            self.sign_in_request(sim, login or sim.manager_login, password or sim.manager_password),
            pb.ProtoManagerAuthRes,
        ).permission

    @staticmethod
    def sign_in_request(sim: SimServer, login: int, password: str) -> pb.ProtoManagerAuthReq:
        return pb.ProtoManagerAuthReq(
            plantId=sim.config.plant,
            environmentName=sim.config.environment,
            login=login,
            passwordHash=digest(password),
        )

    def open_account(self, group: int = 101, asset: int = 1, deposit: int = 1_000_000, **fields: Any) -> int:
        """Open an account, put money on it in the new way, and return its trader id."""
        trader = pb.ProtoTrader(traderId=0, login=0, groupId=group, balance=0, depositAssetId=asset)
        given = {"leverageInCents": 10_000, "name": "Ada", "passwordHash": digest(PASSWORD), **fields}
        for name, value in given.items():
            setattr(trader, name, value)
        made = self.ok(pb.ProtoCrudTraderReq(operation=1, trader=trader), pb.ProtoCrudTraderRes)
        if deposit:
            self.deposit(made.traderId, deposit)
        return made.traderId

    def deposit(self, trader_id: int, amount: int, kind: int = 0, external_id: str = "") -> int:
        asked = pb.ProtoChangeBalanceReq(
            traderId=trader_id, amount=amount, type=kind, newWay=True, externalId=external_id
        )
        return self.ok(asked, pb.ProtoChangeBalanceRes).balanceHistoryId

    def trader(self, trader_id: int) -> pb.ProtoTrader:
        return self.ok(pb.ProtoTraderByIdReq(traderId=[trader_id]), pb.ProtoTraderByIdRes).trader[0]

    def order(self, trader_id: int, symbol: int = 1, side: int = 1, volume: int = 1_000_000) -> Any:
        """A market order; the event of its filling."""
        asked = pb.ProtoManagerNewOrderReq(
            traderId=trader_id, symbolId=symbol, orderType=1, tradeSide=side, volume=volume
        )
        return self.until_filled(asked)

    def until_filled(self, asked: Message) -> Any:
        """Send an order-type request and read on to the event of its filling."""
        wanted = self.send(asked)
        while True:
            envelope, content = self.next()
            if envelope.clientMsgId == wanted and getattr(content, "executionType", 0) == 3:
                return content
            if envelope.clientMsgId == wanted and not hasattr(content, "executionType"):
                return content
            self.events.append((type(content).__name__, content))

    def deals(self, trader_id: int, **limits: Any) -> list[pb.ProtoDeal]:
        asked = pb.ProtoManagerDealListReq(traderId=[trader_id], fromTimestamp=0, toTimestamp=LATEST, **limits)
        return list(self.ok(asked, pb.ProtoManagerDealListRes).deal)


class OpenAPI(Frames):
    """A connection of an application, signed in unless told otherwise."""

    def __init__(self, sim: SimServer, *, is_plain: bool = False, is_signed_in: bool = True) -> None:
        if is_plain:
            super().__init__(sim.openapi_plain_port, None)
        else:
            super().__init__(sim.openapi_port, str(sim.ca_file))
        if is_signed_in:
            self.ok(oa.ProtoOAApplicationAuthReq(clientId="cid", clientSecret="csecret"), oa.ProtoOAApplicationAuthRes)

    def enter(self, grant: dict[str, Any]) -> int:
        """Sign in to the account of a consent."""
        number = int(grant["ctidTraderAccountId"])
        asked = oa.ProtoOAAccountAuthReq(ctidTraderAccountId=number, accessToken=grant["accessToken"])
        self.ok(asked, oa.ProtoOAAccountAuthRes)
        return number


class WebSocket:
    """The least WebSocket client there is: texts of less than 64 kB, one after another."""

    def __init__(self, port: int, ca_file: str) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._socket.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        self._reader = self._socket.makefile("rb")
        assert b" 101 " in self._reader.readline()
        while self._reader.readline() != b"\r\n":
            pass

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def send(self, value: Any) -> None:
        data = json.dumps(value).encode()
        head = bytes([0x81, 0xFE]) + struct.pack(">H", len(data))
        self._socket.sendall(head + bytes(4) + data)  # Masked with nothing.

    def next(self) -> Any:
        kind, length = self._reader.read(2)
        assert kind == 0x81
        if length == 126:
            (length,) = struct.unpack(">H", self._reader.read(2))
        return json.loads(self._reader.read(length))


class Control:
    """The control port of a simulator."""

    def __init__(self, sim: SimServer) -> None:
        self._http = httpx.Client(base_url=sim.control_url, timeout=60)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        return self._http.get(path, params=params).raise_for_status().json()

    def post(self, path: str, **body: Any) -> Any:
        return self._http.post(path, json=body).raise_for_status().json()

    def put(self, path: str, **body: Any) -> Any:
        return self._http.put(path, json=body).raise_for_status().json()

    def patch(self, path: str, **body: Any) -> Any:
        return self._http.patch(path, json=body).raise_for_status().json()

    def delete(self, path: str) -> Any:
        return self._http.delete(path).raise_for_status().json()

    def fault(self, kind: str, command: str = "*", **more: Any) -> None:
        self.post("/faults", kind=kind, command=command, **more)

    def account(self, **fields: Any) -> int:
        """Open an account and return its login."""
        return int(self.post("/accounts", **{"group": "Standard", "deposit": "10000", **fields})["login"])


class Web:
    """A WebServices client with a token."""

    def __init__(self, sim: SimServer, password: str | None = None) -> None:
        context = ssl.create_default_context(cafile=str(sim.ca_file))
        self.http = httpx.Client(
            base_url=sim.web_url, verify=context, timeout=30, headers={"Accept": "application/json"}
        )
        body = {"login": sim.manager_login, "hashedPassword": digest(password or sim.manager_password)}
        self.token = self.http.post("/v2/webserv/managers/token", json=body).raise_for_status().json()["webservToken"]

    def close(self) -> None:
        self.http.close()

    def request(self, method: str, path: str, body: Any = None, **params: Any) -> httpx.Response:
        return self.http.request(method, path, json=body, params={"token": self.token, **params})

    def trader(self, login: int) -> Any:
        return self.request("GET", f"/v2/webserv/traders/{login}").raise_for_status().json()


class Books:
    """An environment without a network: its clock stands still and its prices are the test's."""

    def __init__(self, **settings: Any) -> None:
        self.clock = SimClock(START, speed=0)
        self.plant = Plant(SimConfig(start=START, speed=0, **settings), self.clock)
        self.events: list[Event] = []
        self.plant.subscribe(self.events.append)
        self.price("EURUSD", "1.10000")

    def price(self, symbol: str, bid: str, ask: str | None = None) -> None:
        """Move a symbol; without an ask there is no spread."""
        self.plant.prices.fixed[symbol] = Quote(Decimal(bid), Decimal(ask or bid), START)

    def account(self, balance: int = 1_000_000, **fields: Any) -> Trader:
        """An account with money, in cents, in the group `Standard` unless told otherwise."""
        trader = open_account(self.plant, {"group_id": 102, "deposit_asset_id": 1, "leverage_cents": 10_000, **fields})
        if balance:
            change_balance(self.plant, trader, BalanceType.DEPOSIT, balance)
        return trader
