"""The forms of links and banners."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms import SelectField, StringField

from app.core.forms import Form, Required
from app.kit.text import _l
from app.partners.portal.links import LinkFields, targets
from app.tenancy import service as tenancy
from app.ui import formats


class LinkForm(Form):
    name = StringField(_l("Name"), [Required()], description=_l("Only you see it."))
    target = SelectField(_l("Leads to"), [Required()], validate_choice=False)
    source = StringField(_l("Source"), description=_l("Where the link stands, such as newsletter."))
    medium = StringField(_l("Medium"), description=_l("Of what kind it is, such as e-mail or video."))
    campaign = StringField(_l("Campaign"), description=_l("What it belongs to, such as spring."))

    def offer_targets(self) -> None:
        """Fill the list of pages that the brand offers now."""
        self.target.choices = [(key, str(name)) for key, name in targets().items()]

    def fields(self) -> LinkFields:
        """What was filled in."""
        return LinkFields(
            name=self.name.data or "",
            target=self.target.data or "",
            source=self.source.data or "",
            medium=self.medium.data or "",
            campaign=self.campaign.data or "",
        )


class BannerForm(Form):
    name = StringField(_l("Name"), [Required()], description=_l("What the picture says, for people who cannot see it."))
    language = SelectField(_l("Language"), validate_choice=False)
    picture = FileField(_l("Picture"), description=_l("PNG or JPEG, at most 1 MB."))

    def offer_languages(self) -> None:
        """Fill the list of languages that the brand speaks."""
        spoken = [(code, formats.language(code)) for code in tenancy.current().languages]
        self.language.choices = [("", _l("Any language")), *spoken]
