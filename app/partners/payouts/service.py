"""Payouts: a partner asks, people approve where the plan wants it, and the money goes through the own main wallet."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import msgspec
import structlog

from app.audit import service as audit
from app.core import files, live, secrets
from app.core.actor import Actor
from app.core.db import get, in_transaction, session
from app.core.errors import Conflict, DomainError, Forbidden, Invalid
from app.kit import clock, ids
from app.kit.money import Money
from app.kit.text import _l
from app.ledger import service as ledger
from app.partners import permissions, versions
from app.partners.payouts import letters, queries
from app.partners.payouts.models import Payout, PayoutApproval, PayoutStatus
from app.partners.payouts.terms import AMOUNTS, Method, PayoutTerms
from app.partners.settlement import pool, wallets
from app.partners.settlement.posting import partner_owner
from app.payments import service as payments
from app.payments.rules import BankDetails
from app.payments.service.withdrawals import checked
from app.rates import service as rates
from app.referrals import membership
from app.restrictions import service as restrictions
from app.trading.models import TradingAccount

log = structlog.get_logger()
REASON_LENGTH_MAX = 500


class PayoutTooSmall(DomainError):
    status_code = 422
    message = _l("The smallest amount you can move is %(amount)s.")
    field = "amount"


class NotEnoughRedeemable(DomainError):
    status_code = 422
    message = _l("Only %(amount)s is redeemable now. Nothing has been moved.")
    field = "amount"


class MethodNotOffered(Invalid):
    message = _l("This way of payout is not offered.")
    field = "method"


class AccountNotUsable(Invalid):
    message = _l("Choose an open live account of your own in %(currency)s.")
    field = "account"


class NotVerified(DomainError):
    """The brand pays commission out to partners who are verified as far as it asks for."""

    status_code = 403
    message = _l("Commission is paid out when you are verified.")


class AlreadyDecided(Conflict):
    message = _l("Somebody has already decided this payout. Nothing has been changed.")


class StalePayout(Conflict):
    message = _l("This payout has changed since you opened the page. Look at it again; nothing has been changed.")


class OwnEarlierStep(Forbidden):
    """One person never gives both approvals."""

    message = _l("You gave the first approval. Another person must give the second.")


class OwnPayout(Forbidden):
    """Nobody approves money to themselves."""

    message = _l("This payout is your own. Another person must decide it.")


def terms_for(currency: str) -> tuple[PayoutTerms, Decimal]:
    """The terms and the least amount in a currency: the plan's own amounts, or what they come to in it now.

    A currency without a rate has the usual terms and no least amount: what a partner has of it was paid before.
    """
    plan = versions.plan_for_receivers()
    if plan is None:
        return PayoutTerms(), Decimal(0)
    if plan.currency == currency:
        return plan.payouts, plan.min_payout
    try:
        quote = rates.rate(plan.currency, currency)
    except rates.RateUnknown:
        return PayoutTerms(methods=plan.payouts.methods), Decimal(0)

    def there(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else quote.convert(Money(amount, plan.currency)).amount

    limits = {name: there(getattr(plan.payouts, name)) for name in AMOUNTS}
    return msgspec.structs.replace(plan.payouts, **limits), there(plan.min_payout) or Decimal(0)


def request_payout(
    partner_id: UUID,
    money: Money,
    method: Method,
    *,
    once: str,
    by: Actor,
    account_id: UUID | None = None,
    details: BankDetails | None = None,
    is_automatic: bool = False,
) -> Payout:
    """Take redeemable commission out. Where nobody has to approve it, it is paid at once; else it is set aside.

    The same `once` answers the first request. Raises Restricted, MethodNotOffered, AccountNotUsable, PayoutTooSmall,
    NotVerified, NotEnoughRedeemable, Invalid naming a field.
    """
    standing = queries.made_before(partner_id, once)
    if standing is not None:
        return standing
    restrictions.require(permissions.COMMISSION_PAYOUT, partner_id)
    _require_programme(partner_id)
    if money.minor <= 0:
        raise Invalid(_l("Give an amount above zero."), field="amount")
    terms, least = terms_for(money.currency)
    if method not in terms.methods:
        raise MethodNotOffered
    if method == "account":
        _require_account(partner_id, account_id, money.currency)
    details = checked(details) if method == "bank" and details is not None else None
    if method == "bank" and details is None:
        raise Invalid(_l("Enter the name of the account's holder."), field="holder")
    if money.amount < least:
        raise PayoutTooSmall(amount=f"{least:f} {money.currency}")
    pool.share_of(partner_id, money.currency, lock=True)
    redeem = _lock_wallets(partner_id, money.currency)
    standing = queries.made_before(partner_id, once)  # Asked again under the lock: the same form may be pressed twice.
    if standing is not None:
        return standing
    _draw_what_is_short(partner_id, redeem, money, once, by)
    row = _new(partner_id, money, method, once, account_id if method == "account" else None, details)
    row.is_automatic, row.approvals_needed = is_automatic, terms.approvals_needed(money.amount)
    session().add(row)
    session().flush()
    audit.record(
        "partners.payout.request",
        row,
        by=by,
        after={"amount": str(money), "method": method, "destination": row.destination_masked},
        client_id=partner_id,
    )
    if row.approvals_needed:
        row.hold_id = ledger.place_hold(f"payout:{row.id}", redeem, money, row.reference, by).id
        session().flush()
        letters.to_partner("payout_waiting", row)
        _tell(row)
    else:
        _pay(row, by)
    return row


def _require_programme(partner_id: UUID) -> None:
    """Raise NotVerified unless the brand's rules for the referral programme let this partner be paid."""
    if not membership.may_be_paid(partner_id):
        raise NotVerified


