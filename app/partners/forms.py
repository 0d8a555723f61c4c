"""The forms of commission."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from wtforms import BooleanField, StringField, TextAreaField

from app.core.errors import Invalid
from app.core.forms import Form, Required
from app.kit.text import _l


class GrantForm(Form):
    rate = StringField(_l("Amount per lot"), description=_l("Leave it empty to take the amount away."))
    reason = TextAreaField(_l("Reason"), [Required()])

    def rate_per_lot(self) -> Decimal | None:
        """The rate as a number; None to take it away. Raises Invalid beside the field."""
        text = (self.rate.data or "").strip().replace(",", ".")
        if not text:
            return None
        try:
            rate = Decimal(text)
        except InvalidOperation:
            raise Invalid(_l("Write a number, like 8 or 7.50."), field="rate") from None
        if not rate.is_finite() or rate != round(rate, 4):
            raise Invalid(_l("Write a number with at most four decimals."), field="rate")
        return rate


class RunForm(Form):
    override = BooleanField(_l("Settle although deals are missing"))
    reason = TextAreaField(_l("Reason"))
