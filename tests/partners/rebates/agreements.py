"""Agreements about shares for the tests: drawn at random, stored as they stand, and what the engine made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from app.core.db import execute_sql, in_transaction, session
from app.kit.ids import new_id
from app.partners.plan import CashbackRule, Match
from app.partners.rebates.models import AgreementStatus, ShareAgreement
from app.partners.rebates.terms import Rebates
from app.partners.rules.shares import Agreement, ShareKind
from app.referrals.rules import FOREVER
from tests.partners import world

SHARES = [Decimal(text) for text in ("0", "0.1", "0.25", "0.3333333333", "0.5", "1")]


@dataclass(frozen=True)
class Wish:
    """An agreement between numbers of people, in hours of a day: below 0 long ago, above 24 for ever."""

    kind: ShareKind
    giver: int
    receiver: int | None
    share: Decimal
    track: str
    hour_from: int
    hour_to: int


@st.composite
def wishes(draw: st.DrawFn, count: int) -> list[Wish]:
    """Some agreements, at most one between the same people of the same kind and track."""
    found: dict[tuple[Any, ...], Wish] = {}
    for _ in range(draw(st.integers(0, 8))):
        kind: ShareKind = draw(st.sampled_from(["rebate", "rebate", "give", "take"]))
        giver = draw(st.integers(0, count - 1))
        others = [one for one in range(count) if one != giver]
        receiver = draw(st.sampled_from([None, *others] if kind == "rebate" else others))
        wish = Wish(
            kind,
            giver,
            receiver,
            draw(st.sampled_from(SHARES)),
            draw(st.sampled_from(["", "", "god", "referral"])),
            draw(st.sampled_from([-1, -1, 11])),
            draw(st.sampled_from([25, 25, 13])),
        )
        found[(kind, giver, receiver, wish.track)] = wish
    return list(found.values())


@st.composite
def sharing(draw: st.DrawFn) -> dict[str, Any]:
    """What a plan says about sharing and cashback."""
    limits = st.sampled_from([Decimal(0), Decimal("0.3"), Decimal(1)])
    rebates = Rebates(
        rebate_max=draw(st.sampled_from([Decimal("0.4"), Decimal(1)])),
        rebate_min=draw(st.sampled_from([Decimal("0.01"), Decimal("2.5")])),
        give_max=draw(limits),
        take_max=draw(limits),
    )
    value = st.sampled_from([Decimal("0"), Decimal("0.75"), Decimal("3.3333")])
    rules = (
        CashbackRule(name="fx", per_lot=draw(value), match=Match(symbol_classes=("fx",))),
        CashbackRule(
            name="yen", per_lot=draw(value), match=Match(symbols=("USDJPY",)), max_per_event=Decimal("0.6000000001")
        ),
    )
    return {
        "rebates": draw(st.sampled_from([None, rebates, rebates])),
        "cashback": draw(st.sampled_from([(), (), rules])),
    }


def instant(day: date, hour: int) -> datetime:
    """An hour of a day as `Wish` means it."""
    if hour < 0:
        return world.FAR_BACK
    return FOREVER if hour > 24 else datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


def store(wishes: Sequence[Wish], ids: Sequence[UUID], day: date) -> list[Agreement]:
    """Put the agreements into force as they stand, and answer them for the reference."""
    found = []
    for wish in wishes:
        receiver = None if wish.receiver is None else ids[wish.receiver]
        agreement = Agreement(
            wish.kind,
            ids[wish.giver],
            receiver,
            wish.share,
            instant(day, wish.hour_from),
            instant(day, wish.hour_to),
            wish.track,
        )
        found.append(agreement)
        agree(agreement)
    return found


def agree(agreement: Agreement) -> None:
    """Store one agreement past the service's rules."""
    session().add(
        ShareAgreement(
            kind=agreement.kind,
            giver_id=agreement.giver_id,
            receiver_id=agreement.receiver_id,
            track=agreement.track,
            share=agreement.share,
            status=AgreementStatus.AGREED,
            valid_from=agreement.valid_from,
            valid_to=agreement.valid_to,
            asked_by=None,
            asked_by_name="test",
            asked_at=world.FAR_BACK,
            decided_by_name="",
            decided_at=None,
            reason="",
            request_id=str(new_id()),
        )
    )
    session().flush()


def shares() -> set[tuple[Any, ...]]:
    """Every share that the engine wrote, comparable."""
    rows = in_transaction(
        lambda: execute_sql(
            "SELECT trade_id, track, giver_id, receiver_id, kind, share, amount FROM commission_share"
            " WHERE tenant_id = :tenant_id AND component = 'base'"
        ).all()
    )
    return {tuple(row) for row in rows}