def _new(
    partner_id: UUID, money: Money, method: Method, once: str, account_id: UUID | None, details: BankDetails | None
) -> Payout:
    row_id = ids.new_id()
    key = files.data_key() if details is not None else None
    return Payout(
        id=row_id,
        partner_id=partner_id,
        reference=ids.reference("P"),
        method=method,
        currency=money.currency,
        amount_minor=money.minor,
        status=PayoutStatus.WAITING,
        version=1,
        is_automatic=False,
        approvals_needed=0,
        approvals_given=0,
        account_id=account_id,
        destination_sealed=secrets.seal(key.key, msgspec.json.encode(details), _context(row_id)) if key else None,
        destination_key_version=key.version if key else None,
        destination_masked=details.masked if details is not None else "",
        hold_id=None,
        entry_id=None,
        withdrawal_id=None,
        transfer_id=None,
        stopped_by="",
        once_key=once,
        requested_at=clock.now(),
        decided_at=None,
        decided_by=None,
        decided_by_name="",
        reason="",
    )


def _require_account(partner_id: UUID, account_id: UUID | None, currency: str) -> None:
    account = get(TradingAccount, account_id) if account_id is not None else None
    if (
        account is None
        or account.client_id != partner_id
        or not account.is_active
        or account.is_demo
        or account.currency != currency
    ):
        raise AccountNotUsable(currency=currency)


def _lock_wallets(partner_id: UUID, currency: str) -> UUID:
    """Lock every wallet that a payout may touch, in the one order of locks; answers the redeem wallet."""
    partner, client = partner_owner(partner_id), ledger.Owner("client", partner_id)
    redeem = ledger.wallet(partner, ledger.REDEEM, currency).id
    others = [
        ledger.wallet(owner, purpose, currency).id
        for owner, purpose in ((partner, ledger.HELD), (client, ledger.MAIN), (client, ledger.HELD))
    ]
    ledger.lock_wallets([redeem, *others])
    return redeem


def _draw_what_is_short(partner_id: UUID, redeem: UUID, money: Money, once: str, by: Actor) -> None:
    """Fill the redeem wallet up from the partner's share of the brand's pool. Raises NotEnoughRedeemable."""
    available, share = ledger.balance(redeem), pool.share_of(partner_id, money.currency)
    if money > available + share:
        raise NotEnoughRedeemable(amount=str(max(available + share, Money.zero(money.currency))))
    if money > available:
        pool.draw(partner_id, money - available, f"{partner_id}:{once}", by)


