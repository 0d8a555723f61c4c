"""Trading: accounts and deals that were there before us, and changes of many accounts at once."""

from __future__ import annotations

from alembic import op

revision = "20261125_13_adoption"
down_revision = "20261125_12_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
