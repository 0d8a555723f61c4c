"""The forms of a finding. Several stand on one page, so each puts a word of its own before its fields' names."""

from __future__ import annotations

from wtforms import HiddenField, TextAreaField

from app.core.errors import Conflict
from app.core.forms import Form, Required
from app.kit.text import _l


class AgreeForm(Form):
    version = HiddenField(_l("Version"))

    @property
    def seen(self) -> int:
        """The version of the finding that the page showed. Raises Conflict where it is no number."""
        text = str(self.version.data or "")
        if not (text.isascii() and text.isdigit() and len(text) < 9):
            raise Conflict
        return int(text)


class DecideForm(AgreeForm):
    reason = TextAreaField(_l("Reason"), [Required()])
