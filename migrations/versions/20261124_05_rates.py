"""Reference rates: one row per currency and day, the same for every tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import grant_global
from app.rates import ecb

revision = "20261124_05_rates"
down_revision = "20261124_04_ledger"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.create_table(
        "reference_rate",
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("quoted_on", sa.Date, nullable=False),
        sa.Column("per_euro", sa.Numeric, nullable=False),
        sa.PrimaryKeyConstraint("currency", "quoted_on"),
        sa.CheckConstraint("per_euro > 0", name="reference_rate_positive"),
    )
    grant_global("reference_rate", app="SELECT", batch="SELECT, INSERT, UPDATE")
    if not op.get_context().as_sql:
        load_history()


def load_history() -> None:
    """Fill the table at once: an instance without rates could convert nothing. `flask rates load` brings later days."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy("COPY reference_rate FROM STDIN") as copy:
        for quote in ecb.quotes():
            copy.write_row(quote)


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
