"""The settings file, and the secrets that stand outside it."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SECRET_LENGTH_MIN = 16


class ConfigError(Exception):
    """A setting that is missing or makes no sense, in a sentence for the administrator."""


@dataclass(frozen=True, slots=True)
class CRMConfig:
    """Where events go."""

    url: str
    secret: str = field(repr=False)
    ca_file: str = ""
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class MT5Config:
    """The trade server and the manager account."""

    server: str
    login: int
    password: str = field(repr=False)
    timeout_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """The bridge itself."""

    name: str
    data_dir: Path
    queue_events_max: int = 100_000
    journal_events_max: int = 2_000_000
    batch_events: int = 200
    batch_wait_s: float = 0.005
    heartbeat_s: float = 2.0
    reconnect_s: float = 5.0


@dataclass(frozen=True, slots=True)
class LogConfig:
    """The log."""

    level: str = "INFO"
    megabytes: int = 20
    files: int = 10


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that the program is told."""

    crm: CRMConfig
    mt5: MT5Config
    bridge: BridgeConfig
    log: LogConfig


class _Table:
    """One table of the file. Whatever is not asked for is a mistake."""

    def __init__(self, document: Mapping[str, Any], name: str) -> None:
        found = document.get(name, {})
        if not isinstance(found, dict):
            raise ConfigError(f"[{name}] is not a table.")
        self._name, self._left = name, dict(found)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str):
            raise ConfigError(f"{key} in [{self._name}] is not a text.")
        return value

    def whole(self, key: str, default: int | None = None, least: int = 1) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ConfigError(f"{key} in [{self._name}] is not a whole number of at least {least}.")
        return value

    def seconds(self, key: str, default: float) -> float:
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:
            raise ConfigError(f"{key} in [{self._name}] is not a number of seconds.")
        return float(value)

    def secret(self, key: str) -> str:
        """A secret from the file or the environment variable that the table names."""
        file, variable = self.text(f"{key}_file", ""), self.text(f"{key}_env", "")
        if bool(file) == bool(variable):
            raise ConfigError(f"Give either {key}_file or {key}_env in [{self._name}].")
        value = read_secret(Path(file)) if file else os.environ.get(variable, "").strip()
        if not value:
            place = file or f"the environment variable {variable}"
            raise ConfigError(f"The {key} for [{self._name}] is empty: {place}.")
        return value

    def done(self) -> None:
        if self._left:
            raise ConfigError(f"[{self._name}] has no setting {', '.join(sorted(self._left))}.")

    def _take(self, key: str, default: object) -> object:
        value = self._left.pop(key, default)
        if value is None:
            raise ConfigError(f"{key} is missing in [{self._name}].")
        return value


def read_secret(path: Path) -> str:
    """A secret from its own file, which nobody but its owner may read. Windows guards it by its access list."""
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(f"Others may read {path}. Take their rights away: chmod 600.")
        return path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {type(error).__name__}.") from None


def load(path: Path) -> Config:
    """Read the settings. Raises ConfigError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {type(error).__name__}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    unknown = set(document) - {"crm", "mt5", "bridge", "log"}
    if unknown:
        raise ConfigError(f"{path} has no table {', '.join(sorted(unknown))}.")
    return Config(_crm(document), _mt5(document), _bridge(document), _log(document))


def _crm(document: Mapping[str, Any]) -> CRMConfig:
    table = _Table(document, "crm")
    url = table.text("url")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise ConfigError("url in [crm] is not an address such as https://crm.example.com/bridge/aurora-mt5.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ConfigError("url in [crm] must begin with https://.")
    config = CRMConfig(
        url=url,
        secret=table.secret("secret"),
        ca_file=table.text("ca_file", ""),
        timeout_s=table.seconds("timeout_s", 10.0),
    )
    if len(config.secret) < SECRET_LENGTH_MIN:
        raise ConfigError(f"The secret for [crm] is shorter than {SECRET_LENGTH_MIN} characters.")
    table.done()
    return config


def _mt5(document: Mapping[str, Any]) -> MT5Config:
    table = _Table(document, "mt5")
    config = MT5Config(
        server=table.text("server"),
        login=table.whole("login"),
        password=table.secret("password"),
        timeout_ms=table.whole("timeout_ms", 60_000, least=1000),
    )
    table.done()
    return config


def _bridge(document: Mapping[str, Any]) -> BridgeConfig:
    table = _Table(document, "bridge")
    config = BridgeConfig(
        name=table.text("name"),
        data_dir=Path(table.text("data_dir")).absolute(),
        queue_events_max=table.whole("queue_events_max", 100_000, least=10),
        journal_events_max=table.whole("journal_events_max", 2_000_000, least=1000),
        batch_events=table.whole("batch_events", 200),
        batch_wait_s=table.seconds("batch_wait_s", 0.005),
        heartbeat_s=table.seconds("heartbeat_s", 2.0),
        reconnect_s=table.seconds("reconnect_s", 5.0),
    )
    if not _NAME.fullmatch(config.name):
        raise ConfigError("name in [bridge] is 1 to 60 letters, digits and hyphens.")
    if config.batch_events > 200:
        raise ConfigError("batch_events in [bridge] is at most 200.")
    table.done()
    return config


def _log(document: Mapping[str, Any]) -> LogConfig:
    table = _Table(document, "log")
    config = LogConfig(
        level=table.text("level", "INFO").upper(),
        megabytes=table.whole("megabytes", 20),
        files=table.whole("files", 10),
    )
    if config.level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise ConfigError("level in [log] is DEBUG, INFO, WARNING or ERROR.")
    table.done()
    return config
