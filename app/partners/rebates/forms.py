"""The forms of sharing."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from wtforms import SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.errors import Invalid
from app.core.forms import Form, Required
from app.kit.text import _l
from app.partners import labels


class ShareForm(Form):
    share = StringField(_l("Percentage"), [Required()])
    track = SelectField(
        _l("Kind of commission"),
        choices=[
            SelectChoice("", _l("Every kind")),
            *(SelectChoice(name, labels.TRACKS[name]) for name in ("referral", "god")),
        ],
    )

    def as_share(self) -> Decimal:
        """The percentage as a share from 0 to 1. Raises Invalid beside the field."""
        return read_share(self.share.data or "", "share")


def read_share(text: str, field: str) -> Decimal:
    """A percentage that somebody wrote as a share from 0 to 1. Raises Invalid beside the field."""
    text = text.strip().removesuffix("%").strip().replace(",", ".")
    try:
        percent = Decimal(text)
    except InvalidOperation:
        raise Invalid(_l("Write a percentage, like 25 or 12.5."), field=field) from None
    if not percent.is_finite() or not 0 <= percent <= 100 or percent != round(percent, 2):
        raise Invalid(_l("Give a percentage from 0 to 100 with at most two decimals."), field=field)
    return percent / 100


class RefuseShareForm(Form):
    reason = TextAreaField(_l("Reason"), [Required()])
