"""Where bridges post what happens on a trade server: check, store, and only then acknowledge.

The handler runs on the event loop and never touches the database; storing happens in a thread with the tenant's scope.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.exc import DataError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.core import db, live
from app.core.actor import acting_as
from app.kit import addresses, clock
from app.tenancy import secrets
from app.tenancy import service as tenancy
from app.trading import ingest, signatures
from app.trading.models import PlatformStatus
from app.trading.platforms.base import AccountRecord, AccountState, Deal, Position
from app.trading.platforms.mt5 import codec
from app.trading.queries import ingest as queries
from app.trading.queries import leases
from app.trading.queries import platforms as platform_queries
from app.trading.service import outcomes, sign_ins
from app.trading.service.sign_ins import SignIn
from app.trading.sync_health import service as sync_health
from app.trading.sync_health.arrivals import Arrivals
from app.trading.sync_health.models import GapReason
from app.trading.sync_health.service import Gathered

log = structlog.get_logger()

BODY_MAX: Final = 1024 * 1024
BODY_WITHIN_S: Final = 20.0
EVENTS_MAX: Final = 200
SEQ_MAX: Final = 2**63 - 1
EPOCH_LENGTH_MAX: Final = 64
_GAP_EVENTS = frozenset({"bridge.disconnect", "bridge.overflow", "deal.clean"})
AT_ONCE: Final = 2  # A bridge waits for its answer before it goes on; one that does not leaves threads to the others.
_threads = ThreadPoolExecutor(max_workers=6, thread_name_prefix="bridge")
_running: Counter[str] = Counter()
_arrivals = Arrivals()
_mistakes = signatures.Mistakes()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch is answered. `error` is a word that the bridge acts upon."""

    status: int
    ack: int | None = None
    error: str = ""


async def bridge_endpoint(request: Request) -> Response:
    """POST /bridge/{key}. 200 with `ack` after the commit; 401 and 403 for a signature or key that is not ours.

    Whoever is refused 30 times in a minute gets 429 until the minute is over, without being read.
    """
    peer = request.client.host if request.client else ""
    address = addresses.sender(peer, request.headers.get("x-forwarded-for", ""))
    if _mistakes.are_too_many(address):
        return _answer(Outcome(429, error="wait"))
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_MAX:
                    return _answer(Outcome(413, error="too_large"))
    except TimeoutError:
        return _answer(Outcome(408, error="too_slow"))
    key = str(request.path_params["key"])
    signature = request.headers.get("x-kontor-signature", "")
    arrived = time.perf_counter()
    if _running[key] >= AT_ONCE:
        return _answer(Outcome(503, error="busy"))
    _running[key] += 1
    try:
        work = partial(receive, key, signature, bytes(body), arrived=arrived)
        outcome = await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        _running[key] -= 1
        if not _running[key]:
            del _running[key]
    if outcome.status in (401, 403):
        _mistakes.add(address)
        log.warning("bridge.refused", key=key[:64], ip=address, status=outcome.status)
    return _answer(outcome)


def _answer(outcome: Outcome) -> Response:
    if outcome.ack is not None:
        return JSONResponse({"ack": outcome.ack})
    headers = {"Retry-After": "60"} if outcome.status == 429 else {}
    return JSONResponse({"error": outcome.error}, status_code=outcome.status, headers=headers)


@dataclass(frozen=True, slots=True)
class Known:
    """What a bridge's key names. Kept for seconds, because a busy bridge posts hundreds of times in them."""

    tenant_id: int
    platform_id: UUID
    secret: str = field(repr=False)
    close_only_groups: frozenset[str]
    label: tuple[str, str]
    until: float


_known: dict[str, Known] = {}
KNOWN_S = 5.0


def forget() -> None:
    """Look every key and secret up again from now on, and forgive every mistake."""
    _known.clear()
    _mistakes.clear()


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
        platform = platform_queries.platform(platform_id)
        try:
            secret = secrets.get(platform.bridge_secret)
        except secrets.SecretMissing:
            return None
        close_only = frozenset(platform.settings.get("close_only_groups", {}).values())
        label = (tenancy.current().slug, platform.code)
    found = Known(tenant, platform_id, secret, close_only, label, time.monotonic() + KNOWN_S)
    _known[key] = found
    return found


def receive(key: str, signature: str, body: bytes, *, arrived: float | None = None) -> Outcome:
    """Check and store one batch, in the calling thread. `arrived` is when its last byte was here."""
    began = arrived or time.perf_counter()
    known = _look_up(key) if key.isascii() and "\x00" not in key else None
    if known is None:
        return Outcome(403, error="unknown_key")
    nonce = signatures.signed_nonce(known.secret, signature, body)
    if nonce is None or not signatures.take_nonce(known.platform_id, nonce):
        return Outcome(401, error="signature")
    try:
        message = read_message(body)
        if len(message.events) > EVENTS_MAX:
            return Outcome(413, error="too_many")
        stored = _store(known, message)
        _arrivals.note(known.platform_id, known.label, time.perf_counter() - began, len(message.events))
        return Outcome(200, stored)
    except ingest.NoServerClock:
        return Outcome(503, error="no_server_clock")  # It is measured within seconds; the bridge comes again.
    except (ValueError, KeyError, TypeError, RecursionError, DataError) as error:
        log.warning("bridge.unreadable", tenant=known.tenant_id, key=key, error=type(error).__name__)
        return Outcome(400, error="unreadable")


def _store(known: Known, message: Message) -> int:
    written: Gathered = {}
    try:
        with db.tenant_scope(known.tenant_id), acting_as(outcomes.CONNECTOR), db.transaction():
            written = _arrivals.write_due(known.platform_id)
            return store_events(known.platform_id, message.epoch, message.events, known.close_only_groups)
    except BaseException:
        _arrivals.put_back(known.platform_id, written)
        raise


