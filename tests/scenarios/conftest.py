"""The whole product running, with its own servers and one brand, for the stories told in this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.children import PROJECT
from tools.product import Product, running_product
from tools.servers import temporary_servers

BRAND = "najm"


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Pages, streams, connector, jobs, scheduler and one trade server. What dies is started again, as in the demo."""
    place: Path = tmp_path_factory.mktemp("day")
    (place / "data").mkdir()
    shutil.copytree(PROJECT / "tenants" / BRAND, place / "tenants" / BRAND)
    with pytest.MonkeyPatch.context() as patch:
        # The stories change the database for longer than one test, so they take none that tests clean up.
        for name in ("DATABASE_URL", "DATABASE_BATCH_URL", "DATABASE_OWNER_URL", "REDIS_URL", "KONTOR_FILES_DIR"):
            patch.delenv(name, raising=False)
        with (
            temporary_servers() as servers,
            running_product(servers, place / "data", folder=place / "tenants", port=18_300) as running,
        ):
            yield running
