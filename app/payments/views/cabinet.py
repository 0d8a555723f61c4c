"""A client's own money: wallets, deposits and withdrawals, each with its stages."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core import files
from app.core.actor import current_actor
from app.core.errors import Invalid, NotFound
from app.core.forms import amount_of, once_key
from app.core.http import redirect_to, render, requires, restricted, toast, unrestricted
from app.kit.text import _l
from app.payments import bundle, forms, panels, permissions, queries, service, stages
from app.payments.bundle import CurrencyRules
from app.payments.models import Deposit
from app.payments.rules import BankDetails
from app.tenancy.papers import read_instant

bp = Blueprint("payments_cabinet", __name__)
CANCEL = "Taking back one's own request only returns money to its owner."


def me() -> UUID:
    """The signed-in client. Raises NotFound for a login that is no client."""
    client_id = current_actor().client_id
    if client_id is None:
        raise NotFound
    return client_id


def chosen_currency(name: str = "currency") -> CurrencyRules:
    """The currency that the form or the address names, else the first that is offered."""
    offered = bundle.offered()
    if not offered:
        raise NotFound
    asked = request.form.get(name) or request.args.get(name, "")
    return next((entry for entry in offered if entry.currency == asked), offered[0])


def sent_file(file_id: UUID | None) -> Response:
    """An uploaded file as a download: it is never shown inside our own pages. Raises NotFound."""
    if file_id is None:
        raise NotFound
    row, content = files.read(file_id)
    answer = Response(content, mimetype=row.media_type)
    answer.headers.set("Content-Disposition", "attachment", filename=row.name)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@bp.get("/wallets")
@requires(permissions.OWN)
def wallets() -> ResponseReturnValue:
    return render(
        "payments/cabinet/wallets.html",
        block="wallets",
        **panels.load_wallets(me()),
        **panels.load_as_of(me(), *read_instant(request.args)),
    )


@bp.route("/deposit", methods=["GET", "POST"])
@requires(permissions.OWN)
@restricted(permissions.DEPOSIT)
def deposit() -> ResponseReturnValue:
    limits = chosen_currency()
    form = forms.DepositForm(currency=limits.currency)
    if form.sent():
        made = form.attempt(
            lambda: service.request_deposit(
                me(), amount_of(form.amount, form.currency.data), once=once_key(), by=current_actor()
            )
        )
        if made is not None:
            return redirect_to(url_for(".deposit_page", deposit_id=made.id))
    return render("payments/cabinet/deposit.html", status=form.status, f=form, limits=limits, offered=bundle.offered())


@bp.get("/deposits/<uuid:deposit_id>")
@requires(permissions.OWN)
def deposit_page(deposit_id: UUID) -> ResponseReturnValue:
    return _deposit_page(deposit_id, forms.ProofForm())


def _deposit_page(deposit_id: UUID, form: forms.ProofForm) -> Response:
    row = queries.get_deposit(deposit_id, client_id=me())
    return render(
        "payments/cabinet/deposit_page.html",
        block="payment",
        status=form.status,
        deposit=row,
        limits=bundle.rules_of(row.currency),
        stages=stages.deposit_stages(row),
        f=form,
    )


@bp.post("/deposits/<uuid:deposit_id>/proof")
@requires(permissions.OWN)
@restricted(permissions.DEPOSIT)
def upload_proof(deposit_id: UUID) -> ResponseReturnValue:
    form = forms.ProofForm()
    if form.sent():
        upload = request.files.get("proof")
        name, content = (upload.filename or "", upload.read()) if upload is not None else ("", b"")
        kept = form.attempt(lambda: _keep_proof(deposit_id, name, content))
        if kept is not None:
            toast(_l("We have your proof. We tell you by e-mail when the money is credited."))
            return redirect_to(url_for(".deposit_page", deposit_id=deposit_id))
    return _deposit_page(deposit_id, form)


def _keep_proof(deposit_id: UUID, name: str, content: bytes) -> Deposit:
    try:
        return service.attach_proof(deposit_id, me(), name, content, by=current_actor())
    except (files.FileEmpty, files.FileTooLarge, files.FileKindRefused) as refusal:
        raise Invalid(refusal.message, field="proof") from refusal


@bp.get("/deposits/<uuid:deposit_id>/proof")
@requires(permissions.OWN)
def proof(deposit_id: UUID) -> ResponseReturnValue:
    return sent_file(queries.get_deposit(deposit_id, client_id=me()).proof_file_id)


@bp.post("/deposits/<uuid:deposit_id>/cancel")
@requires(permissions.OWN)
@unrestricted(CANCEL)
def cancel_deposit(deposit_id: UUID) -> ResponseReturnValue:
    service.cancel_deposit(deposit_id, me(), by=current_actor())
    toast(_l("The deposit is cancelled."))
    return redirect_to(url_for(".deposit_page", deposit_id=deposit_id))


@bp.route("/withdraw", methods=["GET", "POST"])
@requires(permissions.OWN)
@restricted(permissions.WITHDRAW)
def withdraw() -> ResponseReturnValue:
    limits = chosen_currency()
    form = forms.WithdrawForm(currency=limits.currency, holder=current_actor().name)
    if form.sent():
        made = form.attempt(lambda: _withdrawal_from(form))
        if made is not None:
            return redirect_to(url_for(".withdrawal_page", withdrawal_id=made))
    return render(
        "payments/cabinet/withdraw.html",
        status=form.status,
        f=form,
        limits=limits,
        offered=bundle.offered(),
        balance=panels.available(me(), limits.currency),
    )


def _withdrawal_from(form: forms.WithdrawForm) -> UUID:
    details = BankDetails(form.holder.data, form.iban.data, form.bic.data or "", form.bank_name.data or "")
    money = amount_of(form.amount, form.currency.data)
    return service.request_withdrawal(me(), money, details, once=once_key(), by=current_actor()).id


@bp.get("/withdrawals/<uuid:withdrawal_id>")
@requires(permissions.OWN)
def withdrawal_page(withdrawal_id: UUID) -> ResponseReturnValue:
    row = queries.get_withdrawal(withdrawal_id, client_id=me())
    return render(
        "payments/cabinet/withdrawal_page.html",
        block="payment",
        withdrawal=row,
        details=service.details_of(row),
        stages=stages.withdrawal_stages(row),
        bank_reference=stages.last_reference(queries.attempts(row.id)),
    )


@bp.post("/withdrawals/<uuid:withdrawal_id>/cancel")
@requires(permissions.OWN)
@unrestricted(CANCEL)
def cancel_withdrawal(withdrawal_id: UUID) -> ResponseReturnValue:
    service.cancel_withdrawal(withdrawal_id, me(), by=current_actor())
    toast(_l("The withdrawal is cancelled. The money is back in your wallet."))
    return redirect_to(url_for(".withdrawal_page", withdrawal_id=withdrawal_id))
