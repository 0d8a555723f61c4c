"""The control port: trading as a client, moving the clock, mass deals, and what survives a restart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import httpx

from app.simulators.mt5 import SimConfig, SimServer, running_simulator
from tests.simulators.support import PASSWORD, Control, WebAPI


def test_a_client_trades_with_the_main_password_only(api: WebAPI, control: Control) -> None:
    login = api.open_account()
    done = control.trade(login, symbol="EURUSD", side="buy", volume="0.10", comment="robot")

    assert done["retcode"] == 10009
    seen = control.trade(login, "account")
    assert seen["positions"][0]["Comment"] == "robot"
    assert seen["positions"][0]["VolumeExt"] == "10000000"
    closed = control.trade(login, "close", position=done["position"], volume="0.04")
    assert closed["position_id"] == done["position_id"]
    assert len(control.trade(login, "close_all")["closed"]) == 1
    wrong = control.post("/trader/account", login=login, password="Wrong1#xy")
    assert wrong["retcode"] == 1001


def test_a_disabled_account_cannot_connect(api: WebAPI, control: Control) -> None:
    login = api.open_account()
    api.answer("user/update", login=login, rights=0x162)

    assert control.trade(login, "account")["retcode"] == 1002


def test_refusals_are_answers(api: WebAPI, control: Control) -> None:
    login = api.open_account(deposit="10")

    refused = control.trade(login, symbol="EURUSD", side="buy", volume="5")

    assert refused == {"retcode": 10019, "text": "10019 Not enough money"}


def test_pending_orders_wait_and_are_cancelled(api: WebAPI, control: Control) -> None:
    login = api.open_account()
    placed = control.trade(login, symbol="EURUSD", side="buy", volume="0.10", type="limit", price="0.50000")

    assert api.answer("order/get", ticket=placed["order"])["State"] == "1"
    assert api.answer("order/get_total", login=login) == {"Total": "1"}
    control.trade(login, "cancel", order=placed["order"])
    assert api.retcode("order/get", ticket=placed["order"]) == 13
    assert api.answer("history/get", ticket=placed["order"])["State"] == "2"


def test_a_dealer_closes_everything_over_the_web_api(api: WebAPI, control: Control) -> None:
    login = api.open_account()
    position = control.trade(login, symbol="EURUSD", side="buy", volume="0.10")["position"]

    queued = api.answer(
        "dealer/send_request",
        {"Action": "200", "Login": str(login), "Symbol": "EURUSD", "Volume": "1000", "Type": "1", "Position": position},
    )
    result = api("dealer/get_request_result", id=queued["ID"])[queued["ID"]]

    assert result[0]["result"]["Retcode"] == "10009"
    deal = api.answer("deal/get", ticket=result[1]["answer"]["ResultDeal"])
    assert (deal["Reason"], deal["Dealer"], deal["Entry"]) == ("2", "1000", "1")
    assert api.answer("position/get_total", login=login) == {"Total": "0"}
    assert api("dealer/get_request_result", id=queued["ID"])[queued["ID"]] == []


def test_a_day_forward_charges_the_night_and_closes_the_books(api: WebAPI, control: Control) -> None:
    login = api.open_account()
    control.trade(login, symbol="EURUSD", side="buy", volume="0.10")
    before = int(api.answer("time/server")["Time"].split()[0])

    for _ in range(3):  # At least one of three nights is no weekend's.
        control.post("/clock", advance_seconds=86_400)

    after = int(api.answer("time/server")["Time"].split()[0])
    assert abs(after - before - 3 * 86_400) <= 3601
    position = api.answer("position/get_batch", login=login)[0]
    assert Decimal(position["Storage"]) < 0
    days = api.answer("daily/get_light", **{"login": login, "from": 0, "to": after})
    assert len(days) >= 3
    assert days[0]["DailyBalance"] == "10000.00"
    assert days[-1]["Balance"] == "10000.00"


def test_many_deals_at_once_keep_the_books(api: WebAPI, control: Control) -> None:
    logins = [api.open_account() for _ in range(3)]

    made = control.post("/inject", count=300, logins=logins, seed=5)

    assert made["deals"] == 600
    summary = control.get("/deals/summary")
    assert [summary[str(login)]["count"] for login in logins] == [201, 201, 201]
    for login in logins:
        check = api.answer("user/check_balance", login=login)["Balance"]
        assert check["User"] == check["History"]
        assert api.answer("deal/get_total", **{"login": login, "from": 0, "to": 9_999_999_999})["Total"] == "201"


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    config = SimConfig(data_dir=str(tmp_path), seed=3)
    with running_simulator(config) as sim, WebAPI(sim) as api:
        login = api.sign_in().open_account()
        control = Control(sim)
        control.trade(login, symbol="EURUSD", side="buy", volume="0.10")
        control.trade(login, symbol="GBPUSD", side="sell", volume="0.10", type="limit", price="9.00000")
        control.post("/clock", advance_seconds=7200)
        books, clock = control.get(f"/users/{login}"), control.get("/clock")["now"]
        last, authority = control.get("/deals")[-1], sim.ca_file.read_bytes()
        control.close()
    with running_simulator(config) as sim, WebAPI(sim) as api:
        api.sign_in()
        control = Control(sim)
        again = control.get(f"/users/{login}")
        assert again["user"] == books["user"]
        assert again["passwords"]["main"] == PASSWORD
        assert [own["Position"] for own in again["positions"]] == [own["Position"] for own in books["positions"]]
        assert len(again["orders"]) == 1
        assert control.get("/clock")["now"] > clock
        assert sim.ca_file.read_bytes() == authority
        fresh = control.trade(login, symbol="EURUSD", side="sell", volume="0.10")
        assert fresh["deal"] > int(last["Deal"])
        assert api.open_account() == login + 1
        control.close()


def test_the_process_reports_its_addresses_and_stops_on_request(tmp_path: Path) -> None:
    config = tmp_path / "servers.json"
    config.write_text(
        json.dumps(
            {"servers": [{"name": "one", "data_dir": str(tmp_path / "one")}, {"name": "two", "seed": 2}]},
        )
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "app.simulators.mt5", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    health = httpx.get(f"http://127.0.0.1:{ready['health_port']}/health").json()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)

    assert [server["name"] for server in health["servers"]] == ["one", "two"]
    assert process.returncode == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["event"] for line in lines] == ["started", "started", "stopping", "stopped", "stopped"]
    assert (tmp_path / "one" / "tls" / "ca.pem").exists()
    assert (tmp_path / "one" / "tls" / "valid.pem").stat().st_mode & 0o077 == 0


def test_inspection_shows_counts_and_prices(sim: SimServer, control: Control) -> None:
    state, prices = control.get("/state"), control.get("/prices", symbols="EURUSD,USDJPY")

    assert state["counts"]["users"] == sim.call(lambda server: len(server.users))
    assert state["port"] == sim.port
    assert set(prices) == {"EURUSD", "USDJPY"}
    assert control.get("/health")["status"] == "ok"
