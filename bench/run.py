"""`python -m bench.run --only ledger,sync`: one JSON line per figure; it ends with 1 when a goal is missed."""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

from bench.harness import Bench, registered, set_environment
from tools.product import environment, migrate
from tools.servers import temporary_servers

HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="beginnings of names, separated by commas")
    only = [word.strip() for word in parser.parse_args().only.split(",") if word.strip()]
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in {"__init__", "harness", "run"})
    with tempfile.TemporaryDirectory(prefix="kontor-bench-") as directory, temporary_servers(fsync=True) as servers:
        data = Path(directory)
        env = environment(servers, data, port=0)
        set_environment(env)  # Before a benchmark imports the product, which reads its settings once.
        migrate(env)
        for name in names:
            importlib.import_module(f"bench.{name}")
        chosen = registered(only)
        if not chosen:
            print(f"No benchmark begins with {', '.join(only)}.", file=sys.stderr)
            return 1
        bench = Bench(servers, env, data)
        for one in chosen:
            bench.say(f"{one.name} ...")
            one.run(bench)
    if bench.failed:
        print(f"Below the goal: {', '.join(bench.failed)}", file=sys.stderr)
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
