"""Signing in over HTTPS, and what a session is."""

from __future__ import annotations

import http.client
import socket
import ssl
import time

import pytest

from app.simulators.mt5 import ManagerConfig, SimServer, running_simulator
from tests.simulators.support import WebAPI


def test_both_sides_prove_the_password(sim: SimServer) -> None:
    with WebAPI(sim) as client:
        status, proof, expected = client.try_sign_in(1000, "Password1")

        assert (status, proof) == (200, expected)
        assert client.answer("user/total")["Total"] == "0"


def test_a_wrong_password_is_forbidden(sim: SimServer) -> None:
    with WebAPI(sim) as client:
        assert client.try_sign_in(1000, "password1")[0] == 403
    with WebAPI(sim) as client:
        assert client.try_sign_in(4711, "Password1")[0] == 403


def test_a_command_without_a_session_is_forbidden(sim: SimServer) -> None:
    with WebAPI(sim) as client:
        assert client.request("api/time/server")[0] == 403


def test_a_session_belongs_to_its_connection(sim: SimServer, api: WebAPI) -> None:
    with WebAPI(sim) as other:
        assert other.request("api/time/server")[0] == 403
    assert api.retcode("time/server") == 0


def test_several_sessions_of_one_manager_live_side_by_side(sim: SimServer) -> None:
    with WebAPI(sim) as first, WebAPI(sim) as second:
        first.sign_in()
        second.sign_in()

        assert (first.retcode("time/server"), second.retcode("time/server")) == (0, 0)


def test_quit_ends_the_session(sim: SimServer) -> None:
    with WebAPI(sim) as client:
        client.sign_in()
        assert client.retcode("quit") == 0
        assert client.request("api/time/server")[0] == 403  # The library has silently opened a new connection.


def test_the_old_flat_names_still_work(sim: SimServer) -> None:
    with WebAPI(sim) as client:
        assert client.request("auth_start", version=484, agent="Old", login=1000, type="MANAGER")[0] == 200
        client.sign_in()
        status, text = client.request("time_server")
        assert status == 200
        assert "Time" in text


@pytest.mark.parametrize(
    "wrong", [{"version": 483}, {"agent": ""}, {"agent": "two words"}, {"type": "client"}, {"login": "me"}]
)
def test_a_malformed_start_is_refused(sim: SimServer, wrong: dict[str, object]) -> None:
    given: dict[str, object] = {"version": 3950, "agent": "Test", "login": 1000, "type": "manager", **wrong}
    with WebAPI(sim) as client:
        assert client.retcode("auth/start", **given) == 3


def test_the_certificate_is_signed_by_the_simulators_own_authority(sim: SimServer) -> None:
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", sim.port)) as plain, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(plain, server_hostname="localhost")


def test_an_unanswered_challenge_and_an_idle_connection_are_dropped() -> None:
    with running_simulator(answer_window_seconds=0.3, idle_seconds=0.6) as sim:
        with WebAPI(sim) as slow:
            slow("auth/start", version=3950, agent="Test", login=1000, type="manager")
            time.sleep(0.5)
            slow.http.auto_open = 0
            with pytest.raises((http.client.HTTPException, OSError)):
                slow.request("api/auth/answer", srv_rand_answer="00", cli_rand="00" * 16)
        with WebAPI(sim) as idle:
            idle.sign_in()
            time.sleep(0.3)
            assert idle.retcode("test/access") == 0  # What keeps a session alive.
            time.sleep(0.9)
            idle.http.auto_open = 0
            with pytest.raises((http.client.HTTPException, OSError)):
                idle.request("api/time/server")


def test_managers_differ_in_state_address_and_rights() -> None:
    managers = (
        ManagerConfig(),
        ManagerConfig(login=1001, is_enabled=False),
        ManagerConfig(login=1002, addresses=("10.1.2.3",)),
        ManagerConfig(login=1003, rights=(25,)),
        ManagerConfig(login=1004, rights=(1, 25), groups=("demo\\*",)),
    )
    with running_simulator(managers=managers) as sim:
        for login, code in ((1001, "1002"), (1002, "1012"), (1003, "1034")):
            with WebAPI(sim) as client:
                status, text, _ = client.try_sign_in(login, "Password1")
                assert status == 200
                assert code in text
        with WebAPI(sim) as full:
            full.sign_in()
            hidden = full.open_account(deposit=None)
            shown = full.open_account("demo\\standard-usd", deposit=None, email="ada@example.com")
        with WebAPI(sim) as narrow:
            narrow.sign_in(1004)
            assert narrow.retcode("user/get", login=hidden) == 13
            assert narrow.retcode("trade/balance", login=shown, type=2, balance=1) == 8
            record = narrow.answer("user/get", login=shown)
            assert (record["Name"], record["Email"]) == ("", "")  # Lacking rights empty the fields without an error.
            assert narrow.answer("user/logins", group="*") == [str(shown)]


def test_a_missing_right_may_be_forbidden_instead() -> None:
    with running_simulator(managers=(ManagerConfig(rights=(1,)),)) as sim:
        sim.call(lambda server: setattr(server.switches, "missing_right", "forbidden"))
        with WebAPI(sim) as client:
            client.sign_in()
            assert client.request("api/user/total")[0] == 403
