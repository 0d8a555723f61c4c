"""The forms of the plan editor."""

from __future__ import annotations

from collections.abc import Mapping

from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.forms import Form, OneOf, Required
from app.kit.text import Message, _l
from app.partners import labels
from app.partners.abuse.forms import DetectorFields
from app.partners.ranks import labels as rank_labels


def _pick(label: Message, texts: Mapping[str, Message], first: Message | None = None) -> SelectField:
    """One of several words of a plan; `first` stands for none of them."""
    words = {**({"": first} if first is not None else {}), **texts}
    choices = [SelectChoice(value=key, label=text) for key, text in words.items()]
    return SelectField(label, [OneOf(lambda: words)], choices=choices, validate_choice=False)


class PlanForm(DetectorFields):
    """A whole plan but for its rules."""

    revision = HiddenField()
    name = StringField(_l("Name"), [Required()])
    has_referral = BooleanField(_l("Pay shares by level"))
    levels = TextAreaField(
        _l("Levels"),
        description=_l("One level in a line, nearest first: a name and a share in percent, like Direct 40."),
    )
    spread_basis = _pick(_l("Which spread"), labels.SPREAD_BASES)
    level_base = _pick(_l("Each share is of"), labels.LEVEL_BASES)
    has_god = BooleanField(_l("Pay partners an amount per lot"))
    nested_policy = _pick(_l("Several partners with an amount per lot"), labels.NESTED)
    split_shares = StringField(
        _l("Shares that are passed on, in percent"), description=_l("Only where the amount is shared upward: 20 10.")
    )
    on_ineligible = _pick(_l("Who may not earn"), labels.INELIGIBLE)
    hold_days = StringField(_l("Days that an amount waits"))
    overlap_policy = _pick(_l("Both kinds on one trade"), labels.OVERLAPS)
    tree_as_of = _pick(_l("Path as of"), labels.TREE_AS_OF)
    move_effective = _pick(_l("A move takes effect"), labels.MOVES)
    max_total_per_lot = StringField(_l("Cap per lot"))
    max_total_share = StringField(_l("Cap on the share of revenue, in percent"))
    cap_policy = _pick(_l("When a cap binds"), labels.CAP_POLICIES)
    first_track = _pick(_l("Paid first"), labels.PLAN_TRACKS)
    cap_per_day = StringField(_l("At most for one partner in a day"))
    cap_per_week = StringField(_l("At most in a week"))
    cap_per_month = StringField(_l("At most in a month"))
    week_starts = _pick(_l("A week begins on"), labels.WEEK_STARTS)
    average_days = StringField(_l("Days of the average spread"))
    min_hold_seconds = StringField(_l("Minimum holding time in seconds"))
    exempt_from_hold = StringField(_l("Ways to close that need no holding time"), description=_l("Like: stop_out."))
    partial_close = _pick(_l("Partly closed positions"), labels.PARTIAL_CLOSES)
    close_by = _pick(_l("Positions closed against each other"), labels.CLOSE_BYS)
    hedge_netting = _pick(_l("Trades in both directions"), labels.HEDGES)
    credit_coefficient = _pick(_l("Volume on credit"), labels.CREDITS)
    equity_unknown = _pick(_l("Where the client's own money is not known"), labels.EQUITIES)
    copy_trades = _pick(_l("Copied trades"), labels.PAYS)
    dealer_deals = _pick(_l("Deals made by the broker"), labels.PAYS)
    zero_move = _pick(_l("Trades closed at the opening price"), labels.PAYS)
    negative_balance = _pick(_l("Trades that took the balance below zero"), labels.PAYS)
    min_points = StringField(_l("Least move of the price, in points"))
    min_volume_lots = StringField(_l("Least volume in lots"))
    max_volume_lots = StringField(
        _l("Most volume in lots"), description=_l("A larger trade pays nothing. Empty: none.")
    )
    excluded_symbols = StringField(_l("Symbols that pay nothing"), description=_l("Patterns with commas: XAU*, BTC*."))
    excluded_groups = StringField(_l("Groups that pay nothing"))
    client_funded = BooleanField(_l("Only clients who have paid something in"))
    include_own_accounts = BooleanField(_l("Pay partners for trades of their own under another name"))
    include_sub_ib_accounts = BooleanField(_l("Pay for trades that partners below make themselves"))
    client_kyc_level = StringField(_l("Client's verification level"))
    partner_kyc_level = StringField(_l("Partner's verification level"))
    countries_denied = StringField(
        _l("Countries where nothing may be paid"), description=_l("Two letters each: FR, US.")
    )
    fx_time = _pick(_l("Exchange rate of"), labels.FX_TIMES)
    rounding_scope = _pick(_l("Rounded"), labels.ROUNDING_SCOPES)
    rounding_mode = _pick(_l("How it is rounded"), labels.ROUNDING_MODES)
    audit_days = StringField(_l("Audit period in days"))
    audit_calendar = _pick(_l("Days of the audit period"), labels.AUDIT_CALENDARS)
    min_payout = StringField(_l("Least amount to move to the wallet"))
    payout_wallet = BooleanField(_l("Pay out to the own main wallet"))
    payout_account = BooleanField(_l("Pay out to the own trading account"))
    payout_bank = BooleanField(_l("Pay out to a bank account"))
    payout_approval_from = StringField(_l("Somebody approves from"), description=_l("Empty: never."))
    payout_second_person_from = StringField(_l("Two people approve from"), description=_l("Empty: never."))
    payout_automatic_from = StringField(
        _l("Paid by itself from"), description=_l("To the own main wallet, once a day. Empty: when the partner asks.")
    )
    release_target = _pick(_l("Commission is released"), labels.RELEASE_TARGETS)
    max_hold_days = StringField(
        _l("Days after which people are told of a hold"), description=_l("Time alone never ends a hold.")
    )
    has_rebates = BooleanField(_l("Let partners share their commission"))
    rebate_max = StringField(_l("Rebate to a client at most, in percent"))
    rebate_approval = _pick(_l("A rebate begins"), labels.APPROVALS)
    give_max = StringField(_l("Given to a sub-partner at most, in percent"))
    take_max = StringField(_l("Taken from a sub-partner at most, in percent"))
    rebate_min = StringField(
        _l("Least amount of a rebate"), description=_l("Less waits and is paid when it has come to this.")
    )
    cashback = TextAreaField(
        _l("Cashback"),
        description=_l("One in a line: a symbol, the amount per lot, perhaps a cap for one trade. Like XAU* 0.50 5."),
    )
    volume_multipliers = TextAreaField(
        _l("Volume multipliers"), description=_l("One in a line: a group or symbol and its factor, like cent* 0.01.")
    )
    typical = TextAreaField(
        _l("Usual symbols"),
        description=_l(
            "One in a line: symbol, spread, contract size, currency, class. Like EURUSD 0.00012 100000 USD fx."
        ),
    )


