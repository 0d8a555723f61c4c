"""Commission: placeholder."""

from __future__ import annotations

from alembic import op

revision = "20261126_31_partners_volume"
down_revision = "20261125_23_partners_replay"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
