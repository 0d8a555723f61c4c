"""The forms of the plan editor, and reading them into a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from wtforms import BooleanField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.errors import Invalid
from app.core.forms import Form, OneOf, Required
from app.kit.text import Message, _l
from app.partners import labels
from app.partners.drafts.golden import GoldenExample
from app.partners.plan import (
    Caps,
    Gates,
    GodRule,
    GodTrack,
    Level,
    Match,
    Plan,
    ReferralRule,
    ReferralTrack,
    TypicalSymbol,
)

PERCENT = Decimal(100)


def _pick(label: Message, texts: Mapping[str, Message], first: Message | None = None) -> SelectField:
    """One of several words of a plan; `first` stands for none of them."""
    words = {**({"": first} if first is not None else {}), **texts}
    choices = [SelectChoice(value=key, label=text) for key, text in words.items()]
    return SelectField(label, [OneOf(lambda: words)], choices=choices, validate_choice=False)


class PlanForm(Form):
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
    first_track = _pick(_l("Paid first"), labels.TRACKS)
    min_hold_seconds = StringField(_l("Minimum holding time in seconds"))
    exempt_from_hold = StringField(_l("Ways to close that need no holding time"), description=_l("Like: stop_out."))
    partial_close = _pick(_l("Partly closed positions"), labels.PARTIAL_CLOSES)
    close_by = _pick(_l("Positions closed against each other"), labels.CLOSE_BYS)
    copy_trades = _pick(_l("Copied trades"), labels.PAYS)
    dealer_deals = _pick(_l("Deals made by the broker"), labels.PAYS)
    zero_move = _pick(_l("Trades closed at the opening price"), labels.PAYS)
    min_volume_lots = StringField(_l("Least volume in lots"))
    excluded_symbols = StringField(_l("Symbols that pay nothing"), description=_l("Patterns with commas: XAU*, BTC*."))
    excluded_groups = StringField(_l("Groups that pay nothing"))
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
    priority = StringField(_l("Priority among equals"))
    max_per_event = StringField(_l("At most for one partner and trade"))

    def match(self) -> Match:
        """The patterns. Raises nothing: any text is a pattern."""
        return Match(
            symbols=words(self.symbols.data),
            symbol_classes=words(self.symbol_classes.data),
            groups=words(self.groups.data),
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


def words(text: str | None) -> tuple[str, ...]:
    """Patterns with commas or spaces between."""
    return tuple((text or "").replace(",", " ").split())


def number(form: Form, name: str, *, default: Decimal | None = None) -> Decimal | None:
    """A field's number; `default` where it is empty. Raises Invalid that names the field."""
    text = str(form[name].data or "").strip().replace(",", ".")
    if not text:
        return default
    return decimal_of(text, name)


def decimal_of(text: str, field: str) -> Decimal:
    """A number of a few digits. Raises Invalid that names the field."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite() or abs(found) > 10**9 or len(text) > 24:
        raise Invalid(_l("%(typed)s is no number.", typed=text[:40]), field=field)
    return found


def whole(form: Form, name: str, default: int) -> int:
    """A field's whole number, at least zero. Raises Invalid that names the field."""
    found = number(form, name, default=Decimal(default))
    assert found is not None
    if found != found.to_integral_value() or found < 0:
        raise Invalid(_l("Write a whole number."), field=name)
    return int(found)


def levels_of(text: str | None, field: str) -> tuple[Level, ...]:
    """Levels, one in a line. Raises Invalid that names the field."""
    found = []
    for line in (text or "").splitlines():
        if not line.strip():
            continue
        name, _, share = line.strip().rpartition(" ")
        found.append(Level(name=name.strip() or share, share=decimal_of(share.rstrip("%"), field) / PERCENT))
    return tuple(found)


def _pairs(text: str | None, field: str) -> dict[str, Decimal]:
    found = {}
    for line in (text or "").splitlines():
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2:
            raise Invalid(_l("Write a name and a number in each line."), field=field)
        found[parts[0]] = decimal_of(parts[1], field)
    return found


def _typical(text: str | None, before: Mapping[str, TypicalSymbol]) -> dict[str, TypicalSymbol]:
    """Usual symbols. What the lines do not say (a rate, a price, a commission) stays as it was."""
    found = {}
    for line in (text or "").splitlines():
        parts = line.split()
        if not parts:
            continue
        if not 4 <= len(parts) <= 5:
            raise Invalid(_l("Write symbol, spread, contract size, currency and class in each line."), field="typical")
        known = before.get(parts[0]) or TypicalSymbol(spread=Decimal(0), contract_size=Decimal(1), currency="")
        found[parts[0]] = msgspec.structs.replace(
            known,
            spread=decimal_of(parts[1], "typical"),
            contract_size=decimal_of(parts[2], "typical"),
            currency=parts[3].upper(),
            symbol_class=parts[4] if len(parts) == 5 else "",
        )
    return found


