"""Translatable text for the floors that may not know the web framework. It is translated when it is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

# The floor above installs the translator of the running request: (message) -> text in the reader's language.
_translate: Callable[[Message], str] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence to be shown, with its named values. `str()` gives it in the reader's language, or in English."""

    text: str
    params: Mapping[str, Any] = field(default_factory=dict)
    plural: str | None = None
    count: int | None = None
    context: str | None = None

    def __str__(self) -> str:
        if _translate is not None:
            return _translate(self)
        return self.in_english()

    def in_english(self) -> str:
        """The source text with its values, for logs and for a process without languages."""
        text = self.text if self.plural is None or self.count == 1 else self.plural
        return text % self.values() if self.values() else text

    def values(self) -> dict[str, Any]:
        """The named values; a count is always available as `num`."""
        return {**self.params, **({"num": self.count} if self.count is not None else {})}

    def with_params(self, **params: Any) -> Message:
        """The same sentence with (more) values."""
        return Message(self.text, {**self.params, **params}, self.plural, self.count, self.context)

    def __html__(self) -> str:
        from markupsafe import escape

        return str(escape(str(self)))

    def __hash__(self) -> int:
        return hash((self.text, self.plural, self.count, self.context))


def _l(text: str, **params: Any) -> Message:
    """Mark a sentence for translation. Whole sentences only; values by name: `_l("At most %(limit)s.", limit=...)`."""
    return Message(text, params)


def _ln(singular: str, plural: str, num: int, **params: Any) -> Message:
    """Mark a sentence that counts; `%(num)s` is the count."""
    return Message(singular, params, plural, num)


def _lp(context: str, text: str, **params: Any) -> Message:
    """Mark a short ambiguous word with its context ("Buy", "Open")."""
    return Message(text, params, context=context)


def install_translator(translate: Callable[[Message], str] | None) -> None:
    """Set how messages become text in this process. Called once by the floor that knows the reader's language."""
    global _translate
    _translate = translate
