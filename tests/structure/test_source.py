"""What imports cannot show: rules of the architecture that hold in every file."""

import ast
import re
from pathlib import Path

import pytest

from tests.structure.source import APP, ASIDE, ROOT, calls, dotted, feature_of, python_files, texts, tree, where

COMMITTERS = {"app/web/guard.py"}  # The request's one commit; everything else that commits is in core.
CLOCKS = {"app/kit/clock.py", "app/kit/ids.py"}  # Ids of version 7 carry the machine's time.
OWN_CLOCK_CALLS = re.compile(
    r"^(datetime\.)?(datetime|date)\.(now|utcnow|today)$|^(dt|datetime)\.datetime\.now$|^time\.time(_ns)?$"
)
MONEY_PACKAGES = {"ledger", "payments", "partners", "rates", "referrals", "clients"}
MONEY_FILES = {"app/kit/money.py", "app/trading/rules.py", "app/trading/models.py"}
SET_BASED = {
    "app/partners/receivers.py",  # The receiver table and settlement are SQL by nature: the SQL is the rule.
    "app/partners/settlement/compute.py",
    "app/partners/settlement/facts.py",
    "app/partners/settlement/run.py",
    "app/web/proofs.py",  # Proofs look across features on purpose, past their services.
    "app/web/sandbox.py",
}
SQL = re.compile(
    r"^\s*(--.*\n\s*)*(SELECT\s(?=.*\bFROM\b)|INSERT\s+INTO\s|UPDATE\s+\w+\s+(AS\s+\w+\s+)?SET\s|DELETE\s+FROM\s"
    r"|WITH\s+\w+[^\n]*\bAS\s*\()",
    re.DOTALL,
)
WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?\"?([a-z_][a-z0-9_]*)\"?"
    r"\s*(?:AS\b|\(|SET\b|WHERE\b|USING\b|SELECT\b|VALUES\b|\n|$|[a-z])"
)
LENGTH_MAX = 500
"""Files of up to about 400 lines are meant; beyond this one is two files."""


def test_only_core_commits() -> None:
    found = [
        where(path, call)
        for path in python_files()
        if feature_of(path) not in {"core"} | ASIDE and str(path.relative_to(ROOT)) not in COMMITTERS
        for call, name in calls(path)
        if name.rpartition(".")[2] == "commit"
    ]

    assert found == []


def test_no_clock_but_ours() -> None:
    found = [
        f"{where(path, call)} {name}"
        for path in python_files()
        if str(path.relative_to(ROOT)) not in CLOCKS
        for call, name in calls(path)
        if OWN_CLOCK_CALLS.match(name)
    ]

    assert found == []


def test_no_float_beside_money() -> None:
    found = []
    for path in python_files():
        name = str(path.relative_to(ROOT))
        if feature_of(path) not in MONEY_PACKAGES and name not in MONEY_FILES:
            continue
        for node in ast.walk(tree(path)):
            is_float = isinstance(node, ast.Name) and node.id == "float"
            is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            if is_float or is_literal:
                found.append(where(path, node))

    assert found == []


def test_sql_stands_in_queries_sql_files_and_reporting() -> None:
    found = []
    for path in python_files():
        inside = path.relative_to(APP).parts
        if inside[0] in {"core", "reporting"} | ASIDE or {"queries.py", "queries"} & set(inside):
            continue
        if str(path.relative_to(ROOT)) in SET_BASED:
            continue
        found += [where(path, node) for node, text in texts(path) if SQL.match(text)]

    assert found == []


def owners_of_tables() -> dict[str, str]:
    """Which package made which table: from the migration that is named after it."""
    owners = {}
    for path in sorted((ROOT / "migrations" / "versions").glob("*.py")):
        stem = re.sub(r"^\d+_\d+_", "", path.stem)  # A part of a feature has a migration of its own: "partners_drafts".
        feature = stem if (APP / stem).is_dir() else stem.partition("_")[0]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and dotted(node.func).endswith("create_table"):
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    owners[str(name.value)] = feature
    owners |= dict.fromkeys(re.findall(r"CREATE TABLE (\w+)", "\n".join(p.read_text() for p in _sql_files())), "")
    return {table: owner for table, owner in owners.items() if owner}


def _sql_files() -> list[Path]:
    return sorted([*APP.rglob("*.sql"), *(ROOT / "migrations").rglob("*.sql")])


