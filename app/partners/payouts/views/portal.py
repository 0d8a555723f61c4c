"""A partner's own payouts: asking for one, following it, taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from app.core.actor import current_actor
from app.core.forms import Form, amount_of, once_key
from app.core.http import redirect_to, toast
from app.kit.text import _l
from app.partners import queries as money
from app.partners.payouts import labels, queries, service
from app.partners.payouts.forms import AccountPayoutForm, BankPayoutForm, WalletPayoutForm
from app.partners.payouts.models import Payout
from app.partners.payouts.terms import Method
from app.payments.rules import BankDetails
from app.trading.models import TradingAccount
from app.trading.queries import accounts
from app.ui.lists import Page, PageRequest

Paint = Callable[..., Response]


def payout_page(partner_id: UUID, page: Paint) -> Response:
    """The page of payouts: the form of one way, and what was asked for before."""
    shown = money.balances(partner_id)
    wanted = request.form.get("currency") or request.args.get("currency", "")
    chosen = next((one for one in shown if one.currency == wanted), shown[0])
    terms, least = service.terms_for(chosen.currency)
    asked = request.args.get("method", "")
    method = next((one for one in terms.methods if one == asked), terms.methods[0])
    own = _accounts(partner_id, chosen.currency) if method == "account" else []
    form = _form(method, chosen.currency, own)
    if form.sent():
        done = form.attempt(lambda: _ask(partner_id, form, method, chosen.currency))
        if done is not None:
            toast(_done(done), "info" if done.is_waiting or done.stopped_by else "success")
            return redirect_to(url_for(".payout") if done.is_waiting or done.method != "wallet" else url_for(".home"))
    asked_page = PageRequest.read(request.args)
    rows, total = queries.payouts_of(partner_id, limit=asked_page.size, offset=asked_page.offset)
    return page(
        "payout.html",
        block="list",
        status=form.status,
        f=form,
        chosen=chosen,
        balances=shown,
        method=method,
        terms=terms,
        least=least or None,
        own_accounts=own,
        words=labels,
        page=Page(rows, asked_page.number, asked_page.size, total),
    )


def _accounts(partner_id: UUID, currency: str) -> list[TradingAccount]:
    return [
        view.account
        for view in accounts.accounts_of(partner_id)
        if view.account.is_active and not view.account.is_demo and view.account.currency == currency
    ]


def _form(method: Method, currency: str, own: list[TradingAccount]) -> Any:
    if method == "account":
        form = AccountPayoutForm(currency=currency)
        form.offer(own)
        return form
    if method == "bank":
        return BankPayoutForm(currency=currency, holder=current_actor().name)
    return WalletPayoutForm(currency=currency)


def _ask(partner_id: UUID, form: Form, method: Method, currency: str) -> Payout:
    details: BankDetails | None = None
    account_id: UUID | None = None
    assert isinstance(form, WalletPayoutForm), "Every way asks for an amount."
    if isinstance(form, BankPayoutForm):
        details = BankDetails(form.holder.data, form.iban.data, form.bic.data or "", form.bank_name.data or "")
    if isinstance(form, AccountPayoutForm):
        account_id = form.account_id
    return service.request_payout(
        partner_id,
        amount_of(form.amount, currency),
        method,
        once=once_key(),
        by=current_actor(),
        account_id=account_id,
        details=details,
    )


def _done(row: Payout) -> Any:
    if row.is_waiting:
        return _l("Your payout waits for approval. The money is set aside.")
    if row.stopped_by or row.method == "wallet":
        return _l("The money is in your main wallet.")
    if row.method == "bank":
        return _l("The money is on its way to your bank. You find it among your withdrawals.")
    return _l("The money is on its way to your trading account.")


def cancel(partner_id: UUID, payout_id: UUID) -> Response:
    """Take a payout back."""
    service.cancel_payout(payout_id, partner_id, by=current_actor())
    toast(_l("The payout is cancelled. The money is redeemable again."))
    return redirect_to(url_for(".payout"))
