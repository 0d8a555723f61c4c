"""The forms of the tree: moving, taking back, correcting."""

from __future__ import annotations

from wtforms import PasswordField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.forms import Form, OneOf, Required
from app.identity.forms import countries
from app.kit.text import _l
from app.referrals.models import MoveScope

WHEN = ("next_settlement_day", "immediate", "dated")


class MoveForm(Form):
    parent = StringField(
        _l("New partner"),
        description=_l("The partner's client number. Leave it empty to leave the client without a partner."),
    )
    scope = RadioField(
        _l("Who moves"),
        choices=[SelectChoice(one.value, one.label) for one in MoveScope],
        default=MoveScope.STRUCTURE.value,
        validate_choice=False,
        validators=[OneOf(lambda: tuple(one.value for one in MoveScope))],
    )
    when = RadioField(
        _l("When"),
        choices=[
            SelectChoice("next_settlement_day", _l("With the next settlement day")),
            SelectChoice("immediate", _l("At once")),
            SelectChoice("dated", _l("On a later day")),
        ],
        default="next_settlement_day",
        validate_choice=False,
        validators=[OneOf(lambda: WHEN)],
    )
    dated = StringField(_l("Day"), description=_l("For a move on a later day: its first moment, in the brand's time."))
    reason = TextAreaField(_l("Reason"), [Required()])


class EndForm(Form):
    reason = TextAreaField(_l("Reason"), [Required()])


class CorrectionForm(Form):
    parent = StringField(
        _l("Right partner"),
        description=_l("The partner's client number. Leave it empty if nobody brought the client in."),
    )
    since = StringField(_l("Wrong since"), [Required()], description=_l("The day and time, in the brand's time."))
    reason = TextAreaField(_l("Reason"), [Required()])


class RefusalForm(Form):
    note = TextAreaField(_l("Why it is refused"), [Required()])


class ApplicationForm(Form):
    note = TextAreaField(
        _l("About you"), description=_l("How you reach people: a website, a channel, a school. The broker reads it.")
    )


class AdmissionForm(Form):
    reason = TextAreaField(_l("Reason"), description=_l("The client reads it. It is needed for a refusal."))


class JoinForm(Form):
    """Signing up by an invitation: the e-mail is the one to which it went."""

    name = StringField(_l("Full name"), [Required()])
    country = SelectField(_l("Country of residence"), [Required()], validate_choice=False)
    password = PasswordField(_l("Password"), [Required()])

    def offer_countries(self) -> None:
        """Fill the list of countries in the reader's language."""
        offered = countries()
        self.country.choices = [("", _l("Choose a country")), *offered]
        self.country.validators = [Required(), OneOf(lambda: {code for code, _name in offered})]
