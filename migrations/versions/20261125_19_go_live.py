"""Trading: what has been checked before a connection goes live."""

from __future__ import annotations

from alembic import op

revision = "20261125_19_go_live"
down_revision = "20261125_18_copytrading"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
