"""Where bridges post what happens on a trade server: check, store, and only then acknowledge.

The handler runs on the event loop and never touches the database; storing happens in a thread with the tenant's scope.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.core import db
from app.core.actor import acting_as
from app.kit import clock
from app.tenancy import secrets
from app.trading import ingest
from app.trading.platforms.base import AccountRecord, Deal, Position
from app.trading.platforms.mt5 import codec
from app.trading.queries import ingest as queries
from app.trading.queries import leases
from app.trading.queries import platforms as platform_queries
from app.trading.service import outcomes

log = structlog.get_logger()

BODY_MAX = 1024 * 1024
EVENTS_MAX = 200
SIGNATURE_AGE_S = 60
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")
_GAP_EVENTS = frozenset({"bridge.disconnect", "bridge.overflow"})
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="bridge")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch is answered."""

    status: int
    ack: int | None = None


async def bridge_endpoint(request: Request) -> Response:
    """POST /bridge/{key}. 200 with `ack` after the commit; 401 and 403 for a signature or key that is not ours."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return Response(status_code=413)
    key = str(request.path_params["key"])
    signature = request.headers.get("x-kontor-signature", "")
    outcome = await asyncio.get_running_loop().run_in_executor(_threads, receive, key, signature, bytes(body))
    if outcome.ack is None:
        return Response(status_code=outcome.status)
    return JSONResponse({"ack": outcome.ack})


@dataclass(frozen=True, slots=True)
class Known:
    """What a bridge's key names. Kept for seconds, because a busy bridge posts hundreds of times in them."""

    tenant_id: int
    platform_id: UUID
    secret: str = field(repr=False)
    until: float


_known: dict[str, Known] = {}
KNOWN_S = 5.0


def forget() -> None:
    """Look every key and secret up again from now on."""
    _known.clear()


def _look_up(key: str) -> Known | None:
    """The platform and secret behind a key; None for a key that is not ours or whose secret nobody has given."""
    found = _known.get(key)
    if found is not None and found.until > time.monotonic():
        return found
    _known.pop(key, None)
    with db.directory_scope():
        place = leases.platform_of_bridge(key)
    if place is None:
        return None
    tenant, platform_id = place
    with db.tenant_scope(tenant):
        try:
            secret = secrets.get(platform_queries.platform(platform_id).bridge_secret)
        except secrets.SecretMissing:
            return None
    found = Known(tenant, platform_id, secret, time.monotonic() + KNOWN_S)
    _known[key] = found
    return found


def receive(key: str, signature: str, body: bytes) -> Outcome:
    """Check and store one batch, in the calling thread."""
    known = _look_up(key)
    if known is None:
        return Outcome(403)
    if not is_signed(known.secret, signature, body):
        return Outcome(401)
    try:
        message = json.loads(body)
        events = message["events"]
        if len(events) > EVENTS_MAX:
            return Outcome(413)
        with db.tenant_scope(known.tenant_id), acting_as(outcomes.CONNECTOR), db.transaction():
            stored = store_events(known.platform_id, str(message["epoch"]), int(message["seq"]), events)
        return Outcome(200, stored)
    except ingest.NoServerClock:
        return Outcome(503)  # The connector measures the clock within seconds; the bridge comes again.
    except (ValueError, KeyError, TypeError, codec.Unreadable) as error:
        log.warning("bridge.unreadable", tenant=known.tenant_id, key=key, error=type(error).__name__)
        return Outcome(400)


def is_signed(secret: str, signature: str, body: bytes) -> bool:
    """Whether the body was signed with the secret within the last minute. Takes the same time whatever the signature
    is."""
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        return False
    if abs(clock.now().timestamp() - int(found[1])) > SIGNATURE_AGE_S:
        return False
    wanted = hmac.new(secret.encode(), found[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted, found[2])


def store_events(platform_id: UUID, epoch: str, seq: int, events: list[Mapping[str, Any]]) -> int:
    """Store what is new of a batch and answer the highest number stored. A hole or a new epoch asks for a catch-up.

    The platform's status row is locked throughout, so two deliveries of the same batch count once.
    """
    status = queries.lock_status(platform_id)
    assert status is not None, "Applying the bundle makes the row."
    if status.bridge_epoch != epoch:
        if status.bridge_epoch is not None:
            status.catch_up_wanted = status.catch_up_wanted or "gap"
        status.bridge_epoch, status.bridge_seq = epoch, 0
        is_first = True
    else:
        is_first = status.bridge_seq == 0
    fresh = sorted((event for event in events if int(event["seq"]) > status.bridge_seq), key=lambda e: int(e["seq"]))
    status.bridge_seen_at = clock.now()
    if fresh:
        first, last = int(fresh[0]["seq"]), int(fresh[-1]["seq"])
        has_hole = last - first + 1 != len(fresh) or (first != status.bridge_seq + 1 and not is_first)
        if has_hole or (is_first and first != 1) or any(event["type"] in _GAP_EVENTS for event in fresh):
            status.catch_up_wanted = status.catch_up_wanted or "gap"
        status.bridge_seq = last
        db.session().flush()
        batch = batch_of(fresh)
        ingest.store(platform_id, batch)
        ingest.want_refresh(platform_id, {deal.login for deal in batch.deals if deal.position_id})
    db.session().flush()
    return max(status.bridge_seq, seq if not fresh and seq <= status.bridge_seq else 0)


def batch_of(events: list[Mapping[str, Any]]) -> ingest.Batch:
    """Events as a batch: of each record its last state."""
    deals: dict[int, Deal] = {}
    deleted: dict[int, None] = {}
    positions: dict[int, Position] = {}
    closed: dict[int, None] = {}
    accounts: dict[int, AccountRecord] = {}
    for event in events:
        kind, record = str(event["type"]), event["record"]
        if kind in ("deal.add", "deal.update"):
            deal = codec.deal(record)
            deals[deal.ticket] = deal
            deleted.pop(deal.ticket, None)
        elif kind == "deal.delete":
            ticket = codec.whole(record, "Deal")
            deleted[ticket] = None
            deals.pop(ticket, None)
        elif kind in ("position.add", "position.update"):
            position = codec.position(record)
            positions[position.ticket] = position
            closed.pop(position.ticket, None)
        elif kind == "position.delete":
            ticket = codec.whole(record, "Position")
            closed[ticket] = None
            positions.pop(ticket, None)
        elif kind in ("user.add", "user.update"):
            account = codec.account_record(record)
            accounts[account.login] = account
    return ingest.Batch(
        deals=list(deals.values()),
        deleted_deals=list(deleted),
        positions=list(positions.values()),
        closed_positions=list(closed),
        accounts=list(accounts.values()),
    )
