"""Files that people upload: checked by content, stored encrypted outside the database, their facts in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from app.config import settings
from app.core import db, secrets
from app.core.db import TenantModel
from app.core.errors import DomainError, NotFound
from app.kit import clock
from app.kit.text import _l

MAX_BYTES = 10 * 1024 * 1024
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)


class FileTooLarge(DomainError):
    status_code = 413
    message = _l("The file is larger than 10 MB.")


class FileKindRefused(DomainError):
    status_code = 422
    message = _l("Upload a PDF, PNG or JPEG file.")


class FileEmpty(DomainError):
    status_code = 422
    message = _l("Choose a file to upload.")


class StoredFile(TenantModel):
    """Facts of an uploaded file; its bytes lie sealed under the tenant's data key."""

    __tablename__ = "stored_file"

    name: Mapped[str]
    media_type: Mapped[str]
    size_bytes: Mapped[int]
    sha256: Mapped[str]
    key_version: Mapped[int]
    created_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class DataKey:
    """A tenant's data key and its version."""

    version: int
    key: bytes


def media_type_of(content: bytes) -> str:
    """What the bytes are, whatever their name says. Raises FileEmpty, FileTooLarge, FileKindRefused."""
    if not content:
        raise FileEmpty
    if len(content) > MAX_BYTES:
        raise FileTooLarge
    for magic, media_type in _MAGIC:
        if content.startswith(magic):
            return media_type
    raise FileKindRefused


def data_key(version: int | None = None) -> DataKey:
    """The bound tenant's data key (its newest, or that version), made at first need."""
    tenant = db.tenant_id()
    context = f"tenant {tenant}".encode()
    for _ in range(2):
        row = db.execute_sql(
            "SELECT version, wrapped FROM tenant_data_key WHERE tenant_id = :tenant_id"
            " AND (CAST(:version AS int) IS NULL OR version = :version) ORDER BY version DESC LIMIT 1",
            version=version,
        ).one_or_none()
        if row is not None:
            return DataKey(row.version, secrets.unwrap(bytes(row.wrapped), context))
        db.execute_sql(
            "INSERT INTO tenant_data_key (tenant_id, version, wrapped, created_at)"
            " VALUES (:tenant_id, 1, :wrapped, :now) ON CONFLICT DO NOTHING",
            wrapped=secrets.wrap(secrets.new_data_key(), context),
            now=clock.now(),
        )
    raise secrets.CannotUnseal("The tenant has no data key of this version.")


def store(name: str, content: bytes) -> StoredFile:
    """Keep a file of the bound tenant. Raises FileEmpty, FileTooLarge, FileKindRefused.

    The bytes are written first: a rolled-back transaction leaves a sealed orphan, never a row without its file.
    """
    media_type = media_type_of(content)
    key = data_key()
    row = StoredFile(
        name=name.replace("\\", "/").rpartition("/")[2][:200] or "file",
        media_type=media_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        key_version=key.version,
        created_at=clock.now(),
    )
    folder = settings().files_dir / str(row.tenant_id)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(row.id)).write_bytes(secrets.seal(key.key, content, f"file {row.id}".encode()))
    db.session().add(row)
    db.session().flush()
    return row


def read(file_id: UUID) -> tuple[StoredFile, bytes]:
    """A file of the bound tenant and its bytes. Raises NotFound."""
    row = db.get(StoredFile, file_id)
    if row is None:
        raise NotFound
    sealed = (settings().files_dir / str(row.tenant_id) / str(row.id)).read_bytes()
    return row, secrets.unseal(data_key(row.key_version).key, sealed, f"file {row.id}".encode())
