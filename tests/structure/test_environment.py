"""The environment that the product reads, and the file that lists it."""

import re

from tests.structure.source import ROOT, calls, python_files, where


def test_only_config_and_logs_read_the_environment() -> None:
    allowed = {"app/config.py", "app/core/logs.py"}
    found = [
        where(path, call)
        for path in python_files()
        if str(path.relative_to(ROOT)) not in allowed and "simulators" not in path.parts and "demo" not in path.parts
        for call, name in calls(path)
        if name in {"os.getenv", "os.environ.get", "getenv"}
    ]

    assert found == []


def test_the_example_names_every_variable() -> None:
    read = set(re.findall(r"env(?:\.get\(|\[)\"([A-Z_0-9]+)\"", (ROOT / "app" / "config.py").read_text()))
    listed = set(re.findall(r"^#?\s?([A-Z_0-9]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))

    assert len(read) > 5
    assert read - listed == set()