class MatchFields(Form):
    """For which trades a rule is."""

    revision = HiddenField()
    name = StringField(_l("Name"), [Required()])
    symbols = StringField(_l("Symbols"), description=_l("Patterns with commas: XAU*, XAG*. Empty means all."))
    symbol_classes = StringField(_l("Symbol classes"))
    groups = StringField(_l("Account groups"))
    account_types = StringField(_l("Account types"), description=_l("By their codes."))
    platforms = StringField(_l("Platforms"), description=_l("By their codes."))
    countries = StringField(_l("Countries of the client"), description=_l("Two letters each: FR, US."))
    account_currencies = StringField(_l("Currencies of the account"))
    closed_from = StringField(
        _l("Trades closed from"), description=_l("A date, or a date and a time: 2026-12-01 14:00.")
    )
    closed_to = StringField(_l("Until, not included"))
    priority = StringField(_l("Priority among equals"))
    max_per_event = StringField(_l("At most for one partner and trade"))
    tier_method = _pick(_l("Tiers by the lots of a month"), rank_labels.TIER_METHODS)
    tier_bands = TextAreaField(
        _l("Bands"),
        description=_l("One in a line: up to how many lots and the amount per lot, like 100 5. The last one: 7."),
    )


class ReferralRuleForm(MatchFields):
    kind = _pick(_l("Levels share"), labels.BASE_KINDS)
    spread_basis = _pick(_l("Which spread"), labels.SPREAD_BASES, _l("As the plan says"))
    markup = StringField(_l("Markup in price units"), description=_l("Empty: as the platform records it."))
    pips = StringField(_l("Pips"))
    pip_size = StringField(_l("Size of a pip in price units"))
    rate = StringField(_l("Amount per lot, or per million"))
    levels = TextAreaField(_l("Levels of its own"), description=_l("Empty: the plan's levels."))


class GodRuleForm(MatchFields):
    weight = StringField(_l("What one lot counts"), description=_l("1 for a currency pair, perhaps 0.1 for an index."))


class ExampleForm(Form):
    revision = HiddenField()
    name = StringField(_l("Name"), [Required()])
    symbol = StringField(_l("Symbol"), [Required()])
    symbol_class = StringField(_l("Symbol class"))
    group = StringField(_l("Account group"))
    lots = StringField(_l("Lots"), [Required()])
    spread = StringField(_l("Spread in price units"), [Required()])
    contract_size = StringField(_l("Contract size"), [Required()])
    rate = StringField(_l("Rate into the plan's currency"))
    held_seconds = StringField(_l("Held for, in seconds"))
    commission = StringField(_l("Commission that the client paid"))
    profit = StringField(_l("The client's profit"))
    price = StringField(_l("Opening price"))
    deposit = StringField(_l("Net deposit of the client"), description=_l("For awards. Empty: nothing."))
    god_rates = StringField(
        _l("Amounts per lot of the partners, nearest first"), [Required()], description=_l("0 for none: 0 0 8.")
    )
    expected = TextAreaField(
        _l("What must come out"),
        description=_l("One in a line: R1 4.80 is the first level, G3 8.00 the amount per lot of the third partner."),
    )


class PublishForm(Form):
    revision = HiddenField()
    effective_day = StringField(_l("In force from"), description=_l("Empty: from the next settlement day."))


class AcceptForm(Form):
    revision = HiddenField()
    reason = TextAreaField(_l("Reason"), [Required()])
