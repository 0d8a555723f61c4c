"""What a plan says about abuse. A detector that the plan does not name does not run at all."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from app.kit.text import Message, _l
from app.partners.parts import Part

Action = Literal["off", "shadow", "hold"]
"""`shadow` reports what it would have held; `hold` keeps the money in the temporary wallet until a person decides."""

WINDOW_MAX = 92
CLUSTER_MAX = 200


class HoldBand(Part, frozen=True):
    """From so many seconds on, this share of the commission is paid. A band includes its lower bound."""

    from_seconds: Decimal
    share: Decimal


class Scalping(Part, frozen=True):
    """A client too many of whose trades, or lots, are shorter than the plan's minimum holding time."""

    action: Action = "off"
    window_days: int = 30
    trades_min: int = 20
    share_above: Decimal = Decimal("0.30")


class HoldGaming(Part, frozen=True):
    """A partner too many of whose clients' lots are short or closed within the margin just above the minimum."""

    action: Action = "off"
    window_days: int = 30
    trades_min: int = 20
    margin_seconds: Decimal = Decimal(30)
    share_above: Decimal = Decimal("0.25")


class Churning(Part, frozen=True):
    """A cluster that gets back what its trades cost: from `review_at` on it is shown, from `hold_at` on it is held."""

    action: Action = "off"
    window_days: int = 30
    review_at: Decimal = Decimal("0.8")
    hold_at: Decimal = Decimal("1.0")


class ChurnIntensity(Part, frozen=True):
    """A client whose trades bring partners a large part of what the client has paid in."""

    action: Action = "off"
    window_days: int = 30
    share_above: Decimal = Decimal("0.30")
    commission_min: Decimal = Decimal(50)


class EmptyVolume(Part, frozen=True):
    """A client most of whose lots end within so many spreads of where they began."""

    action: Action = "off"
    window_days: int = 30
    trades_min: int = 50
    spreads: Decimal = Decimal(2)
    share_above: Decimal = Decimal("0.7")


class PhantomSubPartners(Part, frozen=True):
    """A sub-partner who looks invented: so many of four signs together."""

    action: Action = "off"
    signs_min: int = 2
    sign_in_days: int = 30


class Clusters(Part, frozen=True):
    """Whether clients who share devices, bank accounts or documents may earn from each other.

    `shadow` shows the pairs, `hold` lets their lines wait. A link that a person has confirmed pays nothing either way.
    """

    action: Action = "off"
    link_at: Decimal = Decimal("0.85")
    component_max: int = 25


class AbuseTerms(Part, frozen=True):
    """Every detector with its thresholds. A window ends with the settlement day and may not exceed 92 days.

    To refuse held money above `second_person_above`, in the plan's currency, two people must say so. A pattern that a
    person has cleared is not raised again for `quiet_days`. A detector of whose decisions, at least
    `precision_decisions_min` of them, fewer than `precision_min` were refusals only reports from then on.
    """

    scalping: Scalping = Scalping()
    hold_gaming: HoldGaming = HoldGaming()
    churning: Churning = Churning()
    churn_intensity: ChurnIntensity = ChurnIntensity()
    empty_volume: EmptyVolume = EmptyVolume()
    phantom_sub_partners: PhantomSubPartners = PhantomSubPartners()
    clusters: Clusters = Clusters()
    second_person_above: Decimal = Decimal(500)
    quiet_days: int = 30
    precision_min: Decimal = Decimal("0.5")
    precision_decisions_min: int = 30

    @property
    def counts_days(self) -> bool:
        """Whether anything looks at what clients traded day by day."""
        counted = (self.scalping, self.hold_gaming, self.churning, self.churn_intensity, self.empty_volume)
        return any(one.action != "off" for one in counted)

    @property
    def counts_commission(self) -> bool:
        """Whether what each client's trades brought partners is summed up."""
        return self.churn_intensity.action != "off"

    @property
    def looks_at_clusters(self) -> bool:
        """Whether it matters who shares what with whom."""
        return any(one.action != "off" for one in (self.clusters, self.churning, self.phantom_sub_partners))

    @property
    def window_days(self) -> int:
        """The longest window of a detector that counts days."""
        counted = (self.scalping, self.hold_gaming, self.churning, self.churn_intensity, self.empty_volume)
        return max((one.window_days for one in counted if one.action != "off"), default=0)

    @property
    def is_on(self) -> bool:
        """Whether any detector runs."""
        return self.counts_days or self.looks_at_clusters


