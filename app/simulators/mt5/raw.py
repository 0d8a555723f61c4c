"""The raw variant: numbered packets of UTF-16 text, encrypted or not."""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from itertools import count
from typing import Any

from app.simulators.mt5.auth import CipherStream, cipher_streams
from app.simulators.mt5.gateway import DroppedError, ForbiddenError, Gateway
from app.simulators.mt5.https import unescape
from app.simulators.mt5.layout import dump
from app.simulators.mt5.request import Reply
from app.simulators.mt5.retcodes import Retcode, retcode_text
from app.simulators.mt5.session import Session

GREETING = b"MT5WEBAPI"
_CHUNK = 65_530
_FIRST_SERIAL, _SERIALS = 0x4000, 0x4000
_SPECIAL = ("\\", "=", "|", "\n")


async def serve(gateway: Gateway, session: Session, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer messages until the client leaves, falls silent for too long, or quits; ping it meanwhile."""
    if await reader.readexactly(len(GREETING)) != GREETING:
        return
    pinging = asyncio.create_task(_ping(writer, gateway.server.config.ping_seconds))
    try:
        await _Conversation(gateway, session, reader, writer).run()
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, ValueError):
        return
    finally:
        pinging.cancel()


async def _ping(writer: StreamWriter, seconds: float) -> None:
    for number in count(1):
        await asyncio.sleep(seconds)
        writer.write(f"0000{_FIRST_SERIAL + number % _SERIALS:04x}0".encode())


class _Conversation:
    def __init__(self, gateway: Gateway, session: Session, reader: StreamReader, writer: StreamWriter) -> None:
        self._gateway, self._session, self._reader, self._writer = gateway, session, reader, writer
        self._incoming: CipherStream | None = None
        self._outgoing: CipherStream | None = None

    async def run(self) -> None:
        config = self._gateway.server.config
        while True:
            remaining = self._session.seconds_to_answer(config.answer_window_seconds)
            patience = config.idle_seconds if remaining is None else min(remaining, config.idle_seconds)
            async with asyncio.timeout(patience):
                serial, body = await self._message()
            name, params, text = parse(body.decode("utf-16-le"))
            if not name:
                continue  # The official PHP client's ping: encrypted, not empty, and it waits for no answer.
            try:
                reply = await self._gateway.perform(self._session, name, params, _body(text))
            except ForbiddenError:
                reply = Reply(retcode=Retcode.NO_PERMISSION if self._session.manager else Retcode.INVALID_ACCOUNT)
            except DroppedError:
                self._writer.transport.abort()
                return
            if reply.is_cut:
                self._send(serial, compose(name, reply), is_cut=True)
                await self._writer.drain()
                self._writer.close()
                return
            self._send(serial, compose(name, reply))
            if reply.is_twice:
                self._send(serial, compose(name, reply))
            if name.upper() == "AUTH_ANSWER" and self._session.manager and self._session.crypt_rand:
                # The authentication packets themselves are never encrypted.
                self._incoming, self._outgoing = cipher_streams(self._session.digest, self._session.crypt_rand)
            await self._writer.drain()
            if name.upper() == "QUIT":
                return

    async def _message(self) -> tuple[bytes, bytes]:
        body = b""
        while True:
            header = await self._reader.readexactly(9)
            length, serial, has_more = int(header[:4], 16), header[4:8], header[8:9] == b"1"
            part = await self._reader.readexactly(length)
            if not length:
                continue  # A ping.
            body += self._incoming.apply(part) if self._incoming else part
            if not has_more:
                return serial, body

    def _send(self, serial: bytes, text: str, *, is_cut: bool = False) -> None:
        body = text.encode("utf-16-le")
        for start in range(0, len(body), _CHUNK):
            part = body[start : start + _CHUNK]
            has_more = start + _CHUNK < len(body)
            if self._outgoing:
                part = self._outgoing.apply(part)
            packet = b"%04x%s%d" % (len(part), serial, has_more) + part
            self._writer.write(packet[: len(packet) // 2] if is_cut else packet)


def parse(text: str) -> tuple[str, dict[str, str], str]:
    """Command, parameters by lower-case name, and the JSON text behind the command line."""
    parts: list[str] = []
    start = index = 0
    while index < len(text):
        if text[index] == "\\" and text[index + 1 : index + 2] in _SPECIAL:
            index += 2
            continue
        if text[index] == "|":
            parts.append(text[start:index])
            start = index + 1
        elif text[index : index + 2] == "\r\n":
            break
        index += 1
    parts.append(text[start:index])
    params = {}
    for part in parts[1:]:
        name, equals, value = part.partition("=")
        if equals:
            params[name.strip().lower()] = unescape(value)
    return parts[0].strip(), params, text[index + 2 :]


def compose(name: str, reply: Reply) -> str:
    """The answer's text: command line, then JSON where there is any."""
    line = f"{name.upper()}|RETCODE={retcode_text(reply.retcode)}|"
    for key, value in reply.params.items():
        line += f"{key}={_escape(value)}|"
    line += "\r\n"
    is_plain = reply.params and isinstance(reply.answer, dict) and len(reply.answer) == 1
    if reply.answer is not None and not is_plain:
        return line + dump(reply.answer)
    if reply.extra and not reply.params:
        return line + dump(reply.extra)
    return line


def _escape(value: str) -> str:
    return "".join("\\" + letter if letter in _SPECIAL else letter for letter in value)


def _body(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
