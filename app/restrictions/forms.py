from __future__ import annotations

from datetime import datetime, time, timedelta

from wtforms import DateField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import Optional
from wtforms.widgets import CheckboxInput, ListWidget

from app import tenancy
from app.core import features
from app.core.forms import Form, Required
from app.kit.text import _l
from app.restrictions import rules


class FunctionsField(SelectMultipleField):
    """Functions as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class LockForm(Form):
    functions = FunctionsField(
        _l("Functions to lock"),
        choices=lambda: [(function.code, function.label) for function in features.functions().values()],
    )
    reason_code = SelectField(
        _l("Reason"), [Required()], choices=lambda: [("", _l("Choose a reason")), *rules.REASONS.items()]
    )
    expires_on = DateField(
        _l("Last day"),
        [Optional()],
        description=_l("The lock ends when this day ends. Without it, only a lift ends it."),
    )
    public_note = TextAreaField(
        _l("Note for the client"), description=_l("Shown to the client instead of a general sentence.")
    )
    internal_note = TextAreaField(_l("Note for staff"))

    def expires_at(self) -> datetime | None:
        """The end of the last day in the brand's time zone."""
        if self.expires_on.data is None:
            return None
        midnight = datetime.combine(self.expires_on.data + timedelta(days=1), time())
        return midnight.replace(tzinfo=tenancy.current().timezone)


class LiftForm(Form):
    reason = StringField(_l("Why it is lifted"), [Required()])
