"""The golden frames, and a stream that is cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.trading.platforms.ctrader import units, wire
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb

HEARTBEAT = "0000000408331200"
HEARTBEAT_WITHOUT_PAYLOAD = "000000020833"
HELLO = "0000000508de071200"
SIGN_IN = (
    "0000003e08ad021236120973747562706c616e741a0464656d6f2089062a203535"
    "3232663033356639356632393530626638313633376131333636623066621a0131"
)
CHANGE_BALANCE = "00000019088704121110f12e18d0860328004a046f702d3150011a0135"
CHANGE_BALANCE_ANSWER = "0000000d088804120510f12e18651a0135"


def contents(stream: bytes) -> list[bytes]:
    return list(wire.Frames().feed(stream))


def test_a_heartbeat_is_written_as_in_the_reference() -> None:
    assert wire.encode(pb.ProtoHeartbeatEvent()).hex() == HEARTBEAT


@pytest.mark.parametrize("frame", [HEARTBEAT, HEARTBEAT_WITHOUT_PAYLOAD])
def test_a_heartbeat_is_read_with_and_without_its_empty_payload(frame: str) -> None:
    (content,) = contents(bytes.fromhex(frame))

    assert isinstance(wire.decode(content).message, pb.ProtoHeartbeatEvent)


def test_the_hello_is_read() -> None:
    (content,) = contents(bytes.fromhex(HELLO))

    assert isinstance(wire.decode(content).message, pb.ProtoHelloEvent)


def test_the_sign_in_is_written_as_in_the_reference() -> None:
    request = pb.ProtoManagerAuthReq(
        plantId="stubplant", environmentName="demo", login=777, passwordHash=units.secret_of("stubpass")
    )

    assert wire.encode(request, "1").hex() == SIGN_IN


def test_a_deposit_is_written_as_in_the_reference() -> None:
    request = pb.ProtoChangeBalanceReq(traderId=6001, amount=50000, type=0, externalId="op-1", newWay=True)

    assert wire.encode(request, "5").hex() == CHANGE_BALANCE


def test_the_answer_to_a_deposit_is_read() -> None:
    (content,) = contents(bytes.fromhex(CHANGE_BALANCE_ANSWER))
    envelope = wire.decode(content)

    assert envelope.message == pb.ProtoChangeBalanceRes(traderId=6001, balanceHistoryId=101)
    assert envelope.request_id == "5"


def test_the_envelope_decides_what_a_message_is_and_not_its_first_field() -> None:
    inner = bytes.fromhex("0899ff01") + pb.ProtoChangeBalanceRes(traderId=6001).SerializeToString()
    content = pb.ProtoMessage(payloadType=520, payload=inner).SerializeToString()

    message = wire.decode(content).message

    assert isinstance(message, pb.ProtoChangeBalanceRes)
    assert message.traderId == 6001


def test_a_number_that_is_none_of_ours_is_known_by_its_number_alone() -> None:
    content = pb.ProtoMessage(payloadType=4711, payload=b"\xff\xff").SerializeToString()

    assert wire.decode(content) == wire.Envelope(4711, None, "")


def test_an_unknown_value_of_an_enumeration_does_not_spoil_an_event() -> None:
    event = pb.ProtoExecutionEvent(executionType=99, eventId=5)

    again = pb.ProtoExecutionEvent.FromString(event.SerializeToString())

    assert again.executionType == 99
    assert again.eventId == 5


def test_fields_beyond_ours_survive_reading_and_writing() -> None:
    known = pb.ProtoTrader(traderId=1, login=2).SerializeToString()
    strange = known + bytes.fromhex("aa0c03616263")  # Field 197, text.

    trader = pb.ProtoTrader.FromString(strange)
    trader.groupId = 3

    assert bytes.fromhex("aa0c03616263") in trader.SerializeToString()


@pytest.mark.parametrize("length", [0, 15_000_001, 0xFFFFFFFF])
def test_a_length_that_no_frame_has_is_refused(length: int) -> None:
    with pytest.raises(wire.MalformedFrame):
        contents(length.to_bytes(4, "big"))


@pytest.mark.parametrize("content", [b"\xff", b"\x12\x00", b"\x08\x88\x04\x12\x05\x08"])
def test_what_is_no_message_is_refused(content: bytes) -> None:
    with pytest.raises(wire.MalformedFrame):
        wire.decode(content)


@given(st.lists(st.integers(1, 2**31), min_size=1, max_size=20), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_a_stream_reads_the_same_wherever_it_is_cut(numbers: list[int], cuts: list[int]) -> None:
    stream = b"".join(wire.encode(pb.ProtoChangeBalanceRes(traderId=number)) for number in numbers)
    frames, found, at = wire.Frames(), [], 0
    while at < len(stream):
        for length in cuts:
            found += [wire.decode(content).message for content in frames.feed(stream[at : at + length])]
            at += length

    assert found == [pb.ProtoChangeBalanceRes(traderId=number) for number in numbers]
