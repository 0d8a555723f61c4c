"""The forms of an adoption."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from flask_wtf.file import FileField
from wtforms import BooleanField, DateField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional

from app.core.errors import Invalid
from app.core.forms import Form, OneOf, Required
from app.kit.text import Message, _l
from app.tenancy import service as tenancy
from app.trading.adoption.models import History


class StartForm(Form):
    starts_at = StringField(_l("Trades count from"), [Required()])

    def instant(self) -> datetime:
        """What was written, in the brand's time zone. Raises Invalid naming the field."""
        try:
            return datetime.fromisoformat(str(self.starts_at.data)).replace(tzinfo=tenancy.current().timezone)
        except ValueError:
            raise Invalid(_l("Write day and time, such as 2026-01-31T22:00."), field="starts_at") from None


def _whens() -> Sequence[str]:
    return [when.value for when in History]


class RunForm(Form):
    masks = TextAreaField(_l("Groups"), [Required(), Length(max=20_000)])
    type_id = SelectField(_l("Account type for groups that no type names"), validate_choice=False)
    creates_clients = BooleanField(_l("Make clients of people whom only the platform knows"))
    history = RadioField(
        _l("Deals of the past"),
        choices=[
            SelectChoice(History.NIGHT.value, _l("Read them at night")),
            SelectChoice(History.NOW.value, _l("Read them at once")),
            SelectChoice(History.NONE.value, _l("Leave them on the platform")),
        ],
        default=History.NIGHT.value,
        validate_choice=False,
        validators=[OneOf(_whens)],
    )
    history_from = DateField(_l("Read the past from"), [Optional()])

    def offer(self, types: Sequence[tuple[UUID, str]]) -> None:
        """Set the account types to choose from; none comes first."""
        none: list[tuple[str, Message | str]] = [("", _l("None: such accounts wait"))]
        self.type_id.choices = none + [(str(type_id), label) for type_id, label in types]

    @property
    def chosen_type(self) -> UUID | None:
        return as_id(self.type_id.data)

    @property
    def first_day(self) -> date | None:
        day: date | None = self.history_from.data
        return day


class AssignForm(Form):
    client = StringField(_l("Client number or e-mail"), [Required(), Length(max=200)])
    type_id = SelectField(_l("Account type"), validate_choice=False)

    def offer(self, types: Sequence[tuple[UUID, str]]) -> None:
        """Set the account types to choose from; by its group comes first."""
        by_group: list[tuple[str, Message | str]] = [("", _l("By its group"))]
        self.type_id.choices = by_group + [(str(type_id), label) for type_id, label in types]

    @property
    def chosen_type(self) -> UUID | None:
        return as_id(self.type_id.data)


class IgnoreForm(Form):
    note = StringField(_l("Why it stays outside"), [Required(), Length(max=300)])


class SheetForm(Form):
    sheet = FileField(_l("Sheet with logins and clients"))


def as_id(text: str | None) -> UUID | None:
    """An id from a form's text; anything else is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
