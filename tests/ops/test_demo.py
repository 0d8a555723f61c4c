"""`make demo` as somebody who has just cloned the project meets it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.children import PROJECT

ADDRESS = re.compile(r"http://((?:[a-z]+\.)+localhost):(\d+)")
OURS = ("DATABASE_URL", "DATABASE_BATCH_URL", "DATABASE_OWNER_URL", "REDIS_URL", "KONTOR_FILES_DIR")


@pytest.fixture
def place() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="kontor-demo-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def demo(place: Path) -> Iterator["subprocess.Popen[str]"]:
    env = {name: value for name, value in os.environ.items() if name not in OURS}
    env |= {"KONTOR_DATA_DIR": str(place), "KONTOR_PORT": "18600", "PYTHONUNBUFFERED": "1"}
    with (place / "output").open("w") as output:
        command = [sys.executable, "-m", "tools.demo"]
        process = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=output, stderr=output, text=True)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def said(place: Path) -> str:
    return (place / "output").read_text()


def wait_until_said(demo: "subprocess.Popen[str]", place: Path, words: str, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while words not in said(place):
        assert demo.poll() is None, said(place)
        assert time.monotonic() < deadline, said(place)
        time.sleep(0.1)
    return said(place)


def children_of(pid: int) -> dict[str, int]:
    """The demo's processes by the last words of their command line."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        found[" ".join(command[1:3])] = int(child)
    return found


def test_it_starts_shows_where_to_go_mends_itself_and_stops_cleanly(demo: "subprocess.Popen[str]", place: Path) -> None:
    table = wait_until_said(demo, place, "Ctrl-C stops everything", 240)

    addresses = dict.fromkeys(ADDRESS.findall(table))
    hosts = {host for host, _ in addresses}
    for brand in ("aurora", "najm", "silkroad"):
        assert {f"{brand}.localhost", f"office.{brand}.localhost", f"partners.{brand}.localhost"} <= hosts
    assert "operator.localhost" in hosts
    for host, port in addresses:
        page = urllib.request.Request(f"http://127.0.0.1:{port}/sign-in", headers={"Host": f"{host}:{port}"})
        with urllib.request.urlopen(page, timeout=30) as answer:
            assert (answer.status, b"<form" in answer.read()) == (200, True)

    before = children_of(demo.pid)
    os.kill(before["worker.py connector"], signal.SIGKILL)
    wait_until_said(demo, place, "connector ended (signal 9); it is started again.", 30)

    family = set(children_of(demo.pid).values())
    demo.send_signal(signal.SIGINT)
    assert demo.wait(60) == 0, said(place)
    assert said(place).rstrip().endswith("`make demo` goes on where this ended.")
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]
    assert not (place / "instance.json").exists()
