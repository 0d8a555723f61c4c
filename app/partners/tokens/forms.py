"""The form of a new key."""

from __future__ import annotations

from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from app.core.forms import Form, OneOf, Required
from app.kit.text import _l
from app.partners.tokens.service import DAYS

_LASTS = {30: _l("30 days"), 90: _l("90 days"), 365: _l("A year")}


class TokenForm(Form):
    name = StringField(_l("Name"), [Required()], description=_l("What it is for, like the name of your program."))
    days = SelectField(
        _l("Works for"),
        [OneOf(lambda: [str(days) for days in DAYS])],
        choices=[SelectChoice(str(days), _LASTS[days]) for days in DAYS],
        validate_choice=False,
    )
