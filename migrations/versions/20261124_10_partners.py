"""Tables of partners."""

from __future__ import annotations

revision = "20261124_10_partners"
down_revision = "20261124_09_payments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
