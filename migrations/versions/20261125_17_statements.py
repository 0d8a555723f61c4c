"""Trading: statements of accounts."""

from __future__ import annotations

from alembic import op

revision = "20261125_17_statements"
down_revision = "20261125_16_intake"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