def test_a_feature_writes_only_its_own_tables() -> None:
    """A table belongs to the feature of its migration, or to those floors that the core migration serves."""
    owners = owners_of_tables()
    declared = _tables_of_models()
    found = []
    for path in [*python_files(), *APP.rglob("*.sql")]:
        feature = feature_of(path)
        if feature in {"core"} | ASIDE:
            continue
        pieces = texts(path) if path.suffix == ".py" else [(ast.Pass(), path.read_text(encoding="utf-8"))]
        for node, text in pieces:
            if path.suffix == ".py" and not re.search(r"\b(INSERT INTO|UPDATE|DELETE FROM)\b", text):
                continue
            for table in WRITES.findall(text):
                owner = declared.get(table) or owners.get(table)
                if owner is not None and owner not in {feature, "core"}:
                    found.append(f"{where(path, node)} writes {table} of {owner}")

    assert found == []


def _tables_of_models() -> dict[str, str]:
    declared = {}
    for path in python_files():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Assign) and any(dotted(target) == "__tablename__" for target in node.targets):
                assert isinstance(node.value, ast.Constant)
                declared[str(node.value.value)] = feature_of(path)
    return declared


def test_another_features_models_are_only_read() -> None:
    """A row of another feature is made or changed by that feature's service."""
    found = []
    for path in python_files():
        foreign = {
            alias.asname or alias.name
            for node in ast.walk(tree(path))
            if isinstance(node, ast.ImportFrom)
            and re.fullmatch(r"app\.\w+\.models(\.\w+)?", node.module or "")
            and (node.module or "").split(".")[1] not in {feature_of(path), "core"}
            for alias in node.names
        }
        for call, name in calls(path):
            made = name in foreign and name[:1].isupper() and not _is_enum(name)
            written = name.rpartition(".")[2] in {"insert", "update", "delete"} and any(
                isinstance(argument, ast.Name) and argument.id in foreign for argument in call.args
            )
            if (made and call.keywords) or written:
                found.append(f"{where(path, call)} {name}")

    assert found == []


def _is_enum(name: str) -> bool:
    return name.endswith(("Status", "Kind", "State", "Purpose"))


@pytest.mark.parametrize("suffix", [".py", ".html", ".sql", ".js", ".css"])
def test_nothing_is_left_for_later(suffix: str) -> None:
    """No markers of unfinished work in what is delivered."""
    marker = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + r"X|HACK)\b")
    roots = [APP, ROOT / "static" / "js", ROOT / "static" / "css", ROOT / "migrations", ROOT / "tools", ROOT / "bench"]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for root in roots
        for path in root.rglob(f"*{suffix}")
        if not {"vendor", "node_modules", "__pycache__"} & set(path.parts) and path.is_file()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if marker.search(line)
    ]

    assert found == []


def test_no_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}

    assert [str(path) for path in python_files() if drawers & {path.stem, *path.relative_to(APP).parts}] == []


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): length
        for path in [*python_files(), *(ROOT / "tools").glob("*.py"), *(ROOT / "bench").glob("*.py")]
        if (length := len(path.read_text(encoding="utf-8").splitlines())) > LENGTH_MAX
    }

    assert long == {}


def test_sentences_do_not_shout() -> None:
    """English texts for people are calm: no exclamation marks."""
    found = []
    for path in python_files():
        for call, name in calls(path):
            if name in {"_l", "_ln", "_lp", "_", "ngettext"}:
                found += [
                    where(path, call)
                    for argument in call.args
                    if isinstance(argument, ast.Constant)
                    and isinstance(argument.value, str)
                    and re.search(r"\w!(\s|$)", argument.value)
                ]

    assert found == []


def test_icons_exist() -> None:
    """Every icon that a template or manifest names stands in the one sprite."""
    sprites = [*(ROOT / "static").rglob("icons*.svg")]
    if not sprites:
        pytest.fail("static/ holds no icon sprite.")
    known = set(re.findall(r'<symbol[^>]*\bid="(?:icon-|i-)?([a-z0-9-]+)"', sprites[0].read_text(encoding="utf-8")))
    named = {}
    for template in APP.rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        for name in re.findall(r"\bui\.icon\(\s*[\"']([a-z0-9-]+)[\"']", text) + re.findall(
            r"\bicon=[\"']([a-z0-9-]+)[\"']", text
        ):
            named[name] = str(template.relative_to(ROOT))
    for path in python_files():
        for call, name in calls(path):
            if name.rpartition(".")[2] == "MenuEntry":
                candidates = [*call.args[3:4], *(k.value for k in call.keywords if k.arg == "icon")]
                for value in candidates:
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        named[value.value] = where(path, call)

    assert {name: place for name, place in named.items() if name not in known} == {}


def test_async_work_of_tests_runs_in_a_thread_of_its_own() -> None:
    """A browser that another test of the same process drives holds this thread's loop: `tests.support.loops`."""
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in sorted((ROOT / "tests").rglob("*.py"))
        for line in file.read_text().splitlines()
        if re.match(r"(?!\s*#).*\basyncio\.run\(", line)
        and "lambda: asyncio.run(" not in line
        and file != Path(__file__)
    ]

    assert found == []
