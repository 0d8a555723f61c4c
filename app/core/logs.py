"""Logs: one JSON object a line, with the tenant, the request and the job it belongs to, and without secrets."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)|secret|token|authoriz|cookie|api[_-]?key|private|master[_-]?key|credential|otp|signature|csrf",
    re.IGNORECASE,
)
_SECRET_TEXT = (
    (re.compile(r"(\w+://[^\s:/@]*):[^\s@/]+@"), rf"\1:{REDACTED}@"),  # Passwords inside addresses.
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"\[parameters: .*?\]\s*(?=\n|$|\()", re.DOTALL), f"[parameters: {REDACTED}]"),  # SQLAlchemy's errors.
    (re.compile(r"((?:password|secret|token|api_key)\s*[=:]\s*)[^\s,;&]+", re.IGNORECASE), rf"\1{REDACTED}"),
)


class _JsonHandler(logging.StreamHandler[Any]):
    """Ours, told apart from handlers that others have put beside it."""


def configure_logging(process: str, *, level: str | None = None) -> None:
    """Send every log line of this process, also the libraries', to standard error as JSON. The first call counts."""
    root = logging.getLogger()
    if any(isinstance(handler, _JsonHandler) for handler in root.handlers):
        return
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _name_process(process),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        redact,
    ]
    structlog.configure(
        processors=[*shared[:3], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared[:4],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *shared[4:],
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
    )
    handler = _JsonHandler(sys.stderr)
    handler.setFormatter(formatter)
    for other in list(root.handlers):
        if type(other) is logging.StreamHandler:
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel((level or os.environ.get("KONTOR_LOG_LEVEL") or "INFO").upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "rq.worker", "rq.job", "aiohttp.access"):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
    for noisy in ("uvicorn.access", "aiohttp.access", "rq.worker", "rq.queue", "httpx", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _name_process(process: str) -> Any:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"], event["pid"] = process, os.getpid()
        event.pop("color_message", None)  # uvicorn says everything twice, once with colours.
        return event

    return add


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets out of a log event: by the name of the field, at any depth, and by their look inside text."""
    return {name: _clean(name, value) for name, value in event.items()}


def redacted_text(text: str) -> str:
    """The text without the secrets that can be told by their look."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _clean(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name) and value not in (None, "", True, False):
        return REDACTED
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean("", inner) for inner in value]
    if isinstance(value, (bytes, bytearray)):
        return f"[{len(value)} bytes]"
    return value
