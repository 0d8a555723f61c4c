"""What was true of a partner at an instant: balances, the plan in force, the partner's own terms, path and locks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from app.clients import queries as clients
from app.kit.money import Money
from app.ledger import queries as books
from app.ledger import service as ledger
from app.partners import queries as partners
from app.partners import versions
from app.partners.models import PlanVersion
from app.partners.papers.queries import agreements_at, rank_at
from app.partners.rebates.models import ShareAgreement
from app.partners.settlement.posting import partner_owner
from app.referrals import queries as tree
from app.restrictions import queries as locks
from app.restrictions.models import Restriction

PATH_SHOWN = 50


@dataclass(frozen=True, slots=True)
class BalanceAt:
    """A partner's money in one currency at an instant."""

    currency: str
    under_audit: Money
    redeemable: Money


@dataclass(frozen=True, slots=True)
class PartnerAt:
    """What held for a partner at an instant."""

    balances: Sequence[BalanceAt]
    version: PlanVersion | None
    god_rate: Decimal | None
    rank: str | None
    agreements: Sequence[ShareAgreement]
    path: Sequence[tuple[int, UUID, str, int]]
    below: int
    locks: Sequence[Restriction]


def of_partner(partner_id: UUID, at: datetime) -> PartnerAt:
    """Everything about a partner as of an instant. Money counts by the instant at which its entry was booked."""
    steps = tree.path_at(partner_id, at)[:PATH_SHOWN]
    names = clients.names_of(step.partner_id for step in steps)
    return PartnerAt(
        balances=balances_at(partner_id, at),
        version=versions.version_at(at),
        god_rate=partners.god_rate(partner_id, at),
        rank=rank_at(partner_id, at),
        agreements=agreements_at(partner_id, at),
        path=[(step.distance, step.partner_id, *names[step.partner_id]) for step in steps],
        below=sum(tree.people_below(partner_id, at).values()),
        locks=[lock for lock in locks.held_at(partner_id, at) if lock.function.startswith("commission_")],
    )


def balances_at(partner_id: UUID, at: datetime) -> list[BalanceAt]:
    """A partner's money as of an instant, the currency in which they are paid first and always."""
    found = books.balances_at(partner_owner(partner_id), at)
    first = partners.currency_of(partner_id)
    order = [first, *sorted({code for _, code in found if code != first})]
    return [
        BalanceAt(
            code,
            found.get((ledger.TEMPORARY, code), Money.zero(code)),
            found.get((ledger.REDEEM, code), Money.zero(code)),
        )
        for code in order
    ]
