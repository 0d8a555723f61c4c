"""The forms of a change of many accounts: what each account is to become, and the word to begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_wtf.file import FileField
from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length
from wtforms.widgets import CheckboxInput, ListWidget

from app.core.forms import Form, OneOf, Required, amount_of
from app.kit.text import Message, _l
from app.trading import permissions
from app.trading.access import rules as access
from app.trading.bulk.models import BulkKind

Choices = Sequence[tuple[str, str]]
_NONE: list[tuple[str, Message | str]] = [("", _l("Choose one"))]


class _BulkForm(Form):
    """What every kind shares: a list of logins instead of the filters."""

    platform = SelectField(_l("Platform of the list"), validate_choice=False)
    logins = TextAreaField(_l("List of logins"), [Length(max=400_000)])
    sheet = FileField(_l("List of logins as a file"))

    def offer_platforms(self, platforms: Choices) -> None:
        self.platform.choices = list(platforms)


def _ways() -> Sequence[str]:
    return ("take", "give")


class LeverageForm(_BulkForm):
    leverage = SelectField(_l("New leverage"), [Required()], validate_choice=False)

    def offer(self, choices: Choices) -> None:
        self.leverage.choices = [*_NONE, *choices]

    def target(self) -> Mapping[str, Any]:
        return {"leverage": self.leverage.data}


class GroupForm(_BulkForm):
    group = SelectField(_l("New group"), [Required()], validate_choice=False)

    def offer(self, choices: Choices) -> None:
        self.group.choices = [*_NONE, *choices]

    def target(self) -> Mapping[str, Any]:
        return {"group": self.group.data}


class TypeForm(_BulkForm):
    type = SelectField(_l("New account type"), [Required()], validate_choice=False)

    def offer(self, choices: Choices) -> None:
        self.type.choices = [*_NONE, *choices]

    def target(self) -> Mapping[str, Any]:
        return {"type": self.type.data}


class RightsForm(_BulkForm):
    way = RadioField(
        _l("What happens to these rights"),
        choices=[SelectChoice("take", _l("Take them away")), SelectChoice("give", _l("Give them back"))],
        default="take",
        validate_choice=False,
        validators=[OneOf(_ways)],
    )
    functions = SelectMultipleField(
        _l("Rights"), validate_choice=False, widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )

    def offer(self, _choices: Choices) -> None:
        labels = {function.code: function.label for function in permissions.FUNCTIONS}
        self.functions.choices = [(code, labels[code]) for code in access.RIGHTS]

    def target(self) -> Mapping[str, Any]:
        return {"functions": self.functions.data or (), "is_taken": self.way.data == "take"}


class CreditForm(_BulkForm):
    way = RadioField(
        _l("What happens to the credit"),
        choices=[SelectChoice("give", _l("Give it")), SelectChoice("take", _l("Take it back"))],
        default="give",
        validate_choice=False,
        validators=[OneOf(_ways)],
    )
    currency = SelectField(_l("Currency of the accounts"), [Required()], validate_choice=False)
    amount = StringField(_l("Amount for each account"), [Required()])

    def offer(self, choices: Choices) -> None:
        self.currency.choices = list(choices)
        self.currency.validators = [Required(), OneOf(lambda: [code for code, _ in choices])]

    def target(self) -> Mapping[str, Any]:
        return {"money": amount_of(self.amount, str(self.currency.data)), "is_taken": self.way.data == "take"}


BulkForm = LeverageForm | GroupForm | TypeForm | RightsForm | CreditForm
"""The form of one kind. Its `target` says what each account is to become, and raises Invalid naming the field."""
FORMS: Mapping[BulkKind, type[BulkForm]] = {
    BulkKind.LEVERAGE: LeverageForm,
    BulkKind.GROUP: GroupForm,
    BulkKind.TYPE: TypeForm,
    BulkKind.RIGHTS: RightsForm,
    BulkKind.CREDIT: CreditForm,
}


class ConfirmForm(Form):
    reason = TextAreaField(_l("Reason"), [Required(), Length(max=500)])
    with_warned = BooleanField(_l("Change accounts with a warning too"))
