"""The set-based engine against the plain reference, over random trees, plans, trades, moves, facts and corrections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.db import execute_sql, in_transaction, transaction
from app.kit import clock
from app.partners import receivers
from app.partners.plan import Plan
from app.partners.rules import ClosedTrade, settle_trade, share_out
from app.partners.volume.terms import PeriodCaps
from app.referrals import service as referrals
from tests.partners import draws, world, worlds
from tests.partners.draws import FIRST_DAY, Link, hours
from tests.partners.volume import neighbours
from tests.partners.world import BY

_day = iter(range(1, 100_000))
_first_of_two = iter(range(1, 100_000, 2))


@pytest.mark.usefixtures("here")
@draws.examples(25)
@given(drawn=draws.worlds())
def test_sql_and_reference_give_the_same_lines_and_reasons(drawn: dict[str, Any]) -> None:
    built = worlds.build(drawn, FIRST_DAY + timedelta(days=next(_day)))

    world.settle(built.day)

    assert worlds.settled(built.first) == worlds.expected(built)
    assert in_transaction(receivers.differences) == 0


def alone(plan: Plan) -> Plan:
    """The plan without what a trade's neighbours decide."""
    gates = msgspec.structs.replace(
        plan.gates,
        hedge_netting="off",
        partial_close="pro_rata",
        close_by="both",
        credit_coefficient="off",
        negative_balance="pay",
    )
    return msgspec.structs.replace(plan, gates=gates, caps=msgspec.structs.replace(plan.caps, partner=PeriodCaps()))


Kind = Literal["none", "gone", "lots", "spread"]
When = Literal["immediate", "next_settlement_day"]


@dataclass(frozen=True)
class Correction:
    """What the platform says about a trade on the next day."""

    kind: Kind

    def of(self, trade: ClosedTrade) -> ClosedTrade | None:
        """The trade as it is now; None where it is gone."""
        if self.kind == "gone":
            return None
        if self.kind == "lots":
            return replace(trade, volume_lots=trade.volume_lots / 2 + Decimal("0.01"))
        if self.kind == "spread" and trade.open_bid is not None:
            return replace(trade, open_ask=trade.open_bid + Decimal("0.00031"))
        return trade


@dataclass(frozen=True)
class Move:
    """Somebody goes to another sponsor at six in the evening, at once or from the next day on."""

    child: int
    parent: int
    when: When

    @property
    def hour(self) -> int:
        return 18 if self.when == "immediate" else 24


@st.composite
def corrected_worlds(draw: st.DrawFn) -> dict[str, Any]:
    """A world, what is corrected of its trades, trades of the next day, and perhaps a move in between."""
    drawn = draw(draws.worlds())
    drawn["plan"] = alone(drawn["plan"])
    count, trades = drawn["count"], len(drawn["trades"])
    kinds: st.SearchStrategy[Kind] = st.sampled_from(["none", "gone", "lots", "spread", "spread"])
    movable = [link for link in drawn["links"] if link.hour_to > 24 and link.child < count - 1]
    moves: list[Move] = []
    is_moved = draw(st.booleans())
    if movable and is_moved:
        link = draw(st.sampled_from(movable))
        others = [parent for parent in range(link.child + 1, count) if parent != link.parent]
        if others:
            whens: st.SearchStrategy[When] = st.sampled_from(["immediate", "next_settlement_day"])
            moves.append(Move(link.child, draw(st.sampled_from(others)), draw(whens)))
    return drawn | {
        "corrections": [Correction(kind) for kind in draw(st.lists(kinds, min_size=trades, max_size=trades))],
        "moves": moves,
        "later": draw(st.lists(draws.trades(count), max_size=2)),
    }


@pytest.mark.usefixtures("here")
@draws.examples(20)
@given(drawn=corrected_worlds())
def test_sql_and_reference_agree_over_moves_and_corrections(drawn: dict[str, Any]) -> None:
    built = worlds.build(drawn, FIRST_DAY + timedelta(days=next(_first_of_two)))
    for move in drawn["moves"]:
        move_client(built, move)
    world.settle(built.day)
    before = worlds.expected(built)
    assert worlds.settled(built.first) == before

    corrected = {}
    for trade, correction in zip(built.trades, drawn["corrections"], strict=True):
        now = correction.of(trade)
        if now is not trade:
            corrected[trade.seq] = now
            correct(built, trade.seq, now)
    next_day = built.day + timedelta(days=1)
    arrived = add_later(built, drawn["later"])
    world.settle(next_day)

    expected = worlds.Result()
    for trade, one in zip(built.trades, drawn["trades"], strict=True):
        now = corrected.get(trade.seq)
        if now is not None:
            add(expected, built, now, one, revision=1)
    for trade, one in arrived:
        add(expected, built, trade, one, revision=0)
    for seq, track, partner, _, level, distance, before_cap, amount, cap in before.lines:
        if seq in corrected:
            expected.lines.add((seq, 0, track, partner, "reversal", level, distance, -before_cap, -amount, cap))
    for seq, track, giver, receiver, kind, share, amount in before.shares:
        if seq in corrected:
            expected.shares.add((seq, 0, track, giver, receiver, kind, "reversal", share, -amount))
    assert in_transaction(result_of, next_day, built.first) == expected
    assert in_transaction(receivers.differences) == 0


