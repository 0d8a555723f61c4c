"""${message}."""

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    ${upgrades if upgrades else ""}


def downgrade() -> None:
    raise NotImplementedError("Migrations only go forward: restore the backup taken before the release.")
