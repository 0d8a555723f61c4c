"""Forms: WTForms with our own sentences, and one way for a refusal to land beside its field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import request
from flask_wtf import FlaskForm
from wtforms import Field
from wtforms import validators as wtf
from wtforms.validators import ValidationError

from app.core import db
from app.core.errors import DomainError, Invalid
from app.kit.money import AmountError, Money, parse_amount
from app.kit.text import Message, _l

R = TypeVar("R")


class StaleForm(DomainError):
    status_code = 400
    message = _l("This page was open for too long. Reload it and try again; nothing has been done.")


class OnceKeyMissing(Invalid):
    message = _l("This form was sent without its number. Reload the page and try again; nothing has been done.")


class Form(FlaskForm):
    """The base of every form. `status` is what the page should answer: 200 at first, 422 (or the refusal's) after."""

    status: int = 200
    refusal: Message | None = None

    class Meta(FlaskForm.Meta):
        locales = False  # Sentences come from our validators; WTForms' own catalogues are not used.

    def sent(self) -> bool:
        """Whether the form was sent and every field holds. Otherwise `status` becomes 422."""
        if not self.is_submitted():
            return False
        if self.validate():
            return True
        self.status = 422
        return False

    def attempt(self, act: Callable[[], R]) -> R | None:
        """Run the business act. A refusal undoes it, stands beside its field (or above the form), and answers None."""
        try:
            return act()
        except DomainError as refusal:
            if refusal.status_code in (401, 404):
                raise
            db.rollback()
            self.status = refusal.status_code
            field = self._fields.get(refusal.field or "")
            if field is None:
                self.refusal = refusal.message
            else:
                field.errors = [*field.errors, refusal.message]
            return None


class Required(wtf.InputRequired):
    """The field must be filled in."""

    def __init__(self, message: Message | None = None) -> None:
        super().__init__(message or _l("Fill in this field."))


class OneOf:
    """The value must be one of those offered now."""

    def __init__(self, values: Callable[[], Any]) -> None:
        self.values = values

    def __call__(self, form: FlaskForm, field: Field) -> None:
        if field.data not in self.values():
            raise ValidationError(_l("Choose one of the options."))


def amount_of(field: Field, currency: str) -> Money:
    """The field's text as a positive amount of `currency`. Raises Invalid that names the field."""
    try:
        return parse_amount(str(field.data or ""), currency)
    except AmountError as error:
        raise Invalid(error.message, field=field.short_name) from None


def once_key() -> str:
    """The number that the form carried so that sending it twice does it once. Raises OnceKeyMissing."""
    value = request.form.get("once", "")
    if not (16 <= len(value) <= 64 and all(c.isalnum() or c in "-_" for c in value)):
        raise OnceKeyMissing
    return value
