"""The no-arbitrage check: whether somebody could earn by trading against their own commission."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from app.kit.text import Message, _l
from app.partners.parts import Part
from app.partners.plan import Plan, ReferralRule, TypicalSymbol
from app.partners.rules.own import ranked_share


class ArbitrageRow(Part, frozen=True):
    """What one round-turn lot of a symbol earns and can cost at worst, in the plan's currency."""

    symbol: str
    revenue: Decimal
    referral: Decimal
    god: Decimal
    limit: Decimal
    cashback: Decimal = Decimal(0)

    @property
    def worst(self) -> Decimal:
        """The most that one lot can pay out before caps."""
        return self.referral + self.god + self.cashback

    @property
    def is_safe(self) -> bool:
        """Whether nobody can earn by trading against their own commission."""
        return self.worst <= self.limit


WORST_SHARE = Decimal("0.90")


def arbitrage(plan: Plan, god_rate: Decimal) -> list[ArbitrageRow]:
    """The no-arbitrage check over the plan's typical symbols, `god_rate` being the worst god-mode total of any path."""
    rows = []
    limit_share = plan.caps.max_total_share_of_revenue
    for symbol, typical in sorted(plan.typical.items()):
        revenue = typical.spread * typical.contract_size * typical.rate + typical.commission
        rule = plan.referral_rule(symbol, typical.symbol_class, "")
        god_rule = plan.god_rule(symbol, typical.symbol_class, "")
        paid = plan.cashback_rule(symbol, typical.symbol_class, "")
        is_chained = plan.referral is not None and plan.referral.level_base == "previous"
        shares, factor = Decimal(0), Decimal(1)
        for place, level in enumerate(plan.levels_of(rule) if rule is not None else (), 1):
            factor = highest_share(plan, place, level.share) * (factor if is_chained else 1)
            shares += factor
        rows.append(
            ArbitrageRow(
                symbol=symbol,
                revenue=revenue,
                referral=shares * max(typical_base(rule, typical), highest_rate(plan, rule)),
                god=god_rate * god_rule.weight if god_rule is not None else Decimal(0),
                cashback=paid.per_lot if paid is not None else Decimal(0),
                limit=revenue * (WORST_SHARE if limit_share is None else limit_share),
            )
        )
    return rows


def highest_share(plan: Plan, place: int, share: Decimal) -> Decimal:
    """The most that a level's partner can get a share of by their rank."""
    if plan.ranks is None:
        return share
    return max(ranked_share(rank, place, share) for rank in plan.ranks.ranks)


def highest_rate(plan: Plan, rule: ReferralRule | None) -> Decimal:
    """The most per lot that tiers and ranks can make of a rule's rate; 0 where neither says anything."""
    if rule is None or rule.kind != "per_lot":
        return Decimal(0)
    rates = [band.rate for band in rule.tiers.bands] if rule.tiers is not None else []
    rates += [rank.rates[rule.name] for rank in plan.ranks.ranks if rule.name in rank.rates] if plan.ranks else []
    return max(rates, default=Decimal(0))


def highest_god_rate(plan: Plan) -> Decimal:
    """The most per lot that tiers and ranks can give a partner on the god-mode track; 0 where neither says anything."""
    if plan.god is None:
        return Decimal(0)
    rates = [band.rate for rule in plan.god.rules if rule.tiers is not None for band in rule.tiers.bands]
    rates += [rank.god_rate for rank in plan.ranks.ranks if rank.god_rate is not None] if plan.ranks else []
    return max(rates, default=Decimal(0))


def typical_base(rule: ReferralRule | None, typical: TypicalSymbol) -> Decimal:
    """What the levels share of one usual lot, in the plan's currency.

    A client's profit is no revenue of the broker's and cannot be had without risk: it counts for nothing here.
    """
    value = typical.contract_size * typical.rate
    match rule.kind if rule is not None else "pct_spread":
        case "pct_markup" | "pips":
            assert rule is not None
            return (typical.spread if rule.price is None else rule.price) * value
        case "pct_commission":
            return typical.commission
        case "per_million":
            return (rule.rate or Decimal(0)) * typical.price * value / 1_000_000 if rule is not None else Decimal(0)
        case "per_lot":
            return (rule.rate or Decimal(0)) if rule is not None else Decimal(0)
        case "pct_profit":
            return Decimal(0)
        case _:
            return typical.spread * value


def arbitrage_faults(plan: Plan, god_rate: Decimal = Decimal(0)) -> Iterator[tuple[str, Message]]:
    """Refuse a plan that pays more than it earns on a typical symbol, unless a cap binds or somebody accepts it."""
    if plan.caps.binds_paths or plan.arbitrage_accepted_by:
        return
    for row in arbitrage(plan, god_rate):
        if not row.is_safe:
            yield (
                f"typical.{row.symbol}",
                _l(
                    "One lot of %(symbol)s pays up to %(worst)s %(currency)s and earns %(revenue)s: set a cap on the"
                    " total, or name who accepts this.",
                    symbol=row.symbol,
                    worst=f"{row.worst.normalize():f}",
                    currency=plan.currency,
                    revenue=f"{row.revenue.normalize():f}",
                ),
            )
