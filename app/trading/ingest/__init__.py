"""Intake: what a platform reports becomes rows, whoever brought it. Set-based, repeatable, numbered.

Runs inside a tenant scope and a transaction of the caller. The same report twice changes nothing; reports in any
order end in the same rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from uuid import UUID

import redis

from app.core import live
from app.core import redis as core_redis
from app.core.db import after_commit, tenant_id
from app.trading import wire
from app.trading.ingest.batch import Batch, NoServerClock, Stored, Window
from app.trading.ingest.deals import link_account, store_deals, vanished_logins
from app.trading.ingest.figures import Values, store_figures, store_symbols
from app.trading.queries.platforms import server_clock

__all__ = [
    "Batch",
    "NoServerClock",
    "Stored",
    "Window",
    "link_account",
    "store",
    "store_symbols",
    "vanished_logins",
    "want_refresh",
]


def store(platform_id: UUID, batch: Batch) -> Stored:
    """Store what a platform reported, tell open pages after the commit, and answer what changed. Raises
    NoServerClock."""
    stored = Stored()
    times = server_clock(platform_id)
    if times is None and (batch.deals or batch.positions):
        raise NoServerClock(str(platform_id))
    if batch.deals or batch.deleted_deals or batch.window:
        assert times is not None or not batch.deals
        store_deals(platform_id, batch, times, stored)
    values = store_figures(platform_id, batch, times)
    _tell(platform_id, stored, values)
    return stored


def _tell(platform_id: UUID, stored: Stored, values: Values) -> None:
    live.publish_to_all((f"client:{client_id}" for client_id in stored.clients), "trades-changed")
    if values:
        tenant = tenant_id()
        after_commit(lambda: _publish_values(tenant, values))


def _publish_values(tenant: int, values: Values) -> None:
    for client_id, cells in values.items():
        live.publish_values(tenant, f"client:{client_id}", cells)


def want_refresh(platform_id: UUID, logins: Iterable[int]) -> None:
    """Have the connector read these logins' figures again soon: a deal is stored before the account is updated."""
    wanted = [str(login) for login in logins]
    if wanted:
        tenant = tenant_id()
        after_commit(lambda: _add_refresh(tenant, platform_id, wanted))


def _add_refresh(tenant: int, platform_id: UUID, logins: list[str]) -> None:
    with contextlib.suppress(redis.RedisError):
        core_redis.client().sadd(wire.refresh_key(tenant, platform_id), *logins)
