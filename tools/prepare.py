"""Everything between an empty database and the demo: migrations, bundles, sign-ins; one process, one import.

The last line of its output is the JSON of the sign-ins. Run again it changes nothing.
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from tools.children import PROJECT


def main() -> None:
    folder = Path(sys.argv[1])
    print("step Bringing the database to the newest revision", flush=True)
    command.upgrade(Config(PROJECT / "alembic.ini"), "head")
    from wsgi import app

    runner = app.test_cli_runner()
    for title, words in (
        ("Applying the tenants' bundles", ["tenants", "apply", "--dir", str(folder)]),
        ("Preparing sign-ins", ["demo", "seed"]),
    ):
        print(f"step {title}", flush=True)
        outcome = runner.invoke(args=words, catch_exceptions=False)
        print(outcome.output.rstrip(), flush=True)
        if outcome.exit_code != 0:
            sys.exit(outcome.exit_code)


if __name__ == "__main__":
    main()