def abuse_faults(terms: AbuseTerms) -> Iterator[tuple[str, Message]]:
    """What is wrong with the terms: (dotted key, sentence)."""
    for name, days in (
        ("scalping", terms.scalping.window_days),
        ("hold_gaming", terms.hold_gaming.window_days),
        ("churning", terms.churning.window_days),
        ("churn_intensity", terms.churn_intensity.window_days),
        ("empty_volume", terms.empty_volume.window_days),
    ):
        if not 1 <= days <= WINDOW_MAX:
            yield f"abuse.{name}.window_days", _l("A window has 1 to %(most)s days.", most=WINDOW_MAX)
    for key, share in (
        ("scalping.share_above", terms.scalping.share_above),
        ("hold_gaming.share_above", terms.hold_gaming.share_above),
        ("empty_volume.share_above", terms.empty_volume.share_above),
        ("clusters.link_at", terms.clusters.link_at),
        ("precision_min", terms.precision_min),
    ):
        if not (share.is_finite() and 0 <= share <= 1):
            yield f"abuse.{key}", _l("A share must be between 0 and 1.")
    for key, number in (
        ("churning.review_at", terms.churning.review_at),
        ("churn_intensity.share_above", terms.churn_intensity.share_above),
        ("churn_intensity.commission_min", terms.churn_intensity.commission_min),
        ("hold_gaming.margin_seconds", terms.hold_gaming.margin_seconds),
        ("empty_volume.spreads", terms.empty_volume.spreads),
        ("second_person_above", terms.second_person_above),
    ):
        if not (number.is_finite() and number >= 0):
            yield f"abuse.{key}", _l("This number must not be negative.")
    if terms.churning.hold_at < terms.churning.review_at:
        yield "abuse.churning.hold_at", _l("Money is held from no less than what is shown.")
    for key, count, least, most in (
        ("scalping.trades_min", terms.scalping.trades_min, 1, 100_000),
        ("hold_gaming.trades_min", terms.hold_gaming.trades_min, 1, 100_000),
        ("empty_volume.trades_min", terms.empty_volume.trades_min, 1, 100_000),
        ("phantom_sub_partners.signs_min", terms.phantom_sub_partners.signs_min, 1, 4),
        ("phantom_sub_partners.sign_in_days", terms.phantom_sub_partners.sign_in_days, 1, 366),
        ("clusters.component_max", terms.clusters.component_max, 2, CLUSTER_MAX),
        ("quiet_days", terms.quiet_days, 0, 366),
        ("precision_decisions_min", terms.precision_decisions_min, 1, 100_000),
    ):
        if not least <= count <= most:
            yield f"abuse.{key}", _l("Give a number from %(least)s to %(most)s.", least=least, most=most)


def band_faults(bands: tuple[HoldBand, ...]) -> Iterator[tuple[str, Message]]:
    """What is wrong with the bands of the holding time: (dotted key, sentence)."""
    key = "gates.hold_bands"
    if not bands or bands[0].from_seconds != 0 or not any(band.share > 0 for band in bands):
        yield key, _l("The first band begins at 0 seconds, and one of them pays.")
    for band in bands:
        if not (band.share.is_finite() and 0 <= band.share <= 1 and band.from_seconds.is_finite()):
            yield key, _l("A share must be between 0 and 1.")
    for lower, upper in pairwise(bands):
        if upper.from_seconds <= lower.from_seconds or upper.share < lower.share:
            yield key, _l("Each band begins later than the one before it and pays no less.")


DEFAULT_BANDS = (
    HoldBand(from_seconds=Decimal(0), share=Decimal(0)),
    HoldBand(from_seconds=Decimal(60), share=Decimal("0.5")),
    HoldBand(from_seconds=Decimal(180), share=Decimal(1)),
)
