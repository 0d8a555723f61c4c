"""What web processes, streams and connectors say to each other through Redis. All of it may be lost without losing a
fact.

Passwords pass through here sealed and nowhere else: a row in the database would outlive its use.
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import redis

from app.core import redis as core_redis
from app.core import secrets
from app.core.redis import key
from app.kit import clock

ANSWER_EXPIRES_S = 30
PAGE_OPENS_WITHIN_S = 30  # A page that opens no stream in this time is no longer looked at.


def requests_key(tenant: int, platform_id: UUID) -> str:
    """The list on which the owner of a platform's connection waits for operations."""
    return key("ops", tenant, platform_id)


def answer_key(operation_id: UUID) -> str:
    """The list on which the page that asked waits for the answer."""
    return key("op-answer", operation_id)


def codes_key(tenant: int, platform_id: UUID) -> str:
    """The list on which the owner of a platform's connection waits for requests of codes to its page for copying."""
    return key("copy-codes", tenant, platform_id)


def watch_key(tenant: int) -> str:
    """A sorted set of clients whose figures were put on a page, scored with the second of that."""
    return key("watched-clients", tenant)


def page_key(tenant: int, client_id: str) -> str:
    """The key that the event streams keep alive while a page about this client is open."""
    return key("watch", tenant, f"client:{client_id}")


def link_key(tenant: int) -> str:
    """A hash: platform to the second at which it last answered. Event streams tell their pages how fresh that is."""
    return key("links", tenant)


def refresh_key(tenant: int, platform_id: UUID) -> str:
    """A set of logins whose figures have just moved and are to be read again."""
    return key("refresh", tenant, platform_id)


def reading_key(tenant: int, platform_id: UUID) -> str:
    """A set of logins that somebody wants to be read anew as a whole: settings, money and what is open."""
    return key("reading", tenant, platform_id)


@dataclass(frozen=True, slots=True)
class Request:
    """An operation that waits to be sent, with the passwords that belong to it."""

    operation_id: UUID
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def encode_request(tenant: int, request: Request) -> str:
    """A request as it travels. Its passwords are sealed for this instance, tenant and operation."""
    sealed = ""
    if request.secrets:
        plain = json.dumps(dict(request.secrets)).encode()
        sealed = base64.b64encode(secrets.wrap(plain, _context(tenant, request.operation_id))).decode()
    return json.dumps({"id": str(request.operation_id), "sealed": sealed})


def decode_request(tenant: int, message: bytes) -> Request | None:
    """The request that travelled, or None when the message is none of ours."""
    try:
        document = json.loads(message)
        operation_id = UUID(document["id"])
        if not document["sealed"]:
            return Request(operation_id)
        plain = secrets.unwrap(base64.b64decode(document["sealed"]), _context(tenant, operation_id))
        return Request(operation_id, json.loads(plain))
    except (ValueError, KeyError, TypeError, secrets.CannotUnseal):
        return None


def _context(tenant: int, operation_id: UUID) -> bytes:
    return f"operation {tenant} {operation_id}".encode()


def push(target: str, message: str) -> None:
    """Put a message on a list. Without Redis it is lost, and the row behind it is found by itself."""
    with contextlib.suppress(redis.RedisError):
        core_redis.client().lpush(target, message)


def ask_figures(tenant: int, platform_id: UUID, login: int) -> None:
    """Have an account's figures read anew by the owner of the connection."""
    with contextlib.suppress(redis.RedisError):
        core_redis.client().sadd(refresh_key(tenant, platform_id), login)


def ask_reading(tenant: int, platform_id: UUID, login: int) -> None:
    """Have an account read anew by the owner of the connection. Without Redis the next round reads it."""
    with contextlib.suppress(redis.RedisError):
        core_redis.client().sadd(reading_key(tenant, platform_id), login)


def encode_answer(state: str, reason: str | None) -> str:
    """What the waiting page is told. It reads the row afresh; this only wakes it."""
    return json.dumps({"state": state, "reason": reason})


def watch(tenant: int, client_ids: Iterable[UUID]) -> None:
    """Note that figures of these clients' accounts stand on a page. They are read while its event stream is open."""
    now = clock.now().timestamp()
    members = {str(client_id): now for client_id in client_ids}
    if members:
        with contextlib.suppress(redis.RedisError):
            core_redis.client().zadd(watch_key(tenant), members)
