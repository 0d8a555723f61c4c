"""Accounts: opening, changing, passwords, archive."""

from __future__ import annotations

import pytest

from app.simulators.mt5 import GroupConfig, ManagerConfig, SimServer, running_simulator
from tests.simulators.support import PASSWORD, Control, WebAPI


def add(api: WebAPI, password: str = PASSWORD, **fields: object) -> int:
    given = {"group": "real\\standard-usd", "name": "Ada", "leverage": 100, **fields}
    return api.retcode("user/add", {"PassMain": password, "PassInvestor": password}, **given)


def test_a_new_account_has_the_defaults(api: WebAPI) -> None:
    record = api.answer(
        "user/add",
        {"PassMain": PASSWORD, "PassInvestor": PASSWORD, "LeadSource": "web"},
        group="real\\standard-usd",
        name="Ada",
        leverage=500,
        email="ada@example.com",
    )

    assert (record["Rights"], record["Leverage"], record["Balance"]) == ("355", "500", "0.00")
    assert (record["Email"], record["LeadSource"]) == ("ada@example.com", "web")
    assert api.answer("user/group", login=record["Login"]) == {"Group": "real\\standard-usd"}
    assert record["Login"] in api.answer("user/logins", group="real\\*")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param({"group": "nowhere"}, 3, id="unknown group"),
        pytest.param({"group": ""}, 3, id="no group"),
        pytest.param({"name": ""}, 3, id="no name"),
        pytest.param({"leverage": 0}, 3, id="no leverage"),
        pytest.param({"login": 5}, 3003, id="login of another server"),
        pytest.param({"password": "abc"}, 3006, id="weak password"),
        pytest.param({"password": "Abcdefg1"}, 3006, id="no special character"),
        pytest.param({"password": "Abcdefg1#01234567"}, 3006, id="too long"),
        pytest.param({"group": "nowhere", "password": "abc"}, 3, id="group before password"),
    ],
)
def test_what_is_refused(api: WebAPI, fields: dict[str, object], code: int) -> None:
    assert add(api, **fields) == code  # type: ignore[arg-type]


def test_a_login_may_be_chosen_once(api: WebAPI) -> None:
    assert add(api, login=555_555) == 0
    assert add(api, login=555_555) == 3004


def test_switches_for_passwords_and_unknown_groups(api: WebAPI, control: Control) -> None:
    before = control.get("/switches")
    control.post("/switches", password_policy="classic", unknown_group=8)
    try:
        assert add(api, password="Secure123") == 0
        assert add(api, group="nowhere") == 8
    finally:
        control.post("/switches", **before)


def test_a_known_group_out_of_reach_is_a_matter_of_permission() -> None:
    with running_simulator(managers=(ManagerConfig(groups=("demo\\*",)),)) as sim, WebAPI(sim) as api:
        api.sign_in()
        assert add(api) == 8
        assert add(api, group="demo\\standard-usd") == 0


def test_senseless_changes_are_passed_over_in_silence(api: WebAPI) -> None:
    login = api.open_account(deposit="10")

    record = api.answer("user/update", {"Balance": "1000000", "Leverage": "0", "City": "Riga"}, login=login)

    assert (record["Balance"], record["Leverage"], record["City"]) == ("10.00", "100", "Riga")
    assert api.answer("user/update", login=login, leverage=300)["Leverage"] == "300"
    assert api.answer("user/update", login=login, rights=359)["Rights"] == "359"
    assert api.retcode("user/update", login=1, leverage=300) == 13


def test_a_change_of_group(api: WebAPI, control: Control) -> None:
    login = api.open_account(deposit="1000")

    assert api.answer("user/update", login=login, group="real\\raw-usd")["Group"] == "real\\raw-usd"
    assert api.retcode("user/update", login=login, group="real\\standard-eur") == 3010
    control.trade(login, symbol="EURUSD", side="buy", volume="0.01")
    assert api.retcode("user/update", login=login, group="real\\standard-usd") == 3008


def test_passwords_are_checked_and_changed(api: WebAPI) -> None:
    login = api.open_account(deposit=None)
    given = {"Login": str(login), "Type": "main", "Password": PASSWORD}

    assert api.retcode("user/check_password", given) == 0
    assert api.retcode("user/check_password", {**given, "Password": "Wrong1#xy"}) == 3006
    assert api.retcode("user/change_password", {**given, "Password": "weak"}) == 3006
    assert api.retcode("user/change_password", {**given, "Password": "Other1#xy"}) == 0
    assert api.retcode("user/check_password", given) == 3006
    assert api.retcode("user/check_password", {**given, "Type": "investor"}) == 0
    assert api.retcode("user/check_password", {**given, "Type": "other"}) == 3


def test_the_trading_state_of_an_idle_account_is_gone_after_a_restart(sim: SimServer, control: Control) -> None:
    with WebAPI(sim) as api:
        api.sign_in()
        idle, busy = api.open_account(), api.open_account()
        control.trade(busy, symbol="EURUSD", side="buy", volume="0.10")
        assert api.answer("user/account/get", login=idle)["Equity"] == "10000.00"
    control.post("/restart", seconds=0)
    with WebAPI(sim) as api:
        api.sign_in()
        assert api.retcode("user/account/get", login=idle) == 13
        assert api.answer("user/account/get", login=busy)["Balance"] == "10000.00"
        assert len(api.answer("user/account/get_batch", login=f"{idle},{busy}")) == 1


def test_switches_for_idle_accounts_and_cookies(sim: SimServer, control: Control) -> None:
    with WebAPI(sim) as api:
        login = api.sign_in().open_account(deposit=None)
    control.post("/restart", seconds=0)
    with WebAPI(sim) as api:
        api.sign_in()
        control.post("/switches", inactive_account="nothing")
        assert api("user/account/get", login=login) == {"retcode": "1 OK/None"}
        control.post("/switches", inactive_account="empty")
        assert api.answer("user/account/get", login=login) == {}
        control.post("/switches", inactive_account="not_found", needs_cookie=True)
        assert api.request("api/user/total")[0] == 403
        control.post("/switches", needs_cookie=False)
        assert api.request("api/user/total")[0] == 200


def test_archive_and_restore(api: WebAPI) -> None:
    login = api.open_account(deposit=None)

    api.answer("user/archive/add", login=login)
    assert api.retcode("user/get", login=login) == 13
    assert api.answer("user/archive/get", login=login)["Login"] == str(login)
    assert api.answer("user/restore", login=login)["Login"] == str(login)
    assert api.retcode("user/get", login=login) == 0
    api.answer("user/delete", login=login)
    assert api.retcode("user/get", login=login) == 13


def test_logins_run_out() -> None:
    with running_simulator(login_first=10, login_last=11, groups=(GroupConfig("real\\standard-usd"),)) as sim:
        with WebAPI(sim) as api:
            api.sign_in()
            assert [add(api), add(api), add(api)] == [0, 0, 3002]
