"""Leases: work that exactly one process of the instance does at a time, and another takes over when it dies."""

from __future__ import annotations

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.core import db

log = structlog.get_logger()

# Expiry is judged by the database's clock alone, so processes on machines whose clocks differ agree on it.
_TAKE = """
INSERT INTO instance_lease AS held (name, owner, epoch, expires_at)
VALUES (:name, :owner, 1, clock_timestamp() + make_interval(secs => :seconds))
ON CONFLICT (name) DO UPDATE
SET owner = :owner, expires_at = clock_timestamp() + make_interval(secs => :seconds),
    epoch = held.epoch + CASE WHEN held.owner = :owner AND held.expires_at > clock_timestamp() THEN 0 ELSE 1 END
WHERE held.owner = :owner OR held.expires_at <= clock_timestamp()
RETURNING epoch
"""


def take(name: str, owner: str, *, seconds: float) -> int | None:
    """Take or prolong a lease. Answers its epoch, which grows with each new holder, or None while another holds it."""
    with db.directory_scope(), db.transaction():
        epoch: int | None = db.execute_sql(_TAKE, name=name, owner=owner, seconds=seconds).scalar_one_or_none()
    return epoch


def give_back(name: str, owner: str) -> None:
    """End a lease before its time, so that another process need not wait."""
    with db.directory_scope(), db.transaction():
        db.execute_sql(
            "UPDATE instance_lease SET expires_at = clock_timestamp() WHERE name = :name AND owner = :owner",
            name=name,
            owner=owner,
        )


class KeptLease:
    """A lease that a thread keeps prolonging while the block runs; `is_held` says whether we may act now."""

    def __init__(self, name: str, owner: str, *, seconds: float = 10.0) -> None:
        self.name, self.owner, self.seconds = name, owner, seconds
        self.epoch: int | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease {name}", daemon=True)

    @property
    def is_held(self) -> bool:
        return self.epoch is not None

    def __enter__(self) -> KeptLease:
        self._try()
        self._thread.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._stop.set()
        self._thread.join()
        if self.is_held:
            try:
                give_back(self.name, self.owner)
            except SQLAlchemyError:
                log.warning("lease.not_given_back", lease=self.name)

    def _keep(self) -> None:
        while not self._stop.wait(self.seconds / 4):
            self._try()

    def _try(self) -> None:
        before = self.epoch
        try:
            self.epoch = take(self.name, self.owner, seconds=self.seconds)
        except SQLAlchemyError as error:
            self.epoch = None  # What we do not know we hold, we do not hold.
            log.warning("lease.unreachable", lease=self.name, error=type(error).__name__)
            return
        if self.epoch != before:
            log.info("lease.taken" if self.epoch else "lease.lost", lease=self.name, epoch=self.epoch)
