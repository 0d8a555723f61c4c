"""A small business day over the running product: people in browsers, robots on the platform, and then the proofs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from tests.scenarios.conftest import BRAND
from tools.children import PROJECT
from tools.product import Product
from tools.roles import libpq

PROOFS = 7


def demo(product: Product, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "demo", *words]
    with subprocess.Popen(
        command, cwd=PROJECT, env=dict(product.env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            output, _ = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            pytest.fail(f"It took too long:\n{process.communicate()[0]}")
    return subprocess.CompletedProcess(command, process.returncode, output)


def a_day(product: Product, *words: str) -> str:
    """Drive a day and answer what it printed; it must have ended well."""
    done = demo(product, "day", "--tenant", BRAND, "--clients", "8", "--depth", "3", "--threads", "2", *words)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def quiet_day(product: Product) -> str:
    return a_day(product, "--seed", "11")


def test_a_day_ends_with_every_proof(quiet_day: str) -> None:
    assert quiet_day.count("  holds  ") == PROOFS
    assert "FAILS" not in quiet_day
    for step in ("Deposits credited: 8", "Accounts funded: 8", "Leverages changed: 8", "Release of the commission"):
        assert step in quiet_day


@pytest.fixture
def owner(product: Product) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """The database as somebody with every right may change it behind the product's back."""
    with psycopg.connect(libpq(product.env["DATABASE_OWNER_URL"]), autocommit=True) as connection:
        connection.execute("SELECT set_config('app.tenant_id', id::text, false) FROM tenant WHERE slug = %s", [BRAND])
        yield connection


def test_what_somebody_changed_afterwards_is_noticed(
    product: Product, quiet_day: str, owner: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    owner.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM commission_line ORDER BY trade_id LIMIT 1")
    owner.execute(
        "DELETE FROM commission_line AS l USING kept AS k WHERE (l.trade_id, l.partner_id, l.track, l.component)"
        " = (k.trade_id, k.partner_id, k.track, k.component)"
    )
    tampered = demo(product, "prove", "--tenant", BRAND)
    owner.execute("INSERT INTO commission_line SELECT * FROM kept")
    mended = demo(product, "prove", "--tenant", BRAND)

    assert tampered.returncode == 1, tampered.stdout
    failing = [line for line in tampered.stdout.splitlines() if line.startswith("FAILS")]
    assert [line.split("  ")[1].partition(":")[0] for line in failing] == [
        "Lines, journals and statements agree",
        "Every commission and every zero has its reason",
    ]
    assert mended.returncode == 0, mended.stdout


def test_a_killed_connector_and_a_flushed_redis_lose_nothing(product: Product) -> None:
    before = product.pid("connector")

    output = a_day(product, "--seed", "12", "--chaos", "connector", "--chaos", "redis")

    assert f"Connector killed (process {before})" in output
    assert product.pid("connector") != before
    assert "Redis emptied" in output
    assert output.count("  holds  ") == PROOFS
