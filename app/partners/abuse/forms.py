"""The forms of a finding. Several stand on one page, so each puts a word of its own before its fields' names."""

from __future__ import annotations

from collections.abc import Mapping

from wtforms import HiddenField, SelectField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.errors import Conflict
from app.core.forms import Form, OneOf, Required
from app.kit.text import Message, _l
from app.partners.abuse.labels import DETECTOR_ACTIONS, HOLD_POLICIES
from app.partners.abuse.models import FindingKind


class AgreeForm(Form):
    version = HiddenField(_l("Version"))

    @property
    def seen(self) -> int:
        """The version of the finding that the page showed. Raises Conflict where it is no number."""
        text = str(self.version.data or "")
        if not (text.isascii() and text.isdigit() and len(text) < 9):
            raise Conflict
        return int(text)


class DecideForm(AgreeForm):
    reason = TextAreaField(_l("Reason"), [Required()])


def _pick(label: Message, words: Mapping[str, Message]) -> SelectField:
    """One of several words of a plan."""
    choices = [SelectChoice(value=key, label=text) for key, text in words.items()]
    return SelectField(label, [OneOf(lambda: words)], choices=choices, validate_choice=False)


class DetectorFields(Form):
    """What the plan editor asks about abuse. Thresholds stay as they are; a bundle may say others."""

    hold_policy = _pick(_l("Positions below the minimum holding time"), HOLD_POLICIES)
    detect_scalping = _pick(FindingKind.SCALPER.label, DETECTOR_ACTIONS)
    detect_hold_gaming = _pick(FindingKind.HOLD_TIME_GAMING.label, DETECTOR_ACTIONS)
    detect_empty_volume = _pick(FindingKind.EMPTY_VOLUME.label, DETECTOR_ACTIONS)
    detect_churning = _pick(FindingKind.CHURNING.label, DETECTOR_ACTIONS)
    detect_churn_intensity = _pick(FindingKind.CHURN_INTENSITY.label, DETECTOR_ACTIONS)
    detect_phantom_sub_partners = _pick(FindingKind.PHANTOM_SUB_PARTNER.label, DETECTOR_ACTIONS)
    detect_clusters = _pick(FindingKind.SELF_REFERRAL_RING.label, DETECTOR_ACTIONS)
