"""HTTP/1.1 as pages and streams are served: each piece leaves at once."""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.h11_impl import H11Protocol


class PromptProtocol(H11Protocol):
    """Uvicorn's own protocol on sockets that hold nothing back.

    Several worker processes share a socket that uvicorn binds without naming its protocol, and asyncio turns Nagle's
    algorithm off only where the protocol is named. With it on, the body of every answer waits for the reader to
    acknowledge the head, which takes 40 ms.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # As uvicorn has it.
        held: socket.socket | None = transport.get_extra_info("socket")
        if held is not None and held.family in (socket.AF_INET, socket.AF_INET6):
            held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
