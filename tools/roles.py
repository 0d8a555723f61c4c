"""The database roles of the product, and the addresses its processes connect with."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import sql

OWNER, APP, BATCH, DEFINER = "kontor_owner", "kontor_app", "kontor_batch", "kontor_definer"
_SCHEME = "postgresql+psycopg"


@dataclass(frozen=True)
class Addresses:
    """SQLAlchemy addresses of one database, one per role."""

    app: str
    owner: str
    batch: str

    @property
    def env(self) -> dict[str, str]:
        """The environment that the product reads them from."""
        return {"DATABASE_URL": self.app, "DATABASE_OWNER_URL": self.owner, "DATABASE_BATCH_URL": self.batch}


def libpq(address: str) -> str:
    """The same address as libpq and psycopg understand it."""
    return address.replace(f"{_SCHEME}://", "postgresql://", 1)


def address_for(
    address: str, *, role: str | None = None, password: str | None = None, database: str | None = None
) -> str:
    """The address with another role, password or database; host, port and options stay."""
    parts = urlsplit(address)
    netloc = parts.netloc
    if role is not None:
        host = netloc.rpartition("@")[2]
        login = quote(role, safe="") + ("" if password is None else ":" + quote(password, safe=""))
        netloc = f"{login}@{host}"
    path = parts.path if database is None else f"/{quote(database, safe='')}"
    query = urlencode(
        [(k, v) for k, v in parse_qsl(parts.query) if role is None or k not in ("user", "password")], safe="/"
    )
    return urlunsplit((_SCHEME, netloc, path, query, ""))


@contextmanager
def _connected(address: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(libpq(address), autocommit=True) as connection:
        yield connection


def ensure_roles(admin: str, *, passwords: Path | None = None) -> None:
    """Create what is missing of the four roles, as a login that may create roles and grant BYPASSRLS.

    With `passwords`, each login role has a password of its own that is kept in that file; without, the server
    is one that trusts its socket.
    """
    with _connected(admin) as connection:
        known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'kontor%'")}
        for role, rights in (
            (OWNER, "LOGIN BYPASSRLS"),  # Migrations move rows of every tenant.
            (APP, "LOGIN NOBYPASSRLS"),
            (BATCH, "LOGIN BYPASSRLS"),
            (DEFINER, "NOLOGIN BYPASSRLS"),
        ):
            if role not in known:
                attributes = f"NOSUPERUSER NOCREATEDB NOCREATEROLE INHERIT {rights}"
                connection.execute(sql.SQL("CREATE ROLE {} " + attributes).format(sql.Identifier(role)))
            if passwords is not None and rights.startswith("LOGIN"):
                secret = sql.Literal(_password(passwords, role))
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), secret))
        # The owner hands functions to the definer; an administrator who is no superuser makes databases for the owner.
        connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(DEFINER), sql.Identifier(OWNER)))
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))


def ensure_database(admin: str, name: str) -> None:
    """Create the database with the order and case rules of every Kontor database, owned by the owner role."""
    with _connected(admin) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(
                sql.SQL(
                    "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
                    " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C.UTF-8'"
                ).format(sql.Identifier(name), sql.Identifier(OWNER))
            )
    prepare_database(address_for(admin, database=name))


def prepare_database(admin: str) -> None:
    """Let the definer role own functions in a database that may have existed before the roles did."""
    with _connected(admin) as connection:
        database = connection.info.dbname
        connection.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(sql.Identifier(database), sql.Identifier(OWNER))
        )
        connection.execute(sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}").format(sql.Identifier(OWNER)))
        connection.execute(sql.SQL("GRANT CREATE, USAGE ON SCHEMA public TO {}").format(sql.Identifier(DEFINER)))
        connection.execute(sql.SQL("ALTER DATABASE {} SET timezone TO 'UTC'").format(sql.Identifier(database)))


def addresses(address: str, database: str, *, passwords: Path | None = None) -> Addresses:
    """The three addresses of a database on the server that `address` points at."""

    def for_role(role: str) -> str:
        password = None if passwords is None else _password(passwords, role)
        return address_for(address, role=role, password=password, database=database)

    return Addresses(for_role(APP), for_role(OWNER), for_role(BATCH))


class RolesMissing(RuntimeError):
    """DATABASE_URL alone was given, and its login cannot make the other roles."""


def addresses_from_environment(passwords: Path) -> Addresses | None:
    """What the environment says about the database: None when it says nothing.

    With DATABASE_URL alone, its login must be allowed to create roles: the three addresses are derived from it.
    """
    given = os.environ.get("DATABASE_URL")
    if not given:
        return None
    owner, batch = os.environ.get("DATABASE_OWNER_URL"), os.environ.get("DATABASE_BATCH_URL")
    if owner and batch:
        return Addresses(given, owner, batch)
    given = address_for(given)  # One scheme, whichever of the usual spellings was used.
    try:
        ensure_roles(given, passwords=passwords)
        prepare_database(given)
    except psycopg.errors.InsufficientPrivilege as refusal:
        raise RolesMissing(
            "DATABASE_URL is set, but its login may not create the database roles. Give a login that may (a superuser,"
            " or one with CREATEROLE and BYPASSRLS), or set DATABASE_OWNER_URL and DATABASE_BATCH_URL as well;"
            f" docs/operations.md lists the roles. The server said: {refusal}"
        ) from refusal
    return addresses(given, urlsplit(given).path.lstrip("/"), passwords=passwords)


def _password(path: Path, role: str) -> str:
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if role not in known:
        known[role] = secrets.token_urlsafe(24)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(known, file)
    return known[role]
