"""Tables of ledger."""

from __future__ import annotations

revision = "20261124_04_ledger"
down_revision = "20261124_03_restrictions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
