"""Codes that open a platform's page for copying: asked for by a page that waits, answered once, kept nowhere."""

from __future__ import annotations

import asyncio

import redis
import structlog
from redis.asyncio import Redis

from app.trading import wire
from app.trading.connector.dispatch import end_if_cancelled
from app.trading.platforms.base import PlatformError, TradingPlatform
from app.trading.queries.leases import Lease

log = structlog.get_logger()


class Codes:
    """The requests of one owned connection. Whoever asked may have gone: a code that nobody fetches expires."""

    def __init__(self, lease: Lease, messages: Redis, platform: TradingPlatform) -> None:
        self._lease, self._messages, self._platform = lease, messages, platform

    async def answer_one(self) -> None:
        """Wait for a request, and answer it. Without an answer the page says that the platform cannot be reached."""
        tenant = self._lease.tenant_id
        try:
            found = await self._messages.brpop([wire.codes_key(tenant, self._lease.platform_id)], timeout=2)
        except redis.RedisError:
            end_if_cancelled()
            await asyncio.sleep(0.5)
            return
        raw = found[1] if found else b""
        request = wire.decode_request(tenant, raw if isinstance(raw, bytes) else raw.encode())
        if request is None:
            return
        answer: dict[str, str] = {}
        try:
            answer["code"] = await self._platform.copy_code(request.secrets["email"], request.secrets["language"])
        except PlatformError as error:
            log.warning("connector.no_copy_code", platform=str(self._lease.platform_id), error=str(error))
        async with self._messages.pipeline(transaction=False) as pipe:
            target = wire.answer_key(request.operation_id)
            pipe.lpush(target, wire.encode_request(tenant, wire.Request(request.operation_id, answer)))
            pipe.expire(target, wire.ANSWER_EXPIRES_S)
            await pipe.execute()