def move_client(built: worlds.Built, move: Move) -> None:
    """Move somebody as staff would, and say so in the drawn links."""
    with clock.frozen(hours(built.day, 18)), transaction():
        referrals.move(
            built.ids[move.child], built.ids[move.parent], when=move.when, reason="asked for it", by=BY,
            request_id=f"{built.day}",
        )  # fmt: skip
    links = [
        replace(link, hour_to=move.hour) if link.child == move.child and link.hour_to > 24 else link
        for link in built.given["links"]
    ]
    built.given["links"] = [*links, Link(move.child, move.parent, move.hour, 25)]


def correct(built: worlds.Built, seq: int, now: ClosedTrade | None) -> None:
    """The platform takes a trade away, or says something else about it."""
    with transaction():
        built.platform.batches += 1
        execute_sql(
            "UPDATE closed_trade SET corrected_at = closed_at, revision = 1, batch_no = :no,"
            " deleted_at = CASE WHEN CAST(:gone AS boolean) THEN closed_at END,"
            " volume_lots = coalesce(:lots, volume_lots), open_ask = coalesce(:ask, open_ask)"
            " WHERE tenant_id = :tenant_id AND id = :id",
            id=seq,
            no=built.platform.batches,
            gone=now is None,
            lots=None if now is None else now.volume_lots,
            ask=None if now is None else now.open_ask,
        )


def add_later(built: worlds.Built, drawn: list[dict[str, Any]]) -> list[tuple[ClosedTrade, dict[str, Any]]]:
    """Trades of the next day."""
    with transaction():
        day = built.day + timedelta(days=1)
        first = built.platform.deals + 1
        codes = built.trades[0]
        found = [
            replace(
                worlds.closed_trade(first + place, one, day, built.ids),
                platform=codes.platform,
                account_type=codes.account_type,
                account_currency=one["account_currency"],
                point=neighbours.POINTS.get(one["symbol"]),
                side=one["side"],
                is_account_excluded=built.is_excluded(one),
            )
            for place, one in enumerate(drawn)
        ]
        built.platform.store([worlds.stored(trade, one) for trade, one in zip(found, drawn, strict=True)])
        for trade, one in zip(found, drawn, strict=True):
            if one["verdict"] != "clear":
                worlds.judge(trade.seq, one["verdict"])
    return list(zip(found, drawn, strict=True))


def add(
    expected: worlds.Result, built: worlds.Built, trade: ClosedTrade, one: dict[str, Any], *, revision: int
) -> None:
    """What the reference makes of a trade that is settled with the day after the world's own."""
    at = worlds.path_instant(built.plan, trade, built.day + timedelta(days=1))
    path = worlds.path_of(one["person"], at, trade.opened_at or trade.closed_at, built.given, built.day, built.ids)
    facts = worlds.facts_of(built, trade, one, built.day + timedelta(days=1))
    outcome = settle_trade(trade, path, built.plan, facts)
    alone_result = worlds.Result()
    alone_result.add(outcome, trade)
    expected.lines |= {(seq, revision, *rest) for seq, *rest in alone_result.lines}
    expected.reasons |= {(seq, revision, *rest) for seq, *rest in alone_result.reasons}
    expected.holds |= {(seq, revision, *rest) for seq, *rest in alone_result.holds}
    expected.numbers |= {(seq, revision, *rest) for seq, *rest in alone_result.numbers}
    for each in share_out(trade, path, outcome.lines, built.plan, facts, built.agreed):
        expected.shares.add(
            (each.seq, revision, each.track, each.giver_id, each.receiver_id, each.kind, "base", each.share,
             each.amount)
        )  # fmt: skip


QUERIES = {
    "numbers": "SELECT trade_id, revision, lots, base, revenue, spread_source FROM settled_trade"
    " WHERE tenant_id = :tenant_id AND business_date = :day AND trade_id >= :first",
    "lines": "SELECT trade_id, revision, track, partner_id, component, level, distance, amount_before_cap, amount, cap"
    " FROM commission_line WHERE tenant_id = :tenant_id AND business_date = :day AND trade_id >= :first",
    "reasons": "SELECT trade_id, revision, track, partner_id, distance, reason, gates FROM commission_reason"
    " WHERE tenant_id = :tenant_id AND business_date = :day AND trade_id >= :first",
    "holds": "SELECT trade_id, revision, track, partner_id, gates FROM commission_hold"
    " WHERE tenant_id = :tenant_id AND held_on = :day AND trade_id >= :first",
    "shares": "SELECT trade_id, revision, track, giver_id, receiver_id, kind, component, share, amount"
    " FROM commission_share WHERE tenant_id = :tenant_id AND business_date = :day AND trade_id >= :first",
}


def result_of(day: Any, first: int) -> worlds.Result:
    """What the product has written with a day, revisions told apart."""

    def rows(text: str) -> set[tuple[Any, ...]]:
        return {
            tuple(tuple(value) if isinstance(value, list) else value for value in row)
            for row in execute_sql(text, day=day, first=first)
        }

    return worlds.Result(**{name: rows(text) for name, text in QUERIES.items()})
