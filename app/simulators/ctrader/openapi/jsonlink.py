"""The JSON variant: the same envelopes and field names as text, one object per WebSocket message."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from aiohttp import WSMsgType, web
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from app.simulators.ctrader.link import HEARTBEAT, FrameServer, Link
from app.simulators.ctrader.openapi.requests import MESSAGES


class JSONServer(FrameServer):
    """Frames as JSON text."""

    def encode(self, number: int, payload: bytes, message_id: str | None) -> bytes:
        message = MESSAGES.get(number)
        content = MessageToDict(message.FromString(payload)) if message else {}
        envelope: dict[str, Any] = {"payloadType": number, "payload": content}
        if message_id is not None:
            envelope["clientMsgId"] = message_id
        return json.dumps(envelope).encode()

    def app(self) -> web.Application:
        """The WebSocket at the root."""
        app = web.Application()
        app.add_routes([web.get("/", self._talk)])
        return app

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        writer = cast(asyncio.StreamWriter, _Texts(socket, request))
        link = Link(writer, self)
        self.links.add(link)
        self.handler.connected(link)
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    break
                await self._receive_text(link, message.data)
        finally:
            self.links.discard(link)
            self.handler.disconnected(link)
        return socket

    async def _receive_text(self, link: Link, text: str) -> None:
        try:
            envelope = json.loads(text)
            number = int(envelope["payloadType"])
            message = MESSAGES.get(number)
            payload = b""
            if message is not None and number != HEARTBEAT:
                filled = ParseDict(envelope.get("payload", {}), message(), ignore_unknown_fields=True)
                payload = filled.SerializePartialToString()
        except (ValueError, KeyError, TypeError, ParseError):
            link.abort()
            return
        await self.receive(link, number, payload, envelope.get("clientMsgId"))


class _Texts:
    """What a link needs of a stream writer, over a WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self._socket = socket
        self._sending: set[asyncio.Task[None]] = set()
        self._request = request

    @property
    def transport(self) -> asyncio.Transport:
        transport = self._request.transport
        assert isinstance(transport, asyncio.Transport)
        return transport

    def write(self, data: bytes) -> None:
        task = asyncio.create_task(self._socket.send_str(data.decode()))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def close(self) -> None:
        task = asyncio.create_task(self._end())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _end(self) -> None:
        await self._socket.close()
