"""Debian's packages: installed where we are root, otherwise downloaded and unpacked beside us."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.progress import run_quietly

_ENV = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}


def is_here() -> bool:
    """Whether this machine has Debian's package tools."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def install(*packages: str) -> None:
    """Install packages. Needs root."""
    run_quietly(["apt-get", "update", "-q"], env=_ENV, timeout=300)
    run_quietly(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], env=_ENV, timeout=600)


def unpack(target: Path, *packages: str, with_dependencies: bool) -> None:
    """Unpack packages under `target` without any right on this machine, with what it lacks of their dependencies.

    Lists and archives lie under `target` too, so that nothing of the machine is touched.
    """
    state, archives = target / "apt", target / "apt" / "cache" / "archives"
    for directory in (state / "lists" / "partial", archives / "partial"):
        directory.mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache"]
    apt += ["-o", "Debug::NoLocking=1"]
    run_quietly([*apt, "update"], env=_ENV, timeout=300, cwd=archives)
    if with_dependencies:
        fetch = ["-y", "--download-only", "--no-install-recommends", "install"]
        run_quietly([*apt, *fetch, *packages], env=_ENV, timeout=600, cwd=archives)
    else:
        run_quietly([*apt, "download", *packages], env=_ENV, timeout=300, cwd=archives)
    for archive in sorted(archives.glob("*.deb")):
        run_quietly(["dpkg-deb", "-x", archive, target])
    shutil.rmtree(state)
