"""Child processes that never outlive their parent, and the account that servers run under when we are root."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parent.parent

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None  # Loaded before any fork needs it.


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """The unprivileged account for servers that refuse to run as root; None when we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise RuntimeError(
        "Running as root needs an unprivileged account for the servers: neither postgres nor nobody exists."
    )


def start_child(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only us and we stop it in order.

    The kernel sends `death_signal` when the thread that called this ends: call it from the main thread.
    """
    identity: dict[str, Any] = {}
    if account is not None:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        cwd=cwd,
        env=None if env is None else dict(env),
        preexec_fn=_die_with_parent(death_signal),  # Runs after the change of user, which would reset it.
        **identity,
    )


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl, parent, number = _libc.prctl, os.getpid(), int(death_signal)

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # The parent died between the fork and the line above.
            os._exit(1)

    return ask_the_kernel


def stop_child(child: subprocess.Popen[bytes], stop_signal: signal.Signals, seconds: float) -> bool:
    """Ask a child to stop and wait; kill it after `seconds`. True when it stopped by itself."""
    if child.poll() is not None:
        return True
    child.send_signal(stop_signal)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False
    return True


def can_reach(path: Path, account: Account | None) -> bool:
    """Whether the account may pass through every directory down to `path`."""
    if account is None:
        return True
    for directory in (path, *path.parents):
        if not directory.is_dir():
            continue
        status = directory.stat()
        if status.st_uid == account.uid:
            allowed = status.st_mode & 0o100
        elif status.st_gid == account.gid:
            allowed = status.st_mode & 0o010
        else:
            allowed = status.st_mode & 0o001
        if not allowed:
            return False
    return True


def private_directory(path: Path, account: Account | None) -> Path:
    """Make a directory that only the account (or we) may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    return path


def outside_directory(name: str) -> Path:
    """A directory of ours outside the project that survives a restart and that every account can reach.

    Used where the project itself lies in a place the servers' account cannot enter, such as /root.
    """
    key = sha256(f"{PROJECT}:{os.geteuid()}".encode()).hexdigest()[:10]
    base = Path("/var/tmp") if Path("/var/tmp").is_dir() else Path(tempfile.gettempdir())
    directory = base / f"kontor-{key}"
    directory.mkdir(mode=0o755, exist_ok=True)
    status = directory.lstat()
    if status.st_uid != os.geteuid() or not directory.is_dir() or directory.is_symlink():
        raise RuntimeError(f"{directory} belongs to somebody else; move it away and try again.")
    os.chmod(directory, 0o755)
    (directory / name).mkdir(mode=0o755, exist_ok=True)
    return directory / name
