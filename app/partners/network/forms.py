"""The form by which a partner invites a sub-partner."""

from __future__ import annotations

from decimal import Decimal

from wtforms import EmailField, SelectField, StringField

from app import tenancy
from app.core.forms import Form, Required
from app.kit.text import _l
from app.partners.rebates.forms import read_share
from app.ui import locales


class InviteForm(Form):
    email = EmailField(_l("E-mail"), [Required()])
    language = SelectField(_l("Language"), validate_choice=False)
    give = StringField(_l("You give of what you earn below them"))
    take = StringField(_l("You take of what they earn"))

    def offer_languages(self) -> None:
        """Fill the list with the brand's languages."""
        self.language.choices = [(code, locales.own_name(code)) for code in tenancy.current().languages]

    def chosen_language(self) -> str:
        """A language of the brand."""
        brand = tenancy.current()
        return self.language.data if self.language.data in brand.languages else brand.default_language

    def share(self, kind: str) -> Decimal | None:
        """The percentage of a field as a share; None for an empty one. Raises Invalid beside the field."""
        text = (self[kind].data or "").strip()
        return read_share(text, kind) if text else None
