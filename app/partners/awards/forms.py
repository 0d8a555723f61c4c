"""The forms of award rules, of a period's costs, and of taking back."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.errors import Invalid
from app.core.forms import Form, OneOf, Required
from app.kit.text import Message, _l
from app.partners.awards import labels
from app.partners.awards.terms import TRIGGERS, AwardRule, ClawbackTerms, Conditions, LadderStep
from app.partners.drafts.typed import PERCENT, decimal_of, number, plain, whole, words


def _pick(label: Message, texts: Mapping[str, Message], **options: Any) -> SelectField:
    choices = [SelectChoice(value=key, label=text) for key, text in texts.items()]
    return SelectField(label, [OneOf(lambda: texts)], choices=choices, validate_choice=False, **options)


class AwardRuleForm(Form):
    revision = HiddenField()
    name = StringField(_l("Name"), [Required()])
    kind = _pick(_l("What it pays"), labels.RULE_KINDS)
    levels = _pick(_l("Who gets it"), labels.LEVELS)
    weight = StringField(
        _l("Part of a hybrid in percent"), description=_l("100, unless another rule pays the rest, as 50 and 50.")
    )
    countries = StringField(
        _l("Countries of the client"), description=_l("Two letters each: FR, US. Empty means everywhere.")
    )
    max_per_event = StringField(_l("At most for one partner"), description=_l("Empty: no limit."))
    amount = StringField(_l("Amount for a client"), description=_l("Once. Empty where the ladder says it."))
    ladder = TextAreaField(
        _l("Ladder by net deposit"),
        description=_l("One step in a line: from which net deposit, and how much in all, like 200 60."),
    )
    min_lots = StringField(_l("Least lots in all"))
    min_days = StringField(_l("Least days since the first deposit"))
    kyc_level = StringField(_l("Client's verification level"))
    min_deposit = StringField(_l("Least net deposit"))
    clawback_on_withdrawal = _pick(
        _l("When the client withdraws"),
        {"": _l("What was paid stays paid"), "yes": _l("Take back what the ladder no longer gives")},
    )
    share = StringField(_l("Share in percent"), description=_l("Of the deposits, or of the revenue."))
    window_days = StringField(
        _l("Days in which withdrawals count against a deposit"), description=_l("Paid when they are over.")
    )
    deposits = _pick(_l("Which deposits"), labels.DEPOSITS)
    period = _pick(_l("Revenue of each"), labels.PERIODS)
    carry_losses = _pick(
        _l("A period with a loss"),
        {"yes": _l("Counts against the next one"), "": _l("Is forgotten")},
    )


class ClawbackTermsForm(Form):
    revision = HiddenField()
    window_days = StringField(_l("For how many days after its settlement"), [Required()])
    chargeback = BooleanField(labels.TRIGGERS["chargeback"])
    fraud = BooleanField(labels.TRIGGERS["fraud"])
    wrong_attribution = BooleanField(labels.TRIGGERS["wrong_attribution"])
    wrong_plan = BooleanField(labels.TRIGGERS["wrong_plan"])

    def terms(self) -> ClawbackTerms:
        """What the form says. Raises Invalid that names the field."""
        chosen = tuple(one for one in TRIGGERS if self[one].data)
        return ClawbackTerms(window_days=whole(self, "window_days", 90), triggers=chosen)


class ClawbackForm(Form):
    trigger = _pick(_l("Why"), labels.TRIGGERS)
    deposit = SelectField(_l("Which deposit"), choices=[], validate_choice=False)
    since = StringField(_l("Everything settled since"), [Required()])
    reason = TextAreaField(_l("Reason"), [Required()], description=_l("The partners read it."))


class DecideForm(Form):
    pass


class CostForm(Form):
    period_start = StringField(_l("First day of the period"), [Required()])
    swap_markup = StringField(_l("Markup on swaps"), description=_l("Adds to the revenue."))
    bonus_cost = StringField(_l("Cost of bonuses"))
    psp_cost = StringField(_l("Cost of payments"))
    chargebacks = StringField(
        _l("Other chargebacks"), description=_l("Those that were taken back here are counted already.")
    )


def read_award_rule(form: AwardRuleForm) -> AwardRule:
    """The rule that a form describes. What its kind has no use for is left out. Raises Invalid that names the field."""
    kind = form.kind.data
    is_cpa, is_deposit = kind == "cpa", kind == "pct_deposit"
    share = number(form, "share")
    return AwardRule(
        name=" ".join((form.name.data or "").split())[:60],
        kind=kind,
        weight=(number(form, "weight", default=PERCENT) or Decimal(0)) / PERCENT,
        levels=form.levels.data,
        countries=words((form.countries.data or "").upper()),
        max_per_event=number(form, "max_per_event"),
        amount=number(form, "amount") if is_cpa else None,
        ladder=_ladder(form.ladder.data) if is_cpa else (),
        conditions=Conditions(
            min_lots=(number(form, "min_lots") or Decimal(0)) if is_cpa else Decimal(0),
            min_days=whole(form, "min_days", 0) if is_cpa else 0,
            kyc_level=whole(form, "kyc_level", 0) if is_cpa else 0,
            min_deposit=(number(form, "min_deposit") or Decimal(0)) if is_cpa or is_deposit else Decimal(0),
        ),
        clawback_on_withdrawal=is_cpa and form.clawback_on_withdrawal.data == "yes",
        share=None if is_cpa or share is None else share / PERCENT,
        window_days=whole(form, "window_days", 30) if is_deposit else 30,
        deposits=form.deposits.data if is_deposit else "all",
        period=form.period.data if kind == "revenue_share" else "month",
        carry_losses=form.carry_losses.data == "yes" if kind == "revenue_share" else True,
    )


def _ladder(text: str | None) -> tuple[LadderStep, ...]:
    found = []
    for line in (text or "").splitlines():
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2:
            raise Invalid(_l("Write a deposit and an amount in each line."), field="ladder")
        found.append(LadderStep(deposit=decimal_of(parts[0], "ladder"), pays=decimal_of(parts[1], "ladder")))
    return tuple(found)


def fill_award_rule(rule: AwardRule, revision: int) -> dict[str, Any]:
    """A rule as its form shows it."""
    wanted = rule.conditions
    return {
        "revision": str(revision),
        "name": rule.name,
        "kind": rule.kind,
        "levels": rule.levels,
        "weight": plain(rule.weight * PERCENT),
        "countries": ", ".join(rule.countries),
        "max_per_event": plain(rule.max_per_event),
        "amount": plain(rule.amount),
        "ladder": "\n".join(f"{plain(one.deposit)} {plain(one.pays)}" for one in rule.ladder),
        "min_lots": plain(wanted.min_lots) if wanted.min_lots else "",
        "min_days": str(wanted.min_days or ""),
        "kyc_level": str(wanted.kyc_level or ""),
        "min_deposit": plain(wanted.min_deposit) if wanted.min_deposit else "",
        "clawback_on_withdrawal": "yes" if rule.clawback_on_withdrawal else "",
        "share": plain(None if rule.share is None else rule.share * PERCENT),
        "window_days": str(rule.window_days),
        "deposits": rule.deposits,
        "period": rule.period,
        "carry_losses": "yes" if rule.carry_losses else "",
    }
