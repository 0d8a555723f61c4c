"""Runs the migrations as the role that owns the tables, each one in a transaction of its own."""

import os

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool


def _owner_address() -> str:
    given = context.config.get_main_option("sqlalchemy.url") or os.environ.get("DATABASE_OWNER_URL")
    if not given:
        raise SystemExit("Set DATABASE_OWNER_URL: migrations run as the role that owns the tables, not as the app's.")
    for plain in ("postgresql://", "postgres://"):
        if given.startswith(plain):
            return "postgresql+psycopg://" + given.removeprefix(plain)
    return given


def run() -> None:
    if context.is_offline_mode():
        context.configure(url=_owner_address(), literal_binds=True, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = create_engine(_owner_address(), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
