"""The forms of trading accounts."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import HiddenField, PasswordField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from app.core.forms import Form, OneOf, Required
from app.kit.text import _l
from app.trading.models import AccountType
from app.trading.platforms.base import PasswordKind


def leverage_choices(kind: AccountType) -> list[tuple[str, str]]:
    """The leverages of an account type, as people write them."""
    return [(str(leverage), f"1:{leverage}") for leverage in sorted(kind.leverages)]


class OpenAccountForm(Form):
    account_type = HiddenField(_l("Account type"))
    currency = SelectField(_l("Account currency"), validate_choice=False)
    leverage = SelectField(_l("Leverage"), validate_choice=False)
    nickname = StringField(_l("Your name for it"), [Length(max=40)])
    main_password = PasswordField(_l("Trading password"))
    investor_password = PasswordField(_l("Read-only password"))

    def offer(self, kind: AccountType) -> None:
        """Fill the lists with what this account type offers."""
        self.currency.choices = [(currency, currency) for currency in kind.currencies]
        self.currency.validators = [Required(), OneOf(lambda: kind.currencies)]
        self.leverage.choices = leverage_choices(kind)
        self.leverage.validators = [Required(), OneOf(lambda: {str(leverage) for leverage in kind.leverages})]


class LeverageForm(Form):
    leverage = SelectField(_l("New leverage"), validate_choice=False)

    def offer(self, kind: AccountType) -> None:
        """Fill the list with what the account's type offers."""
        self.leverage.choices = leverage_choices(kind)
        self.leverage.validators = [Required(), OneOf(lambda: {str(leverage) for leverage in kind.leverages})]


def _kinds() -> Sequence[str]:
    return [kind.value for kind in PasswordKind]


class PlatformPasswordForm(Form):
    which = RadioField(
        _l("Which password"),
        choices=[
            SelectChoice(PasswordKind.MAIN.value, _l("Trading password")),
            SelectChoice(PasswordKind.INVESTOR.value, _l("Read-only password")),
        ],
        default=PasswordKind.MAIN.value,
        validate_choice=False,
        validators=[OneOf(_kinds)],
    )
    password = PasswordField(_l("New password"))


class ResolveForm(Form):
    outcome = RadioField(
        _l("What did you see on the platform?"),
        choices=[
            SelectChoice("done", _l("It was carried out")),
            SelectChoice("absent", _l("It was not carried out")),
        ],
        validate_choice=False,
        validators=[Required(), OneOf(lambda: ("done", "absent"))],
    )
    note = TextAreaField(_l("How do you know?"), [Required(), Length(max=500)])


class ExplainForm(Form):
    note = TextAreaField(_l("How was this explained?"), [Required(), Length(max=500)])
