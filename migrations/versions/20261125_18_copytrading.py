"""Copy trading: published strategies and their figures."""

from __future__ import annotations

from alembic import op

revision = "20261125_18_copytrading"
down_revision = "20261125_17_statements"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
