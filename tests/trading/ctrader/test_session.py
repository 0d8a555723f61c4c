"""The session under every kind of trouble on the wire: each is a clear state, and none makes it spin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from app.kit import clock
from app.simulators.ctrader.running import SimServer
from app.trading.platforms.base import (
    NotPermitted,
    OutcomeUnknown,
    PlatformError,
    PlatformUnavailable,
    Refused,
    Trouble,
)
from app.trading.platforms.ctrader import wire
from app.trading.platforms.ctrader.link import Link, LinkSettings
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.session import Endpoint, Session
from tests.support.loops import in_thread
from tests.trading.ctrader.stub import HELLO, Peer, Script, serving

T = TypeVar("T")
TIME = pb.ProtoServerTimeReq()
MOVE = pb.ProtoChangeBalanceReq(traderId=1, amount=1, type=0, externalId="D-1", newWay=True)


def with_link(plant: SimServer, script: Script, act: Callable[[Link], Awaitable[T]], **changes: Any) -> T:
    """Play the script against a link that is not open yet."""

    async def inside() -> T:
        async with serving(plant, script) as port:
            known: dict[str, Any] = {
                "host": "127.0.0.1",
                "port": port,
                "plant": "stubplant",
                "environment": "demo",
                "login": 777,
                "password": "stubpass",
                "ca_pem": plant.ca_file.read_text(),
                "server_name": "localhost",
                "request_timeout_s": 0.5,
                "connect_timeout_s": 5.0,
            }
            settings = LinkSettings(requests_per_s=1000, first_pause_s=0.05)
            link = Link(Endpoint(**{**known, **changes}), settings, lambda _: None)
            try:
                return await act(link)
            finally:
                await link.close()

    return in_thread(inside())


def answer(asked: wire.Envelope, message: Any) -> bytes:
    return wire.encode(message, asked.request_id)


async def fails(work: Awaitable[object]) -> PlatformError:
    try:
        await work
    except PlatformError as error:
        return error
    raise AssertionError("This should have failed.")


async def ended(session: Session) -> None:
    """Wait until the session is over."""
    async with asyncio.timeout(30):
        while session.is_open:
            await asyncio.sleep(0.01)


def test_nothing_is_said_before_the_hello(plant: SimServer) -> None:
    said: list[bool] = []

    async def script(peer: Peer) -> None:
        try:
            async with asyncio.timeout(0.3):
                await peer.receive()
            said.append(True)
        except TimeoutError:
            said.append(False)
        await peer.greet()

    async def act(link: Link) -> None:
        await link.open()

    with_link(plant, script, act)

    assert said == [False]


@pytest.mark.parametrize(
    ("data", "trouble"),
    [
        (bytes(4), Trouble.OVERSIZED),
        ((15_000_001).to_bytes(4, "big"), Trouble.OVERSIZED),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Trouble.OVERSIZED),
        (bytes.fromhex("00000003ffffff"), Trouble.MALFORMED),
        (bytes.fromhex("0000000508ac021202"), Trouble.MALFORMED),
    ],
)
def test_bytes_that_are_no_frames_end_the_session_with_a_clear_word(
    plant: SimServer, data: bytes, trouble: Trouble
) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        peer.send(data)
        await peer.receive()

    async def act(link: Link) -> tuple[Session, PlatformError]:
        session = await link.open()
        await ended(session)
        return session, await fails(link.read(TIME, pb.ProtoServerTimeRes))

    session, error = with_link(plant, script, act)

    assert session.trouble is trouble
    assert isinstance(error, PlatformUnavailable)
    assert error.trouble is trouble


def test_half_a_frame_and_then_nothing_leaves_a_change_unknown(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        asked = await peer.receive()
        peer.send(answer(asked, pb.ProtoChangeBalanceRes(traderId=1, balanceHistoryId=5))[:9])

    async def act(link: Link) -> PlatformError:
        await link.open()
        return await fails(link.change(MOVE, pb.ProtoChangeBalanceRes))

    assert isinstance(with_link(plant, script, act), OutcomeUnknown)


def test_a_frame_that_comes_byte_by_byte_is_one_frame(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        for byte in answer(await peer.receive(), pb.ProtoServerTimeRes(timeInMillis=7)):
            peer.send(bytes([byte]))
            await peer.writer.drain()
            await asyncio.sleep(0.002)
        await peer.receive()

    async def act(link: Link) -> int:
        await link.open()
        return (await link.read(TIME, pb.ProtoServerTimeRes)).timeInMillis

    assert with_link(plant, script, act) == 7


def test_answers_are_matched_by_their_id_in_any_order(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        asked = [await peer.receive() for _ in range(3)]
        for number, each in reversed(list(enumerate(asked))):
            assert isinstance(each.message, pb.ProtoTraderByIdReq)
            peer.send(answer(each, pb.ProtoTraderByIdRes(trader=[pb.ProtoTrader(traderId=each.message.traderId[0])])))
            assert number >= 0
        await peer.receive()

    async def act(link: Link) -> list[int]:
        await link.open()
        asked = (link.read(pb.ProtoTraderByIdReq(traderId=[n]), pb.ProtoTraderByIdRes) for n in (1, 2, 3))
        return [found.trader[0].traderId for found in await asyncio.gather(*asked)]

    assert with_link(plant, script, act) == [1, 2, 3]


def test_an_answer_that_comes_twice_or_too_late_answers_nothing_else(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        first = await peer.receive()
        second = await peer.receive()  # The first was given up.
        late = answer(first, pb.ProtoServerTimeRes(timeInMillis=1))
        peer.send(late + late + answer(second, pb.ProtoServerTimeRes(timeInMillis=2)))
        await peer.receive()

    async def act(link: Link) -> tuple[bool, int, int]:
        session = await link.open()
        is_given_up = isinstance(await fails(link.read(TIME, pb.ProtoServerTimeRes)), PlatformUnavailable)
        second = await link.read(TIME, pb.ProtoServerTimeRes)
        return is_given_up, second.timeInMillis, session.late_answers

    assert with_link(plant, script, act) == (True, 2, 2)


def test_a_change_without_an_answer_is_unknown_and_never_sent_again(plant: SimServer) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        await peer.greet()
        while True:
            await peer.receive()

    async def act(link: Link) -> PlatformError:
        await link.open()
        error = await fails(link.change(MOVE, pb.ProtoChangeBalanceRes))
        await asyncio.sleep(0.3)
        return error

    assert isinstance(with_link(plant, script, act), OutcomeUnknown)
    assert [type(each.message) for peer in peers for each in peer.asked].count(pb.ProtoChangeBalanceReq) == 1


def test_an_event_with_the_id_of_its_cause_is_no_answer(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        asked = await peer.receive()
        movement = pb.ProtoDepositWithdraw(traderId=1, balanceHistoryId=5, externalId="D-1")
        peer.send(answer(asked, pb.ProtoExecutionEvent(executionType=10, depositWithdraw=movement)))
        peer.send(answer(asked, pb.ProtoChangeBalanceRes(traderId=1, balanceHistoryId=5)))
        await peer.receive()

    async def act(link: Link) -> tuple[int, list[str]]:
        session = await link.open()
        done = await link.change(MOVE, pb.ProtoChangeBalanceRes)
        events = await session.events(10)
        return done.balanceHistoryId, [event.message.DESCRIPTOR.name for event in events]

    assert with_link(plant, script, act) == (5, ["ProtoExecutionEvent"])


def test_numbers_that_are_none_of_ours_are_counted_and_harm_nothing(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        asked = await peer.receive()
        strange = pb.ProtoMessage(payloadType=4711, payload=b"\xff").SerializeToString()
        peer.send((len(strange).to_bytes(4, "big") + strange) * 3)
        peer.send(answer(asked, pb.ProtoServerTimeRes(timeInMillis=9)))
        await peer.receive()

    async def act(link: Link) -> tuple[int, dict[int, int]]:
        session = await link.open()
        return (await link.read(TIME, pb.ProtoServerTimeRes)).timeInMillis, session.unknown

    assert with_link(plant, script, act) == (9, {4711: 3})


def test_a_server_that_falls_silent_is_given_up(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        while True:
            await peer.receive()

    async def act(link: Link) -> Session:
        session = await link.open()
        await ended(session)
        return session

    session = with_link(plant, script, act, silence_s=0.4, heartbeat_s=0.1)

    assert session.trouble is Trouble.SLOW
    assert "silent" in session.error


def test_we_say_that_we_are_there_when_nothing_else_is_said(plant: SimServer) -> None:
    beats: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        beats.append(await peer._reader.readexactly(8))

    async def act(link: Link) -> None:
        await ended(await link.open())

    with_link(plant, script, act, heartbeat_s=0.1)

    assert beats == [bytes.fromhex("0000000408331200")]


@pytest.mark.parametrize("code", ["AUTHENTICATION_FAILED", "WRONG_PASSWORD"])
def test_a_refused_sign_in_is_told_and_not_tried_again_at_once(plant: SimServer, code: str) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        peer.send(HELLO)
        peer.send(answer(await peer.receive(), pb.ProtoErrorRes(errorCode=code)))
        await peer.receive()

    async def act(link: Link) -> list[Trouble]:
        return [(await fails(link.open())).trouble for _ in range(20)]

    assert set(with_link(plant, script, act)) == {Trouble.CREDENTIALS}
    assert len(peers) == 1


def test_after_enough_refused_sign_ins_the_server_is_left_alone(plant: SimServer) -> None:
    async def script(peer: Peer) -> None:
        peer.send(HELLO)
        peer.send(answer(await peer.receive(), pb.ProtoErrorRes(errorCode="AUTHENTICATION_FAILED")))
        await peer.receive()

    async def act(link: Link) -> tuple[int, Trouble]:
        async with asyncio.timeout(30):
            while link.last_trouble is not Trouble.SIGN_IN_STOPPED:
                await fails(link.open())
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.5)
        error = await fails(link.open())
        return link.attempts, error.trouble

    assert with_link(plant, script, act) == (5, Trouble.SIGN_IN_STOPPED)


def test_maintenance_is_waited_for_until_its_end(plant: SimServer) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        if len(peers) > 1:
            await peer.greet()
            await peer.receive()
        peer.send(HELLO)
        until = int(clock.now().timestamp() * 1000) + 700
        refusal = pb.ProtoErrorRes(errorCode="SERVER_IS_UNDER_MAINTENANCE", maintenanceEndTimestamp=until)
        peer.send(answer(await peer.receive(), refusal))

    async def act(link: Link) -> tuple[Trouble, float]:
        loop = asyncio.get_running_loop()
        trouble, began = (await fails(link.open())).trouble, loop.time()
        async with asyncio.timeout(30):
            while not link.is_up:
                try:
                    await link.open()
                except PlatformUnavailable:
                    await asyncio.sleep(0.02)
        return trouble, loop.time() - began

    trouble, waited = with_link(plant, script, act)

    assert trouble is Trouble.MAINTENANCE
    assert waited > 0.6
    assert len(peers) == 2


def test_a_server_that_hangs_up_at_once_is_tried_with_growing_pauses(plant: SimServer) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        await peer.greet()

    async def act(link: Link) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + 1.0
        while loop.time() < until:
            try:
                await ended(await link.open())
            except PlatformUnavailable:
                await asyncio.sleep(0.01)

    with_link(plant, script, act)

    assert 2 <= len(peers) <= 6


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("NOT_ENOUGH_RIGHTS", NotPermitted),
        ("TRADER_NOT_FOUND", Refused),
        ("NOT_ENOUGH_MONEY", Refused),
        ("SERVER_IS_UNDER_MAINTENANCE", PlatformUnavailable),
        ("SOMETHING_NEW", Refused),
        ("TIMEOUT_ERROR", OutcomeUnknown),
        ("UNKNOWN_ERROR", OutcomeUnknown),
    ],
)
def test_an_error_answer_to_a_change_says_whether_it_was_done(
    plant: SimServer, code: str, error: type[PlatformError]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        peer.send(answer(await peer.receive(), pb.ProtoErrorRes(errorCode=code)))
        await peer.receive()

    async def act(link: Link) -> tuple[PlatformError, bool]:
        await link.open()
        return await fails(link.change(MOVE, pb.ProtoChangeBalanceRes)), link.is_up

    found, is_up = with_link(plant, script, act)

    assert type(found) is error or isinstance(found, error)
    assert is_up


def test_what_may_no_longer_be_sent_is_not_written(plant: SimServer) -> None:
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        await peer.greet()
        while True:
            peer.send(answer(await peer.receive(), pb.ProtoServerTimeRes(timeInMillis=1)))

    async def act(link: Link) -> PlatformError:
        await link.open()
        late = asyncio.get_running_loop().time() - 0.001
        error = await fails(link.change(MOVE, pb.ProtoChangeBalanceRes, send_by=late))
        await link.read(TIME, pb.ProtoServerTimeRes)
        return error

    assert isinstance(with_link(plant, script, act), PlatformUnavailable)
    assert pb.ProtoChangeBalanceReq not in [type(each.message) for each in peers[0].asked]


def test_no_more_than_four_are_on_their_way_and_lists_come_one_at_a_time(plant: SimServer) -> None:
    most, lists = [0], [0]

    async def script(peer: Peer) -> None:
        await peer.greet()
        waiting: list[wire.Envelope] = []
        try:
            while True:
                try:
                    async with asyncio.timeout(0.15):
                        waiting.append(await peer.receive())
                except TimeoutError:
                    if waiting:
                        first = waiting.pop(0)
                        is_list = isinstance(first.message, pb.ProtoAssetListReq)
                        peer.send(answer(first, pb.ProtoAssetListRes() if is_list else pb.ProtoServerTimeRes()))
                most[0] = max(most[0], len(waiting))
                lists[0] = max(lists[0], sum(isinstance(each.message, pb.ProtoAssetListReq) for each in waiting))
        finally:
            await peer.writer.drain()

    async def act(link: Link) -> None:
        await link.open()
        await asyncio.gather(
            *(link.read(TIME, pb.ProtoServerTimeRes) for _ in range(6)),
            *(link.read(pb.ProtoAssetListReq(), pb.ProtoAssetListRes, is_list=True) for _ in range(3)),
        )

    with_link(plant, script, act, request_timeout_s=20.0)

    assert (most[0], lists[0]) == (4, 1)


def test_the_password_is_in_no_representation(plant: SimServer) -> None:
    endpoint = Endpoint("h", 1, "p", "e", 777, "stubpass")

    assert "stubpass" not in repr(endpoint)
