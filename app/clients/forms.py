"""The forms with which staff act on a client."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from wtforms import SelectField, StringField, TextAreaField

from app.clients import rules
from app.core.forms import Form, Required
from app.kit.text import Message, _l
from app.restrictions.rules import REASONS


class NoteForm(Form):
    text = TextAreaField(_l("Note"), [Required()])


class SuspendForm(Form):
    reason_code = SelectField(_l("Reason"), [Required()], choices=list(REASONS.items()))
    note = TextAreaField(_l("Internal note"))


class ActivateForm(Form):
    reason = StringField(_l("Why the suspension ends"), [Required()])


class KYCForm(Form):
    level = SelectField(
        _l("Verification level"),
        [Required()],
        coerce=int,
        choices=[(level, rules.kyc_label(level)) for level in rules.KYC_LEVELS],
    )
    reason = StringField(_l("What this rests on"), [Required()])


class OwnerForm(Form):
    owner_id = SelectField(_l("Looked after by"))

    def offer(self, staff: Sequence[tuple[UUID, str]]) -> None:
        """Set the staff to choose from; nobody comes first."""
        nobody: list[tuple[str, Message | str]] = [("", _l("Nobody"))]
        self.owner_id.choices = nobody + [(str(user_id), name) for user_id, name in staff]
