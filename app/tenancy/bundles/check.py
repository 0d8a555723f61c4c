"""Is a bundle good? Every reason why not, with file, line and a sentence, before anything is written."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from app.core.features import BundleSection
from app.tenancy.bundles.brand import brand_problems
from app.tenancy.bundles.schema import BASE_SECTIONS, HostsSection, TenantSection
from app.tenancy.bundles.source import BundleSource, KeyPath, Problem

SECRET_PREFIX = "secret:"  # noqa: S105  # The mark of a reference, no secret.
_SECRET_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,59}")
_MESSAGE = re.compile(r"^(?P<reason>.*?)(?: - at `(?P<path>\$.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<number>\d+)\]|\[(?P<any>\.\.\.)\]")
_KINDS = {
    "int": "a whole number",
    "decimal": "a number",
    "float": "a number",
    "str": "a text in quotes",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "date": "a date such as 2026-12-25",
    "datetime": "an instant",
    "null": "nothing",
}


@dataclass(frozen=True)
class Bundle:
    """A bundle that may be applied: the typed value of every table, and the names of the secrets that it uses."""

    source: BundleSource
    tables: Mapping[str, Any]
    secrets: tuple[str, ...]

    @property
    def tenant(self) -> TenantSection:
        value = self.tables["tenant"]
        assert isinstance(value, TenantSection)
        return value

    @property
    def hosts(self) -> HostsSection:
        value = self.tables["hosts"]
        assert isinstance(value, HostsSection)
        return value


def check_bundle(
    source: BundleSource,
    sections: Sequence[BundleSection],
    *,
    secrets_at_hand: Collection[str] = (),
    hosts_of_others: Mapping[str, str] | None = None,
) -> tuple[Bundle | None, list[Problem]]:
    """The typed bundle, or every problem found. `hosts_of_others`: host name -> slug of the tenant that has it."""
    problems: list[Problem] = []
    types = {**BASE_SECTIONS, **{section.name: section.type for section in sections}}
    required = {*BASE_SECTIONS, *(section.name for section in sections if section.required)}
    for name in source.document:
        if name not in types:
            problems.append(source.problem((name,), f"Nothing reads the table [{name}].{_did_you_mean(name, types)}"))
    tables: dict[str, Any] = {}
    for name, kind in types.items():
        if name not in source.document and name in required:
            problems.append(source.problem((), f"The table [{name}] is missing."))
            continue
        value, found = _convert(source, name, kind)
        problems += found
        if not found:
            tables[name] = value
    problems += _share_problems(source)
    secrets = _secrets_of(source)
    tenant = source.document.get("tenant")
    is_sandbox = isinstance(tenant, Mapping) and tenant.get("sandbox") is True  # Known even when the table has faults.
    problems += _secret_problems(source, secrets, secrets_at_hand, is_sandbox)
    for section in sections:
        if section.name in tables:
            problems += _section_problems(source, section, tables)
    problems += _identity_problems(source, tables, hosts_of_others or {})
    if "branding" in tables:
        problems += brand_problems(source, tables["branding"])
    problems = sorted(set(problems))
    if problems:
        return None, problems
    return Bundle(source, tables, tuple(sorted(set(secrets.values())))), []


def secret_named_at(path: KeyPath, value: object) -> str | None:
    """The name of the secret that a value stands for: `secret:NAME` anywhere, a plain NAME under a key `..._secret`."""
    if not isinstance(value, str):
        return None
    if value.startswith(SECRET_PREFIX):
        return value.removeprefix(SECRET_PREFIX)
    return value if path and str(path[-1]).endswith("_secret") else None


def secrets_named_in(source: BundleSource) -> frozenset[str]:
    """The names of the secrets that a bundle uses."""
    return frozenset(_secrets_of(source).values())


def _convert(source: BundleSource, name: str, kind: type) -> tuple[Any, list[Problem]]:
    """The typed table, or its problems: all unknown keys at once, else the first value that does not fit."""
    raw = _copy(source.document.get(name, {}))
    problems: list[Problem] = []
    while True:
        try:
            return msgspec.convert(raw, kind, strict=True), problems
        except msgspec.ValidationError as error:
            path, sentence, unknown = _explain(name, raw, kind, error)
            problems.append(source.problem(path, sentence))
            if unknown is None:
                return None, problems
            parent = _at(raw, path[1:-1])
            del parent[unknown]  # The next round may find the next one.


def _explain(name: str, raw: Any, kind: type, error: msgspec.ValidationError) -> tuple[KeyPath, str, str | None]:
    found = _MESSAGE.match(str(error))
    assert found is not None
    reason, steps = found["reason"], found["path"] or "$"
    inner = _resolve(raw, kind, str(error), steps)
    cause = error.__cause__
    if unknown := re.fullmatch(r"Object contains unknown field `(.+)`", reason):
        key = unknown[1]
        place = _dotted((name, *inner))
        sentence = f"Nothing reads the key `{key}` in [{place}].{_did_you_mean(key, _fields_named_in(kind))}"
        return (name, *inner, key), sentence, key
    if missing := re.fullmatch(r"Object missing required field `(.+)`", reason):
        return (name, *inner), f"The key `{missing[1]}` is missing in [{_dotted((name, *inner))}].", None
    if field := getattr(cause, "field", None):
        return (name, *inner, *_steps_of(field)), str(cause), None
    if wrong := re.fullmatch(r"Expected `(.+)`, got `(.+)`", reason):
        wanted = " or ".join(_KINDS.get(part.strip(), part.strip()) for part in wrong[1].split("|"))
        return (
            (name, *inner),
            f"`{_dotted((name, *inner))}` must be {wanted}, not {_KINDS.get(wrong[2], wrong[2])}.",
            None,
        )
    if isinstance(cause, ValueError):
        return (name, *inner), str(cause), None
    where = _dotted((name, *inner))
    return (name, *inner), f"`{where}` cannot be used: {reason[:1].lower()}{reason[1:]}.", None


def _resolve(raw: Any, kind: type, message: str, steps: str) -> KeyPath:
    """The path of a complaint. Where the complaint hides a key as `[...]`, the key is found by trying each alone."""
    path: list[str | int] = []
    for step in _STEP.finditer(steps.removeprefix("$")):
        if step["key"] is not None:
            path.append(step["key"])
        elif step["number"] is not None:
            path.append(int(step["number"]))
        else:
            mapping = _at(raw, tuple(path))
            for key in mapping:
                trial = _copy(raw)
                parent = _at(trial, tuple(path))
                for other in [other for other in parent if other != key]:
                    del parent[other]
                try:
                    msgspec.convert(trial, kind, strict=True)
                except msgspec.ValidationError as error:
                    if str(error) == message:
                        path.append(key)
                        break
            else:
                return tuple(path)
    return tuple(path)


def _share_problems(source: BundleSource) -> Iterator[Problem]:
    """A share is a number from 0 to 1 wherever it stands, so that "40" can never be paid as forty times the whole."""
    for path, value in _leaves(source.document):
        keys = [step for step in path if isinstance(step, str)]
        if not keys or not (keys[-1] in ("share", "shares") or keys[-1].endswith(("_share", "_shares"))):
            continue
        try:
            number = Decimal(str(value)) if not isinstance(value, bool) else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite():
            yield source.problem(path, f"`{_dotted(path)}` must be a number from 0 to 1.")
        elif number > 1:
            percent = f"{(number * 100).normalize():f}"
            yield source.problem(
                path, f"`{_dotted(path)}` is {percent} %: a share over 100 % is refused. 1 is the whole."
            )
        elif number < 0:
            yield source.problem(path, f"`{_dotted(path)}` is negative: a share is a number from 0 to 1.")


def _secrets_of(source: BundleSource) -> dict[KeyPath, str]:
    return {
        path: name for path, value in _leaves(source.document) if (name := secret_named_at(path, value)) is not None
    }


def _secret_problems(
    source: BundleSource, secrets: Mapping[KeyPath, str], at_hand: Collection[str], is_sandbox: bool
) -> Iterator[Problem]:
    for path, name in secrets.items():
        if not _SECRET_NAME.fullmatch(name):
            yield source.problem(path, f"`{name}` is no name of a secret: capital letters, digits and underscores.")
        elif name not in at_hand and not is_sandbox:
            slug = source.folder.name.upper().replace("-", "_")
            yield source.problem(
                path,
                f"The secret `{name}` is not stored for this tenant, and KONTOR_SECRET_{slug}_{name} is not set.",
            )


def _section_problems(source: BundleSource, section: BundleSection, tables: Mapping[str, Any]) -> Iterator[Problem]:
    value = tables[section.name]
    for dotted, sentence in section.check(value) if section.check else ():
        yield source.problem((section.name, *_steps_of(dotted)), sentence)
    if section.check_with and set(BASE_SECTIONS) <= set(tables):
        for dotted, sentence in section.check_with(value, tables):
            yield source.problem(_steps_of(dotted), sentence)


def _identity_problems(source: BundleSource, tables: Mapping[str, Any], hosts: Mapping[str, str]) -> Iterator[Problem]:
    tenant = tables.get("tenant")
    if isinstance(tenant, TenantSection) and tenant.slug != source.folder.name:
        yield source.problem(
            ("tenant", "slug"), f"The slug `{tenant.slug}` is not the name of the folder, `{source.folder.name}`."
        )
    section = tables.get("hosts")
    if isinstance(section, HostsSection):
        for audience, names in section.by_audience().items():
            for number, host in enumerate(names):
                if hosts.get(host, source.folder.name) != source.folder.name:
                    path = ("hosts", audience, number)
                    yield source.problem(path, f"The host name `{host}` belongs to the tenant `{hosts[host]}`.")


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*path, number))
    else:
        yield path, value


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        value = value[step]
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(inner) for key, inner in value.items()}
    return [_copy(inner) for inner in value] if isinstance(value, list) else value


def _steps_of(dotted: str) -> KeyPath:
    """`levels.2.share` or `levels[2].share` as a path."""
    parts = re.sub(r"\[(\d+)\]", r".\1", dotted).split(".")
    return tuple(int(part) if part.isdigit() else part for part in parts if part)


def _dotted(path: KeyPath) -> str:
    text = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)  # People count from one.
    return text.removeprefix(".")


def _fields_named_in(kind: Any) -> set[str]:
    """Every field name inside a struct type, however deep: what a mistyped key may have meant."""
    names: set[str] = set()
    seen: set[int] = set()

    def walk(info: Any) -> None:
        if id(info) in seen or isinstance(info, (str, bytes, int, type(None))):
            return
        seen.add(id(info))
        if isinstance(info, msgspec.inspect.StructType):
            for field in info.fields:
                names.add(field.encode_name)
                walk(field.type)
        elif isinstance(info, msgspec.Struct):
            for field_name in info.__struct_fields__:
                walk(getattr(info, field_name))
        elif isinstance(info, tuple):
            for inner in info:
                walk(inner)

    walk(msgspec.inspect.type_info(kind))
    return names


def _did_you_mean(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f" Did you mean `{close[0]}`?" if close else ""
