"""Clients, staff notes on them, and the search over them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.core.migrate import isolate_by_tenant

revision = "20261124_06_clients"
down_revision = "20261124_05_rates"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '4s'")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.create_table(
        "client",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_sort", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_norm", sa.Text, nullable=False),
        sa.Column("country", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("suspension_id", sa.Uuid),
        sa.Column("kyc_level", sa.BigInteger, nullable=False),
        sa.Column("owner_id", sa.Uuid),
        sa.Column("signup_ip", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "user_id"),
        sa.UniqueConstraint("tenant_id", "number"),
        sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["identity_user.tenant_id", "identity_user.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "owner_id"], ["identity_user.tenant_id", "identity_user.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "suspension_id"], ["restriction.tenant_id", "restriction.id"]),
        sa.CheckConstraint("status IN ('registered', 'active', 'suspended')", name="client_status"),
        sa.CheckConstraint("(status = 'suspended') = (suspension_id IS NOT NULL)", name="client_suspension"),
        sa.CheckConstraint("kyc_level BETWEEN 0 AND 3", name="client_kyc_level"),
    )
    op.create_index("ix_client_created", "client", ["tenant_id", "created_at", "id"])
    op.create_index("ix_client_name", "client", ["tenant_id", "name_sort", "id"])
    op.create_index("ix_client_country", "client", ["tenant_id", "country", "created_at", "id"])
    op.create_index("ix_client_status", "client", ["tenant_id", "status", "kyc_level", "created_at"])
    op.create_index("ix_client_email", "client", ["tenant_id", "email_norm"])
    op.create_index("ix_client_owner", "client", ["tenant_id", "owner_id", "created_at"])
    op.execute(
        "CREATE INDEX ix_client_search ON client USING gin (tenant_id, name_sort gin_trgm_ops, email_norm gin_trgm_ops)"
    )
    isolate_by_tenant("client", grant="SELECT, INSERT, UPDATE")

    op.create_table(
        "client_note",
        sa.Column("tenant_id", sa.Integer, sa.ForeignKey("tenant.id"), nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Uuid, nullable=False),
        sa.Column("author_id", sa.Uuid, nullable=False),
        sa.Column("author_name", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.ForeignKeyConstraint(["tenant_id", "client_id"], ["client.tenant_id", "client.id"]),
        sa.ForeignKeyConstraint(["tenant_id", "author_id"], ["identity_user.tenant_id", "identity_user.id"]),
    )
    op.create_index("ix_client_note_client", "client_note", ["tenant_id", "client_id", "created_at"])
    isolate_by_tenant("client_note", grant="SELECT, INSERT")  # What was noted stays noted.
    search()


def search() -> None:
    """Trigram conditions are not leakproof, so under row security they would read every client of the tenant.

    The function passes row security; the tenant's condition stands inside it, and it answers few rows.
    """
    op.execute(
        r"""
        CREATE FUNCTION client_search(wanted text, most int) RETURNS TABLE (id uuid)
        LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
        AS $$
        DECLARE
            bound CONSTANT int := current_setting('app.tenant_id')::int;
            word CONSTANT text := lower(wanted);
            pattern CONSTANT text := replace(replace(replace(word, '\', '\\'), '%', '\%'), '_', '\_');
            wanted_number CONSTANT bigint := CASE WHEN wanted ~ '^[0-9]{1,9}$' THEN wanted::bigint END;
            room CONSTANT int := least(most, 500);
        BEGIN
            IF word = '' THEN
                RETURN;
            END IF;
            RETURN QUERY SELECT c.id FROM client AS c WHERE c.tenant_id = bound AND c.number = wanted_number;
            IF length(word) < 3 THEN  -- Too short for trigrams: only beginnings are looked for.
                RETURN QUERY SELECT c.id FROM client AS c
                    WHERE c.tenant_id = bound AND c.name_sort >= word AND c.name_sort < word || chr(1114109)
                    ORDER BY c.name_sort, c.id LIMIT room;
            ELSE
                RETURN QUERY SELECT c.id FROM client AS c
                    WHERE c.tenant_id = bound
                      AND (c.name_sort LIKE '%' || pattern || '%' OR c.email_norm LIKE '%' || pattern || '%')
                      AND c.number IS DISTINCT FROM wanted_number
                    ORDER BY CASE
                            WHEN c.email_norm = word THEN 0
                            WHEN c.name_sort LIKE pattern || '%' OR c.email_norm LIKE pattern || '%' THEN 1
                            ELSE 2
                        END, c.name_sort, c.id
                    LIMIT room;
            END IF;
        END
        $$
        """
    )
    op.execute("ALTER FUNCTION client_search(text, int) OWNER TO kontor_definer")
    op.execute("REVOKE ALL ON FUNCTION client_search(text, int) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION client_search(text, int) TO kontor_app")
    op.execute("GRANT SELECT ON client TO kontor_definer")


def downgrade() -> None:
    raise RuntimeError("The books are never migrated backwards; restore a backup instead.")
