"""The forms of accounts out of commission and of clients who are one person."""

from __future__ import annotations

from wtforms import StringField, TextAreaField

from app.core.errors import Invalid
from app.core.forms import Form, Required
from app.kit.text import _l


class SwitchForm(Form):
    reason = TextAreaField(_l("Reason"), [Required()])


class PersonForm(Form):
    number = StringField(_l("Number of the other client"), [Required()])
    reason = TextAreaField(_l("Reason"), [Required()])

    def client_number(self) -> int:
        """The number. Raises Invalid beside the field."""
        text = (self.number.data or "").strip().lstrip("#")
        if not (text.isascii() and text.isdigit() and len(text) < 12):
            raise Invalid(_l("There is no client with this number."), field="number")
        return int(text)
