"""What every migration says about a table in the same words: who may do what, and that a tenant sees its rows alone."""

from __future__ import annotations

from alembic import op

POLICY = "tenant_id = current_setting('app.tenant_id')::int"


def isolate_by_tenant(table: str, grant: str = "SELECT, INSERT, UPDATE, DELETE", batch_grant: str = "SELECT") -> None:
    """Give the app's role `grant` on a tenant table and force row security on it. Append-only: "SELECT, INSERT"."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant_isolation ON {table} USING ({POLICY}) WITH CHECK ({POLICY})")
    op.execute(f"GRANT {grant} ON {table} TO kontor_app")
    op.execute(f"GRANT {batch_grant} ON {table} TO kontor_batch")


def grant_global(table: str, app: str = "SELECT", batch: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Give the roles their rights on a table that belongs to no tenant."""
    if app:
        op.execute(f"GRANT {app} ON {table} TO kontor_app")
    if batch:
        op.execute(f"GRANT {batch} ON {table} TO kontor_batch")
