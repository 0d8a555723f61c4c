"""Trading: how quickly what happens on a platform is known here, and who is told when it is not."""

from __future__ import annotations

from alembic import op

revision = "20261125_14_sync"
down_revision = "20261125_13_adoption"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