def read_plan(form: PlanForm, before: Plan) -> Plan:
    """The plan that a form describes, with the rules that the draft has. Raises Invalid that names the field."""
    referral, god = None, None
    if form.has_referral.data:
        referral = ReferralTrack(
            levels=levels_of(form.levels.data, "levels"),
            spread_basis=form.spread_basis.data,
            level_base=form.level_base.data,
            rules=before.referral.rules if before.referral else ReferralTrack(levels=()).rules,
        )
    if form.has_god.data:
        god = GodTrack(
            nested_policy=form.nested_policy.data,
            split_shares=tuple(decimal_of(one, "split_shares") / PERCENT for one in words(form.split_shares.data)),
            rules=before.god.rules if before.god else GodTrack(nested_policy="full").rules,
        )
    share = number(form, "max_total_share")
    first = form.first_track.data
    return msgspec.structs.replace(
        before,
        name=" ".join((form.name.data or "").split())[:80],
        referral=referral,
        god=god,
        gates=_read_gates(form),
        caps=Caps(
            max_total_per_lot=number(form, "max_total_per_lot"),
            max_total_share_of_revenue=None if share is None else share / PERCENT,
            cap_policy=form.cap_policy.data,
            cap_order=("god", "referral") if first == "god" else ("referral", "god"),
        ),
        on_ineligible=form.on_ineligible.data,
        hold_days=whole(form, "hold_days", before.hold_days),
        overlap_policy=form.overlap_policy.data,
        tree_as_of=form.tree_as_of.data,
        move_effective=form.move_effective.data,
        fx_time=form.fx_time.data,
        rounding_scope=form.rounding_scope.data,
        rounding_mode=form.rounding_mode.data,
        audit_days=whole(form, "audit_days", before.audit_days),
        audit_calendar=form.audit_calendar.data,
        min_payout=number(form, "min_payout", default=Decimal(0)),
        volume_multipliers=_pairs(form.volume_multipliers.data, "volume_multipliers"),
        typical=_typical(form.typical.data, before.typical),
    )


def _read_gates(form: PlanForm) -> Gates:
    return Gates(
        min_hold_seconds=number(form, "min_hold_seconds", default=Decimal(0)) or Decimal(0),
        exempt_from_hold=words(form.exempt_from_hold.data),
        partial_close=form.partial_close.data,
        close_by=form.close_by.data,
        copy_trades=form.copy_trades.data,
        dealer_deals=form.dealer_deals.data,
        zero_move=form.zero_move.data,
        min_volume_lots=number(form, "min_volume_lots", default=Decimal(0)) or Decimal(0),
        excluded_symbols=words(form.excluded_symbols.data),
        excluded_groups=words(form.excluded_groups.data),
        client_kyc_level=whole(form, "client_kyc_level", 0),
        partner_kyc_level=whole(form, "partner_kyc_level", 0),
        countries_denied=words((form.countries_denied.data or "").upper()),
    )


def fill_plan(plan: Plan, revision: int) -> dict[str, Any]:
    """A plan as the form shows it."""
    referral, god, gates, caps = plan.referral, plan.god, plan.gates, plan.caps
    return {
        "revision": str(revision),
        "name": plan.name,
        "has_referral": referral is not None,
        "levels": level_lines(referral.levels if referral else ()),
        "spread_basis": referral.spread_basis if referral else "open",
        "level_base": referral.level_base if referral else "root",
        "has_god": god is not None,
        "nested_policy": god.nested_policy if god else "difference",
        "split_shares": " ".join(plain(share * PERCENT) for share in god.split_shares) if god else "",
        "max_total_per_lot": plain(caps.max_total_per_lot),
        "max_total_share": plain(
            None if caps.max_total_share_of_revenue is None else caps.max_total_share_of_revenue * PERCENT
        ),
        "cap_policy": caps.cap_policy,
        "first_track": caps.cap_order[0],
        "min_hold_seconds": plain(gates.min_hold_seconds),
        "exempt_from_hold": ", ".join(gates.exempt_from_hold),
        "min_volume_lots": plain(gates.min_volume_lots),
        "excluded_symbols": ", ".join(gates.excluded_symbols),
        "excluded_groups": ", ".join(gates.excluded_groups),
        "client_kyc_level": str(gates.client_kyc_level),
        "partner_kyc_level": str(gates.partner_kyc_level),
        "countries_denied": ", ".join(gates.countries_denied),
        "hold_days": str(plan.hold_days),
        "audit_days": str(plan.audit_days),
        "min_payout": plain(plan.min_payout),
        "volume_multipliers": "\n".join(f"{name} {plain(one)}" for name, one in plan.volume_multipliers.items()),
        "typical": "\n".join(
            " ".join([symbol, plain(one.spread), plain(one.contract_size), one.currency, one.symbol_class]).strip()
            for symbol, one in plan.typical.items()
        ),
        **{
            name: getattr(gates, name)
            for name in ("partial_close", "close_by", "copy_trades", "dealer_deals", "zero_move")
        },
        **{
            name: getattr(plan, name)
            for name in (
                "on_ineligible",
                "overlap_policy",
                "tree_as_of",
                "move_effective",
                "fx_time",
                "rounding_scope",
                "rounding_mode",
                "audit_calendar",
            )
        },
    }


