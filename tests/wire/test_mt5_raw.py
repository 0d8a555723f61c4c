"""The MT5 simulator as an independently written client of the raw protocol sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from app.simulators.mt5 import SimServer, running_simulator
from tests.simulators.support import Control, WebAPI
from tests.wire.raw_client import KeyStream, RawClient, shared_secret

PASSWORD = "Abcd123#x"


@pytest.fixture(scope="module")
def sim() -> Iterator[SimServer]:
    with running_simulator(seed=11) as running:
        yield running


@pytest.fixture(params=["NONE", "AES256OFB"])
def client(sim: SimServer, request: pytest.FixtureRequest) -> Iterator[RawClient]:
    with RawClient(sim.port) as connection:
        assert connection.sign_in(1000, "Password1", request.param).retcode == 0
        yield connection


def test_the_clients_own_cipher_agrees_with_the_reference() -> None:
    assert shared_secret("Password1").hex() == "904ba8ecb16273d2f0ae9c3b8a023752"
    key = bytes.fromhex("b0ed3aa00c46c12260202166f84845368f57767e6a2ca7a54c85776325f7677e")
    stream = KeyStream(key, bytes.fromhex("1b6493c551ce24e2746982f0a15dc916"))
    stream.xor("USER_GET|LOGIN=764636|\r\n".encode("utf-16-le"))
    assert stream.xor("TIME_SERVER|\r\n".encode("utf-16-le")).hex() == (
        "f23ba604646d535da441ab8258531512531180a43ea0cc66798ee296"
    )


def test_results_come_as_parameters_where_the_protocol_says_so(client: RawClient) -> None:
    added = client.ask(
        "USER_ADD",
        {"Country": "Oman"},
        GROUP="real\\standard-usd",
        NAME="Raw|Client=1",
        LEVERAGE=100,
        PASS_MAIN=PASSWORD,
        PASS_INVESTOR=PASSWORD,
    )
    login = added.params["LOGIN"]

    assert added.params["RETCODE"] == "0 Done"
    assert client.ask("TRADE_BALANCE", LOGIN=login, TYPE=2, BALANCE="7.50", COMMENT="raw").params["TICKET"].isdigit()
    assert client.ask("USER_DEPOSIT_CHANGE", LOGIN=login, TYPE=2, BALANCE="1").retcode == 0
    assert int(client.ask("USER_TOTAL").params["TOTAL"]) > 0
    assert client.ask("DEAL_GET_TOTAL", LOGIN=login, FROM=0, TO=9_999_999_999).params["TOTAL"] == "2"
    assert client.ask("TIME_SERVER").params["TIME"].count(":") == 2
    assert client.ask("TICK_LAST", SYMBOL="EURUSD", TRANS_ID=0).params["TRANS_ID"].isdigit()
    user = client.ask("USER_GET", LOGIN=login).json
    assert (user["Name"], user["Country"], user["Balance"]) == ("Raw|Client=1", "Oman", "8.50")
    assert client.ask("USER_PASS_CHECK", LOGIN=login, TYPE="MAIN", PASSWORD=PASSWORD).retcode == 0
    assert client.ask("USER_PASS_CHECK", LOGIN=login, TYPE="MAIN", PASSWORD="wrong").retcode == 3006
    assert client.ask("USER_GET", LOGIN=1).params["RETCODE"] == "13 Not found"


def test_long_answers_come_in_several_packets(sim: SimServer, client: RawClient) -> None:
    with WebAPI(sim) as api, Control(sim) as control:
        login = api.sign_in().open_account()
        control.post("/inject", count=60, logins=[login])

    answer = client.ask("DEAL_GET_BATCH", LOGIN=login, FROM=0, TO=9_999_999_999)

    assert answer.packets > 2
    assert len(answer.json) == 121
    assert client.ask("USER_GET", LOGIN=login).json["Login"] == str(login)  # The cipher is still in step.


def test_pings_of_every_kind_are_tolerated(client: RawClient) -> None:
    client.send_ping()
    assert client.ask("TEST_ACCESS").retcode == 0
    client.send_text("|\r\n")  # The official PHP client's: encrypted, not empty, never answered.
    assert client.ask("TEST_ACCESS").retcode == 0


def test_the_server_pings_and_hangs_up_on_the_silent() -> None:
    with running_simulator(ping_seconds=0.1, idle_seconds=0.6) as sim, RawClient(sim.port) as client:
        client.sign_in(1000, "Password1")
        time.sleep(0.35)
        assert client.ask("TEST_ACCESS").retcode == 0
        assert len(client.pings) >= 2
        assert all(ping[:4] == "0000" and 0x4000 <= int(ping[4:8], 16) <= 0x7FFF for ping in client.pings)
        time.sleep(0.8)
        with pytest.raises((ConnectionError, TimeoutError)):
            client.ask("TEST_ACCESS")


def test_a_wrong_password_is_an_invalid_account(sim: SimServer) -> None:
    with RawClient(sim.port) as client:
        assert client.sign_in(1000, "password1").retcode == 1001


def test_commands_need_a_session(sim: SimServer) -> None:
    with RawClient(sim.port) as client:
        assert client.ask("USER_TOTAL").retcode == 1001


def test_both_variants_share_one_port_and_one_truth(sim: SimServer, client: RawClient) -> None:
    with WebAPI(sim) as api:
        login = api.sign_in().open_account()

        assert client.ask("USER_GET", LOGIN=login).json == api.answer("user/get", login=login)
        assert client.ask("GROUP_GET", GROUP="real\\raw-usd").json == api.answer("group/get", group="real\\raw-usd")


def test_quit_closes_the_connection(client: RawClient) -> None:
    assert client.ask("QUIT").retcode == 0
    with pytest.raises(ConnectionError):
        client.ask("TEST_ACCESS")


def test_garbage_ends_the_connection_and_nothing_else(sim: SimServer) -> None:
    with RawClient(sim.port) as client:
        client.socket.sendall(b"zzzzzzzzz")
        with pytest.raises(ConnectionError):
            client.receive()
    with RawClient(sim.port) as client:
        assert client.sign_in(1000, "Password1").retcode == 0
