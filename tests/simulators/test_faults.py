"""Trouble on demand: each kind does what it says, as often as it says."""

from __future__ import annotations

import http.client
import time
from datetime import UTC, datetime, timedelta

import pytest

from app.simulators.mt5 import SimServer, Switches, running_simulator
from tests.simulators.support import Control, WebAPI

LOST = (http.client.HTTPException, OSError)


def balance(sim: SimServer, login: int) -> str:
    return sim.call(lambda server: str(server.users[login].balance))


@pytest.fixture
def login(api: WebAPI) -> int:
    return api.open_account(deposit="100")


def test_a_drop_before_executing_changes_nothing(sim: SimServer, api: WebAPI, control: Control, login: int) -> None:
    control.post("/faults", kind="drop_before", command="trade/balance")

    with pytest.raises(LOST):
        api("trade/balance", login=login, type=2, balance="50")

    assert balance(sim, login) == "100.00"


def test_a_drop_after_executing_has_moved_the_money(sim: SimServer, api: WebAPI, control: Control, login: int) -> None:
    control.post("/faults", kind="drop_after", command="trade/balance")

    with pytest.raises(LOST):
        api("trade/balance", login=login, type=2, balance="50", comment="D-LOST")

    assert balance(sim, login) == "150.00"
    with WebAPI(sim) as again:
        found = again.sign_in().answer("deal/get_batch", **{"login": login, "from": 0, "to": 9_999_999_999})
    assert [deal["Comment"] for deal in found] == ["first", "D-LOST"]


@pytest.mark.parametrize("kind", ["cut", "twice"])
def test_a_spoiled_answer_follows_a_deed_done_once(
    sim: SimServer, api: WebAPI, control: Control, login: int, kind: str
) -> None:
    control.post("/faults", kind=kind, command="trade/balance")

    if kind == "cut":
        with pytest.raises(LOST):
            api("trade/balance", login=login, type=2, balance="50")
    else:
        assert api.retcode("trade/balance", login=login, type=2, balance="50") == 0

    assert balance(sim, login) == "150.00"


def test_a_fault_meant_for_one_account_spares_the_others(api: WebAPI, control: Control, login: int) -> None:
    other = api.open_account(deposit="100")
    control.post("/faults", kind="retcode", command="trade/*", login=login, retcode=15, count=2)

    codes = [api.retcode("trade/balance", login=who, type=2, balance="1") for who in (other, login, login, login)]

    assert codes == [0, 15, 15, 0]
    assert control.get("/faults") == []


def test_too_frequent_requests_are_not_executed(sim: SimServer, api: WebAPI, control: Control, login: int) -> None:
    control.post("/faults", kind="retcode", command="user/update", retcode=12)

    assert api("user/update", login=login, leverage=500)["retcode"] == "12 Too frequent requests"
    assert sim.call(lambda server: server.users[login].leverage) == 100
    assert api.answer("user/update", login=login, leverage=500)["Leverage"] == "500"


def test_a_session_flap_is_over_after_signing_in_again(
    sim: SimServer, api: WebAPI, control: Control, login: int
) -> None:
    control.post("/faults", kind="forbidden", command="user/get")

    assert api.request("api/user/get", login=login)[0] == 403
    assert api.request("api/user/get", login=login)[0] == 403  # Only a new session helps.
    with WebAPI(sim) as again:
        assert again.sign_in().retcode("user/get", login=login) == 0


def test_a_server_that_does_not_know_the_password_is_recognised(sim: SimServer, control: Control) -> None:
    control.post("/faults", kind="bad_client_answer", command="*")

    with WebAPI(sim) as client:
        status, proof, expected = client.try_sign_in(1000, "Password1")

    assert status == 200
    assert proof != expected


def test_delays_before_and_after(sim: SimServer, api: WebAPI, control: Control, login: int) -> None:
    control.post("/faults", kind="delay", command="test/access", seconds=0.2)
    control.post("/faults", kind="delay_after", command="trade/balance", seconds=0.2)
    began = time.monotonic()
    api("test/access")
    api("trade/balance", login=login, type=2, balance="1")

    assert 0.4 <= time.monotonic() - began < 2


def test_an_address_may_be_blocked(sim: SimServer, control: Control) -> None:
    control.post("/faults", kind="antiflood", seconds=30)

    with WebAPI(sim) as client, pytest.raises(LOST):
        client.sign_in()

    control.delete("/faults")
    with WebAPI(sim) as client:
        client.sign_in()


def test_many_wrong_passwords_block_the_address() -> None:
    with running_simulator(switches=Switches(antiflood_errors_max=3)) as sim:
        for _ in range(3):
            with WebAPI(sim) as client:
                assert client.try_sign_in(1000, "wrong")[0] == 403
        with WebAPI(sim) as client, pytest.raises(LOST):
            client.sign_in()


def test_late_deals_have_past_times_and_new_tickets(api: WebAPI, control: Control, login: int) -> None:
    now = datetime.fromisoformat(control.get("/clock")["now"])
    made = control.post(
        "/late",
        login=login,
        symbol="GBPUSD",
        side="sell",
        volume="0.20",
        opened_at=(now - timedelta(days=3)).isoformat(),
        closed_at=(now - timedelta(days=3, hours=-1)).isoformat(),
    )

    deals = api.answer("deal/get_batch", **{"login": login, "from": 0, "to": 9_999_999_999})

    assert [int(deal["Deal"]) for deal in deals][:2] == made["deals"]  # Time order is not ticket order.
    assert int(deals[2]["Deal"]) < made["deals"][0]
    assert deals[1]["VolumeClosedExt"] == "20000000"
    check = api.answer("user/check_balance", login=login)
    assert check["Balance"]["User"] == check["Balance"]["History"]


def test_changed_and_deleted_deals(api: WebAPI, control: Control, login: int) -> None:
    now = datetime.now(UTC)
    pair = control.post(
        "/late",
        login=login,
        opened_at=(now - timedelta(hours=2)).isoformat(),
        closed_at=(now - timedelta(hours=1)).isoformat(),
    )["deals"]

    changed = control.post(f"/deals/{pair[1]}", Profit="123.45")
    assert changed["Profit"] == api.answer("deal/get", ticket=pair[1])["Profit"] == "123.45"
    assert changed["ModifyFlags"] == "1"
    control.delete(f"/deals/{pair[0]}")
    assert api.retcode("deal/get", ticket=pair[0]) == 13
    check = api.answer("user/check_balance", login=login)["Balance"]
    assert check["User"] == check["History"] == "223.45"


def test_a_batch_may_be_cut(api: WebAPI, control: Control, login: int) -> None:
    control.post("/switches", batch_records_max=1)
    try:
        api.answer("trade/balance", login=login, type=2, balance="1")
        whole = api("deal/get_batch", **{"login": login, "from": 0, "to": 9_999_999_999})
    finally:
        control.post("/switches", batch_records_max=0)

    assert whole["retcode"] == "14 Partial result"
    assert len(whole["answer"]) == 1


def test_nonsense_on_the_control_port_is_told(sim: SimServer, control: Control) -> None:
    import httpx

    for path, body in (("/faults", {"kind": "earthquake"}), ("/clock", {"speed": -1}), ("/inject", {"logins": ["x"]})):
        assert httpx.post(sim.control_url + path, json=body).status_code == 400
