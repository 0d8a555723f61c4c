"""Make `.venv` and bring it to the lock file; do nothing when it is there already.

Needs Python 3.11 or newer and its standard library. Called by every target of the Makefile.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tools import debian
from tools.progress import StepFailed, run_quietly, step, stop_with

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
LOCK = PROJECT / "requirements.lock"
STAMP = VENV / ".kontor-lock"
_QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore", "PIP_NO_INPUT": "1"}


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever `python3` means here starts this file.
        _use_newer_python()
    try:
        prepare()
    except StepFailed as failure:
        stop_with(failure)


def prepare() -> None:
    """Bring the environment up to date."""
    if not _venv_works():
        _make_venv()
    if not STAMP.exists() or STAMP.read_text() != _wanted():
        STAMP.unlink(missing_ok=True)
        _install()
        STAMP.write_text(_wanted())


def _use_newer_python() -> None:
    for name in ("python3.13", "python3.12", "python3.11", "python3.14"):
        found = shutil.which(name)
        if found:
            os.execv(found, [found, "-m", "tools.bootstrap", *sys.argv[1:]])
    version = sys.version.split()[0]
    stop_with(f"Python 3.11 or newer is needed; this is {version}. Install it, or set PYTHON=/path/to/python3.")


def _python() -> Path:
    return VENV / "bin" / "python"


def _venv_works() -> bool:
    try:
        subprocess.run([_python(), "-c", "import ssl, ctypes"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _wanted() -> str:
    version = subprocess.run(
        [_python(), "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=True
    )
    return hashlib.sha256(LOCK.read_bytes() + version.stdout.encode()).hexdigest()


def _make_venv() -> None:
    """The standard way first; then uv by whatever installer this machine has."""
    attempts: list[tuple[str, Callable[[], None]]] = []
    if find_spec("ensurepip") is not None:
        attempts.append(("python -m venv", _venv_with_pip))
    if shutil.which("uv"):
        attempts.append(("uv on this machine", lambda: _venv_with_uv([shutil.which("uv") or "uv"])))
    if find_spec("pip") is not None:
        attempts.append(("uv through pip", _venv_with_uv_from_pip))
    if debian.is_here():
        if os.geteuid() == 0:
            attempts.append(("python3-venv from the distribution", _venv_after_apt))
        attempts.append(("pip from the distribution's packages, unpacked", _venv_with_unpacked_pip))
    said = []
    for name, make in attempts:
        shutil.rmtree(VENV, ignore_errors=True)
        try:
            with step(f"Making .venv ({name})"):
                make()
        except StepFailed as failure:
            said.append(str(failure))
            continue
        if _venv_works():
            return
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    stop_with(
        "\n".join(said)
        + f"\nThis Python cannot make a virtual environment. Install {package} (or python3-pip) and try again:"
        + f"\n    sudo apt-get install {package}"
    )


def _venv_with_pip() -> None:
    run_quietly([sys.executable, "-m", "venv", VENV])


def _venv_with_uv(uv: list[str]) -> None:
    run_quietly([*uv, "venv", "--seed", "--python", sys.executable, VENV])


def _venv_with_uv_from_pip() -> None:
    _venv_with_tools_of([sys.executable, "-m", "pip"])


def _venv_with_tools_of(pip: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="kontor-uv-") as directory:
        run_quietly([*pip, "install", "--quiet", "--target", directory, "uv"], env={**os.environ, **_QUIET})
        _venv_with_uv([str(Path(directory) / "bin" / "uv")])


def _venv_after_apt() -> None:
    debian.install(f"python{sys.version_info.major}.{sys.version_info.minor}-venv")
    _venv_with_pip()


def _venv_with_unpacked_pip() -> None:
    """Without administrator's rights: take pip's wheel out of the distribution's package and install nothing."""
    with tempfile.TemporaryDirectory(prefix="kontor-pip-") as name:
        debian.unpack(Path(name), "python3-pip-whl", with_dependencies=False)
        wheel = next(Path(name).rglob("pip-*.whl"))
        _venv_with_tools_of([sys.executable, str(wheel / "pip")])


def _install() -> None:
    env = {**os.environ, **_QUIET, "VIRTUAL_ENV": str(VENV)}
    uv = VENV / "bin" / "uv"
    with step("Installing the packages of requirements.lock"):
        try:
            if not uv.exists():
                run_quietly([_python(), "-m", "pip", "install", "--quiet", "uv"], env=env)
            sync: list[str | Path] = [uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", LOCK]
            run_quietly(sync, env=env, cwd=PROJECT)  # Compiled once here instead of at every start of every process.
        except StepFailed as failure:
            print(f"\n  uv could not ({str(failure).splitlines()[-1].strip()}); using pip ...", end="", flush=True)
            run_quietly(
                [_python(), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK], env=env, cwd=PROJECT
            )


if __name__ == "__main__":
    main()
