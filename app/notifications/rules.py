"""How a mail's values travel through JSON, and how its page becomes plain text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from app.kit.money import Money


def packed(params: Mapping[str, object]) -> dict[str, Any]:
    """Values as JSON. Texts, numbers, booleans, ids, instants, dates, decimals and money come back as they were."""
    return {name: _pack(value) for name, value in params.items()}


def unpacked(params: Mapping[str, Any]) -> dict[str, object]:
    """What `packed` made, as it was before."""
    return {name: _unpack(value) for name, value in params.items()}


def _pack(value: object) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case Money():
            return {"$": "money", "minor": value.minor, "currency": value.currency}
        case datetime():
            return {"$": "at", "value": value.isoformat()}
        case date():
            return {"$": "on", "value": value.isoformat()}
        case Decimal():
            return {"$": "decimal", "value": str(value)}
        case UUID():
            return {"$": "id", "value": str(value)}
        case _:
            raise TypeError(f"A mail cannot carry a {type(value).__name__}.")


def _unpack(value: Any) -> object:
    if not isinstance(value, dict):
        return value
    match value["$"]:
        case "money":
            return Money.from_minor(value["minor"], value["currency"])
        case "at":
            return datetime.fromisoformat(value["value"])
        case "on":
            return date.fromisoformat(value["value"])
        case "decimal":
            return Decimal(value["value"])
        case kind:
            assert kind == "id", kind
            return UUID(value["value"])


_BLOCKS = frozenset({"p", "h1", "h2", "dl", "dt", "tr", "li", "table", "ul", "br"})


class _Text(HTMLParser):
    """Collects what a person reads: one line a paragraph, a link followed by its address."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self.hidden = 0
        self.href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("head", "style", "title"):
            self.hidden += 1
        elif tag in _BLOCKS:
            self.lines.append("")
        elif tag == "dd":
            self.lines[-1] += ": "
        elif tag == "a":
            self.href = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("head", "style", "title"):
            self.hidden -= 1
        elif tag in _BLOCKS and tag != "dt":
            self.lines.append("")
        elif tag == "a" and self.href:
            if self.href not in self.lines[-1]:
                self.lines[-1] += f": {self.href}"
            self.href = ""

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.lines[-1] += data


def text_of(html: str) -> str:
    """The plain text of a mail page: paragraphs apart by an empty line, every link with its address."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = [" ".join(line.split()) for line in parser.lines]
    return "\n\n".join(line for line in lines if line) + "\n"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed over: `smtp://user:password@host:587?from=no-reply@example.com` (or `smtps://`)."""

    host: str
    port: int
    user: str
    password: str
    sender: str
    is_tls: bool

    @classmethod
    def from_address(cls, address: str) -> MailServer:
        """Read the setting. Raises ValueError with a sentence when it cannot be used."""
        parts = urlsplit(address)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("KONTOR_MAIL is `mailbox` or an address such as smtp://user:password@host:587.")
        is_tls = parts.scheme == "smtps"
        sender = parse_qs(parts.query).get("from", [f"no-reply@{parts.hostname}"])[0]
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if is_tls else 587),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
            is_tls=is_tls,
        )
