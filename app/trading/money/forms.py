"""The forms about money that waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from wtforms import RadioField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from app.core.forms import Form, OneOf, Required
from app.kit.text import Message, _l
from app.trading.models import PlatformOperation
from app.trading.money.models import Category, House, Way
from app.trading.money.service.suspense import Draft


class BookForm(Form):
    """One choice says it all: a way, and behind a colon the account of the house or the request that it means."""

    way = RadioField(_l("What becomes of this money?"), validate_choice=False)
    reason = TextAreaField(_l("Reason"), [Required(), Length(max=500)])

    def offer(self, candidates: Sequence[PlatformOperation]) -> None:
        """Fill the choices with what fits this movement."""
        choices: list[tuple[str, Message]] = [
            (f"match:{operation.id}", _l("It is our request %(reference)s", reference=operation.reference))
            for operation in candidates
        ]
        choices += [(f"house:{house.value}", house.label) for house in House]
        choices += [(way.value, way.label) for way in (Way.CLIENT, Way.UNDO)]
        self.way.choices = [SelectChoice(value, label) for value, label in choices]
        self.way.validators = [Required(), OneOf(lambda: [value for value, _ in choices])]

    def draft(self) -> Draft:
        """What was chosen."""
        name, _, detail = str(self.way.data).partition(":")
        way = Way(name)
        return Draft(
            way,
            str(self.reason.data or ""),
            house=House(detail) if way is Way.HOUSE else None,
            operation_id=UUID(detail) if way is Way.MATCH else None,
        )


class NoteForm(Form):
    note = TextAreaField(_l("Why"), [Required(), Length(max=500)])


class ExplainDifferenceForm(Form):
    category = SelectField(_l("Cause"), validate_choice=False)
    note = TextAreaField(_l("What you found"), [Required(), Length(max=500)])

    def offer(self) -> None:
        """Fill the list of causes."""
        self.category.choices = [(each.value, each.label) for each in Category]
        self.category.validators = [Required(), OneOf(lambda: [each.value for each in Category])]
