"""Tables of clients."""

from __future__ import annotations

revision = "20261124_06_clients"
down_revision = "20261124_05_rates"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
