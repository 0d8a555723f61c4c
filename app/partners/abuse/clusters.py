"""Who belongs together: the port, and what answers it until a feature of its own does.

Three things link two clients: a browser that both signed in from, a bank account that both were paid to, and an
identity document. The first two are compared by hashes under the tenant's key; nothing is ever kept or shown in clear.
No part of the product keeps documents yet, so nobody is linked by one. An address on the network never links anybody.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.core import files
from app.core.db import execute_sql, load_sql, session, tenant_id
from app.partners.abuse.grouping import Link, Member, Use, clusters_of, links_of
from app.partners.abuse.models import ClientInstrument, ClusterMark
from app.partners.abuse.terms import Clusters as ClusterTerms
from app.payments.models import Withdrawal
from app.payments.service import withdrawals


class Clusters(Protocol):
    """What is asked about people who may be one."""

    def links(self, now: datetime) -> Sequence[Link]:
        """Every two clients who share something, with how sure it is that they belong together."""
        ...


class SharedThings:
    """Links by shared browsers and bank accounts, as sessions and withdrawals tell of them."""

    def links(self, now: datetime) -> Sequence[Link]:
        """Every two clients who share something. What was paid out since the last look is looked at first."""
        _note_accounts()
        return links_of([*self._uses("shared_devices"), *self._uses("shared_instruments")], now)

    @staticmethod
    def _uses(name: str) -> Iterable[Use]:
        for row in execute_sql(load_sql("app.partners.abuse", f"sql/{name}.sql")):
            yield Use(row.kind, bytes(row.tag), row.client_id, row.at)


def source() -> Clusters:
    """Who answers."""
    return SharedThings()


def members(now: datetime, terms: ClusterTerms) -> list[Member]:
    """Every two clients of one cluster, both ways round; those whom only a person can judge have the cluster 0."""
    return clusters_of(source().links(now), marks(), link_at=terms.link_at, component_max=terms.component_max)


def marks() -> dict[tuple[UUID, UUID], bool]:
    """What people have said about two clients, the lesser id first."""
    return {(mark.client_a, mark.client_b): mark.is_linked for mark in session().scalars(select(ClusterMark))}


def _note_accounts() -> None:
    """Hash the bank accounts of withdrawals that nobody has looked at yet."""
    statement = (
        select(Withdrawal)
        .outerjoin(
            ClientInstrument,
            (ClientInstrument.tenant_id == Withdrawal.tenant_id)
            & (ClientInstrument.source == "withdrawal")
            & (ClientInstrument.source_id == Withdrawal.id),
        )
        .where(ClientInstrument.source_id.is_(None))
    )
    key = files.data_key(1).key
    rows = [
        {
            "tenant_id": tenant_id(),
            "source": "withdrawal",
            "source_id": row.id,
            "client_id": row.client_id,
            "tag": hmac.digest(key, b"bank account " + withdrawals.details_of(row).iban.encode(), sha256),
            "used_at": row.created_at,
        }
        for row in session().scalars(statement)
    ]
    if rows:
        session().execute(insert(ClientInstrument).on_conflict_do_nothing(), rows)
