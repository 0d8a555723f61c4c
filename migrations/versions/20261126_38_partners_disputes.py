"""Commission: placeholder."""

from __future__ import annotations

from alembic import op

revision = "20261126_38_partners_disputes"
down_revision = "20261126_37_partners_portal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
