"""Tables of payments."""

from __future__ import annotations

revision = "20261124_09_payments"
down_revision = "20261124_08_trading"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
