"""The forms of disputes. Several stand on one page, so each puts a word of its own before its fields' names."""

from __future__ import annotations

from wtforms import HiddenField, StringField, TextAreaField

from app.core.errors import Conflict
from app.core.forms import Form, Required
from app.kit.text import _l


class OpenForm(Form):
    text = TextAreaField(
        _l("What is wrong with it?"),
        [Required()],
        description=_l("Say what you expected and why. What this amount came from is attached by itself."),
    )


class ReplyForm(Form):
    text = TextAreaField(_l("Your message"), [Required()])


class _Versioned(Form):
    version = HiddenField(_l("Version"))

    @property
    def seen(self) -> int:
        """The version of the dispute that the page showed. Raises Conflict where it is no number."""
        text = str(self.version.data or "")
        if not (text.isascii() and text.isdigit() and len(text) < 9):
            raise Conflict
        return int(text)


class AnswerForm(_Versioned):
    text = TextAreaField(_l("Answer to the partner"), [Required()])


class NoteForm(Form):
    text = TextAreaField(_l("Note for the desk"), [Required()])


class AcceptForm(_Versioned):
    amount = StringField(_l("Correction"), [Required()])
    text = TextAreaField(_l("What the partner reads"), [Required()])


class RefuseForm(_Versioned):
    text = TextAreaField(_l("Why it stays as it is"), [Required()])


class DecideForm(_Versioned):
    pass


class TurnDownForm(_Versioned):
    text = TextAreaField(_l("Why not"), [Required()])
