"""The chain of migrations: one line, one head, each step brief and walled."""

import ast
import re
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.structure.source import ROOT, dotted

VERSIONS = ROOT / "migrations" / "versions"


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))


def test_the_chain_has_one_head_and_the_file_says_which() -> None:
    """Two branches that add a migration each meet in this file, as a conflict, before they meet in a database."""
    heads = scripts().get_heads()

    assert len(heads) == 1
    assert (ROOT / "migrations" / ".current-head").read_text().strip() == heads[0]


def test_no_migration_stands_beside_the_chain() -> None:
    chain = {Path(script.path).name for script in scripts().walk_revisions()}

    assert {path.name for path in VERSIONS.glob("*.py")} == chain


def test_names_begin_with_the_date_and_equal_the_revision() -> None:
    wrong = [
        script.revision
        for script in scripts().walk_revisions()
        if not re.fullmatch(r"\d{8}_\d\d_[a-z_]+", script.revision) or Path(script.path).stem != script.revision
    ]

    assert wrong == []


def test_every_migration_locks_briefly() -> None:
    patient = [path.name for path in sorted(VERSIONS.glob("*.py")) if "SET LOCAL lock_timeout" not in path.read_text()]

    assert patient == []


def test_every_table_gets_its_rights_in_the_migration_that_makes_it() -> None:
    """`isolate_by_tenant` or `grant_global` follows each `create_table`, in the same words for all."""
    bare = []
    for path in sorted(VERSIONS.glob("*.py")):
        made, granted = set(), set()
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = dotted(node.func).rpartition(".")[2]
            if name == "create_table":
                made.add(node.args[0].value)
            elif name in {"isolate_by_tenant", "grant_global"}:
                granted.add(node.args[0].value)
        text = path.read_text()
        bare += [f"{path.name}: {table!r}" for table in made - granted if f'"{table!s}"' not in _loops(text)]

    assert bare == []


def _loops(text: str) -> str:
    """The lists that a migration walks through to grant rights."""
    return "\n".join(re.findall(r"for \w+ in \(.*?\):", text, flags=re.DOTALL))
