"""The Redis connection of this process. All of it may vanish without losing a fact."""

from __future__ import annotations

from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.config import settings


@cache
def client() -> redis.Redis:
    """A pooled client that answers bytes. It raises redis.RedisError when Redis is away."""
    return redis.Redis.from_url(settings().redis_url, retry=Retry(NoBackoff(), 1), socket_timeout=15)


def key(*parts: object) -> str:
    """A key under this instance's prefix: `key("ops", 7, platform_id)`."""
    return settings().redis_prefix + ":".join(str(part) for part in parts)
