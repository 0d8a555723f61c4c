"""A small parent of processes: starts them, waits until they answer, starts again what dies, stops all in order."""

import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM

from tools.children import PROJECT, start_child

_LOG_SIZE_MAX = 20_000_000


class NotReady(RuntimeError):
    """A process ended, or did not answer in time, while the set was starting."""


@dataclass
class Process:
    """One process of the set: how to start it, and the address that answers 200 when it is ready."""

    name: str
    command: Sequence[str | Path]
    health: str
    child: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    retry_at: float = 0.0
    failures: int = 0


@dataclass
class Supervisor:
    """The set of processes that make the product run on one machine."""

    env: Mapping[str, str]
    logs: Path
    say: Callable[[str], None]
    processes: list[Process] = field(default_factory=list)

    def add(self, name: str, command: Sequence[str | Path], health: str) -> None:
        """Start one more process; its output goes to a file of its own."""
        process = Process(name, command, health)
        self.processes.append(process)
        self._start(process)

    def log_of(self, process: Process) -> Path:
        return self.logs / f"{process.name}.log"

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Return when every process answers. Raises NotReady with the name and the log of the one that does not."""
        deadline = time.monotonic() + seconds
        for process in self.processes:
            while not answers(process.health):
                assert process.child is not None
                if process.child.poll() is not None:
                    raise NotReady(f"{process.name} ended while starting.\n{self._last_words(process)}")
                if time.monotonic() > deadline:
                    raise NotReady(f"{process.name} did not answer at {process.health}.\n{self._last_words(process)}")
                time.sleep(0.05)

    def watch(self, stopping: Callable[[float], bool]) -> None:
        """Start again whatever ends, until `stopping(seconds)`, which waits that long, says so."""
        while not stopping(0.3):
            for process in self.processes:
                self._look_after(process)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch from a thread while the block runs."""
        stopping = threading.Event()
        # Its children get their death signal when this thread ends, which is when they are to stop anyway.
        watcher = threading.Thread(target=self.watch, args=(stopping.wait,), name="supervisor", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            stopping.set()
            watcher.join()

    def stop(self, seconds: float = 12) -> None:
        """Ask all to finish what they have in hand, together, and kill those that take too long."""
        running = [process for process in self.processes if process.child is not None and process.child.poll() is None]
        for process in running:
            assert process.child is not None
            process.child.send_signal(SIGTERM)
        deadline = time.monotonic() + seconds
        for process in running:
            assert process.child is not None
            try:
                process.child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{process.name} did not stop in time and was killed.")
                process.child.kill()
                process.child.wait()

    def _start(self, process: Process) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.log_of(process)
        if path.exists() and path.stat().st_size > _LOG_SIZE_MAX:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as log:
            process.child = start_child(process.command, env=self.env, cwd=PROJECT, output=log)
        process.started = time.monotonic()

    def _look_after(self, process: Process) -> None:
        child, now = process.child, time.monotonic()
        if child is not None and child.poll() is None:
            if now - process.started > 60:
                process.failures = 0
            return
        if child is not None:
            process.child = None
            process.failures += 1
            delay = min(0.2 * 2 ** (process.failures - 1), 10)
            process.retry_at = now + delay
            self.say(f"{process.name} ended ({_cause(child.returncode)}); it is started again.")
        if now >= process.retry_at:
            self._start(process)

    def _last_words(self, process: Process) -> str:
        path = self.log_of(process)
        lines = path.read_text(errors="replace").splitlines()[-12:] if path.exists() else []
        return "\n".join(["    " + line[:400] for line in lines] + [f"The whole log: {path}"])


def answers(address: str) -> bool:
    """Whether a health address on this machine answers 200 now."""
    try:
        with urllib.request.urlopen(address, timeout=3) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _cause(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
