"""Reading shares: who stands below with what was agreed, what it cost, and what somebody received."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from app.core.db import execute_sql, load_sql, session
from app.core.errors import NotFound
from app.kit import clock
from app.kit.money import Money
from app.partners import versions
from app.partners.models import CommissionBatch
from app.partners.rebates.models import AgreementStatus, ShareAgreement

CASHBACK_TRACKS: Final = ("rebate", "cashback")
SHARE_TRACKS: Final = ("share",)
LATELY: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class OwnClient:
    """Somebody directly below, with the number of people whom they brought in themselves."""

    client_id: UUID
    number: int
    name: str
    status: str
    people: int


@dataclass(frozen=True, slots=True)
class Given:
    """What one person's shares of a kind to another came to: in all, and in the last thirty days."""

    giver_id: UUID
    receiver_id: UUID
    kind: str
    amount: Decimal
    lately: Decimal


@dataclass(frozen=True, slots=True)
class Received:
    """One share, or one cashback line (then nobody gave it and `share` is the amount per lot)."""

    trade_id: int
    revision: int
    track: str
    kind: str
    component: str
    business_date: date
    share: Decimal
    amount: Decimal
    giver_id: UUID | None
    symbol: str
    closed_at: datetime
    lots: Decimal
    held_on: date | None
    hold_outcome: str | None
    batch_status: str | None
    due_at: datetime | None

    @property
    def state(self) -> str:
        """Where its money is: held, given_up, taken_back, computed, posted or released."""
        if self.component == "reversal":
            return "taken_back"
        if self.held_on is not None and self.hold_outcome != "cleared":
            return "given_up" if self.hold_outcome == "rejected" else "held"
        return self.batch_status or "computed"


@dataclass(frozen=True, slots=True)
class ReceivedTotal:
    """What came in under some tracks in one currency, and what of it is under audit until when."""

    received: Money
    under_audit: Money
    next_at: datetime | None


def own_clients(partner_id: UUID, *, limit: int, offset: int = 0) -> list[OwnClient]:
    """Who stands directly below somebody now, by number."""
    rows = execute_sql(_sql("own_clients"), partner_id=partner_id, now=clock.business_now(), limit=limit, offset=offset)
    return [OwnClient(**row._mapping) for row in rows]


def agreement(agreement_id: UUID) -> ShareAgreement:
    """One agreement. Raises NotFound."""
    found = session().scalar(select(ShareAgreement).where(ShareAgreement.id == agreement_id))
    if found is None:
        raise NotFound
    return found


def made_by(partner_id: UUID, at: datetime) -> list[ShareAgreement]:
    """What a partner gives, or takes from those below, and still holds or begins after `at`; wishes that wait, too."""
    mine = or_(
        and_(ShareAgreement.kind != "take", ShareAgreement.giver_id == partner_id),
        and_(ShareAgreement.kind == "take", ShareAgreement.receiver_id == partner_id),
    )
    return _listed(mine, _stands(at))


def made_about(partner_id: UUID, at: datetime) -> list[ShareAgreement]:
    """What their sponsor gives a partner or takes from them, as it holds or begins after `at`."""
    mine = or_(
        and_(ShareAgreement.kind == "give", ShareAgreement.receiver_id == partner_id),
        and_(ShareAgreement.kind == "take", ShareAgreement.giver_id == partner_id),
    )
    return _listed(mine, _stands(at), ShareAgreement.status == AgreementStatus.AGREED)


def between(partner_id: UUID, client_id: UUID | None) -> list[ShareAgreement]:
    """Everything that a partner ever agreed for one person (nobody: for all own clients), the newest first."""
    if client_id is None:
        same = and_(ShareAgreement.giver_id == partner_id, ShareAgreement.receiver_id.is_(None))
    else:
        same = or_(
            and_(ShareAgreement.giver_id == partner_id, ShareAgreement.receiver_id == client_id),
            and_(ShareAgreement.giver_id == client_id, ShareAgreement.receiver_id == partner_id),
        )
    return _listed(same)


