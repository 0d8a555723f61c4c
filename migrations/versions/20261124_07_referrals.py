"""Tables of referrals."""

from __future__ import annotations

revision = "20261124_07_referrals"
down_revision = "20261124_06_clients"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
