from __future__ import annotations

from flask_babel import get_locale
from wtforms import EmailField, PasswordField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.widgets import CheckboxInput, ListWidget

from app import tenancy
from app.core.forms import Form, OneOf, Required
from app.identity import rules
from app.kit.text import _l
from app.ui import locales

# Codes that Babel lists beside countries: groups of them, and places for tests.
_NOT_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})


def countries() -> list[tuple[str, str]]:
    """Every country with its name in the reader's language, in that language's order as far as code points give it."""
    names = (get_locale() or locales.parse(locales.SOURCE)).territories
    found = [(code, name) for code, name in names.items() if len(code) == 2 and code.isalpha()]
    return sorted(((c, n) for c, n in found if c not in _NOT_COUNTRIES), key=lambda pair: pair[1].casefold())


class SignInForm(Form):
    email = EmailField(_l("E-mail"), [Required()])
    password = PasswordField(_l("Password"), [Required()])


class SignUpForm(Form):
    name = StringField(_l("Full name"), [Required()])
    email = EmailField(_l("E-mail"), [Required()])
    country = SelectField(_l("Country of residence"), [Required()], validate_choice=False)
    password = PasswordField(_l("Password"), [Required()])
    referral_code = StringField(_l("Referral code"))

    def offer_countries(self) -> None:
        """Fill the list of countries in the reader's language."""
        offered = countries()
        self.country.choices = [("", _l("Choose a country")), *offered]
        self.country.validators = [Required(), OneOf(lambda: {code for code, _name in offered})]


class EmailForm(Form):
    email = EmailField(_l("E-mail"), [Required()])


class ConfirmForm(Form):
    password = PasswordField(_l("Password"), [Required()])


class NewPasswordForm(Form):
    password = PasswordField(_l("New password"), [Required()])


class InvitationForm(Form):
    name = StringField(_l("Full name"), [Required()])
    password = PasswordField(_l("Password"), [Required()])


class ProfileForm(Form):
    name = StringField(_l("Full name"), [Required()])
    language = SelectField(_l("Language"), validate_choice=False)
    theme = SelectField(_l("Colours"), validate_choice=False)
    timezone = SelectField(_l("Time zone"), validate_choice=False)

    def offer_choices(self) -> None:
        """Fill the lists with what this tenant offers."""
        self.language.choices = [(code, locales.own_name(code)) for code in tenancy.current().languages]
        self.theme.choices = [("auto", _l("As the device")), ("light", _l("Light")), ("dark", _l("Dark"))]
        self.timezone.choices = [(name, name.replace("_", " ")) for name in rules.timezones()]


class PasswordForm(Form):
    current = PasswordField(_l("Present password"), [Required()])
    new = PasswordField(_l("New password"), [Required()])


class RolesField(SelectMultipleField):
    """Roles as boxes to tick."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def role_choices() -> list[tuple[str, object]]:
    return list(rules.STAFF_ROLES.items())


class InviteForm(Form):
    name = StringField(_l("Full name"), [Required()])
    email = EmailField(_l("E-mail"), [Required()])
    roles = RolesField(_l("Roles"), choices=role_choices)


class RolesForm(Form):
    roles = RolesField(_l("Roles"), choices=role_choices)


class DisableForm(Form):
    reason = TextAreaField(_l("Reason"), [Required()])
