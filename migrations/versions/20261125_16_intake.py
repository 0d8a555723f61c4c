"""Trading: taking in many deals at once."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "20261125_16_intake"
down_revision = "20261125_15_money"
branch_labels = None
depends_on = None

FUNCTIONS = Path(__file__).parent.parent / "sql" / "20261125_16_intake.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.get_bind().connection.cursor().execute(FUNCTIONS.read_text(encoding="utf-8"))
    # A platform may say when a closed part was opened although nobody has its opening deal. What is stored obeyed the
    # stricter rule, so there is nothing to look through.
    op.execute("ALTER TABLE closed_trade DROP CONSTRAINT closed_trade_opening")
    op.execute(
        "ALTER TABLE closed_trade ADD CONSTRAINT closed_trade_opening"
        " CHECK (opening_deal IS NULL OR opened_at IS NOT NULL) NOT VALID"
    )
    # Row security vouches for the tenant, and intake has read the platform's own rows before it writes any of these: a
    # key to either would be looked up once more for every row. A leg keeps its keys to the account and the client.
    for table in ("deal", "closed_trade"):
        for columns in ("tenant_id", "tenant_id_platform_id"):
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{columns}_fkey")
