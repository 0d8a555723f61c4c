"""Static files: names that change with their content, and the small server that answers them.

Vendored files carry a hash in their own name. Our files (css, js) share one: they stand under `/static/v-<hash>/`,
where the hash covers all of them, so that modules may import each other by plain relative names and everything is
cached for ever.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from whitenoise import WhiteNoise  # type: ignore[import-untyped]  # It ships no types.

from app.ui.locales import ROOT

STATIC = ROOT / "static"
OWN = ("css", "js")
_COMPRESSED = {".css", ".js", ".svg", ".json"}


class UnknownAsset(LookupError):
    """A template names a file that does not exist."""


def own_files() -> list[Path]:
    """Our own static files, in a fixed order."""
    found = [path for part in OWN for path in (STATIC / part).rglob("*") if path.is_file()]
    return sorted([*found, *(path for path in STATIC.glob("*") if path.is_file())])


def _hash_of(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(str(path.relative_to(STATIC)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


class Assets:
    """The addresses of static files, and the WSGI layer that answers them."""

    def __init__(self, *, watch: bool = False) -> None:
        self.vendor: dict[str, dict[str, Any]] = json.loads((STATIC / "vendor/vendor.json").read_text())
        self._watch = watch
        self._seen = 0
        self._noise = WhiteNoise(None, max_age=31_536_000, immutable_file_test=lambda _path, _url: True)
        self._noise.add_files(str(STATIC / "vendor"), prefix="static/vendor/")
        self.version = ""
        self._refresh()

    def url(self, name: str) -> str:
        """The address of `css/app.css`, `js/app.js`, `icons.svg` or `vendor/htmx.min.js`. Raises UnknownAsset."""
        if name.startswith("vendor/") or name in self.vendor:
            entry = self.vendor.get(name.removeprefix("vendor/"))
            if entry is None:
                raise UnknownAsset(name)
            return f"/static/vendor/{entry['path']}"
        if self._watch:
            self._refresh()
        if name not in self._names:
            raise UnknownAsset(name)
        return f"/static/v-{self.version}/{name}"

    def _refresh(self) -> None:
        files = own_files()
        changed = max((path.stat().st_mtime_ns for path in files), default=0) + len(files)
        if changed == self._seen:
            return
        self._seen = changed
        self.version = _hash_of(files)
        self._names = {path.relative_to(STATIC).as_posix() for path in files}
        self._noise.add_files(str(_compressed_copy(files, self.version)), prefix=f"static/v-{self.version}/")

    def wrap(self, application: Any) -> Any:
        """The application with the static files in front of it."""
        self._noise.application = application
        return self._noise


def _compressed_copy(files: list[Path], version: str) -> Path:
    """Our files beside their gzip forms in a scratch folder of their own. Several processes may make it together."""
    home = Path(tempfile.gettempdir()) / f"kontor-static-{os.getuid()}"
    target = home / version
    if target.exists():
        return target
    home.mkdir(mode=0o700, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=home))
    for path in files:
        copy = draft / path.relative_to(STATIC)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        if path.suffix in _COMPRESSED:
            copy.with_name(copy.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    try:
        draft.rename(target)
    except OSError:  # Another process was faster, with the same content.
        shutil.rmtree(draft, ignore_errors=True)
    return target
