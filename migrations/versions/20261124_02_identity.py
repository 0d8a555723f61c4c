"""Tables of identity."""

from __future__ import annotations

revision = "20261124_02_identity"
down_revision = "20261124_01_core"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
