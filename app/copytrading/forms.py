"""The forms of copy trading."""

from __future__ import annotations

from wtforms import BooleanField, SelectField, StringField, TextAreaField

from app.core.forms import Form, Required
from app.kit.text import _l


class PublishForm(Form):
    account = SelectField(_l("Account"), validate_choice=False)
    name = StringField(
        _l("Name of the strategy"),
        [Required()],
        description=_l("Everybody sees this name. Your own name is never shown."),
    )
    about = TextAreaField(_l("About the strategy"), description=_l("What you trade and how, in a few sentences."))
    has_accepted = BooleanField(_l("I accept these terms"))


class DescribeForm(Form):
    name = StringField(_l("Name of the strategy"), [Required()])
    about = TextAreaField(_l("About the strategy"))


class ProviderForm(Form):
    provider = SelectField(_l("Copied as"), validate_choice=False)


class HideForm(Form):
    reason = TextAreaField(_l("Reason"), [Required()], description=_l("The owner of the strategy reads it."))
