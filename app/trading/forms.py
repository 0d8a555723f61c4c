"""The forms of trading accounts."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import BooleanField, HiddenField, PasswordField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from app.core.forms import Form, OneOf, Required
from app.kit.text import _l
from app.trading.access.rules import RIGHTS
from app.trading.models import AccountType
from app.trading.platforms.base import PasswordKind


def ratios(leverages: Sequence[int]) -> list[tuple[str, str]]:
    """Leverages as people write them."""
    return [(str(leverage), f"1:{leverage}") for leverage in leverages]


class OpenAccountForm(Form):
    account_type = HiddenField(_l("Account type"))
    currency = SelectField(_l("Account currency"), validate_choice=False)
    leverage = SelectField(_l("Leverage"), validate_choice=False)
    nickname = StringField(_l("Your name for it"), [Length(max=40)])
    main_password = PasswordField(_l("Trading password"))
    investor_password = PasswordField(_l("Read-only password"))

    def offer(self, kind: AccountType, leverages: Sequence[int]) -> None:
        """Fill the lists with what this account type offers to this client."""
        self.currency.choices = [(currency, currency) for currency in kind.currencies]
        self.currency.validators = [Required(), OneOf(lambda: kind.currencies)]
        self.leverage.choices = ratios(leverages)
        self.leverage.validators = [Required(), OneOf(lambda: {str(leverage) for leverage in leverages})]


class LeverageForm(Form):
    leverage = SelectField(_l("New leverage"), validate_choice=False)
    accepted = BooleanField(_l("I know that a margin call is near and want this leverage"))

    def offer(self, leverages: Sequence[int]) -> None:
        """Fill the list with what the account may have."""
        self.leverage.choices = ratios(leverages)
        self.leverage.validators = [Required(), OneOf(lambda: {str(leverage) for leverage in leverages})]

    @property
    def asks_to_accept(self) -> bool:
        """Whether the change was held back until the person says that it is meant."""
        return bool(self.accepted.errors or self.accepted.data)


def _reason() -> TextAreaField:
    return TextAreaField(_l("Reason"), [Required(), Length(max=500)], description=_l("It is recorded with the act."))


class ReasonForm(Form):
    reason = _reason()


class CloseForm(Form):
    """Nothing is asked: sending it is the answer."""


class NameForm(Form):
    nickname = StringField(_l("Name of the account"), [Length(max=40)])


class GroupForm(Form):
    group = SelectField(_l("Group on the platform"), validate_choice=False)
    reason = _reason()

    def offer(self, groups: Sequence[str]) -> None:
        """Fill the list with the groups to which the account can be moved."""
        self.group.choices = [(group, group) for group in groups]
        self.group.validators = [Required(), OneOf(lambda: groups)]


class TypeForm(Form):
    account_type = SelectField(_l("Account type"), validate_choice=False)
    reason = _reason()

    def offer(self, kinds: Sequence[tuple[str, str]]) -> None:
        """Fill the list with (code, name) of the types that the account may become."""
        self.account_type.choices = list(kinds)
        self.account_type.validators = [Required(), OneOf(lambda: {code for code, _ in kinds})]


class RightsForm(Form):
    """Each box is a right that the owner has; an empty one is kept from this account."""

    platform_sign_in = BooleanField(_l("May sign in to the platform"))
    trade = BooleanField(_l("May trade"))
    trade_open = BooleanField(_l("May open positions"), description=_l("Without it only closing is left."))
    expert_trading = BooleanField(_l("May trade by robots"))
    platform_password = BooleanField(_l("May change the platform password"))
    reason = _reason()

    def withheld(self) -> list[str]:
        """The functions whose box is empty."""
        return [function for function in RIGHTS if not self._fields[function].data]


class CreditForm(Form):
    direction = RadioField(
        _l("What is to be done"),
        choices=[SelectChoice("give", _l("Give credit")), SelectChoice("take", _l("Take credit back"))],
        default="give",
        validate_choice=False,
        validators=[OneOf(lambda: ("give", "take"))],
    )
    amount = StringField(_l("Amount"))
    reason = _reason()


class ResetPasswordForm(Form):
    which = RadioField(
        _l("Which password"),
        choices=lambda: _password_choices(),
        default=PasswordKind.MAIN.value,
        validate_choice=False,
        validators=[OneOf(lambda: _kinds())],
    )
    reason = _reason()


class LinkTestForm(Form):
    login = StringField(
        _l("Test account"),
        [Length(max=20)],
        description=_l("The number of an account that belongs to nobody. A hundredth moves in and out there."),
    )


def _kinds() -> Sequence[str]:
    return [kind.value for kind in PasswordKind]


def _password_choices() -> list[SelectChoice]:
    return [
        SelectChoice(PasswordKind.MAIN.value, _l("Trading password")),
        SelectChoice(PasswordKind.INVESTOR.value, _l("Read-only password")),
    ]


class PlatformPasswordForm(Form):
    which = RadioField(
        _l("Which password"),
        choices=_password_choices,
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
