"""The manager object: one pumping connection, its cache, its subscriptions, and the thread that calls handlers."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import http.client
import json
import os
import socket
import sys
import threading
import traceback
import urllib.request
from collections.abc import Callable
from typing import Any

from ._enums import EnMTAPIRetcode, EnPumpModes
from ._errors import fail
from ._records import MTAccount, MTConGroup, MTConManager, MTDeal, MTOrder, MTPosition, MTUser, _Record

RECONNECT_S = 0.2
BROKE_A_RULE, HANDLER_RAISED = 86, 87
_in_handler = threading.local()

_MADE_OF = {
    "deal": MTDeal,
    "position": MTPosition,
    "order": MTOrder,
    "user": MTUser,
    "account": MTAccount,
    "group": MTConGroup,
}
_HANDLERS = {
    "deal": "OnDealAdd OnDealUpdate OnDealDelete OnDealClean OnDealSync",
    "position": "OnPositionAdd OnPositionUpdate OnPositionDelete OnPositionClean OnPositionSync",
    "order": "OnOrderAdd OnOrderUpdate OnOrderDelete OnOrderClean OnOrderSync",
    "user": (
        "OnUserAdd OnUserUpdate OnUserDelete OnUserClean OnUserLogin OnUserLogout"
        " OnUserArchive OnUserRestore OnUserSync"
    ),
    "account": ("OnAccountMarginCallEnter OnAccountMarginCallLeave OnAccountStopOutEnter OnAccountStopOutLeave"),
    "group": "OnGroupAdd OnGroupUpdate OnGroupDelete OnGroupSync",
    "symbol": "OnSymbolAdd OnSymbolUpdate OnSymbolDelete OnSymbolSync",
    "connection": "OnConnect OnDisconnect",
}
_ACCOUNT_HANDLERS = {
    "account.margin_call": "OnAccountMarginCallEnter",
    "account.margin_call_end": "OnAccountMarginCallLeave",
    "account.stop_out": "OnAccountStopOutEnter",
    "account.stop_out_end": "OnAccountStopOutLeave",
}
_PUMPS = {
    "deal": EnPumpModes.PUMP_MODE_ORDERS | EnPumpModes.PUMP_MODE_POSITIONS,
    "position": EnPumpModes.PUMP_MODE_POSITIONS,
    "order": EnPumpModes.PUMP_MODE_ORDERS,
    "user": EnPumpModes.PUMP_MODE_USERS,
    "account": EnPumpModes.PUMP_MODE_USERS | EnPumpModes.PUMP_MODE_ORDERS | EnPumpModes.PUMP_MODE_POSITIONS,
    "group": EnPumpModes.PUMP_MODE_GROUPS,
    "symbol": EnPumpModes.PUMP_MODE_SYMBOLS,
}
_KEYS = {"position": "Position", "order": "Order", "user": "Login", "group": "Group"}


def _asks_server(method: Callable[..., Any]) -> Callable[..., Any]:
    """A call that goes to the server. From inside a handler it would block the thread that brings the answer: the
    real package hangs, this one ends the process."""

    @functools.wraps(method)
    def guarded(self: ManagerAPI, *args: Any) -> Any:
        if getattr(_in_handler, "is_in", False):
            sys.stderr.write(f"{method.__name__} was called inside a handler.\n")
            sys.stderr.flush()
            os._exit(BROKE_A_RULE)
        if not self._is_connected.is_set():
            fail(EnMTAPIRetcode.MT_RET_ERR_CONNECTION)
            return False
        return method(self, *args)

    return guarded


class ManagerAPI:
    EnPumpModes = EnPumpModes

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._sinks: dict[str, list[Any]] = {kind: [] for kind in _HANDLERS}
        self._cache: dict[str, dict[Any, dict[str, Any]]] = {kind: {} for kind in _KEYS}
        self._pump = EnPumpModes(0)
        self._address = ""
        self._manager: dict[str, Any] = {}
        self._time_msc = 0
        self._leaving = threading.Event()
        self._is_connected = threading.Event()
        self._thread: threading.Thread | None = None
        self._http: http.client.HTTPConnection | None = None

    # The connection.

    def Connect(self, server: str, login: int, password: str, pump_mode: int, timeout: int) -> bool:
        if self._thread is not None:
            fail(EnMTAPIRetcode.MT_RET_ERR_PARAMS)
            return False
        self._address, self._pump = server, EnPumpModes(int(pump_mode))
        self._leaving.clear()
        credentials = {"login": login, "password": password}
        try:
            stream = self._open(credentials, timeout / 1000)
        except (OSError, http.client.HTTPException, ValueError):
            self._close()
            fail(EnMTAPIRetcode.MT_RET_ERR_NETWORK)
            return False
        if stream is None:
            return False
        self._thread = threading.Thread(target=self._live, args=(credentials, stream), name="network", daemon=True)
        self._thread.start()
        if not self._is_connected.wait(timeout / 1000):
            fail(EnMTAPIRetcode.MT_RET_ERR_TIMEOUT)
            self.Disconnect()
            return False
        return True

    def Disconnect(self) -> None:
        self._leaving.set()
        if self._http is not None and self._http.sock is not None:
            with contextlib.suppress(OSError):
                self._http.sock.shutdown(socket.SHUT_RDWR)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(10)
        self._thread = None
        self._close()

    def _close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def _open(self, credentials: dict[str, Any], timeout_s: float) -> http.client.HTTPResponse | None:
        self._close()
        self._http = http.client.HTTPConnection(self._address, timeout=timeout_s)
        self._http.request("POST", "/manager/feed", json.dumps(credentials), {"Content-Type": "application/json"})
        its_socket = self._http.sock
        response = self._http.getresponse()
        if response.headers.get_content_type() != "application/x-ndjson":
            fail(int(json.loads(response.read())["retcode"]))
            self._close()
            return None
        its_socket.settimeout(None)
        return response

    def _live(self, credentials: dict[str, Any], stream: http.client.HTTPResponse | None) -> None:
        while not self._leaving.is_set():
            if stream is not None:
                with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                    self._read(stream)
                stream.close()
                if self._is_connected.is_set():
                    self._is_connected.clear()
                    self._call("connection", "OnDisconnect")
            if self._leaving.wait(RECONNECT_S):
                break
            try:
                stream = self._open(credentials, 5)
            except (OSError, http.client.HTTPException, ValueError):
                self._close()
                stream = None

    def _read(self, stream: http.client.HTTPResponse) -> None:
        for kind in self._cache:
            self._cache[kind] = {}
        self._call("connection", "OnConnect")
        while (text := stream.readline()) and not self._leaving.is_set():
            line = json.loads(text)
            if "event" in line:
                self._happened(line["event"], line["record"])
            elif "state" in line:
                self._cache[line["state"]][str(line["record"][_KEYS[line["state"]]])] = line["record"]
            elif "manager" in line:
                self._manager, self._time_msc = line["manager"], line["time_msc"]
            elif "loaded" in line:
                for kind in ("group", "symbol", "user", "order", "position", "deal"):
                    if self._is_pumped(kind):
                        self._call(kind, f"On{kind.capitalize()}Sync")
                self._is_connected.set()

    def _is_pumped(self, kind: str) -> bool:
        pump = self._pump
        if pump & (EnPumpModes.PUMP_MODE_ORDERS | EnPumpModes.PUMP_MODE_POSITIONS):
            pump |= EnPumpModes.PUMP_MODE_USERS | EnPumpModes.PUMP_MODE_GROUPS | EnPumpModes.PUMP_MODE_SYMBOLS
        return pump & _PUMPS[kind] == _PUMPS[kind]

    # Events.

    def _happened(self, event: str, record: dict[str, Any]) -> None:
        kind, _, act = event.partition(".")
        if kind not in _PUMPS or not self._is_pumped(kind):
            return
        if act == "clean":
            self._forget_login(kind, record["Login"])
            self._call(kind, f"On{kind.capitalize()}Clean", int(record["Login"]))
        elif act in ("login", "logout"):
            user = self._made("user", self._cache["user"].get(record["Login"], {"Login": record["Login"]}))
            self._call(kind, f"OnUser{act.capitalize()}", record["IP"], user, int(record["Type"]))
        elif kind == "account":
            user_record = self._cache["user"].get(record["Login"], {})
            group = self._made("group", self._cache["group"].get(user_record.get("Group", ""), {}))
            self._call(kind, _ACCOUNT_HANDLERS[event], self._made(kind, record), group)
        else:
            if kind in _KEYS:
                key = str(record[_KEYS[kind]])
                if act in ("delete", "archive"):
                    self._cache[kind].pop(key, None)
                else:
                    self._cache[kind][key] = record
            self._call(kind, f"On{kind.capitalize()}{act.capitalize()}", self._made(kind, record))

    def _forget_login(self, kind: str, login: str) -> None:
        if kind in self._cache:
            self._cache[kind] = {key: own for key, own in self._cache[kind].items() if own.get("Login") != login}

    def _made(self, kind: str, record: dict[str, Any]) -> _Record:
        return _MADE_OF[kind](self)._load(record)

    def _call(self, kind: str, name: str, *arguments: Any) -> None:
        _in_handler.is_in = True
        try:
            for sink in list(self._sinks[kind]):
                handler = getattr(sink, name, None)
                if handler is not None:
                    handler(*arguments)
        except BaseException:
            traceback.print_exc()
            os._exit(HANDLER_RAISED)
        finally:
            _in_handler.is_in = False
        for argument in arguments:
            if isinstance(argument, _Record):
                argument._die()

    # Subscriptions.

    def _subscribe(self, kind: str, sink: Any) -> bool:
        if not any(callable(getattr(sink, name, None)) for name in _HANDLERS[kind].split()):
            fail(EnMTAPIRetcode.MT_RET_ERR_PARAMS)
            return False
        if kind != "connection" and not self._sinks["connection"]:
            fail(EnMTAPIRetcode.MT_RET_ERR_PARAMS)
            return False
        self._sinks[kind].append(sink)
        return True

    def _unsubscribe(self, kind: str, sink: Any) -> bool:
        if sink not in self._sinks[kind]:
            fail(EnMTAPIRetcode.MT_RET_ERR_NOTFOUND)
            return False
        self._sinks[kind].remove(sink)
        return True

    def Subscribe(self, sink: Any) -> bool:
        return self._subscribe("connection", sink)

    def Unsubscribe(self, sink: Any) -> bool:
        return self._unsubscribe("connection", sink)

    def DealSubscribe(self, deal_sink: Any) -> bool:
        return self._subscribe("deal", deal_sink)

    def DealUnsubscribe(self, deal_sink: Any) -> bool:
        return self._unsubscribe("deal", deal_sink)

    def PositionSubscribe(self, sink: Any) -> bool:
        return self._subscribe("position", sink)

    def PositionUnsubscribe(self, sink: Any) -> bool:
        return self._unsubscribe("position", sink)

    def OrderSubscribe(self, sink: Any) -> bool:
        return self._subscribe("order", sink)

    def OrderUnsubscribe(self, sink: Any) -> bool:
        return self._unsubscribe("order", sink)

    def UserSubscribe(self, user_sink: Any) -> bool:
        return self._subscribe("user", user_sink)

    def UserUnsubscribe(self, user_sink: Any) -> bool:
        return self._unsubscribe("user", user_sink)

    def UserAccountSubscribe(self, user_sink: Any) -> bool:
        return self._subscribe("account", user_sink)

    def UserAccountUnsubscribe(self, user_sink: Any) -> bool:
        return self._unsubscribe("account", user_sink)

    def GroupSubscribe(self, sink: Any) -> bool:
        return self._subscribe("group", sink)

    def GroupUnsubscribe(self, sink: Any) -> bool:
        return self._unsubscribe("group", sink)

    def SymbolSubscribe(self, sink: Any) -> bool:
        return self._subscribe("symbol", sink)

    def SymbolUnsubscribe(self, sink: Any) -> bool:
        return self._unsubscribe("symbol", sink)

    # Reading the cache.

    def _one(self, kind: str, key: object) -> Any:
        record = self._cache[kind].get(str(key))
        if record is None or not self._is_pumped(kind):
            fail(EnMTAPIRetcode.MT_RET_ERR_NOTFOUND)
            return False
        return self._made(kind, record)

    def _by_group(self, kind: str, mask: str) -> Any:
        users = dict(self._cache["user"])
        found = [
            self._made(kind, record)
            for record in list(self._cache[kind].values())
            if fnmatch.fnmatchcase(record.get("Group") or users.get(record["Login"], {}).get("Group", ""), mask)
        ]
        return found if self._is_pumped(kind) else False

    def UserGet(self, login: int) -> Any:
        return self._one("user", login)

    def UserGetByGroup(self, group: str = "*") -> Any:
        return self._by_group("user", group)

    def UserTotal(self) -> int:
        return len(self._cache["user"])

    def PositionGetByGroup(self, group: str) -> Any:
        return self._by_group("position", group)

    def PositionGetByTicket(self, ticket: int) -> Any:
        return self._one("position", ticket)

    def OrderGet(self, ticket: int) -> Any:
        return self._one("order", ticket)

    def GroupGet(self, name: str) -> Any:
        return self._one("group", name)

    def GroupTotal(self) -> int:
        return len(self._cache["group"])

    def ManagerCurrent(self) -> Any:
        if not self._is_connected.is_set():
            fail(EnMTAPIRetcode.MT_RET_ERR_CONNECTION)
            return False
        current = MTConManager(self)
        current.Login = int(self._manager["Login"])
        current.__dict__["_rights"] = self._manager["Rights"]
        return current

    def TimeServer(self) -> int:
        return self._time_msc // 1000

    def NetworkServer(self) -> str:
        return self._address

    # Asking the server.

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=10) as response:
            answer = json.loads(response.read())
        if isinstance(answer, dict) and "retcode" in answer:
            fail(int(answer["retcode"]))
            return False
        return answer

    @_asks_server
    def UserRequest(self, login: int) -> Any:
        found = self._get(f"/users/{login}")
        return found and self._made("user", found["user"])

    @_asks_server
    def UserAccountRequest(self, login: int) -> Any:
        found = self._get(f"/users/{login}")
        return found and self._made("account", found["account"])

    @_asks_server
    def DealRequest(self, ticket: int) -> Any:
        found = self._get(f"/deals/{ticket}")
        return found and self._made("deal", found)

    @_asks_server
    def TimeServerRequest(self) -> Any:
        return self._get("/manager/time")["time_msc"]

    @_asks_server
    def UserUpdate(self, user: Any) -> bool:
        fail(EnMTAPIRetcode.MT_RET_ERR_PERMISSIONS)
        return False
