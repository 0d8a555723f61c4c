"""What a demonstration shows while it runs: steps with their progress, latencies, and lines at the end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
SAY_EVERY_SECONDS = 2.0


class Report:
    """Says what is being done and how far it is, and remembers how long things took. Safe to use from threads."""

    def __init__(self, threads: int) -> None:
        self.started = time.monotonic()
        self._threads = threads
        self._lock = threading.Lock()
        self._latencies: dict[str, list[float]] = {}

    def say(self, text: str) -> None:
        """One line, with the seconds since the beginning."""
        with self._lock:
            sys.stdout.write(f"{time.monotonic() - self.started:7.1f} s  {text}\n")
            sys.stdout.flush()

    def each(
        self, title: str, things: Sequence[T], act: Callable[[T], R], *, midway: Callable[[], None] | None = None
    ) -> list[R]:
        """Do `act` with each thing, a few at a time, and say how far it is. The first failure ends it.

        `midway` is called once when half of them are done, while others are under way.
        """
        done: list[R] = []
        began = said = time.monotonic()
        with ThreadPoolExecutor(self._threads) as pool:
            pending = [pool.submit(act, thing) for thing in things]
            try:
                for future in as_completed(pending):
                    done.append(future.result())
                    if midway is not None and len(done) * 2 >= len(things):
                        midway()
                        midway = None
                    if time.monotonic() - said > SAY_EVERY_SECONDS:
                        said = time.monotonic()
                        self.say(f"{title}: {len(done)} of {len(things)}")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        self.say(f"{title}: {len(done)} in {time.monotonic() - began:.1f} s")
        return done

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Remember how long the block took, under a name."""
        began = time.monotonic()
        yield
        with self._lock:
            self._latencies.setdefault(name, []).append((time.monotonic() - began) * 1000)

    def wait(self, title: str, is_there: Callable[[], bool], *, seconds: float, missing: Callable[[], str]) -> None:
        """Ask again and again until it is there, saying that it waits. Raises TimeoutError with what is missing."""
        began = said = time.monotonic()
        while not is_there():
            if time.monotonic() - began > seconds:
                raise TimeoutError(f"{title}: not within {seconds:.0f} s. {missing()}")
            if time.monotonic() - said > SAY_EVERY_SECONDS:
                said = time.monotonic()
                self.say(f"{title} … {missing()}")
            time.sleep(0.25)
        self.say(f"{title}: {time.monotonic() - began:.1f} s")

    def latencies(self) -> Iterable[tuple[str, int, float, float, float]]:
        """(name, times, p50, p95, longest) in milliseconds."""
        for name, found in sorted(self._latencies.items()):
            found = sorted(found)
            yield name, len(found), quantile(found, 0.5), quantile(found, 0.95), found[-1]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of an ordered list does not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -int(-len(ordered) * share // 1) - 1))]
