"""Frames, byte by byte: the golden ones, in pieces, several at once, and those that end a connection."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from google.protobuf.message import Message

from app.simulators.ctrader import SimServer, running_simulator
from app.simulators.ctrader.link import envelope
from app.simulators.ctrader.proto import sim_manager_pb2 as pb
from app.simulators.ctrader.proto import sim_openapi_pb2 as oa
from tests.simulators.ctrader.support import Control, Frames, Manager, OpenAPI, digest, number_of

HEARTBEAT = bytes.fromhex("0000000408331200")
HEARTBEAT_WITHOUT_PAYLOAD = bytes.fromhex("000000020833")
HELLO = bytes.fromhex("0000000508de071200")
APP_AUTH = bytes.fromhex("0000001608b410120e12036369641a07637365637265741a0131")
APP_AUTH_ANSWER = bytes.fromhex("0000000808b51012001a0131")
ACCOUNT_AUTH = bytes.fromhex("0000001008b61012081089271a03746f6b1a0132")
MANAGER_AUTH = bytes.fromhex(
    "0000003e08ad021236120973747562706c616e741a0464656d6f2089062a20"
    "35353232663033356639356632393530626638313633376131333636623066621a0131"
)
CHANGE_BALANCE = bytes.fromhex("00000019088704121110f12e18d0860328004a046f702d3150011a0135")
CHANGE_BALANCE_ANSWER = bytes.fromhex("0000000d088804120510f12e18651a0135")


@pytest.fixture
def fresh() -> Iterator[SimServer]:
    with running_simulator(seed=1, heartbeat_seconds=0.3) as running:
        yield running


def test_the_golden_conversation_of_a_manager(fresh: SimServer) -> None:
    link = Frames(fresh.manager_port, str(fresh.ca_file))
    assert link.raw() == HELLO
    link.socket.sendall(HEARTBEAT_WITHOUT_PAYLOAD + MANAGER_AUTH)
    told, content = link.next()
    assert (told.payloadType, told.clientMsgId) == (302, "1")
    assert set(content.permission) >= {1, 2, 3, 5, 6, 9, 20, 130, 140, 150}

    account = pb.ProtoTrader(
        traderId=0, login=0, groupId=101, balance=0, depositAssetId=1, leverageInCents=10_000, name="Ada"
    )
    assert link.ask(pb.ProtoCrudTraderReq(operation=1, trader=account)).traderId == 6001
    link.next()
    link.socket.sendall(CHANGE_BALANCE)

    frame = link.raw()
    while frame == HEARTBEAT:
        frame = link.raw()
    assert frame == CHANGE_BALANCE_ANSWER
    told, event = link.next()
    assert not told.HasField("clientMsgId")
    assert (event.executionType, event.depositWithdraw.delta, event.depositWithdraw.externalId) == (10, 50_000, "op-1")
    link.close()


def test_the_golden_conversation_of_an_application(fresh: SimServer) -> None:
    link = OpenAPI(fresh, is_plain=True, is_signed_in=False)
    link.socket.sendall(HEARTBEAT + APP_AUTH)
    frame = link.raw()
    while frame == HEARTBEAT:
        frame = link.raw()
    assert frame == APP_AUTH_ANSWER
    link.socket.sendall(ACCOUNT_AUTH)

    told, error = link.next()
    assert (told.payloadType, told.clientMsgId) == (2142, "2")
    assert (error.ctidTraderAccountId, error.errorCode) == (5001, "CH_ACCESS_TOKEN_INVALID")
    link.close()


@pytest.mark.parametrize(
    ("message", "message_id", "frame"),
    [
        (pb.ProtoHeartbeatEvent(), None, HEARTBEAT),
        (pb.ProtoHelloEvent(), None, HELLO),
        (oa.ProtoOAApplicationAuthReq(clientId="cid", clientSecret="csecret"), "1", APP_AUTH),
        (oa.ProtoOAApplicationAuthRes(), "1", APP_AUTH_ANSWER),
        (oa.ProtoOAAccountAuthReq(ctidTraderAccountId=5001, accessToken="tok"), "2", ACCOUNT_AUTH),
        (
            oa.ProtoOAErrorRes(ctidTraderAccountId=5001, errorCode="CH_ACCESS_TOKEN_INVALID"),
            "2",
            bytes.fromhex("0000002408de10121c1089271a1743485f4143434553535f544f4b454e5f494e56414c49441a0132"),
        ),
        (
            pb.ProtoManagerAuthReq(
                plantId="stubplant", environmentName="demo", login=777, passwordHash=digest("stubpass")
            ),
            "1",
            MANAGER_AUTH,
        ),
        (
            pb.ProtoChangeBalanceReq(traderId=6001, amount=50_000, type=0, externalId="op-1", newWay=True),
            "5",
            CHANGE_BALANCE,
        ),
        (pb.ProtoChangeBalanceRes(traderId=6001, balanceHistoryId=101), "5", CHANGE_BALANCE_ANSWER),
    ],
)
def test_golden_frames(message: Message, message_id: str | None, frame: bytes) -> None:
    assert envelope(number_of(message), message.SerializeToString(), message_id) == frame


def test_silence_is_filled_with_heartbeats(fresh: SimServer) -> None:
    link = OpenAPI(fresh)

    assert [link.raw(), link.raw()] == [HEARTBEAT, HEARTBEAT]
    link.close()


def test_a_silent_client_is_disconnected() -> None:
    with running_simulator(seed=1, silence_seconds=0.4) as running:
        link = Frames(running.manager_port, str(running.ca_file))
        assert link.is_ended()
        link.close()


def test_a_frame_may_come_in_pieces(manager: Manager) -> None:
    whole = manager.frame(pb.ProtoPingReq(timestamp=42), "slow")
    for place in range(len(whole)):
        manager.socket.sendall(whole[place : place + 1])

    told, answer = manager.next()
    assert (told.clientMsgId, answer.timestamp) == ("slow", 42)


def test_several_frames_may_come_at_once(manager: Manager) -> None:
    manager.socket.sendall(b"".join(manager.frame(pb.ProtoPingReq(timestamp=n), str(n)) for n in range(50)))

    assert [manager.next()[0].clientMsgId for _ in range(50)] == [str(n) for n in range(50)]


@pytest.mark.parametrize("head", [0, 15_000_001, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_connection(sim: SimServer, head: int) -> None:
    link = Manager(sim)
    link.socket.sendall(struct.pack(">I", head))

    assert link.is_ended()
    link.close()


def test_no_envelope_ends_the_connection(sim: SimServer) -> None:
    link = Manager(sim)
    link.socket.sendall(b"\x00\x00\x00\x03\xff\xff\xff")

    assert link.is_ended()
    link.close()


def test_an_error_never_ends_the_connection(manager: Manager) -> None:
    assert manager.error(pb.ProtoChangeBalanceReq(traderId=1, amount=1, type=0)) == "TRADER_NOT_FOUND"
    assert manager.error(pb.ProtoGetOrderActionIPReq()) == "INVALID_REQUEST"  # The required number is missing.
    unknown = pb.ProtoMessage(payloadType=12345, clientMsgId="b").SerializeToString()
    manager.socket.sendall(struct.pack(">I", len(unknown)) + unknown)
    assert manager.next()[1].errorCode == "UNSUPPORTED_MESSAGE"
    assert manager.ask(pb.ProtoPingReq(timestamp=1)).timestamp == 1


def test_an_expired_certificate_is_shown_on_command(sim: SimServer, control: Control) -> None:
    control.post("/certificate", kind="expired")
    try:
        with pytest.raises(Exception, match="expired"):
            Frames(sim.manager_port, str(sim.ca_file))
    finally:
        control.post("/certificate", kind="valid")
    Frames(sim.manager_port, str(sim.ca_file)).close()


@pytest.mark.parametrize("kind", ["other_name", "untrusted"])
def test_a_stranger_is_not_trusted(sim: SimServer, control: Control, kind: str) -> None:
    control.post("/certificate", kind=kind)
    try:
        with pytest.raises(Exception, match="verify failed"):
            Frames(sim.manager_port, str(sim.ca_file))
    finally:
        control.post("/certificate", kind="valid")


def test_both_protocols_live_in_one_process() -> None:
    assert pb.ProtoPingReq.DESCRIPTOR.full_name == "kontor.sim.ctmgr.ProtoPingReq"
    assert oa.ProtoOAVersionReq.DESCRIPTOR.full_name == "kontor.sim.ctoa.ProtoOAVersionReq"
