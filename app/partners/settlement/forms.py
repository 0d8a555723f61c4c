"""The forms of settlement."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import SelectField, TextAreaField

from app.core.forms import Form, OneOf, Required
from app.kit.text import _l


class SignForm(Form):
    note = TextAreaField(_l("Note"))


class CurrencyForm(Form):
    currency = SelectField(_l("Currency"), validate_choice=False)

    def offer(self, codes: Sequence[str]) -> None:
        """Fill the list with the currencies that a partner may be paid in."""
        self.currency.choices = [(code, code) for code in codes]
        self.currency.validators = [Required(), OneOf(lambda: codes)]
