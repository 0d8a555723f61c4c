"""Forms about ranks, tiers and rates of partners' own."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.forms import Form, OneOf, Required
from app.kit.text import Message, _l
from app.partners.ranks import labels
from app.partners.ranks.terms import MEASURES


def choices_of(pairs: Iterable[tuple[str, str | Message]]) -> list[SelectChoice]:
    """Values and what they are called, as a field takes them."""
    return [SelectChoice(value=value, label=label) for value, label in pairs]


def pick(label: Message, texts: dict[str, Message]) -> SelectField:
    """One of several words of a plan."""
    return SelectField(label, [OneOf(lambda: texts)], choices=choices_of(texts.items()), validate_choice=False)


class RanksForm(Form):
    """How partners are measured, who may be paid at all, and up to where one person may give an own rate."""

    revision = HiddenField()
    demotion = pick(_l("Who measures lower"), labels.DEMOTIONS)
    window = pick(_l("Measured over"), labels.WINDOWS)
    days = StringField(_l("How many days"), description=_l("Only where the last days are measured."))
    clients = pick(_l("Whose trades count"), labels.CLIENTS)
    own_funds = StringField(_l("Own funds of an active client"), description=_l("On the wallet and all accounts."))
    orders = StringField(_l("Valid orders of an active client"))
    active_days = StringField(_l("In the last days"))
    need_active_clients = StringField(labels.MEASURES["active_clients"])
    need_lots = StringField(labels.MEASURES["lots"])
    need_usd_volume = StringField(labels.MEASURES["usd_volume"])
    need_net_deposits = StringField(labels.MEASURES["net_deposits"])
    need_own_deposits = StringField(labels.MEASURES["own_deposits"])
    alone_share = StringField(
        _l("Share that one person may give, in percent"), description=_l("Above it a second person must agree.")
    )
    alone_per_lot = StringField(_l("Amount per lot that one person may give"))


class RankForm(Form):
    revision = HiddenField()
    name = StringField(_l("Name"), [Required()])
    place = StringField(_l("Place, from the lowest"), description=_l("The first rank is everybody's."))
    above_active_clients = StringField(labels.MEASURES["active_clients"])
    above_lots = StringField(labels.MEASURES["lots"])
    above_usd_volume = StringField(labels.MEASURES["usd_volume"])
    above_net_deposits = StringField(labels.MEASURES["net_deposits"])
    above_own_deposits = StringField(labels.MEASURES["own_deposits"])
    share_factor = StringField(_l("Factor on the levels' shares"), description=_l("1 leaves them as they are."))
    shares = StringField(
        _l("Shares of its own, in percent"), description=_l("Nearest level first, in place of the plan's: 45 22 12.")
    )
    god_rate = StringField(_l("Amount per lot"), description=_l("In place of the partner's own amount per lot."))
    rates = TextAreaField(
        _l("Amounts per lot of rules"), description=_l("One in a line: the rule's name and the amount, like gold 9.")
    )
    override = StringField(
        _l("Share in what lower ranks below received, in percent"),
        description=_l("By how far below they stand: 10 5."),
    )
    same_rank = StringField(
        _l("Share in what the same rank below received, in percent"), description=_l("By how far below: 2.")
    )


class SetRankForm(Form):
    rank = SelectField(_l("Rank"), choices=[], validate_choice=False)
    is_pinned = BooleanField(_l("Keep it, whatever is measured"))
    reason = TextAreaField(_l("Reason"), [Required()])


class RateForm(Form):
    target = SelectField(_l("For"), choices=[], validate_choice=False)
    amount = StringField(_l("Rate"), [Required()], description=_l("A share in percent, or an amount per lot."))
    reason = TextAreaField(_l("Reason"), [Required()])


class EndRateForm(Form):
    reason = TextAreaField(_l("Reason"), [Required()])


NEEDS = {name: f"need_{name}" for name in MEASURES}
CONDITIONS = {name: f"above_{name}" for name in MEASURES}
