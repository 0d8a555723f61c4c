"""The stand-in behaves as the vendor's package is documented to behave; without that the other tests prove nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from app.simulators.mt5 import ManagerConfig, SimConfig, SimServer, running_simulator
from tests.bridge.support import FAKE, environment
from tests.simulators.support import Control, WebAPI
from tests.trading.conftest import wait_until

PUMP = 0x1 | 0x2 | 0x8 | 0x80 | 0x100 | 0x200 | 0x1000


@pytest.fixture(scope="module")
def package() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FAKE))
        import MT5Manager

        yield MT5Manager


@pytest.fixture
def sim() -> Iterator[SimServer]:
    with running_simulator() as running:
        yield running


class Seen:
    """A sink for everything, which notes what it was told and what the cache said at that moment."""

    def __init__(self, manager: Any = None) -> None:
        self.calls: list[str] = []
        self.threads: set[str] = set()
        self.notes: list[Any] = []
        self.kept: list[Any] = []
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("On"):
            raise AttributeError(name)

        def handler(*arguments: Any) -> None:
            self.calls.append(name)
            self.threads.add(threading.current_thread().name)
            self.kept += arguments
            if name == "OnDealAdd" and self._manager is not None:
                self.notes.append((arguments[0].Profit, self._manager.UserGet(arguments[0].Login).Balance))
            if name == "OnPositionDelete":
                gone = arguments[0]
                self.notes.append((gone.Position, gone.Volume, gone.PriceOpen, gone.TimeCreate))

        return handler


def connect(package: ModuleType, sim: SimServer, *kinds: str, times: int = 1) -> tuple[Any, Seen]:
    manager = package.ManagerAPI("data")
    seen = Seen(manager)
    for kind in ("", *kinds):
        for _ in range(times):
            assert getattr(manager, f"{kind}Subscribe")(seen) is True
    address = sim.control_url.removeprefix("http://")
    assert manager.Connect(address, sim.manager_login, sim.manager_password, PUMP, 10_000) is True
    return manager, seen


def test_failures_are_answers_and_not_exceptions(package: ModuleType, sim: SimServer) -> None:
    manager = package.ManagerAPI()
    address = sim.control_url.removeprefix("http://")

    assert manager.Connect(address, sim.manager_login, "wrong", PUMP, 5000) is False
    internal, code, text = package.LastError()
    assert (internal, int(code), text) == (-1, 1001, "Invalid account")
    assert manager.Connect("127.0.0.1:9", 1, "x", PUMP, 500) is False
    assert package.LastError()[1] is package.EnMTAPIRetcode.MT_RET_ERR_NETWORK
    assert manager.UserRequest(5) is False
    assert manager.GroupGet("none") is False
    assert manager.ManagerCurrent() is False


def test_a_sink_without_handlers_is_refused_and_the_connection_comes_first(package: ModuleType) -> None:
    manager = package.ManagerAPI()
    assert manager.DealSubscribe(Seen()) is False  # Nobody listens to the connection yet.
    assert manager.Subscribe(object()) is False
    assert package.LastError()[1] is package.EnMTAPIRetcode.MT_RET_ERR_PARAMS
    assert manager.Subscribe(Seen()) is True
    assert manager.DealSubscribe(object()) is False
    assert manager.DealUnsubscribe(Seen()) is False


def test_subscribed_twice_is_called_twice_on_another_thread(package: ModuleType, sim: SimServer) -> None:
    manager, seen = connect(package, sim, "User", times=2)
    with WebAPI(sim) as api:
        api.sign_in().open_account(deposit=None)
    wait_until(lambda: seen.calls.count("OnUserAdd") == 2)
    assert seen.threads == {"network"}
    manager.Disconnect()


def test_the_deal_is_told_before_the_account_knows_of_it(package: ModuleType, sim: SimServer) -> None:
    manager, seen = connect(package, sim, "Deal", "User")
    with WebAPI(sim) as api:
        login = api.sign_in().open_account(deposit="250.00")
    wait_until(lambda: "OnUserUpdate" in seen.calls)
    assert seen.notes == [(250.0, 0.0)]
    assert manager.UserGet(login).Balance == 250.0
    assert manager.UserRequest(login).Balance == 250.0
    manager.Disconnect()


def test_records_die_with_their_handler_and_need_a_manager(package: ModuleType, sim: SimServer) -> None:
    manager, seen = connect(package, sim, "User")
    with WebAPI(sim) as api:
        api.sign_in().open_account(deposit=None)
    wait_until(lambda: seen.kept)
    with pytest.raises(RuntimeError):
        _ = seen.kept[0].Login
    with pytest.raises(RuntimeError):
        package.MTUser().Name = "Ada"
    made = package.MTUser(manager)
    made.Name = "Ada"
    assert (made.Name, made.EMail, made.Leverage) == ("Ada", "", 0)
    manager.Disconnect()


def test_a_move_is_told_twice_and_deletes_positions_emptied(package: ModuleType, sim: SimServer) -> None:
    with WebAPI(sim) as api, Control(sim) as control:
        login = api.sign_in().open_account()
        ticket = control.trade(login, symbol="EURUSD", side="buy", volume="0.10")["position"]
        manager, seen = connect(package, sim, "User", "Position")
        control.post("/manager/move", login=login, group="real\\raw-usd")
        wait_until(lambda: seen.calls.count("OnUserUpdate") == 2)

    assert seen.calls[-4:] == ["OnUserUpdate", "OnPositionDelete", "OnPositionAdd", "OnUserUpdate"]
    assert seen.notes == [(ticket, 0, 0.0, 0)]
    assert manager.PositionGetByTicket(ticket).Volume == 1000
    manager.Disconnect()


def test_a_broken_link_is_told_and_nothing_of_it_is_replayed(package: ModuleType, sim: SimServer) -> None:
    manager, seen = connect(package, sim, "Deal", "User", "Order", "Position")
    loaded = ["OnConnect", "OnUserSync", "OnOrderSync", "OnPositionSync", "OnDealSync"]
    assert seen.calls == loaded
    with WebAPI(sim) as api, Control(sim) as control:
        control.post("/manager/link", cut=True)
        wait_until(lambda: "OnDisconnect" in seen.calls)
        login = api.sign_in().open_account()
        assert manager.UserRequest(login) is False
        control.post("/manager/link", cut=False)
        wait_until(lambda: seen.calls == [*loaded, "OnDisconnect", *loaded])
        wait_until(lambda: manager.UserGet(login) is not False)
    manager.Disconnect()


def test_a_manager_sees_what_its_rights_and_groups_show(package: ModuleType) -> None:
    few = ManagerConfig(rights=(1, 25), groups=("real\\raw-*",))
    with running_simulator(SimConfig(managers=(ManagerConfig(login=2000), few))) as sim, WebAPI(sim) as api:
        manager = package.ManagerAPI()
        seen = Seen()
        for kind in ("", "User", "Deal"):
            getattr(manager, f"{kind}Subscribe")(seen)
        assert manager.Connect(sim.control_url.removeprefix("http://"), few.login, few.password, PUMP, 5000)
        api.sign_in(2000, "Password1")
        api.open_account()
        api.open_account("real\\raw-usd")
        wait_until(lambda: "OnUserUpdate" in seen.calls)

        assert seen.calls.count("OnUserAdd") == 1
        assert "OnDealAdd" not in seen.calls
        rights = package.MTConManager.EnManagerRights
        current = manager.ManagerCurrent()
        assert current.Right(rights.RIGHT_ACC_READ)
        assert not current.Right(rights.RIGHT_TRADES_READ)
        manager.Disconnect()


def test_asking_the_server_inside_a_handler_ends_the_process(sim: SimServer) -> None:
    program = f"""
import MT5Manager, time
manager = MT5Manager.ManagerAPI()
class Sink:
    def OnConnect(self):
        pass
    def OnUserSync(self):
        manager.TimeServerRequest()
sink = Sink()
manager.Subscribe(sink), manager.UserSubscribe(sink)
manager.Connect("{sim.control_url.removeprefix("http://")}", {sim.manager_login}, "{sim.manager_password}", 1, 5000)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=30
    )

    assert (done.returncode, done.stderr.strip()) == (86, "TimeServerRequest was called inside a handler.")
