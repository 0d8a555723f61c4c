"""The HTTPS variant: one request at a time on a kept-alive connection that is the session."""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app.simulators.mt5.gateway import DroppedError, ForbiddenError, Gateway
from app.simulators.mt5.layout import dump
from app.simulators.mt5.request import Reply
from app.simulators.mt5.retcodes import Retcode, retcode_text
from app.simulators.mt5.session import Session

_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}
_BODY_MAX = 8 * 1024 * 1024
_TEXT_BODIES = {"mail/send", "mail_send"}
_COOKIE = "mt5session"


class _Unreadable(Exception):
    """Not HTTP, or more than we read."""


async def serve(gateway: Gateway, session: Session, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer requests until the client leaves, falls silent for too long, or quits."""
    config = gateway.server.config
    while True:
        remaining = session.seconds_to_answer(config.answer_window_seconds)
        patience = config.idle_seconds if remaining is None else min(remaining, config.idle_seconds)
        try:
            async with asyncio.timeout(patience):
                method, target, headers, body = await _read(reader)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError, _Unreadable):
            return
        url = urlsplit(target)
        name = url.path.strip("/").removeprefix("api/")
        status, reply = await _answer(gateway, session, method, name, url.query, headers, body)
        if status == 0:
            writer.transport.abort()
            return
        is_last = name == "quit" or (status == 403 and name.replace("_", "/") == "auth/answer")
        is_last = is_last or headers.get("connection", "").lower() == "close"
        payload = dump(_members(reply)).encode() if reply else b""
        answer = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
            f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {len(payload)}\r\n"
            f"Set-Cookie: {_COOKIE}={session.cookie}; Path=/; Secure; HttpOnly\r\n"
            f"Connection: {'close' if is_last else 'keep-alive'}\r\n\r\n"
        ).encode() + payload
        if reply and reply.is_cut:
            writer.write(answer[: -len(payload) // 2])
            await writer.drain()
            writer.close()
            return
        writer.write(answer * 2 if reply and reply.is_twice else answer)
        await writer.drain()
        if is_last:
            return


async def _answer(
    gateway: Gateway,
    session: Session,
    method: str,
    name: str,
    query: str,
    headers: dict[str, str],
    raw_body: bytes,
) -> tuple[int, Reply | None]:
    if method not in ("GET", "POST"):
        return 405, None
    params = {key.lower(): unescape(value) for key, value in parse_qsl(query, keep_blank_values=True, encoding="utf-8")}
    body: Any = None
    if raw_body.strip():
        try:
            body = json.loads(raw_body)
        except ValueError:
            if name not in _TEXT_BODIES:
                return 200, Reply(retcode=Retcode.BAD_PARAMETERS)
            body = raw_body.decode("utf-8", "replace")
    if gateway.server.switches.needs_cookie and session.manager is not None:
        cookies = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
        if cookies.get(_COOKIE) != session.cookie:
            return 403, None
    try:
        reply = await gateway.perform(session, name, params, body)
    except ForbiddenError:
        return 403, None
    except DroppedError:
        return 0, None
    if reply.retcode == Retcode.INVALID_ACCOUNT:
        return 403, None
    return 200, reply


def _members(reply: Reply) -> dict[str, Any]:
    members: dict[str, Any] = {"retcode": retcode_text(reply.retcode), **reply.extra}
    if reply.answer is not None:
        members["answer"] = reply.answer
    return members


async def _read(reader: StreamReader) -> tuple[str, str, dict[str, str], bytes]:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError as error:
        raise _Unreadable from error
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise _Unreadable
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return parts[0], parts[1], headers, await _read_chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _BODY_MAX:
        raise _Unreadable
    return parts[0], parts[1], headers, await reader.readexactly(int(length))


async def _read_chunks(reader: StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        chunk = await reader.readexactly(size)
        await reader.readline()
        if not size:
            return body
        body += chunk
        if len(body) > _BODY_MAX:
            raise _Unreadable


def unescape(value: str) -> str:
    """Undo the protocol's own escaping: a backslash before one of four characters. Other backslashes are literal."""
    if "\\" not in value:
        return value
    plain: list[str] = []
    index = 0
    while index < len(value):
        if value[index] == "\\" and value[index + 1 : index + 2] in ("=", "|", "\\", "\n"):
            index += 1
        plain.append(value[index : index + 1])
        index += 1
    return "".join(plain)
