"""What somebody types into the plan editor: numbers, lists of words, shares in percent."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from app.core.errors import Invalid
from app.core.forms import Form
from app.kit.text import _l

PERCENT = Decimal(100)


def words(text: str | None) -> tuple[str, ...]:
    """Patterns with commas or spaces between."""
    return tuple((text or "").replace(",", " ").split())


def number(form: Form, name: str, *, default: Decimal | None = None) -> Decimal | None:
    """A field's number; `default` where it is empty. Raises Invalid that names the field."""
    text = str(form[name].data or "").strip().replace(",", ".")
    if not text:
        return default
    return decimal_of(text, name)


def decimal_of(text: str, field: str) -> Decimal:
    """A number of a few digits. Raises Invalid that names the field."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or abs(found) > 10**9 or len(text) > 24:
        raise Invalid(_l("%(typed)s is no number.", typed=text[:40]), field=field)
    return found


def whole(form: Form, name: str, default: int) -> int:
    """A field's whole number, at least zero. Raises Invalid that names the field."""
    found = number(form, name, default=Decimal(default))
    assert found is not None
    if found != found.to_integral_value() or found < 0:
        raise Invalid(_l("Write a whole number."), field=name)
    return int(found)


def plain(value: Decimal | None) -> str:
    """A number as somebody would type it."""
    return "" if value is None else f"{value.normalize():f}"
