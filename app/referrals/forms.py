"""The form that moves a client in the tree."""

from __future__ import annotations

from wtforms import RadioField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.forms import Form, OneOf, Required
from app.kit.text import _l


class MoveForm(Form):
    parent = StringField(
        _l("New partner"),
        description=_l("The partner's client number. Leave it empty to leave the client without a partner."),
    )
    when = RadioField(
        _l("When"),
        choices=[
            SelectChoice("next_settlement_day", _l("With the next settlement day")),
            SelectChoice("immediate", _l("At once")),
        ],
        default="next_settlement_day",
        validate_choice=False,
        validators=[OneOf(lambda: ("next_settlement_day", "immediate"))],
    )
    reason = TextAreaField(_l("Reason"), [Required()])
