"""One `tenant.toml` as text, as data, and as a map from every key to its line.

The standard reader of TOML forgets where a value stood, and a refusal without a line number is useless in a file of
three hundred lines. `positions` reads the same text a second time, only for where keys and elements begin; it may
assume that the text is valid TOML.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

BUNDLE_FILE = "tenant.toml"

KeyPath: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Problem:
    """One reason why a bundle is refused: where it stands, and a sentence for the person who edits the file."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class BundleUnreadable(Exception):
    """The bundle cannot be read at all; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class BundleSource:
    """A bundle's folder after its file was read: plain data, and the line of each key path."""

    folder: Path
    document: Mapping[str, Any]
    lines: Mapping[KeyPath, int] = field(repr=False)

    @property
    def file(self) -> str:
        """The file's path as people name it: relative to where the command was started, where that is possible."""
        path = self.folder / BUNDLE_FILE
        return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

    def line_of(self, path: KeyPath) -> int:
        """The line of this key, or of its nearest parent that stands in the file: a missing key has no line itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, sentence: str) -> Problem:
        return Problem(self.file, self.line_of(path), sentence)

    def brand_file(self, name: str) -> Path:
        return self.folder / "brand" / name


def read_bundle(folder: Path) -> BundleSource:
    """Read `folder/tenant.toml`. Numbers with a point become Decimal: no rate and no share is ever a binary float."""
    path = folder / BUNDLE_FILE
    source = BundleSource(folder, {}, {})
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise BundleUnreadable(Problem(source.file, 1, "The bundle has no readable tenant.toml.")) from None
    except UnicodeDecodeError:
        raise BundleUnreadable(Problem(source.file, 1, "The file is not UTF-8 text.")) from None
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise BundleUnreadable(_syntax_problem(source.file, text, error)) from None
    return BundleSource(folder, document, positions(text))


def _syntax_problem(file: str, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    found = re.search(r"\(at line (\d+), column \d+\)", str(error))
    line = int(found.group(1)) if found else text.count("\n") + 1
    reason = re.sub(r"\s*\(at [^)]*\)", "", str(error))
    return Problem(file, line, f"This is not valid TOML: {reason[:1].lower()}{reason[1:]}.")


def positions(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, where each table, key and list element of a valid TOML text begins."""
    scanner = _Scanner(text)
    scanner.scan()
    return scanner.lines


class _Scanner:
    """A reader that knows where values end, not what they mean."""

    _bare_key = re.compile(r"[A-Za-z0-9_-]+")
    _scalar = re.compile(r"[^\s,\]}#]+(?: \d\d:[^\s,\]}#]+)?")  # The second part is the time after "1979-05-27 ".

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.line = 1
        self.lines: dict[KeyPath, int] = {(): 1}
        self.table: KeyPath = ()
        self.counts: dict[KeyPath, int] = {}  # Elements seen so far of each array of tables.

    def scan(self) -> None:
        while self._skip_blank():
            if self._peek("[["):
                self._table_header("[[", "]]")
            elif self._peek("["):
                self._table_header("[", "]")
            else:
                self._pair(self.table)

    def _table_header(self, opening: str, closing: str) -> None:
        line = self.line
        self._advance(len(opening))
        keys = self._key()
        self._skip_blank()
        self._advance(len(closing))
        if opening == "[[":
            *parents, name = keys
            path = (*self._through_arrays((), tuple(parents)), name)
            number = self.counts.get(path, -1) + 1
            self.counts[path] = number
            self.lines.setdefault(path, line)
            self.table = (*path, number)
        else:
            self.table = self._through_arrays((), keys)
        self._remember(self.table, line)

    def _through_arrays(self, start: KeyPath, keys: KeyPath) -> KeyPath:
        """Follow dotted keys; a key that names an array of tables means its latest element."""
        path = start
        for key in keys:
            path = (*path, key)
            if path in self.counts:
                path = (*path, self.counts[path])
        return path

    def _pair(self, parent: KeyPath) -> None:
        line = self.line
        path = (*parent, *self._key())
        self._remember(path, line)
        self._skip_blank()
        self._advance(1)  # The equals sign.
        self._skip_blank()
        self._value(path)

    def _remember(self, path: KeyPath, line: int) -> None:
        for length in range(1, len(path) + 1):  # `a.b.c = 1` also begins a and a.b, unless they began before.
            self.lines.setdefault(path[:length], line)

    def _key(self) -> KeyPath:
        keys: list[str] = []
        while True:
            self._skip_blank()
            if self.text[self.at] in "\"'":
                keys.append(self._string())
            else:
                found = self._bare_key.match(self.text, self.at)
                assert found is not None, "tomllib has accepted this text"
                keys.append(found.group())
                self._advance(len(found.group()))
            self._skip_blank()
            if not self._peek("."):
                return tuple(keys)
            self._advance(1)

    def _value(self, path: KeyPath) -> None:
        if self.text[self.at] in "\"'":
            self._string()
        elif self._peek("["):
            self._inside("]", path, 0)
        elif self._peek("{"):
            self._inside("}", path, None)
        else:
            found = self._scalar.match(self.text, self.at)
            assert found is not None, "tomllib has accepted this text"
            self._advance(len(found.group()))

    def _inside(self, closing: str, path: KeyPath, number: int | None) -> None:
        """A list (`number` counts its elements) or an inline table, from its bracket to the closing one."""
        self._advance(1)
        while True:
            self._skip_blank()
            if self._peek(closing):
                self._advance(1)
                return
            if self._peek(","):
                self._advance(1)
            elif number is None:
                self._pair(path)
            else:
                self.lines[(*path, number)] = self.line
                self._value((*path, number))
                number += 1

    def _string(self) -> str:
        """Step over a string and return it as it would read as a key (keys with escapes are not used in bundles)."""
        quote = self.text[self.at]
        fence = quote * 3 if self._peek(quote * 3) else quote
        begin = self.at + len(fence)
        self._advance(len(fence))
        while not self._peek(fence):
            self._advance(2 if quote == '"' and self._peek("\\") else 1)
        end = self.at
        self._advance(len(fence))
        while len(fence) == 3 and self._peek(quote):  # A multi-line string may end in four or five quotes.
            self._advance(1)
        return self.text[begin:end]

    def _skip_blank(self) -> bool:
        """Step over white space and comments; False at the end of the text."""
        while self.at < len(self.text):
            if self.text[self.at].isspace():
                self._advance(1)
            elif self._peek("#"):
                end = self.text.find("\n", self.at)
                self._advance((len(self.text) if end < 0 else end) - self.at)
            else:
                return True
        return False

    def _peek(self, wanted: str) -> bool:
        return self.text.startswith(wanted, self.at)

    def _advance(self, count: int) -> None:
        self.line += self.text.count("\n", self.at, self.at + count)
        self.at += count
