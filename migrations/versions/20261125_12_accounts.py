"""Accounts: what may be opened, what may be done there, and what a lock takes away."""

from __future__ import annotations

from alembic import op

revision = "20261125_12_accounts"
down_revision = "20261125_11_deals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
