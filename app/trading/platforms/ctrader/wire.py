"""The frame of the Manager API: four bytes of length, then an envelope that names its message by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError, Message

from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb

MAX_FRAME_BYTES: Final = 15_000_000

HEARTBEAT: Final = 51
_HELLO: Final = 990

_NUMBERS: Final[dict[type[Message], int]] = {
    pb.ProtoSpotEvent: 3,
    pb.ProtoErrorRes: 50,
    pb.ProtoHeartbeatEvent: HEARTBEAT,
    pb.ProtoUPv1EventSubscribeReq: 67,
    pb.ProtoUPv1EventSubscribeRes: 68,
    pb.ProtoExecutionEvent: 300,
    pb.ProtoManagerAuthReq: 301,
    pb.ProtoManagerAuthRes: 302,
    pb.ProtoChangeTraderPasswordReq: 303,
    pb.ProtoChangeTraderPasswordRes: 304,
    pb.ProtoCheckTraderPasswordReq: 307,
    pb.ProtoCheckTraderPasswordRes: 308,
    pb.ProtoServerTimeReq: 313,
    pb.ProtoServerTimeRes: 314,
    pb.ProtoMarginChangedEvent: 335,
    pb.ProtoTraderListReq: 403,
    pb.ProtoManagerLightTraderListReq: 228,
    pb.ProtoManagerLightTraderListRes: 229,
    pb.ProtoTraderListRes: 404,
    pb.ProtoPositionListReq: 407,
    pb.ProtoPositionListRes: 408,
    pb.ProtoBalanceHistoryListReq: 417,
    pb.ProtoBalanceHistoryListRes: 418,
    pb.ProtoManagerDealListReq: 431,
    pb.ProtoManagerDealListRes: 432,
    pb.ProtoCountryListReq: 435,
    pb.ProtoCountryListRes: 436,
    pb.ProtoAssetClassListReq: 437,
    pb.ProtoAssetClassListRes: 438,
    pb.ProtoSymbolCategoryListReq: 463,
    pb.ProtoSymbolCategoryListRes: 464,
    pb.ProtoAssetListReq: 465,
    pb.ProtoAssetListRes: 466,
    pb.ProtoManagerSymbolListReq: 467,
    pb.ProtoManagerSymbolListRes: 468,
    pb.ProtoLightGroupListReq: 473,
    pb.ProtoLightGroupListRes: 474,
    pb.ProtoCrudTraderReq: 501,
    pb.ProtoCrudTraderRes: 502,
    pb.ProtoTraderChangedEvent: 503,
    pb.ProtoGroupChangedEvent: 506,
    pb.ProtoChangeBalanceReq: 519,
    pb.ProtoChangeBalanceRes: 520,
    pb.ProtoManagerSymbolChangedEvent: 558,
    pb.ProtoTraderPermissionLoseEvent: 562,
    pb.ProtoSubscribeSpotQuotesReq: 601,
    pb.ProtoSubscribeSpotQuotesRes: 602,
    pb.ProtoTraderByIdReq: 703,
    pb.ProtoTraderByIdRes: 704,
    pb.ProtoTraderLogonEvent: 730,
    pb.ProtoTraderLogoutEvent: 731,
    pb.ProtoManagerClosePositionReq: 742,
    pb.ProtoBonusHistoryListReq: 786,
    pb.ProtoBonusHistoryListRes: 787,
    pb.ProtoHelloEvent: _HELLO,
}
_MESSAGES: Final[dict[int, type[Message]]] = {number: message for message, number in _NUMBERS.items()}


class MalformedFrame(Exception):
    """What came is no frame of this protocol. Nothing after it on the connection can be trusted."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One received message. `message` is None when its number is none of ours."""

    number: int
    message: Message | None
    request_id: str  # Empty in what the platform tells by itself.


def event_numbers() -> list[int]:
    """The numbers of everything that a server tells by itself and that is read here."""
    return sorted(
        number
        for message, number in _NUMBERS.items()
        if message.DESCRIPTOR.name.endswith("Event") and number not in (HEARTBEAT, _HELLO)
    )


def encode(message: Message, request_id: str = "") -> bytes:
    """The frame of a message."""
    envelope = pb.ProtoMessage(payloadType=_NUMBERS[type(message)], payload=message.SerializeToString())
    if request_id:
        envelope.clientMsgId = request_id
    content = envelope.SerializeToString()
    return len(content).to_bytes(4, "big") + content


def decode(content: bytes) -> Envelope:
    """Read the content of one frame. The envelope's number decides what it is. Raises MalformedFrame."""
    try:
        envelope = pb.ProtoMessage.FromString(content)
        kind = _MESSAGES.get(envelope.payloadType)
        message = kind.FromString(envelope.payload) if kind is not None else None
    except DecodeError:
        raise MalformedFrame("A message cannot be read.") from None
    if not envelope.payloadType:
        raise MalformedFrame("An envelope names no message.")
    return Envelope(envelope.payloadType, message, envelope.clientMsgId)


class Frames:
    """Cuts a stream of bytes into the contents of frames, wherever reads happen to end."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, received: bytes) -> Iterator[bytes]:
        """Take in what was read and answer every whole frame so far. Raises MalformedFrame on a length that no frame
        has."""
        self._bytes += received
        begin = 0
        try:
            while len(self._bytes) - begin >= 4:
                length = int.from_bytes(self._bytes[begin : begin + 4], "big")
                if not 0 < length <= MAX_FRAME_BYTES:
                    raise MalformedFrame(f"A frame of {length} bytes was announced.")
                if len(self._bytes) - begin - 4 < length:
                    break
                content = bytes(self._bytes[begin + 4 : begin + 4 + length])
                begin += 4 + length
                yield content
        finally:
            del self._bytes[:begin]
