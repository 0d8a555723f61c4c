"""From the editor's forms to a plan, and from a plan to what the forms show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from app.core.errors import Invalid
from app.kit.text import _l
from app.partners.abuse.reading import fill_abuse, read_abuse
from app.partners.drafts.forms import ExampleForm, GodRuleForm, MatchFields, PlanForm, ReferralRuleForm
from app.partners.drafts.golden import GoldenExample
from app.partners.drafts.typed import PERCENT, decimal_of, number, plain, whole, words
from app.partners.payouts.reading import fill_payouts, read_payouts
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
from app.partners.ranks.reading import fill_tiers, read_tiers
from app.partners.rebates.reading import fill_sharing, read_sharing
from app.partners.volume import reading as volume


def _match(form: MatchFields) -> Match:
    """The patterns. Raises nothing: any text is a pattern."""
    return Match(
        symbols=words(form.symbols.data),
        symbol_classes=words(form.symbol_classes.data),
        groups=words(form.groups.data),
        **volume.read_traits(form),
    )


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
        gates=_read_gates(form, before.gates),
        caps=Caps(
            max_total_per_lot=number(form, "max_total_per_lot"),
            max_total_share_of_revenue=None if share is None else share / PERCENT,
            cap_policy=form.cap_policy.data,
            cap_order=("god", "referral") if first == "god" else ("referral", "god"),
            partner=volume.read_period_caps(form),
        ),
        average_days=whole(form, "average_days", before.average_days),
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
        **read_payouts(form, before),
        **read_sharing(form, before),
        abuse=read_abuse(form, before),
        volume_multipliers=_pairs(form.volume_multipliers.data, "volume_multipliers"),
        typical=_typical(form.typical.data, before.typical),
    )


def _read_gates(form: PlanForm, before: Gates) -> Gates:
    return msgspec.structs.replace(
        before,
        min_hold_seconds=number(form, "min_hold_seconds", default=Decimal(0)) or Decimal(0),
        hold_policy=form.hold_policy.data,
        exempt_from_hold=words(form.exempt_from_hold.data),
        partial_close=form.partial_close.data,
        close_by=form.close_by.data,
        copy_trades=form.copy_trades.data,
        dealer_deals=form.dealer_deals.data,
        zero_move=form.zero_move.data,
        **volume.read_gates(form),
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
        **volume.fill(plan),
        "excluded_symbols": ", ".join(gates.excluded_symbols),
        "excluded_groups": ", ".join(gates.excluded_groups),
        "client_kyc_level": str(gates.client_kyc_level),
        "partner_kyc_level": str(gates.partner_kyc_level),
        "countries_denied": ", ".join(gates.countries_denied),
        "hold_days": str(plan.hold_days),
        "audit_days": str(plan.audit_days),
        "min_payout": plain(plan.min_payout),
        **fill_payouts(plan),
        **fill_sharing(plan),
        **fill_abuse(plan),
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


def level_lines(levels: Sequence[Level]) -> str:
    """Levels as the form shows them."""
    return "\n".join(f"{level.name} {plain(level.share * PERCENT)}" for level in levels)


def read_referral_rule(form: ReferralRuleForm) -> ReferralRule:
    """The rule that a form describes. Raises Invalid that names the field."""
    return ReferralRule(
        name=" ".join((form.name.data or "").split())[:60],
        match=_match(form),
        priority=whole(form, "priority", 0),
        kind=form.kind.data,
        markup=number(form, "markup"),
        pips=number(form, "pips"),
        pip_size=number(form, "pip_size"),
        rate=number(form, "rate"),
        spread_basis=form.spread_basis.data or None,
        levels=levels_of(form.levels.data, "levels"),
        max_per_event=number(form, "max_per_event"),
        tiers=read_tiers(form),
    )


def fill_referral_rule(rule: ReferralRule, revision: int) -> dict[str, Any]:
    """A rule as its form shows it."""
    return {
        **_fill_match(rule, revision),
        "kind": rule.kind,
        "spread_basis": rule.spread_basis or "",
        "levels": level_lines(rule.levels),
        **{name: plain(getattr(rule, name)) for name in ("markup", "pips", "pip_size", "rate")},
        **fill_tiers(rule.tiers),
    }


def read_god_rule(form: GodRuleForm) -> GodRule:
    """The rule that a form describes. Raises Invalid that names the field."""
    return GodRule(
        name=" ".join((form.name.data or "").split())[:60],
        match=_match(form),
        priority=whole(form, "priority", 0),
        weight=number(form, "weight", default=Decimal(1)) or Decimal(0),
        max_per_event=number(form, "max_per_event"),
        tiers=read_tiers(form),
    )


def fill_god_rule(rule: GodRule, revision: int) -> dict[str, Any]:
    """A rule as its form shows it."""
    return {**_fill_match(rule, revision), "weight": plain(rule.weight), **fill_tiers(rule.tiers)}


def _fill_match(rule: ReferralRule | GodRule, revision: int) -> dict[str, Any]:
    return {
        "revision": str(revision),
        "name": rule.name,
        "symbols": ", ".join(rule.match.symbols),
        "symbol_classes": ", ".join(rule.match.symbol_classes),
        "groups": ", ".join(rule.match.groups),
        **volume.fill_traits(rule.match),
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
        if len(parts) != 2 or parts[0][0] not in "RGA" or not parts[0][1:].isdigit():
            raise Invalid(_l("Write R, G or A with a level, and an amount, in each line."), field="expected")
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
        deposit=number(form, "deposit", default=Decimal(0)) or Decimal(0),
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
            for name in ("lots", "spread", "contract_size", "commission", "profit", "price", "rate", "deposit")
        },
    }
