"""Live facts and values: what open pages are told, through Redis, after the commit.

A fact ("wallet-changed") makes the browser fetch a block again, so the ordinary view decides what may be seen. A value
(equity) travels as a number on a lane that only displays. A lost message loses no fact: pages also refresh themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import redis
import structlog
from itsdangerous import BadSignature, URLSafeSerializer

from app.config import settings
from app.core.db import after_commit, tenant_id
from app.core.redis import client, key

log = structlog.get_logger()


def channel(tenant: int, receiver: str) -> str:
    """The Redis channel of a receiver: `client:<id>`, `u:<user id>`, `office`, `partner:<id>`."""
    return key("t", tenant, receiver)


def publish(receiver: str, event: str) -> None:
    """Tell the pages of `receiver` that a fact has changed, once the present transaction has committed."""
    target = channel(tenant_id(), receiver)
    after_commit(lambda: send(target, {"event": event}))


def publish_to_all(receivers: Iterable[str], event: str) -> None:
    """Tell the pages of many receivers the same, in one trip to Redis, once the present transaction has committed."""
    targets = [channel(tenant_id(), receiver) for receiver in receivers]
    if targets:
        after_commit(lambda: _send_to_all(targets, {"event": event}))


def publish_values(tenant: int, receiver: str, values: Mapping[str, Mapping[str, str]]) -> None:
    """Show numbers at once: cell id -> {"kind": "money"|"number"|"text", "value", "currency"?}. Display only."""
    send(channel(tenant, receiver), {"values": values})


def send(target: str, message: Mapping[str, object]) -> None:
    """Publish now. Redis being away is logged and forgotten: the fact stands in the database."""
    try:
        client().publish(target, json.dumps(message))
    except redis.RedisError as error:
        log.warning("live.unsent", channel=target, error=str(error))


def _send_to_all(targets: Sequence[str], message: Mapping[str, object]) -> None:
    text = json.dumps(message)
    try:
        with client().pipeline(transaction=False) as pipe:
            for target in targets:
                pipe.publish(target, text)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("live.unsent", channels=len(targets), error=str(error))


def end_streams(tenant: int, session_id: UUID) -> None:
    """Close every stream of a session at once: it has ended, or its person lost a role."""
    send(key("control"), {"end_session": str(session_id), "tenant": tenant})


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="live channels")


def sign_channels(tenant: int, session_id: UUID | None, locale: str, receivers: Sequence[str]) -> str:
    """The channel list of a page, signed for its tenant and session. It is no secret and grants nothing by itself."""
    return _serializer().dumps([tenant, str(session_id or ""), locale, list(receivers)])


def read_channels(signed: str) -> tuple[int, str, str, list[str]] | None:
    """(tenant, session id, locale, receivers) of a signed list, or None when it is not ours."""
    try:
        tenant, session_id, locale, receivers = _serializer().loads(signed)
    except (BadSignature, ValueError, TypeError):
        return None
    return tenant, session_id, locale, receivers
