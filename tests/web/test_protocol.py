"""Answers leave at once, also from a socket that several processes share."""

from __future__ import annotations

import asyncio
import socket
import threading

import httpx
import uvicorn
from starlette.responses import PlainTextResponse

from app.web.protocol import PromptProtocol

held_back: list[bool] = []


class _Watched(PromptProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        held_back.append(not transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def test_no_answer_is_held_back_on_a_shared_socket() -> None:
    held_back.clear()
    listener = socket.socket(socket.AF_INET)  # As uvicorn binds it for several workers: without a protocol's number.
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(PlainTextResponse("here"), http=_Watched, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        answer = httpx.get(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=30)
    finally:
        server.should_exit = True
        thread.join(30)

    assert answer.text == "here"
    assert held_back == [False]
