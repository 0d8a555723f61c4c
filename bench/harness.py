"""What a benchmark is: a named function that reports figures, each one a JSON line on standard output."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.product import Product, running_product
from tools.servers import Servers


@dataclass
class Bench:
    """What a benchmark is handed: the servers, the environment that is set, and where to report."""

    servers: Servers
    env: Mapping[str, str]
    data: Path
    failed: list[str] = field(default_factory=list)

    def report(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        floor: float | None = None,
        goal: float | None = None,
        goal_is: str = "ratio",
        better: str = "higher",
    ) -> None:
        """Print one figure. `goal` bounds the ratio value/floor, or the value itself with `goal_is="value"`.

        A figure is ok at or above its goal, at or below it with `better="lower"`; without a goal it is always ok.
        """
        ratio = value / floor if floor else None
        judged = ratio if goal_is == "ratio" else value
        if goal is None or judged is None:
            is_ok = True
        else:
            is_ok = judged >= goal if better == "higher" else judged <= goal
        if not is_ok:
            self.failed.append(name)
        line = {
            "name": name,
            "value": _rounded(value),
            "unit": unit,
            "floor": _rounded(floor),
            "ratio": _rounded(ratio),
            "goal": goal,
            "ok": is_ok,
        }
        print(json.dumps(line), flush=True)

    def say(self, text: str) -> None:
        """A word for whoever waits; it goes to standard error, away from the figures."""
        print(f"  {text}", file=sys.stderr, flush=True)

    @contextmanager
    def product(self) -> Iterator[Product]:
        """The whole product running on these servers: simulators at no added delay, pages, connector, jobs."""
        with running_product(self.servers, self.data) as product:
            yield product


@dataclass(frozen=True)
class Benchmark:
    """A registered benchmark: the beginning of its figures' names, and what measures them."""

    name: str
    run: Callable[[Bench], None]


_registered: list[Benchmark] = []


def benchmark(name: str) -> Callable[[Callable[[Bench], None]], Callable[[Bench], None]]:
    """Register a benchmark; `name` begins every figure that it reports ("ledger.transfer")."""

    def register(run: Callable[[Bench], None]) -> Callable[[Bench], None]:
        _registered.append(Benchmark(name, run))
        return run

    return register


def registered(only: Sequence[str]) -> list[Benchmark]:
    """The benchmarks whose names begin with one of the words; all of them when there are none."""
    return [
        b for b in _registered if not only or any(b.name.startswith(word) or word.startswith(b.name) for word in only)
    ]


def per_second(work: Callable[[], int], *, seconds: float = 3.0) -> float:
    """How many pieces per second `work` does, called again and again; it answers how many one call did."""
    work()  # The first call pays for what is loaded and planned once.
    done, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        done += work()
    return done / passed


def milliseconds(work: Callable[[], object], *, times: int) -> list[float]:
    """How long each of so many calls took, in order of size."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of an ordered list lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def set_environment(env: Mapping[str, str]) -> None:
    """Let this process read the same settings as the product's processes."""
    os.environ.update(env)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}") if abs(value) < 1000 else round(value)