def plain(value: Decimal | None) -> str:
    """A number as somebody would type it."""
    return "" if value is None else f"{value.normalize():f}"


def level_lines(levels: Sequence[Level]) -> str:
    """Levels as the form shows them."""
    return "\n".join(f"{level.name} {plain(level.share * PERCENT)}" for level in levels)


def read_referral_rule(form: ReferralRuleForm) -> ReferralRule:
    """The rule that a form describes. Raises Invalid that names the field."""
    return ReferralRule(
        name=" ".join((form.name.data or "").split())[:60],
        match=form.match(),
        priority=whole(form, "priority", 0),
        kind=form.kind.data,
        markup=number(form, "markup"),
        pips=number(form, "pips"),
        pip_size=number(form, "pip_size"),
        rate=number(form, "rate"),
        spread_basis=form.spread_basis.data or None,
        levels=levels_of(form.levels.data, "levels"),
        max_per_event=number(form, "max_per_event"),
    )


def fill_referral_rule(rule: ReferralRule, revision: int) -> dict[str, Any]:
    """A rule as its form shows it."""
    return {
        **_fill_match(rule, revision),
        "kind": rule.kind,
        "spread_basis": rule.spread_basis or "",
        "levels": level_lines(rule.levels),
        **{name: plain(getattr(rule, name)) for name in ("markup", "pips", "pip_size", "rate")},
    }


def read_god_rule(form: GodRuleForm) -> GodRule:
    """The rule that a form describes. Raises Invalid that names the field."""
    return GodRule(
        name=" ".join((form.name.data or "").split())[:60],
        match=form.match(),
        priority=whole(form, "priority", 0),
        weight=number(form, "weight", default=Decimal(1)) or Decimal(0),
        max_per_event=number(form, "max_per_event"),
    )


def fill_god_rule(rule: GodRule, revision: int) -> dict[str, Any]:
    """A rule as its form shows it."""
    return {**_fill_match(rule, revision), "weight": plain(rule.weight)}


def _fill_match(rule: ReferralRule | GodRule, revision: int) -> dict[str, Any]:
    return {
        "revision": str(revision),
        "name": rule.name,
        "symbols": ", ".join(rule.match.symbols),
        "symbol_classes": ", ".join(rule.match.symbol_classes),
        "groups": ", ".join(rule.match.groups),
        "priority": str(rule.priority),
        "max_per_event": plain(rule.max_per_event),
    }


def read_example(form: ExampleForm) -> GoldenExample:
    """The example that a form describes. Raises Invalid that names the field."""
    expected = {}
    for line in (form.expected.data or "").upper().splitlines():
        parts = line.split()
        if not parts:
            continue
        if len(parts) != 2 or parts[0][0] not in "RG" or not parts[0][1:].isdigit():
            raise Invalid(_l("Write R or G with a level, and an amount, in each line."), field="expected")
        expected[parts[0]] = decimal_of(parts[1], "expected")

    def need(name: str) -> Decimal:
        return number(form, name) or Decimal(0)

    return GoldenExample(
        name=" ".join((form.name.data or "").split())[:60],
        symbol=(form.symbol.data or "").strip(),
        symbol_class=(form.symbol_class.data or "").strip(),
        group=(form.group.data or "").strip(),
        lots=need("lots"),
        spread=need("spread"),
        contract_size=need("contract_size"),
        held_seconds=whole(form, "held_seconds", 3600),
        commission=need("commission"),
        profit=need("profit"),
        price=number(form, "price", default=Decimal(1)) or Decimal(1),
        rate=number(form, "rate", default=Decimal(1)) or Decimal(1),
        god_rates=tuple(decimal_of(one, "god_rates") for one in words(form.god_rates.data)),
        expected=expected,
    )


def fill_example(example: GoldenExample, revision: int) -> dict[str, Any]:
    """An example as its form shows it."""
    return {
        "revision": str(revision),
        "name": example.name,
        "symbol": example.symbol,
        "symbol_class": example.symbol_class,
        "group": example.group,
        "held_seconds": str(example.held_seconds),
        "god_rates": " ".join(plain(rate) for rate in example.god_rates),
        "expected": "\n".join(f"{name} {plain(amount)}" for name, amount in example.expected.items()),
        **{
            name: plain(getattr(example, name))
            for name in ("lots", "spread", "contract_size", "commission", "profit", "price", "rate")
        },
    }
