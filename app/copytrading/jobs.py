"""What comes round: readings of equity and the figures of all strategies."""

from __future__ import annotations

from app.copytrading import bundle, service
from app.core.db import transaction
from app.core.jobs import every
from app.kit import clock


@every("copytrading.figures", seconds=300, queue="reports")
def figures() -> None:
    """Note what accounts are worth now and compute every strategy anew. Run twice, it says the same."""
    with transaction():
        if bundle.section() is not None:
            service.refresh(clock.business_now())
