"""The Manager API: signing in, permissions, catalogues, and the life of an account."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.simulators.ctrader import SimServer
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from tests.simulators.ctrader.support import LATEST, PASSWORD, Control, Frames, Manager, digest


def _link(sim: SimServer) -> Frames:
    link = Frames(sim.manager_port, str(sim.ca_file))
    assert isinstance(link.next()[1], pb.ProtoHelloEvent)
    return link


def _auth(sim: SimServer, **changes: Any) -> pb.ProtoManagerAuthReq:
    asked = Manager.sign_in_request(sim, sim.manager_login, sim.manager_password)
    for name, value in changes.items():
        setattr(asked, name, value)
    return asked


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"passwordHash": digest("wrong")}, "AUTHENTICATION_FAILED"),
        ({"login": 778}, "AUTHENTICATION_FAILED"),
        ({"environmentName": "live"}, "CANT_ROUTE_REQUEST"),
        ({"plantId": "otherplant"}, "CANT_ROUTE_REQUEST"),
    ],
)
def test_a_wrong_sign_in_is_refused_and_may_be_repeated(sim: SimServer, changes: dict[str, Any], error: str) -> None:
    link = _link(sim)
    assert link.error(_auth(sim, **changes)) == error
    assert link.error(pb.ProtoVersionReq()) == "CANT_ROUTE_REQUEST"
    assert isinstance(link.ask(_auth(sim)), pb.ProtoManagerAuthRes)
    assert link.error(_auth(sim)) == "ALREADY_LOGGED_IN"
    link.close()


def test_nothing_is_done_before_signing_in(sim: SimServer) -> None:
    link = _link(sim)
    for asked in (pb.ProtoAssetListReq(), pb.ProtoServerTimeReq(), pb.ProtoTraderByIdReq(traderId=[6001])):
        assert link.error(asked) == "CANT_ROUTE_REQUEST"
    link.close()


def test_the_old_password_fails_after_a_change(sim: SimServer, control: Control) -> None:
    control.put(f"/managers/{sim.manager_login}", password="another")
    try:
        link = _link(sim)
        assert link.error(_auth(sim)) == "AUTHENTICATION_FAILED"
        assert isinstance(link.ask(_auth(sim, passwordHash=digest("another"))), pb.ProtoManagerAuthRes)
        link.close()
    finally:
        control.put(f"/managers/{sim.manager_login}", password=sim.manager_password)


def test_a_missing_permission_refuses_its_requests_only(sim: SimServer, control: Control, manager: Manager) -> None:
    trader = manager.open_account()
    control.put("/managers/900", password="pw", permissions=[1, 20])
    poor = Manager(sim, 900, "pw")

    assert list(poor.permissions) == [1, 20]
    assert poor.trader(trader).traderId == trader
    refused = [
        pb.ProtoChangeBalanceReq(traderId=trader, amount=1, type=0, newWay=True),
        pb.ProtoChangeBalanceReq(traderId=trader, amount=1, type=19, newWay=True),
        pb.ProtoManagerChangeBonusReq(traderId=trader, amount=1, type=0),
        pb.ProtoCrudTraderReq(operation=3, trader=poor.trader(trader)),
        pb.ProtoChangeTraderPasswordReq(traderId=trader, passwordHash=digest("x")),
        pb.ProtoPositionListReq(fromTimestamp=0, toTimestamp=LATEST),
        pb.ProtoManagerDealListReq(fromTimestamp=0, toTimestamp=LATEST),
        pb.ProtoManagerClosePositionReq(traderId=trader, positionId=1, volume=1),
    ]
    assert {poor.error(asked) for asked in refused} == {"NOT_ENOUGH_RIGHTS"}
    poor.close()


def test_a_manager_sees_its_groups_and_white_labels_only(sim: SimServer, control: Control, manager: Manager) -> None:
    standard, raw = manager.open_account(101), manager.open_account(102)
    white = manager.open_account(102, brokerName="white")
    control.put("/managers/901", password="pw", groups=["Raw"], disabled_brokers=["white"])
    narrow = Manager(sim, 901, "pw")

    found = narrow.ok(pb.ProtoTraderByIdReq(traderId=[standard, raw, white]), pb.ProtoTraderByIdRes)
    assert [trader.traderId for trader in found.trader] == [raw]
    assert narrow.error(pb.ProtoChangeBalanceReq(traderId=standard, amount=1, type=0)) == "TRADER_NOT_FOUND"
    groups = narrow.ok(pb.ProtoLightGroupListReq(), pb.ProtoLightGroupListRes).lightGroup
    assert [group.name for group in groups if group.hasAccess] == ["Raw"]
    manager.deposit(standard, 100)
    manager.deposit(raw, 200)
    assert narrow.event("ProtoExecutionEvent").depositWithdraw.traderId == raw
    control.put("/managers/901", groups=["VIP"])
    assert narrow.event("ProtoTraderPermissionLoseEvent").traderId > 0
    narrow.close()


def test_catalogues(manager: Manager) -> None:
    assets = {asset.name: asset for asset in manager.ask(pb.ProtoAssetListReq()).asset}
    assert (assets["USD"].digits, assets["JPY"].digits, assets["BTC"].digits) == (2, 0, 8)
    assert assets["KZT"].depositAsset
    assert not assets["XAU"].depositAsset
    symbols = {symbol.name: symbol for symbol in manager.ask(pb.ProtoManagerSymbolListReq()).symbol}
    assert (symbols["EURUSD"].lotSize, symbols["XAUUSD"].lotSize, symbols["US500"].lotSize) == (10_000_000, 10_000, 100)
    assert symbols["EURUSD"].baseAssetId == assets["EUR"].assetId
    group = manager.ask(pb.ProtoGroupByIdReq(groupId=102)).group
    assert (group.name, group.marginStopout, group.hasAccess) == ("Raw", 0.5, True)
    assert manager.error(pb.ProtoGroupByIdReq(groupId=1)) == "TRADER_GROUP_NOT_FOUND"
    assert "KZ" in {country.countryA2Code for country in manager.ask(pb.ProtoCountryListReq()).country}
    assert len(manager.ask(pb.ProtoCommissionProfileListReq()).commissionProfile) == 3
    assert manager.ask(pb.ProtoVersionReq()).version
    categories = manager.ask(pb.ProtoSymbolCategoryListReq()).categories
    assert {category.id for category in categories} >= {symbol.symbolCategoryId for symbol in symbols.values()}
    now = manager.ask(pb.ProtoServerTimeReq()).timeInMillis
    assert abs(now - time.time() * 1000) < 60_000


def test_an_account_is_opened_and_read_back(manager: Manager) -> None:
    number = manager.open_account(deposit=0, email="ada@example.com", countryId=398, accountType=1)
    told = manager.event("ProtoTraderChangedEvent")

    trader = manager.trader(number)
    assert (told.operation, told.trader) == (1, trader)
    assert trader.login != trader.traderId
    assert (trader.version, trader.balanceVersion, trader.balance, trader.moneyDigits) == (1, 0, 0, 2)
    assert (trader.email, trader.countryId, trader.accountType, trader.brokerName) == (
        "ada@example.com",
        398,
        1,
        "stubplant",
    )
    assert not trader.HasField("passwordHash")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"groupId": 1}, "TRADER_GROUP_NOT_FOUND"),
        ({"depositAssetId": 21}, "UNKNOWN_DEPOSIT_CURRENCY"),
        ({"leverageInCents": 0}, "WRONG_LEVERAGE"),
        ({"leverageInCents": 20_000, "maxLeverage": 10_000}, "WRONG_LEVERAGE"),
        ({"brokerName": "nobody"}, "CH_BROKER_NOT_FOUND"),
        ({"passwordHash": "clear"}, "INVALID_DATA"),
    ],
)
def test_a_bad_account_is_refused(manager: Manager, fields: dict[str, Any], error: str) -> None:
    trader = pb.ProtoTrader(traderId=0, login=0, groupId=101, balance=0, depositAssetId=1, leverageInCents=10_000)
    for name, value in fields.items():
        setattr(trader, name, value)

    assert manager.error(pb.ProtoCrudTraderReq(operation=1, trader=trader)) == error


def test_an_update_replaces_everything_but_money_and_password(manager: Manager) -> None:
    number = manager.open_account(deposit=5_000, city="Almaty", swapFree=True)
    before = manager.trader(number)
    bare = pb.ProtoTrader(
        traderId=number, login=before.login, groupId=102, balance=99, leverageInCents=5_000, accessRights=1
    )
    manager.ok(pb.ProtoCrudTraderReq(operation=3, trader=bare), pb.ProtoCrudTraderRes)

    after = manager.trader(number)
    assert (after.groupId, after.leverageInCents, after.accessRights) == (102, 5_000, 1)
    assert (after.city, after.swapFree, after.name) == ("", False, "")
    assert (after.balance, after.balanceVersion, after.version) == (5_000, 1, before.version + 1)
    assert (
        manager.ask(pb.ProtoCheckTraderPasswordReq(traderId=number, passwordHash=digest(PASSWORD))).traderId == number
    )


def test_an_update_with_an_old_version_conflicts(manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    first, second = manager.trader(number), manager.trader(number)
    first.leverageInCents, second.leverageInCents = 20_000, 30_000
    update = pb.ProtoCrudTraderReq(operation=3, trader=first, validateVersion=True)
    manager.ok(update, pb.ProtoCrudTraderRes)

    late = pb.ProtoCrudTraderReq(operation=3, trader=second, validateVersion=True)
    assert manager.error(late) == "CONCURRENT_MODIFICATION"
    assert manager.trader(number).leverageInCents == 20_000
    second.version = manager.trader(number).version
    assert manager.ok(late.__class__(operation=3, trader=second, validateVersion=True), pb.ProtoCrudTraderRes)
    assert manager.trader(number).leverageInCents == 30_000


def test_money_passwords_and_sign_ins_leave_the_version_alone(manager: Manager, control: Control) -> None:
    number = manager.open_account(deposit=100)
    trader = manager.trader(number)
    manager.ok(
        pb.ProtoChangeTraderPasswordReq(traderId=number, passwordHash=digest("n")), pb.ProtoChangeTraderPasswordRes
    )
    manager.ok(pb.ProtoManagerChangeBonusReq(traderId=number, amount=5, type=0), pb.ProtoManagerChangeBonusRes)
    session = control.post("/trader/sign_in", login=trader.login, country="KZ", application="cTrader Web")["session"]

    logon = manager.event("ProtoTraderLogonEvent").tradeSessionInfo
    assert (logon.traderId, logon.geoInfo.countryIsoCode, logon.sessionId) == (number, "KZ", session)
    assert manager.trader(number).online
    control.post("/trader/sign_out", session=session)
    assert manager.event("ProtoTraderLogoutEvent").traderId == number
    after = manager.trader(number)
    assert (after.version, after.balanceVersion, after.managerBonus, after.online) == (1, 1, 5, False)


def test_a_partial_update_is_not_offered_for_accounts(manager: Manager) -> None:
    trader = manager.trader(manager.open_account(deposit=0))

    assert manager.error(pb.ProtoCrudTraderReq(operation=5, trader=trader)) == "INVALID_REQUEST"
    assert manager.error(pb.ProtoCrudTraderReq(operation=77, trader=trader)) == "INVALID_REQUEST"


def test_a_deleted_account_is_gone_and_one_with_positions_stays(manager: Manager) -> None:
    number = manager.open_account()
    trader = manager.trader(number)
    position = manager.order(number).position.positionId
    delete = pb.ProtoCrudTraderReq(operation=4, trader=trader)
    assert manager.error(delete) == "TRADER_HAS_POSITIONS"
    manager.until_filled(pb.ProtoManagerClosePositionReq(traderId=number, positionId=position, volume=1_000_000))
    manager.ok(delete, pb.ProtoCrudTraderRes)

    assert len(manager.ask(pb.ProtoTraderByIdReq(traderId=[number])).trader) == 0
    assert manager.error(pb.ProtoChangeBalanceReq(traderId=number, amount=1, type=0)) == "TRADER_NOT_FOUND"


def test_passwords(manager: Manager) -> None:
    number = manager.open_account(deposit=0)
    check = pb.ProtoCheckTraderPasswordReq(traderId=number, passwordHash=digest("wrong"))
    assert manager.error(check) == "WRONG_PASSWORD"
    manager.ok(
        pb.ProtoChangeTraderPasswordReq(traderId=number, passwordHash=digest("wrong")), pb.ProtoChangeTraderPasswordRes
    )
    by_login = pb.ProtoCheckTraderPasswordReq(login=manager.trader(number).login, passwordHash=digest("wrong"))

    assert manager.ask(check).traderId == manager.ask(by_login).traderId == number


def test_lists_of_accounts_come_newest_first_in_pages(manager: Manager) -> None:
    made = [manager.open_account(103, deposit=0) for _ in range(12)]
    seen: list[int] = []
    end = LATEST
    while True:
        page = manager.ask(pb.ProtoTraderListReq(fromTimestamp=0, toTimestamp=end, groupId=103))
        new = [trader.traderId for trader in page.trader if trader.traderId not in seen]
        seen += new
        if not page.hasMore or not new:
            break
        end = page.trader[-1].registrationTimestamp

    assert seen[: len(made)] == made[::-1]
    light = manager.ask(pb.ProtoManagerLightTraderListReq(fromTimestamp=0, toTimestamp=LATEST, groupId=103))
    assert [trader.traderId for trader in light.trader][:5] == seen[:5]
    assert light.hasMore


def test_accounts_changed_since_a_moment(manager: Manager) -> None:
    old = manager.open_account(104, deposit=0)
    since = manager.ask(pb.ProtoServerTimeReq()).timeInMillis
    deadline = time.monotonic() + 30
    while manager.ask(pb.ProtoServerTimeReq()).timeInMillis == since:
        assert time.monotonic() < deadline
    since += 1
    gone, new = manager.open_account(104, deposit=0), manager.open_account(104, deposit=0)
    manager.ok(pb.ProtoCrudTraderReq(operation=4, trader=manager.trader(gone)), pb.ProtoCrudTraderRes)

    answer = manager.ok(pb.ProtoCSv1TraderListReq(fromTimestamp=since), pb.ProtoCSv1TraderListRes)
    assert [trader.traderId for trader in answer.trader] == [new]
    assert list(answer.notAvailableTraderId) == [gone]
    assert not answer.hasMore
    assert old not in answer.notAvailableTraderId


def test_only_wanted_kinds_of_events_come_once_asked_for(sim: SimServer, manager: Manager) -> None:
    watcher = Manager(sim)
    watcher.ok(pb.ProtoUPv1EventSubscribeReq(subscriptionPayloadType=[300]), pb.ProtoUPv1EventSubscribeRes)
    number = manager.open_account(deposit=100)
    manager.event("ProtoExecutionEvent")

    assert watcher.next()[1].depositWithdraw.traderId == number
    watcher.close()


def test_events_are_off_on_command(sim: SimServer, control: Control, manager: Manager) -> None:
    control.post("/switches", is_push_on=False)
    try:
        manager.open_account(deposit=100)
    finally:
        control.post("/switches", is_push_on=True)
    number = manager.open_account(deposit=0)

    assert manager.event("ProtoTraderChangedEvent").trader.traderId == number


def test_quotes_come_to_who_subscribes(manager: Manager, control: Control) -> None:
    control.post("/prices", EURUSD=["1.10000", "1.10010"])
    try:
        manager.ok(
            pb.ProtoSubscribeSpotQuotesReq(symbolId=[1], subscribeToSpotTimestamp=True), pb.ProtoSubscribeSpotQuotesRes
        )
        spot = manager.event("ProtoSpotEvent")
        assert (spot.symbolId, spot.bid, spot.ask) == (1, 110_000, 110_010)
        control.post("/prices", EURUSD=["1.10001", "1.10010"])
        moved = manager.event("ProtoSpotEvent")
        assert (moved.bid, moved.HasField("ask")) == (110_001, False)
        assert manager.error(pb.ProtoSubscribeSpotQuotesReq(symbolId=[999])) == "SYMBOL_NOT_FOUND"
    finally:
        control.post("/prices", EURUSD=None)
