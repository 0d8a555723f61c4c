"""What people do with commission: grant god-mode, judge a trade, move redeemable money to the main wallet."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.audit import service as audit
from app.clients import queries as clients
from app.core import live
from app.core.actor import Actor
from app.core.db import execute_sql, load_sql, session
from app.core.errors import Conflict, DomainError, Invalid
from app.kit import clock
from app.kit.money import Money
from app.kit.text import _l
from app.ledger import queries as books
from app.ledger import service as ledger
from app.partners import permissions, receivers, versions
from app.partners.models import GodGrant
from app.partners.rules.facts import Verdict
from app.partners.settlement.posting import partner_owner
from app.referrals import queries as tree
from app.referrals.rules import FOREVER
from app.restrictions import service as restrictions

RATE_MAX = Decimal(1000)


class PayoutTooSmall(DomainError):
    status_code = 422
    message = _l("The smallest amount you can move is %(amount)s.")
    field = "amount"


class NotEnoughRedeemable(DomainError):
    status_code = 422
    message = _l("Only %(amount)s is redeemable now. Nothing has been moved.")
    field = "amount"


def move_moment(when: str, now: datetime) -> datetime:
    """When a move of a client takes effect: at once or with the next settlement day, as asked or as the plan says."""
    plan = versions.plan_for_receivers()
    chosen = when if when != "plan" else (plan.move_effective if plan is not None else "immediate")
    if chosen == "immediate":
        return now
    cut = versions.day_cut()
    return cut.end_of(cut.day_of(now))


def grant_god_mode(
    partner_id: UUID, rate_per_lot: Decimal | None, *, reason: str, by: Actor, request_id: str
) -> GodGrant | None:
    """Give a partner an amount per lot over everybody below, from now on; None takes it away. Never retroactive.

    The same `request_id` answers the first grant. Raises NotFound, Invalid naming the field.
    """
    client = clients.get(partner_id)
    if rate_per_lot is not None and not 0 < rate_per_lot <= RATE_MAX:
        raise Invalid(_l("Give an amount per lot above 0 and at most %(most)s.", most=f"{RATE_MAX:f}"), field="rate")
    if not reason.strip():
        raise Invalid(_l("Say why this partner's amount per lot changes."), field="reason")
    tree.lock_tree(exclusively=True)
    standing = session().scalar(select(GodGrant).where(GodGrant.request_id == request_id))
    if standing is not None:
        return standing
    now = clock.business_now()
    old = session().scalar(
        select(GodGrant)
        .where(GodGrant.partner_id == client.id, GodGrant.valid_from <= now, GodGrant.valid_to > now)
        .with_for_update()
    )
    if old is not None:
        old.valid_to = now
        session().flush()
    grant = None
    if rate_per_lot is not None:
        grant = GodGrant(
            partner_id=client.id,
            rate_per_lot=rate_per_lot,
            valid_from=now,
            valid_to=FOREVER,
            reason=reason.strip()[:500],
            actor_kind=by.kind,
            actor_id=by.id,
            actor_name=by.name,
            request_id=request_id,
            created_at=clock.now(),
        )
        session().add(grant)
        try:
            session().flush()
        except IntegrityError as error:
            raise Conflict from error
    receivers.refresh([person for person in tree.below_from(client.id, now) if person != client.id], now)
    audit.record(
        "partners.god_mode.grant",
        grant or ("client", client.id),
        by=by,
        before={"rate_per_lot": str(old.rate_per_lot) if old is not None else None},
        after={"rate_per_lot": str(rate_per_lot) if rate_per_lot is not None else None},
        reason=reason.strip(),
        client_id=client.id,
    )
    live.publish(f"partner:{client.id}", "commission-changed")
    return grant


def record_verdict(trade_id: int, verdict: Verdict, *, reason: str, by: Actor) -> None:
    """Say that a closed trade pays no commission (`reject`), that its lines wait (`hold`), or that it is clear.

    Counts for runs that start from now on; a hold that became clear is settled by the next run.
    """
    execute_sql(
        load_sql("app.partners", "sql/record_verdict.sql"),
        trade_id=trade_id,
        verdict=verdict,
        reason=reason,
        by=by.name,
        by_id=by.id,
        now=clock.now(),
    )
    audit.record("partners.verdict", ("closed_trade", trade_id), by=by, after={"verdict": verdict}, reason=reason)


def pay_out(partner_id: UUID, money: Money, *, key: str, by: Actor) -> ledger.PostedEntry:
    """Move redeemable commission to the partner's own main wallet, once per key.

    Raises Restricted, PayoutTooSmall, NotEnoughRedeemable, and Invalid for an amount that is not above zero.
    """
    restrictions.require(permissions.COMMISSION_PAYOUT, partner_id)
    if money.minor <= 0:
        raise Invalid(_l("Give an amount above zero."), field="amount")
    redeem = ledger.wallet(partner_owner(partner_id), ledger.REDEEM, money.currency)
    main = ledger.wallet(ledger.Owner("client", partner_id), ledger.MAIN, money.currency)
    ledger.lock_wallets([redeem.id, main.id])
    entry_key = f"payout:{partner_id}:{key}"
    if books.entry_by_key(entry_key) is None:
        plan = versions.plan_for_receivers()
        least = plan.min_payout if plan is not None and plan.currency == money.currency else Decimal(0)
        if money.amount < least:
            raise PayoutTooSmall(amount=f"{least:f} {money.currency}")
        available = ledger.balance(redeem.id)
        if money > available:
            raise NotEnoughRedeemable(amount=str(max(available, Money.zero(money.currency))))
    entry = ledger.post(
        entry_key,
        "commission.payout",
        [ledger.Line(redeem.id, -money), ledger.Line(main.id, money)],
        by,
    )
    if entry.is_new:
        audit.record(
            "partners.payout", ("journal_entry", entry.id), by=by, after={"amount": str(money)}, client_id=partner_id
        )
        live.publish(f"partner:{partner_id}", "commission-changed")
        live.publish(f"client:{partner_id}", "wallet-changed")
    return entry
