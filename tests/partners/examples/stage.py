"""The worked examples on a stage: the same tree, plan and trades in the plain reference and in a settled day.

Whatever an example asserts afterwards holds for both, because they were compared to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.core.db import execute_sql, in_transaction, transaction
from app.kit.money import Money
from app.partners.plan import Plan
from app.partners.rules import ClosedTrade, Facts, Outcome, Path, Quote, Upline, settle_trade
from app.partners.rules.posting import post_day
from app.partners.volume.counting import Funds, count, net_hedges
from app.partners.volume.statements import counts_volume
from app.rates import service as rates
from tests.partners import world
from tests.partners.trades import NAMES, dec

FRIDAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STORED = (
    "client_id", "symbol", "symbol_class", "volume_lots", "contract_size", "opened_at", "closed_at", "open_price",
    "close_price", "open_bid", "open_ask", "close_bid", "close_ask", "commission", "profit", "markup_usd", "reason",
    "is_demo", "is_partial", "is_close_by", "side", "group",
)  # fmt: skip
CURRENCIES = {"USDJPY": "JPY"}


@dataclass(frozen=True)
class Played:
    """What one day gave, the same in both engines: by "R1 C" or "G A" for one trade, by partner and track for all."""

    raw: list[dict[str, Decimal]]
    reasons: list[dict[tuple[str, str], str]]
    outcomes: list[Outcome]
    posted: dict[tuple[str, str], Decimal]
    carried: dict[tuple[str, str], Decimal]

    @property
    def only(self) -> dict[str, Decimal]:
        """The lines of the only trade."""
        [lines] = self.raw
        return lines

    @property
    def why(self) -> dict[tuple[str, str], str]:
        """The reasons of the only trade."""
        [found] = self.reasons
        return found

    @property
    def total(self) -> Decimal:
        return sum((amount for lines in self.raw for amount in lines.values()), Decimal(0))


class Stage:
    """People in one line above a trader: in the examples C, B and A above D, where A has 8.00 per lot."""

    def __init__(
        self, uplines: Sequence[str] = ("C", "B", "A"), rates_per_lot: Mapping[str, str] | None = None
    ) -> None:
        given = {"A": "8.00"} if rates_per_lot is None else rates_per_lot
        self.rates = {name: dec(rate) for name, rate in given.items()}
        with transaction():
            self.ids = {name: world.make_client(name) for name in ("D", *uplines)}
            for child, parent in zip(("D", *uplines), uplines, strict=False):
                world.link(self.ids[child], self.ids[parent])
            for name, rate in self.rates.items():
                world.grant(self.ids[name], rate)
            self.platform = world.make_platform()
        self.uplines = tuple(uplines)
        self.names = {client_id: name for name, client_id in self.ids.items()}

    @property
    def path(self) -> Path:
        return Path(
            tuple(Upline(self.ids[name], place, self.rates.get(name)) for place, name in enumerate(self.uplines, 1))
        )

    def play(
        self,
        plan: Plan,
        *trades: ClosedTrade,
        facts: Facts | None = None,
        funds: Funds | None = None,
        day: date = FRIDAY,
        publish: bool = True,
        carry: Mapping[tuple[str, str], Decimal] | None = None,
    ) -> Played:
        """Settle the trades of one day in both engines, compare them to the last digit, and answer what they gave.

        `facts` are those of the reference: the caller has made the same true in the product. `carry` is what the day
        before left.
        """
        with transaction():
            if publish:
                world.publish(plan)
            stored = self.store(*trades)
        world.settle(day)
        outcomes = self._reference(stored, plan, facts or Facts(), funds)

        lines = {(trade, track, partner): rest for trade, track, partner, *rest in self._lines(day)}
        expected = {
            (one.seq, one.track, one.partner_id): [one.level, one.distance, one.amount_before_cap, one.amount, one.cap]
            for outcome in outcomes
            for one in outcome.lines
        }
        assert lines == expected
        reasons = {row[:3]: (row[4], row[5]) for row in world.reasons() if row[0] in {one.seq for one in stored}}
        assert reasons == {
            (one.seq, one.track, one.partner_id): (str(one.primary), tuple(map(str, one.gates)))
            for outcome in outcomes
            for one in outcome.reasons
        }
        holds = {row[:3]: row[3] for row in world.held() if row[0] in {one.seq for one in stored}}
        assert holds == {
            (line.seq, line.track, line.partner_id): tuple(map(str, line.held_for))
            for outcome in outcomes
            for line in outcome.lines
            if line.held_for
        }
        batches = in_transaction(self._batches, day)
        self._compare_posted(outcomes, batches, plan, carry or {})
        return Played(
            raw=[self._named(outcome) for outcome in outcomes],
            reasons=[
                {(one.track, self.names[one.partner_id]): str(one.primary) for one in outcome.reasons}
                for outcome in outcomes
            ],
            outcomes=outcomes,
            posted={key: Money.from_minor(int(row.posted_minor), plan.currency).amount for key, row in batches.items()},
            carried={key: row.carry_out for key, row in batches.items()},
        )

    def store(self, *trades: ClosedTrade) -> list[ClosedTrade]:
        """Store trades of D as ingest would; answers them with the numbers that they have got."""
        given = []
        for one in trades:
            values = {name: getattr(one, name) for name in STORED} | {"client_id": self.ids["D"]}
            values["profit_currency"] = CURRENCIES.get(one.symbol, "USD")
            if one.position:
                values["position_id"] = one.position
            given.append(values)
        ids = self.platform.store(given)
        return [
            replace(one, seq=number, deal=number, client_id=self.ids["D"], position=one.position or number)
            for one, number in zip(trades, ids, strict=True)
        ]

    def temporary(self, name: str) -> Decimal:
        """What waits under audit."""
        return world.balances(self.ids[name])["temporary"]

    def redeemable(self, name: str) -> Decimal:
        """What is free."""
        return world.balances(self.ids[name])["redeem"]

    def _reference(self, trades: Sequence[ClosedTrade], plan: Plan, facts: Facts, funds: Funds | None) -> list[Outcome]:
        people = {self.ids[NAMES[key]]: person for key, person in facts.people.items()}
        given = {one.seq: funds for one in trades} if funds is not None else None
        volumes = count(trades, plan.gates, given) if counts_volume(plan) else {}

        def outcome(one: ClosedTrade) -> Outcome:
            known = replace(
                facts,
                people=people,
                profit_quote=_quote(CURRENCIES.get(one.symbol, "USD"), plan.currency, one.closed_at),
                volume=volumes.get(one.seq),
            )
            return settle_trade(one, self.path, plan, known)

        found = {one.seq: outcome(one) for one in trades}
        if plan.gates.hedge_netting == "max_side":
            passing = [one for one in trades if found[one.seq].passes]
            volumes = net_hedges(passing, volumes, lambda instant: instant.date())
            found = {one.seq: outcome(one) for one in trades}
        return [found[one.seq] for one in trades]

    def _named(self, outcome: Outcome) -> dict[str, Decimal]:
        return {
            f"{'G' if line.track == 'god' else f'R{line.level}'} {self.names[line.partner_id]}": line.amount
            for line in outcome.lines
        }

    def _lines(self, day: date) -> list[tuple[Any, ...]]:
        rows = in_transaction(
            lambda: execute_sql(
                "SELECT trade_id, track, partner_id, level, distance, amount_before_cap, amount, cap"
                " FROM commission_line WHERE tenant_id = :tenant_id AND business_date = :day AND component = 'base'"
                " AND track IN ('referral', 'god')",
                day=day,
            ).all()
        )
        return [tuple(row) for row in rows]

    def _batches(self, day: date) -> dict[tuple[str, str], Any]:
        rows = execute_sql(
            "SELECT partner_id, track, lines, carry_in, carry_out, posted_minor FROM commission_batch"
            " WHERE tenant_id = :tenant_id AND business_date = :day AND purpose = 'settle'",
            day=day,
        )
        return {(self.names[row.partner_id], row.track): row for row in rows}

    def _compare_posted(
        self,
        outcomes: Sequence[Outcome],
        batches: Mapping[tuple[str, str], Any],
        plan: Plan,
        carry: Mapping[tuple[str, str], Decimal],
    ) -> None:
        amounts: dict[tuple[str, str], list[Decimal]] = {}
        for outcome in outcomes:
            for line in outcome.lines:
                if not line.held_for:
                    amounts.setdefault((self.names[line.partner_id], line.track), []).append(line.amount)
        for key, lines in amounts.items():
            wanted = post_day(lines, carry.get(key, Decimal(0)), plan, plan.currency)
            row = batches[key]
            assert (row.lines, row.carry_in, row.carry_out) == (wanted.lines, wanted.carry_in, wanted.carry_out), key
            assert row.posted_minor == wanted.posted.minor, key


def at(day: date, hour: float = 12) -> datetime:
    """An instant of a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def amounts(**values: str) -> dict[str, Decimal]:
    """Expected amounts, written as `R1_C="4.80"`."""
    return {name.replace("_", " "): dec(value) for name, value in values.items()}


def six(shown: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Amounts as the examples print them: to six decimals."""
    return {name: round(amount, 6) for name, amount in shown.items()}


def _quote(currency: str, into: str, moment: datetime) -> Quote | None:
    def find() -> Quote | None:
        try:
            found = rates.rate(currency, into, moment)
        except rates.RateUnknown:
            return None
        return Quote(found.numerator, found.denominator, found.source, found.at)

    return in_transaction(find)