def _require_redeemable(redeem: UUID, money: Money) -> None:
    available = ledger.balance(redeem)
    if money > available:
        raise NotEnoughRedeemable(amount=str(max(available, Money.zero(money.currency))))


def approve_payout(payout_id: UUID, *, version: int | None = None, by: Actor) -> Payout:
    """Approve a payout that waits; with the last approval it is paid.

    Raises AlreadyDecided, StalePayout, OwnEarlierStep, OwnPayout, Restricted, and NotEnoughRedeemable where money has
    been taken back since the request.
    """
    assert by.id is not None, "Only a person approves."
    row = queries.payout(payout_id, lock=True)
    if not row.is_waiting:
        raise AlreadyDecided
    if version is not None and version != row.version:
        raise StalePayout
    if by.client_id == row.partner_id:
        raise OwnPayout
    if any(step.decided_by == by.id for step in queries.approvals([row.id])[row.id]):
        raise OwnEarlierStep
    restrictions.require(permissions.COMMISSION_PAYOUT, row.partner_id)  # A lock may have come since the request.
    _require_programme(row.partner_id)
    terms, _least = terms_for(row.currency)
    row.approvals_needed = max(row.approvals_needed, terms.approvals_needed(row.amount.amount))
    row.approvals_given += 1
    session().add(
        PayoutApproval(
            payout_id=row.id,
            step=row.approvals_given,
            decided_by=by.id,
            decided_by_name=by.name,
            decided_at=clock.now(),
        )
    )
    row.version += 1
    session().flush()
    audit.record(
        "partners.payout.approve",
        row,
        by=by,
        after={"amount": str(row.amount), "approvals": row.approvals_given, "needed": row.approvals_needed},
        client_id=row.partner_id,
    )
    if row.approvals_given >= row.approvals_needed:
        _pay(row, by)
    else:
        _tell(row)
    return row


def _pay(row: Payout, by: Actor) -> None:
    """Move the money to the main wallet and send it on from there. The caller holds the row."""
    redeem = _lock_wallets(row.partner_id, row.currency)
    if row.hold_id is not None:
        ledger.void_hold(row.hold_id, f"payout:{row.id}:return", by, memo=row.reference)
        _require_redeemable(redeem, row.amount)  # What was taken back since the request comes first.
    main = ledger.wallet(ledger.Owner("client", row.partner_id), ledger.MAIN, row.currency)
    entry = ledger.post(
        f"payout:{row.id}",
        "commission.payout",
        [ledger.Line(redeem, -row.amount), ledger.Line(main.id, row.amount)],
        by,
        memo=row.reference,
        links=[("commission_payout", row.id)],
    )
    row.entry_id, row.status = entry.id, PayoutStatus.PAID
    _decided(row, by)
    _send_on(row, by)
    audit.record(
        "partners.payout", ("journal_entry", entry.id), by=by, after={"amount": str(row.amount), "method": row.method},
        client_id=row.partner_id,
    )  # fmt: skip
    letters.to_partner("payout_paid", row, stopped_by=row.stopped_by)
    _tell(row)


def _send_on(row: Payout, by: Actor) -> None:
    """From the main wallet to the bank or the trading account. A refusal leaves the money in the wallet and says so."""
    if row.method == "wallet":
        return
    try:
        with session().begin_nested():
            if row.method == "bank":
                row.withdrawal_id = payments.request_withdrawal(
                    row.partner_id, row.amount, details_of(row), once=f"payout:{row.id}", by=by
                ).id
            else:
                assert row.account_id is not None, "A payout to an account names it."
                row.transfer_id = payments.transfer_to_account(
                    row.partner_id, row.account_id, row.amount, once=f"payout:{row.id}", by=by
                ).transfer.id
    except DomainError as refusal:
        row.withdrawal_id = row.transfer_id = None
        row.stopped_by = refusal.message.in_english()[:REASON_LENGTH_MAX]
        log.info("partners.payout_stays_in_wallet", payout=str(row.id), reason=refusal.code)
    session().flush()