def queue(status: str, *, limit: int, offset: int = 0) -> tuple[list[ShareAgreement], int]:
    """Agreements of the tenant in one state, those that wait oldest first; and how many there are."""
    wanted = ShareAgreement.status == AgreementStatus(status)
    order = ShareAgreement.asked_at if status == "waiting" else ShareAgreement.asked_at.desc()
    rows = session().scalars(
        select(ShareAgreement).where(wanted).order_by(order, ShareAgreement.id).limit(limit).offset(offset)
    )
    total = session().scalar(select(func.count()).select_from(ShareAgreement).where(wanted)) or 0
    return list(rows), total


def holding(
    agreements: Iterable[ShareAgreement], kind: str, receiver_id: UUID | None, at: datetime
) -> list[ShareAgreement]:
    """Those of some agreements that hold at an instant, of a kind, to somebody."""
    return [
        one
        for one in agreements
        if one.kind == kind
        and one.receiver_id == receiver_id
        and one.valid_from is not None
        and one.valid_from <= at < one.valid_to
    ]


def given(givers: Iterable[UUID], receivers: Iterable[UUID]) -> list[Given]:
    """What the shares of some people to others came to, by giver, receiver and kind."""
    rows = execute_sql(_sql("given"), givers=list(givers), receivers=list(receivers), since=_since())
    return [Given(**row._mapping) for row in rows]


def given_lately(partner_id: UUID) -> dict[str, Decimal]:
    """What all of a partner's shares came to in the last thirty days, by kind."""
    rows = execute_sql(_sql("given_lately"), partner_id=partner_id, since=_since())
    return {row.kind: row.amount for row in rows}


def _since() -> date:
    return versions.day_cut().day_of(clock.business_now()) - LATELY


def received(client_id: UUID, tracks: Sequence[str], *, limit: int, offset: int = 0) -> tuple[list[Received], int]:
    """What somebody received under these tracks, the newest trade first, and how much there is."""
    values = {"client_id": client_id, "tracks": list(tracks)}
    rows = execute_sql(_list_sql("received"), limit=limit, offset=offset, **values).all()
    if offset == 0 and len(rows) < limit:
        total = len(rows)
    else:
        total = execute_sql(_list_sql("received_count"), limit=None, offset=0, **values).scalar_one()
    return [Received(**row._mapping) for row in rows], total


def received_totals(client_id: UUID, tracks: Sequence[str]) -> list[ReceivedTotal]:
    """What came in under these tracks, by currency."""
    rows = execute_sql(_sql("received_totals"), client_id=client_id, tracks=list(tracks))
    return [
        ReceivedTotal(
            Money.from_minor(int(row.received_minor), row.currency),
            Money.from_minor(int(row.audit_minor), row.currency),
            row.next_at,
        )
        for row in rows
    ]


def shares_of_trade(person_id: UUID, trade_id: int, revision: int) -> Sequence[Any]:
    """What of one trade's lines somebody gave or received. Raises NotFound where nothing was shared with them."""
    rows = execute_sql(_sql("shares_of_trade"), person_id=person_id, trade_id=trade_id, revision=revision).all()
    if not rows:
        raise NotFound
    return rows


def has_cashback(client_id: UUID) -> bool:
    """Whether somebody has ever had cashback, or the plan pays it to everybody who trades."""
    version = versions.version_at(clock.business_now())
    if version is not None and version.plan.cashback:
        return True
    found = exists().where(CommissionBatch.partner_id == client_id, CommissionBatch.track.in_(CASHBACK_TRACKS))
    return bool(session().scalar(select(found)))


def _stands(at: datetime) -> ColumnElement[bool]:
    return or_(
        ShareAgreement.status == AgreementStatus.WAITING,
        and_(ShareAgreement.status == AgreementStatus.AGREED, ShareAgreement.valid_to > at),
    )


def _listed(*conditions: ColumnElement[bool]) -> list[ShareAgreement]:
    statement = (
        select(ShareAgreement).where(*conditions).order_by(ShareAgreement.asked_at.desc(), ShareAgreement.id.desc())
    )
    return list(session().scalars(statement))


def _list_sql(name: str) -> str:
    return _sql(name).replace("/* include received_list */", _sql("received_list"))


def _sql(name: str) -> str:
    return load_sql("app.partners", f"rebates/sql/{name}.sql")
