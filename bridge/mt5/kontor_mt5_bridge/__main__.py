"""`kontor-mt5-bridge --config bridge.toml`: run the bridge, or look after it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from kontor_mt5_bridge import VERSION, program, status
from kontor_mt5_bridge.check import check
from kontor_mt5_bridge.config import Config, ConfigError, load
from kontor_mt5_bridge.link import LinkError


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="kontor-mt5-bridge", description="Sends what happens on an MT5 server to Kontor."
    )
    parser.add_argument("--config", type=Path, required=True, help="the settings file")
    parser.add_argument("--version", action="version", version=VERSION)
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument(
        "--check", action="store_true", help="try the connections and the rights, and say what is missing"
    )
    acts.add_argument(
        "--status", action="store_true", help="how the running bridge is: 0 well, 1 not well, 2 not running"
    )
    acts.add_argument("--stop", action="store_true", help="stop the running bridge cleanly")
    given = parser.parse_args(arguments)
    try:
        config = load(given.config)
        if given.check:
            return _check(config)
        if given.status:
            code, text = status.read(program.status_file(config.bridge.data_dir))
            _say(text)
            return code
        if given.stop:
            has_stopped = program.ask_to_stop(config)
            _say("The bridge has stopped." if has_stopped else "The bridge has not stopped yet.")
            return 0 if has_stopped else 1
        program.run(config)
    except (ConfigError, LinkError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _check(config: Config) -> int:
    problems = 0
    for finding in check(config):
        _say(f"{finding.mark:<8}{finding.sentence}")
        problems += finding.is_problem
    _say(f"Problems: {problems}." if problems else "Everything that the bridge needs is there.")
    return 1 if problems else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
