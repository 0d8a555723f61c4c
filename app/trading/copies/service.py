"""Keeping and reading who copies whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.db import session, tenant_id
from app.kit import clock
from app.trading.copies.models import CopyAccount
from app.trading.platforms.base import Copy


@dataclass(frozen=True, slots=True)
class Provider:
    """Somebody who is copied, by the platform's own name."""

    provider: str
    name: str
    copiers: int

    @property
    def shown(self) -> str:
        """Its name, or its number where it has none."""
        return self.name or self.provider


def store(platform_id: UUID, copies: Sequence[Copy]) -> None:
    """Take a whole reading: whoever is not in it copies nobody any more."""
    now = clock.now()
    if copies:
        rows = [
            {
                "tenant_id": tenant_id(),
                "platform_id": platform_id,
                "login": copy.login,
                "parent_login": copy.parent_login,
                "provider": copy.provider,
                "provider_name": copy.provider_name,
                "balance": copy.balance,
                "currency": copy.currency,
                "seen_at": now,
            }
            for copy in copies
        ]
        put = insert(CopyAccount)
        changed = {name: put.excluded[name] for name in rows[0] if name not in ("tenant_id", "platform_id", "login")}
        keys = ["tenant_id", "platform_id", "login"]
        session().execute(put.on_conflict_do_update(index_elements=keys, set_=changed), rows)
    session().execute(delete(CopyAccount).where(CopyAccount.platform_id == platform_id, CopyAccount.seen_at < now))


def providers(platform_id: UUID) -> list[Provider]:
    """Everybody who is copied on a platform, the most copied first."""
    rows = session().execute(
        select(CopyAccount.provider, func.max(CopyAccount.provider_name), func.count())
        .where(CopyAccount.platform_id == platform_id)
        .group_by(CopyAccount.provider)
        .order_by(func.count().desc(), CopyAccount.provider)
    )
    return [Provider(row[0], row[1], row[2]) for row in rows]


def copies_of(platform_id: UUID, provider: str) -> tuple[int, list[tuple[str, Decimal]]]:
    """How many people copy a provider, and the balances that do so by currency."""
    of_provider = (CopyAccount.platform_id == platform_id, CopyAccount.provider == provider)
    people = session().scalar(
        select(
            func.count(CopyAccount.parent_login.distinct()).filter(CopyAccount.parent_login > 0)
            + func.count().filter(CopyAccount.parent_login == 0)
        ).where(*of_provider)
    )
    rows = session().execute(
        select(CopyAccount.currency, func.sum(CopyAccount.balance)).where(*of_provider).group_by(CopyAccount.currency)
    )
    return people or 0, [(row[0], row[1]) for row in rows]
