"""Commission: placeholder."""

from __future__ import annotations

from alembic import op

revision = "20261126_33_partners_awards"
down_revision = "20261126_32_partners_ranks"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
