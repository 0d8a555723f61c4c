"""Trading: closed trades know their account and their client, asked once for each statement."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "20261126_40_intake"
down_revision = "20261126_39_partners_abuse"
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parent.parent / "sql" / "20261126_40_intake.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    # Two keys were looked up once more for every row, which took more than half of the time of writing it. Nobody may
    # delete an account or a client, so to look when a leg is written is all that a key does.
    for parent in ("account", "client"):
        op.execute(f"ALTER TABLE closed_trade DROP CONSTRAINT closed_trade_tenant_id_{parent}_id_fkey")
    op.get_bind().connection.cursor().execute(FUNCTIONS.read_text(encoding="utf-8"))
