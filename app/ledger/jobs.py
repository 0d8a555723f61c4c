"""The books are proven every night, and the house wallets summed up."""

from __future__ import annotations

import structlog

from app.core.db import in_transaction
from app.core.jobs import every
from app.ledger import service

log = structlog.get_logger()


class BooksDiffer(RuntimeError):
    """The nightly proof found differences. The failed job stays visible to the operator until somebody has looked."""


@every("ledger.verify", seconds=86_400, queue="reports")
def verify_nightly() -> None:
    """Prove the tenant's books. Run again, it only reads again."""
    differences = in_transaction(service.verify)
    for difference in differences:
        log.error("ledger.difference", what=difference.what, object=str(difference.object_id))
    if differences:
        raise BooksDiffer(f"{len(differences)} differences, the first: {differences[0]}")


@every("ledger.snapshot", seconds=21_600, queue="reports")
def snapshot() -> None:
    """Sum up the house wallets. Run again at once, it finds nothing new."""
    in_transaction(service.take_snapshots)
