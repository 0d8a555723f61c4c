"""What a plan says about tiers and ranks."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from app.partners.parts import Part

TierMethod = Literal["previous_period", "marginal", "flat_on_reach"]
Measure = Literal["active_clients", "lots", "usd_volume", "net_deposits", "own_deposits"]

MEASURES: tuple[Measure, ...] = ("active_clients", "lots", "usd_volume", "net_deposits", "own_deposits")


class Band(Part, frozen=True):
    """One band of a month's lots. It includes its upper bound; the last band has none."""

    rate: Decimal
    upto: Decimal | None = None


class Tiers(Part, frozen=True):
    """Amounts per lot by how many counted lots a partner's month stands at.

    `previous_period`: the band in which the month before ended gives the whole month's rate. `marginal`: each lot at
    its own band. `flat_on_reach`: each trade at the band in which the month stood before it, and on the month's last
    day what the band that was reached would have given more.
    """

    method: TierMethod = "previous_period"
    bands: tuple[Band, ...] = ()


class ActiveClient(Part, frozen=True):
    """Who counts as an active client: whoever has so much of their own, and so many valid orders in the last days."""

    own_funds: Decimal = Decimal(100)
    orders: int = 5
    days: int = 30


class Rank(Part, frozen=True):
    """A rank: what a partner must have more of than this, and what it changes.

    Every measure that is named must be exceeded: a band of the rank below includes its upper bound. `share_factor`
    multiplies the levels' shares, `shares` replaces them, level by level; `god_rate` replaces the partner's own amount
    per lot, `rates` the amount per lot of the rules that it names. `override` is the share of what a partner of a lower
    rank received, by how far below they stand, `same_rank` that of a partner of the same rank.
    """

    name: str
    more_than: dict[Measure, Decimal] = {}
    share_factor: Decimal = Decimal(1)
    shares: tuple[Decimal, ...] = ()
    god_rate: Decimal | None = None
    rates: dict[str, Decimal] = {}
    override: tuple[Decimal, ...] = ()
    same_rank: tuple[Decimal, ...] = ()


class Measuring(Part, frozen=True):
    """What a partner is measured by: the calendar month before or the last days; direct clients or everybody below."""

    window: Literal["month", "days"] = "month"
    days: int = 30
    clients: Literal["direct", "all"] = "all"
    active: ActiveClient = ActiveClient()


class Ranks(Part, frozen=True):
    """The ranks, lowest first. Who was never measured holds the first one.

    They are measured at the start of every calendar month. `demotion` says what a lower measurement does: it lowers the
    rank, it waits for a person, or it never does anything.
    """

    ranks: tuple[Rank, ...]
    demotion: Literal["auto", "manual", "never"] = "auto"
    measuring: Measuring = Measuring()

    def named(self, name: str | None) -> Rank:
        """The rank of that name; the first one where there is none."""
        return next((rank for rank in self.ranks if rank.name == name), self.ranks[0])

    def place(self, name: str | None) -> int:
        """How high a rank stands, from 0."""
        return self.ranks.index(self.named(name))

    @property
    def overrides(self) -> bool:
        """Whether any rank shares in what other partners received."""
        return any(rank.override or rank.same_rank for rank in self.ranks)


class Qualification(Part, frozen=True):
    """What a partner must have at least before anything is paid to them, measured when a day is settled."""

    at_least: dict[Measure, Decimal]
    measuring: Measuring = Measuring()


class OwnRates(Part, frozen=True):
    """Up to where one person may give a partner a rate of their own; above, a second one must agree. None: always."""

    alone_up_to_share: Decimal | None = Decimal(0)
    alone_up_to_per_lot: Decimal | None = Decimal(0)
