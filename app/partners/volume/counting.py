"""The slow reference of counting volume: what neighbours of a trade decide about the lots that it counts with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby

from app.partners.plan import Gates
from app.partners.rules.facts import ClosedTrade, Volume
from app.partners.rules.steps import product, quotient_step, total

_NOTHING = Decimal(0)
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Funds:
    """Balance and credit of a trade's account just before the position was opened, as the stored deals say.

    `is_known` is false where other positions were open then, or where an adopted account's credit was never read.
    """

    balance: Decimal
    credit: Decimal
    is_known: bool = True


def count(
    trades: Sequence[ClosedTrade],
    gates: Gates,
    funds: Mapping[int, Funds] | None = None,
    below_zero: Collection[int] = (),
) -> dict[int, Volume]:
    """What positions, closings against each other and credit make of each trade's lots, by its `seq`.

    `below_zero` are the trades whose closing brought a loss and left the account's balance below zero.
    """
    found = {trade.seq: Volume(lots=trade.volume_lots, lots_whole=trade.volume_lots) for trade in trades}
    if gates.partial_close != "pro_rata":
        _count_positions(trades, found, is_final_only=gates.partial_close == "final_only")
    if gates.close_by in {"larger_side", "net"}:
        _count_close_by(trades, found, is_net=gates.close_by == "net")
    if gates.credit_coefficient == "on":
        for seq, given in (funds or {}).items():
            if not given.is_known and gates.equity_unknown == "exclude":
                found[seq] = replace(found[seq], is_equity_unknown=True)
            else:
                found[seq] = replace(found[seq], credit_factor=credit_factor(given))
    if gates.negative_balance == "exclude":
        for seq in below_zero:
            found[seq] = replace(found[seq], is_below_zero=True)
    return found


def credit_factor(funds: Funds) -> Decimal:
    """The part of a client's equity that is their own: a stored quotient, never below zero."""
    if funds.credit <= 0:
        return Decimal(1)
    equity = total(funds.balance, funds.credit)
    return _NOTHING if equity <= 0 else max(_NOTHING, quotient_step(funds.balance, equity))


def _place(trade: ClosedTrade) -> tuple[datetime, int, int]:
    """The order in which trades are looked at: by closing time, then by their deals."""
    return trade.closed_at, trade.deal, trade.seq


def _count_positions(trades: Iterable[ClosedTrade], found: dict[int, Volume], *, is_final_only: bool) -> None:
    """Tell legs of a position that was closed in several; the last one stands for all of it where the plan says so."""
    for legs in _grouped(trades, lambda trade: (trade.platform, trade.position)):
        last = legs[-1]
        for leg in legs:
            found[leg.seq] = replace(
                found[leg.seq],
                is_in_parts=len(legs) > 1 and any(one.is_partial for one in legs),
                is_not_final=is_final_only and (leg.is_partial or leg is not last),
            )
        if is_final_only and len(legs) > 1 and not last.is_partial:
            found[last.seq] = _whole(found[last.seq], legs)


def _whole(volume: Volume, legs: Sequence[ClosedTrade]) -> Volume:
    """A volume that stands for all legs of a position, at their volume-weighted opening spread."""
    lots = total(*(leg.volume_lots for leg in legs))
    spreads = [leg.open_ask - leg.open_bid for leg in legs if _is_quoted(leg) and leg.open_ask and leg.open_bid]
    weighted = None
    if len(spreads) == len(legs):
        parts = [product(leg.volume_lots, spread) for leg, spread in zip(legs, spreads, strict=True)]
        weighted = quotient_step(total(*parts), lots)
    markups = [leg.markup_usd for leg in legs if leg.markup_usd is not None]
    return replace(
        volume,
        lots=lots,
        lots_whole=lots,
        is_whole=True,
        open_spread=weighted,
        commission=total(*(leg.commission for leg in legs)),
        profit=total(*(leg.profit for leg in legs)),
        markup_usd=total(*markups) if len(markups) == len(legs) else None,
    )


def _is_quoted(leg: ClosedTrade) -> bool:
    return leg.open_bid is not None and leg.open_ask is not None and 0 < leg.open_bid <= leg.open_ask


def _count_close_by(trades: Iterable[ClosedTrade], found: dict[int, Volume], *, is_net: bool) -> None:
    """Of positions that one order closed against each other the larger side counts: whole, or what the other left.

    On equal volumes it is the leg opened later.
    """
    pairs = _grouped(
        (trade for trade in trades if trade.is_close_by and trade.close_by_order),
        lambda trade: (trade.platform, trade.close_by_order),
    )
    for legs in pairs:
        sides = [list(side) for _, side in groupby(sorted(legs, key=lambda leg: leg.deal), key=lambda leg: leg.deal)]
        sides.sort(key=_counts_first, reverse=True)
        for place, side in enumerate(sides):
            others = [leg.volume_lots for other in sides if other is not side for leg in other]
            left = total(*(leg.volume_lots for leg in side)) if place else total(*others) if is_net else _NOTHING
            for leg in sorted(side, key=lambda leg: leg.seq):
                matched = min(leg.volume_lots, left)
                lots = found[leg.seq].lots - matched
                netted = matched > 0 and lots == 0
                found[leg.seq] = replace(found[leg.seq], lots=lots, is_close_by_netted=netted)
                left -= matched


def _counts_first(side: Sequence[ClosedTrade]) -> tuple[Decimal, datetime, int]:
    opened = [leg.opened_at for leg in side if leg.opened_at is not None]
    return total(*(leg.volume_lots for leg in side)), max(opened, default=_LONG_AGO), side[0].deal


def net_hedges(
    trades: Sequence[ClosedTrade],
    volumes: Mapping[int, Volume],
    day_of: Callable[[datetime], date],
    settled: Sequence[tuple[ClosedTrade, Volume]] = (),
) -> dict[int, Volume]:
    """`max_side` over the trades that pass the event gates, beside those of the same days that are settled already.

    Per client, symbol and settlement day the larger side counts once; trades take their lots in the order in which they
    were closed. What is settled stays, so a late trade gets what it adds to the larger side.
    """
    found = dict(volumes)

    def key(trade: ClosedTrade) -> tuple[object, ...]:
        return trade.client_id, trade.symbol, day_of(trade.closed_at)

    for legs in _grouped(trades, key):
        before = [(trade, volume) for trade, volume in settled if key(trade) == key(legs[0])]
        sides = {"buy": _NOTHING, "sell": _NOTHING}
        for trade, volume in [*before, *((leg, volumes[leg.seq]) for leg in legs)]:
            sides[trade.side] = total(sides[trade.side], volume.lots)
        left = total(max(sides.values()), *(-volume.paid for _, volume in before))
        for leg in legs:
            lots = volumes[leg.seq].lots
            paid = min(lots, max(_NOTHING, left))
            found[leg.seq] = replace(found[leg.seq], lots_netted=lots - paid)
            left -= lots
    return found


def _grouped(
    trades: Iterable[ClosedTrade], key: Callable[[ClosedTrade], tuple[object, ...]]
) -> list[list[ClosedTrade]]:
    """Trades with the same key, each group in the order in which its trades are looked at."""
    groups: dict[tuple[object, ...], list[ClosedTrade]] = {}
    for trade in sorted(trades, key=_place):
        groups.setdefault(key(trade), []).append(trade)
    return list(groups.values())
