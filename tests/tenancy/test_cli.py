"""The commands with which an operator puts the brands that ship into force."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app import tenancy
from app.core import db
from app.tenancy import service
from app.tenancy.directory import active_tenants

SHIPPED = Path(__file__).parents[2] / "tenants"


@pytest.fixture(autouse=True)
def _fresh(app: Flask) -> Iterator[None]:
    service.forget()
    yield
    service.forget()


def run(app: Flask, *words: str) -> tuple[int, str]:
    outcome = app.test_cli_runner().invoke(args=["tenants", *words])
    return outcome.exit_code, outcome.output


def test_the_shipped_brands_are_put_in_force_and_twice_is_once(app: Flask) -> None:
    assert run(app, "check", "--dir", str(SHIPPED))[0] == 0

    assert run(app, "apply", "--dir", str(SHIPPED)) == (
        0,
        "aurora: new tenant\nnajm: new tenant\nsilkroad: new tenant\n",
    )
    assert run(app, "apply", "--dir", str(SHIPPED)) == (
        0,
        "aurora: nothing changes\nnajm: nothing changes\nsilkroad: nothing changes\n",
    )
    slugs = {}
    for entry in active_tenants():
        with db.tenant_scope(entry.id):
            slugs[entry.slug] = tenancy.current().currencies
            kinds = list(db.execute_sql("SELECT kind FROM trading_platform WHERE is_active ORDER BY kind").scalars())
            assert kinds == (["ctrader", "mt5"] if entry.slug == "silkroad" else ["mt5"])
            assert db.execute_sql("SELECT count(*) FROM tenant_secret").scalar_one() == 1 + len(kinds)
    assert slugs["najm"] == ("USD", "AED", "SAR", "EUR")
    assert set(slugs) == {"aurora", "najm", "silkroad"}


def test_a_plan_prints_the_differences_and_writes_nothing(app: Flask, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / "najm", tmp_path / "najm")
    run(app, "apply", "--dir", str(tmp_path))
    file = tmp_path / "najm" / "tenant.toml"
    file.write_text(file.read_text().replace("radius = 14", "radius = 6").replace("share = 0.30", "share = 0.25"))

    code, text = run(app, "plan", "--dir", str(tmp_path))

    assert code == 0
    assert "najm: 2 changes" in text
    assert "  ~ branding.radius: 14 -> 6" in text
    assert "  ~ partners.plan.referral.levels[1].share: 0.30 -> 0.25" in text
    assert run(app, "plan", "--dir", str(tmp_path))[1] == text


def test_nothing_is_written_when_one_bundle_is_refused(app: Flask, tmp_path: Path) -> None:
    for slug in ("aurora", "najm"):
        shutil.copytree(SHIPPED / slug, tmp_path / slug)
    file = tmp_path / "najm" / "tenant.toml"
    lines = file.read_text().splitlines()
    number = next(index for index, line in enumerate(lines) if "share = 0.30" in line)
    lines[number] = lines[number].replace("0.30", "1.30")
    file.write_text("\n".join(lines))

    code, text = run(app, "apply", "--dir", str(tmp_path))

    assert code == 1
    assert (
        f"najm/tenant.toml:{number + 1}: `partners.plan.referral.levels[1].share` is 130 %: a share over 100 %" in text
    )
    assert "nothing was written" in text
    assert active_tenants() == []


def test_two_bundles_of_one_run_cannot_share_a_host(app: Flask, tmp_path: Path) -> None:
    for slug in ("aurora", "najm"):
        shutil.copytree(SHIPPED / slug, tmp_path / slug)
    file = tmp_path / "najm" / "tenant.toml"
    file.write_text(file.read_text().replace('"office.najm.localhost"', '"office.aurora.localhost"'))

    code, text = run(app, "check", "--dir", str(tmp_path))

    assert code == 1
    assert "The host name `office.aurora.localhost` belongs to the tenant `aurora`." in text


def test_a_folder_that_is_not_there_is_refused(app: Flask, tmp_path: Path) -> None:
    assert run(app, "check", "nobody", "--dir", str(tmp_path))[0] == 1
    assert run(app, "check", "--dir", str(tmp_path)) == (1, f"Error: There is no bundle in {tmp_path}.\n")
