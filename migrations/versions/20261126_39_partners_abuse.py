"""Commission: placeholder."""

from __future__ import annotations

from alembic import op

revision = "20261126_39_partners_abuse"
down_revision = "20261126_38_partners_disputes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