def details_of(row: Payout) -> BankDetails:
    """The bank details of a payout in clear."""
    assert row.destination_sealed is not None, "Only a payout to a bank has details."
    key = files.data_key(row.destination_key_version)
    plain = secrets.unseal(key.key, bytes(row.destination_sealed), _context(row.id))
    return msgspec.json.decode(plain, type=BankDetails)


def _context(row_id: UUID) -> bytes:
    return f"commission payout {row_id}".encode()


def reject_payout(payout_id: UUID, reason: str, *, version: int | None = None, by: Actor) -> Payout:
    """Turn a waiting payout down; its money is redeemable again. Raises AlreadyDecided, StalePayout, Invalid."""
    row = queries.payout(payout_id, lock=True)
    if not row.is_waiting:
        raise AlreadyDecided
    if version is not None and version != row.version:
        raise StalePayout
    said = reason.strip()
    if not said:
        raise Invalid(_l("Say why. The partner reads it."), field="reason")
    if len(said) > REASON_LENGTH_MAX:
        raise Invalid(_l("Use at most %(length)s characters.", length=REASON_LENGTH_MAX), field="reason")
    row.reason = said
    _return(row, PayoutStatus.REJECTED, by)
    letters.to_partner("payout_rejected", row, reason=said)
    return row


def cancel_payout(payout_id: UUID, partner_id: UUID, *, by: Actor) -> Payout:
    """Take back one's own payout while it waits. Raises NotFound, AlreadyDecided."""
    row = queries.payout(payout_id, partner_id=partner_id, lock=True)
    if not row.is_waiting:
        raise AlreadyDecided
    _return(row, PayoutStatus.CANCELLED, by)
    return row


def _return(row: Payout, status: PayoutStatus, by: Actor) -> None:
    assert row.hold_id is not None, "What waits is set aside."
    _lock_wallets(row.partner_id, row.currency)
    ledger.void_hold(row.hold_id, f"payout:{row.id}:return", by, memo=row.reference)
    row.status = status
    _decided(row, by)
    audit.record(
        f"partners.payout.{'reject' if status is PayoutStatus.REJECTED else 'cancel'}",
        row,
        by=by,
        after={"status": status, "amount": str(row.amount)},
        reason=row.reason,
        client_id=row.partner_id,
    )
    _tell(row)


def _decided(row: Payout, by: Actor) -> None:
    row.decided_at, row.decided_by, row.decided_by_name = clock.now(), by.id, by.name
    row.version += 1
    session().flush()


def _tell(row: Payout) -> None:
    live.publish(f"partner:{row.partner_id}", "commission-changed")
    live.publish(f"client:{row.partner_id}", "wallet-changed")
    live.publish("office", "payouts-changed")


def pay_automatically(by: Actor) -> int:
    """Pay everybody whose redeemable money has reached the plan's amount, in each currency that partners are paid in.

    Call it outside a transaction.

    Once per partner and day, each in a transaction of its own. Who is locked is passed over. Answers how many.
    """
    plan = in_transaction(versions.plan_for_receivers)
    if plan is None or plan.payouts.automatic_from is None:
        return 0
    day = in_transaction(lambda: versions.day_cut().day_of(clock.business_now()))
    paid = 0
    for currency in in_transaction(wallets.currencies_in_use):
        terms, _least = in_transaction(terms_for, currency)
        if terms.automatic_from is None:
            continue
        once = f"automatic:{day.isoformat()}" + ("" if currency == plan.currency else f":{currency}")
        for partner_id, money in in_transaction(queries.redeemable_from, Money(terms.automatic_from, currency)):
            try:
                paid += in_transaction(_pay_one, partner_id, money, once, by)
            except DomainError as refusal:
                log.info("partners.automatic_payout_refused", partner=str(partner_id), reason=refusal.code)
    return paid


def _pay_one(partner_id: UUID, money: Money, once: str, by: Actor) -> bool:
    if queries.made_before(partner_id, once) is not None:
        return False
    request_payout(partner_id, money, "wallet", once=once, by=by, is_automatic=True)
    return True
