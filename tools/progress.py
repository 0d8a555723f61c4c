"""Steps with their time, and a sign of life while one takes long. Needs nothing but Python."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def step(title: str, *, every: float = 2.0) -> Iterator[None]:
    """Say what begins, how long it has been going on every few seconds, and how long it took."""
    started = time.monotonic()
    print(f"  {title} ...", end="", flush=True)
    finished = threading.Event()

    def tick() -> None:
        while not finished.wait(every):
            print(f" {time.monotonic() - started:.0f}s", end="", flush=True)

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    except BaseException:
        finished.set()
        print(" failed", flush=True)
        raise
    finished.set()
    ticker.join()
    print(f" done in {time.monotonic() - started:.1f} s", flush=True)


class StepFailed(RuntimeError):
    """A command of a step ended badly; the message holds the end of what it said."""


def run_quietly(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command and answer what it printed; raise StepFailed with the end of it when it fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise StepFailed(f"{command[0]} was not found.") from None
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{command[0]} did not finish in {timeout:.0f} seconds.") from None
    if done.returncode != 0:
        tail = "\n".join("    " + line for line in done.stdout.strip().splitlines()[-15:])
        raise StepFailed(f"{' '.join(str(part) for part in command[:6])} ended with {done.returncode}:\n{tail}")
    return done.stdout


def run_in_steps(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> str:
    """Run a command that announces its steps as lines "step <title>"; show each one, and answer its last line."""
    child = subprocess.Popen(
        [str(part) for part in command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert child.stdout is not None
    said: list[str] = []
    with child.stdout, ExitStack() as stack:
        for line in child.stdout:
            title = line.removeprefix("step ").strip()
            if line.startswith("step "):
                stack.pop_all().close()
                stack.enter_context(step(title))
            elif title:
                said.append(title)
        if child.wait() != 0:
            tail = "\n".join("    " + line for line in said[-15:])
            raise StepFailed(f"{' '.join(str(part) for part in command[1:])} ended with {child.returncode}:\n{tail}")
    return said[-1] if said else ""


def stop_with(message: object) -> None:
    """Say why nothing goes on, and end with 1."""
    print(f"\n{message}", file=sys.stderr, flush=True)
    sys.exit(1)
