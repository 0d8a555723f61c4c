"""The `[copytrading]` section of a tenant's bundle: what is listed, how it is ranked, and what the reader is told."""

from __future__ import annotations

import hashlib
from decimal import Decimal

from app.core.features import BundleSection
from app.tenancy import service as tenancy
from app.tenancy.bundles.schema import Refused, Section


class Weights(Section, frozen=True):
    """`weights = {…}`: how much each figure counts in the rank. Only their proportions matter."""

    performance: Decimal = Decimal(40)
    drawdown: Decimal = Decimal(30)
    age: Decimal = Decimal(15)
    copiers: Decimal = Decimal(15)

    def __post_init__(self) -> None:
        parts = (self.performance, self.drawdown, self.age, self.copiers)
        if any(part < 0 for part in parts) or not any(parts):
            raise Refused("weights", "Weights are not negative, and at least one is above zero.")


class CopyTradingSection(Section, frozen=True):
    """`[copytrading]`. Without it the brand has no list of strategies."""

    min_age_days: int = 30
    min_equity: Decimal = Decimal(100)  # In the account's currency.
    strategies_max: int = 3
    weights: Weights = Weights()
    risk_warning: dict[str, str] = {}
    terms: dict[str, str] = {}
    how_to_copy: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not 0 <= self.min_age_days <= 365:
            raise Refused("min_age_days", "A strategy is ranked after 0 to 365 days.")
        if self.min_equity < 0:
            raise Refused("min_equity", "An amount is not negative.")
        if not 1 <= self.strategies_max <= 50:
            raise Refused("strategies_max", "A client publishes between 1 and 50 strategies.")

    def terms_version(self) -> str:
        """Changes when the terms do."""
        text = "\n".join(f"{language}\t{self.terms[language]}" for language in sorted(self.terms))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def section() -> CopyTradingSection | None:
    """The bound tenant's section; None where it offers no copy trading."""
    config = tenancy.current()
    if not config.has_section("copytrading"):
        return None
    found: CopyTradingSection = config.section("copytrading")
    return found


SECTION = BundleSection(name="copytrading", type=CopyTradingSection)
