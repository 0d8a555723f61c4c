"""A tenant's secrets: platform logins, provider keys. Sealed in the database, opened only where they are used."""

from __future__ import annotations

from app.core import db, secrets
from app.core.files import data_key
from app.kit import clock
from app.tenancy.models import TenantSecret


class SecretMissing(LookupError):
    """The bundle names a secret that nobody has given yet."""


def get(name: str) -> str:
    """The bound tenant's secret in clear. Raises SecretMissing. Never log or show what this answers."""
    row = db.session().get(TenantSecret, {"tenant_id": db.tenant_id(), "name": name})
    if row is None:
        raise SecretMissing(f"The secret {name} has not been given.")
    return secrets.unseal(data_key(row.key_version).key, row.sealed, _context(name)).decode()


def put(name: str, value: str) -> None:
    """Keep a secret of the bound tenant, in place of the one of that name. The caller records who did it."""
    key = data_key()
    sealed = secrets.seal(key.key, value.encode(), _context(name))
    db.session().merge(
        TenantSecret(name=name, sealed=sealed, key_version=key.version, tail=value[-3:], changed_at=clock.now())
    )
    db.session().flush()


def exists(name: str) -> bool:
    """Whether the bound tenant has a secret of this name."""
    return db.session().get(TenantSecret, {"tenant_id": db.tenant_id(), "name": name}) is not None


def _context(name: str) -> bytes:
    return f"secret {db.tenant_id()} {name}".encode()