@dataclass(frozen=True, slots=True)
class BridgeEvent:
    """One event with its place in the sequence."""

    seq: int
    kind: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """A batch as it was sent, its events in their order."""

    epoch: str
    events: Sequence[BridgeEvent]


def read_message(body: bytes) -> Message:
    """Read a batch. Raises ValueError, KeyError or TypeError for anything else."""
    document = json.loads(body)
    epoch, rows = document["epoch"], document["events"]
    if not isinstance(epoch, str) or len(epoch) > EPOCH_LENGTH_MAX or not isinstance(rows, list):
        raise ValueError("This is no batch.")
    events = []
    for row in rows:
        seq, kind, record = row["seq"], row["type"], row["record"]
        if type(seq) is not int or not 0 < seq <= SEQ_MAX or not isinstance(kind, str) or not isinstance(record, dict):
            raise ValueError("This is no event.")
        if any(isinstance(value, str) and "\x00" in value for value in record.values()):
            raise ValueError("A text contains a character that nothing can store.")
        events.append(BridgeEvent(seq, kind, record))
    return Message(epoch, sorted(events, key=lambda event: event.seq))


def store_events(
    platform_id: UUID, epoch: str, events: Sequence[BridgeEvent], close_only_groups: Collection[str] = ()
) -> int:
    """Store what is new of a batch and answer the highest number stored. A hole or a new epoch asks for a catch-up.

    The platform's status row is locked throughout, so two deliveries of the same batch count once. A batch without
    events changes nothing: so a bridge tries its address and secret.
    """
    status = queries.lock_status(platform_id)
    assert status is not None, "Applying the bundle makes the row."
    if not events:
        return status.bridge_seq if status.bridge_epoch == epoch else 0
    if status.bridge_epoch != epoch:
        if status.bridge_epoch is not None:
            _note_gap(status)
        status.bridge_epoch, status.bridge_seq = epoch, 0
    is_first = status.bridge_seq == 0
    fresh = [event for event in events if event.seq > status.bridge_seq]
    _note_seen(status, events)
    if fresh:
        first, last = fresh[0].seq, fresh[-1].seq
        has_hole = last - first + 1 != len(fresh) or first != status.bridge_seq + 1
        if has_hole or any(event.kind in _GAP_EVENTS for event in fresh):
            _note_gap(status)
            log.info("bridge.gap", platform=str(platform_id), epoch=epoch, first=first, last=last, is_first=is_first)
        status.bridge_seq = last
        db.session().flush()
        store_batch(platform_id, fresh, close_only_groups)
    db.session().flush()
    return status.bridge_seq


def _note_gap(status: PlatformStatus) -> None:
    status.catch_up_wanted = status.catch_up_wanted or "gap"
    sync_health.open_gap(status.platform_id, GapReason.BRIDGE, from_at=status.complete_until)


def _note_seen(status: PlatformStatus, events: Sequence[BridgeEvent]) -> None:
    """A bridge that has no link to its trade server is as silent as one that is away."""
    is_linked = status.bridge_seen_at is not None
    for event in events:
        if event.kind == "bridge.heartbeat":
            is_linked = str(event.record.get("Connected", "1")) == "1"
        else:
            is_linked = event.kind != "bridge.disconnect"
    status.bridge_seen_at = clock.now() if is_linked else None


def store_batch(platform_id: UUID, events: Sequence[BridgeEvent], close_only_groups: Collection[str] = ()) -> None:
    """Bring the rows to what these events say."""
    batch = batch_of(events, close_only_groups)
    ingest.store(platform_id, batch)
    ingest.want_refresh(platform_id, {deal.login for deal in batch.deals if deal.position_id})
    alarmed = sorted({codec.whole(event.record, "Login") for event in events if event.kind.startswith("account.")})
    for account in queries.accounts_by_login(platform_id, alarmed).values():
        live.publish(f"client:{account.client_id}", "accounts-changed")
    found = [
        SignIn(codec.whole(each.record, "Login"), codec.text(each.record, "IP"), codec.text(each.record, "Type")[:16])
        for each in events
        if each.kind == "user.login"
    ]
    if found:
        sign_ins.record_sign_ins(platform_id, found)


def batch_of(events: Sequence[BridgeEvent], close_only_groups: Collection[str] = ()) -> ingest.Batch:
    """Events as a batch: of each record its last state. Kinds that nothing is stored of are passed over."""
    deals: dict[int, Deal] = {}
    deleted: dict[int, None] = {}
    positions: dict[int, Position] = {}
    closed: dict[int, None] = {}
    cleaned: dict[int, None] = {}
    accounts: dict[int, AccountRecord] = {}
    states: dict[int, AccountState] = {}
    for event in events:
        kind, record = event.kind, event.record
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
        elif kind == "position.clean":
            login = codec.whole(record, "Login")
            cleaned[login] = None
            positions = {ticket: each for ticket, each in positions.items() if each.login != login}
        elif kind in ("user.add", "user.update", "user.restore"):
            account = codec.account_record(record, close_only_groups)
            accounts[account.login] = account
            states.pop(account.login, None)
        elif kind.startswith("account."):
            state = codec.account_state(record)
            states[state.login] = state
    return ingest.Batch(
        deals=list(deals.values()),
        deleted_deals=list(deleted),
        positions=list(positions.values()),
        closed_positions=list(closed),
        whole_positions_of=list(cleaned),
        accounts=list(accounts.values()),
        states=list(states.values()),
    )
