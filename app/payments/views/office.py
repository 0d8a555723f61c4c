"""The office's payments queue: deposits and withdrawals, each decided by one or two people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.forms import amount_of
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import csv
from app.kit.text import Message, _l
from app.ledger import queries as books
from app.payments import bundle, forms, gates, panels, permissions, queries, rules, service, stages
from app.payments.models import Deposit, DepositStatus, Withdrawal, WithdrawalStatus
from app.payments.queries import QueueFilter
from app.payments.views.cabinet import sent_file
from app.restrictions import service as restrictions
from app.tenancy.papers import read_instant
from app.ui.lists import Page, PageRequest

bp = Blueprint("payments_office", __name__, url_prefix="/payments")
CSV_ROWS_MAX = 50_000
STAFF_ACT = "Staff decide here; the service asks the client's locks again."


@bp.get("/")
@requires(permissions.DEPOSIT_READ)
def home() -> ResponseReturnValue:
    return redirect_to(url_for(".deposits"))


@bp.get("/deposits")
@requires(permissions.DEPOSIT_READ)
def deposits() -> ResponseReturnValue:
    return _queue(Deposit, "payments/office/deposits.html", DepositStatus)


@bp.get("/withdrawals")
@requires(permissions.WITHDRAWAL_READ)
def withdrawals() -> ResponseReturnValue:
    return _queue(Withdrawal, "payments/office/withdrawals.html", WithdrawalStatus)


def _queue(model: Any, template: str, statuses: type[DepositStatus] | type[WithdrawalStatus]) -> Response:
    asked = PageRequest.read(request.args)
    chosen = _chosen()
    rows, total = queries.queue(model, chosen, limit=asked.size, offset=asked.offset)
    return render(
        template,
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        chosen=chosen,
        statuses=[("open", _l("Waiting")), ("all", _l("All")), *((status.value, status.label) for status in statuses)],
        currencies=[entry.currency for entry in bundle.offered()],
        tabs=tabs(),
    )


@bp.get("/deposits.csv")
@requires(permissions.DEPOSIT_READ)
def deposits_csv() -> ResponseReturnValue:
    return _csv(Deposit, "deposits.csv")


@bp.get("/withdrawals.csv")
@requires(permissions.WITHDRAWAL_READ)
def withdrawals_csv() -> ResponseReturnValue:
    return _csv(Withdrawal, "withdrawals.csv")


def _csv(model: Any, name: str) -> Response:
    """What the queue shows under the same filters, every page of it."""
    rows, _total = queries.queue(model, _chosen(), limit=CSV_ROWS_MAX, offset=0)
    columns = ("requested_at", "client", "name", "reference", "amount", "currency", "status", "approvals", "decided_at")
    lines = [
        (
            row.created_at.isoformat(),
            number,
            client_name,
            row.reference,
            f"{row.amount.amount:f}",
            row.currency,
            row.status.value,
            f"{row.approvals_given} of {row.approvals_needed}",
            row.decided_at.isoformat() if row.decided_at else "",
        )
        for row, client_name, number in rows
    ]
    audit.record("payments.export", ("payment_list", name), by=current_actor(), after={"rows": len(lines)})
    answer = Response(csv.write_rows(columns, lines), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _chosen() -> QueueFilter:
    return QueueFilter(
        status=request.args.get("status", "open"),
        currency=request.args.get("currency", ""),
        search=request.args.get("q", ""),
    )


@bp.get("/clients/<uuid:client_id>/as-of")
@requires(permissions.DEPOSIT_READ)
def as_of(client_id: UUID) -> ResponseReturnValue:
    """A client's wallets at any instant."""
    client = clients.get(client_id)
    return render(
        "payments/office/as_of.html", client=client, **panels.load_as_of(client_id, *read_instant(request.args))
    )


def tabs() -> dict[str, int]:
    """What waits in each tab."""
    return {
        "deposits": queries.waiting_count(Deposit),
        "withdrawals": queries.waiting_count(Withdrawal),
        "adjustments": books.proposed_adjustments(),
    }


@bp.get("/deposits/<uuid:deposit_id>")
@requires(permissions.DEPOSIT_READ)
def deposit_page(deposit_id: UUID) -> ResponseReturnValue:
    return _deposit_page(deposit_id)


def _deposit_page(
    deposit_id: UUID,
    approve: forms.ApproveDepositForm | None = None,
    reject: forms.RejectDepositForm | None = None,
) -> Response:
    row = queries.get_deposit(deposit_id)
    approve = approve or forms.ApproveDepositForm(version=row.version, received=f"{row.amount.amount:f}")
    reject = reject or forms.RejectDepositForm(version=row.version)
    reject.offer()
    question = gates.GateQuestion("deposit", "approval", row.client_id, row.amount, row.id)
    return render(
        "payments/office/deposit_page.html",
        block="payment",
        status=max(approve.status, reject.status),
        deposit=row,
        stages=stages.deposit_stages(row),
        approve_form=approve,
        reject_form=reject,
        reason=rules.DEPOSIT_REASONS.get(row.reason_code or ""),
        **_about(row, permissions.DEPOSIT, permissions.DEPOSIT_APPROVE, question),
    )


@bp.get("/deposits/<uuid:deposit_id>/proof")
@requires(permissions.DEPOSIT_READ)
def proof(deposit_id: UUID) -> ResponseReturnValue:
    return sent_file(queries.get_deposit(deposit_id).proof_file_id)


@bp.post("/deposits/<uuid:deposit_id>/approve")
@requires(permissions.DEPOSIT_APPROVE)
@unrestricted(STAFF_ACT)
def approve_deposit(deposit_id: UUID) -> ResponseReturnValue:
    form, currency = forms.ApproveDepositForm(), queries.get_deposit(deposit_id).currency
    if form.sent():
        row = form.attempt(
            lambda: service.approve_deposit(
                deposit_id, amount_of(form.received, currency), version=form.seen, by=current_actor()
            )
        )
        if row is not None:
            done = row.status is DepositStatus.SUCCEEDED
            toast(_l("The deposit is credited.") if done else _l("The first approval is noted. A second is needed."))
            return redirect_to(url_for(".deposit_page", deposit_id=deposit_id))
    return _deposit_page(deposit_id, approve=form)


@bp.post("/deposits/<uuid:deposit_id>/reject")
@requires(permissions.DEPOSIT_APPROVE)
@unrestricted(STAFF_ACT)
def reject_deposit(deposit_id: UUID) -> ResponseReturnValue:
    form = forms.RejectDepositForm()
    form.offer()
    if form.sent():
        row = form.attempt(
            lambda: service.reject_deposit(
                deposit_id, form.reason.data or "", form.note.data or "", version=form.seen, by=current_actor()
            )
        )
        if row is None:
            return _deposit_page(deposit_id, reject=form)
        toast(_l("The deposit is rejected. The client has been told."))
        return redirect_to(url_for(".deposit_page", deposit_id=deposit_id))
    return _deposit_page(deposit_id, reject=form)


@bp.get("/withdrawals/<uuid:withdrawal_id>")
@requires(permissions.WITHDRAWAL_READ)
def withdrawal_page(withdrawal_id: UUID) -> ResponseReturnValue:
    return _withdrawal_page(withdrawal_id)


def _withdrawal_page(
    withdrawal_id: UUID,
    approve: forms.VersionedForm | None = None,
    reject: forms.RejectWithdrawalForm | None = None,
    confirm: forms.ConfirmForm | None = None,
) -> Response:
    row = queries.get_withdrawal(withdrawal_id)
    approve = approve or forms.VersionedForm(version=row.version)
    reject = reject or forms.RejectWithdrawalForm(version=row.version)
    confirm = confirm or forms.ConfirmForm(version=row.version)
    reject.offer()
    question = gates.GateQuestion("withdrawal", "approval", row.client_id, row.amount, row.id)
    deposited, withdrawn = queries.totals_of_client(row.client_id)
    return render(
        "payments/office/withdrawal_page.html",
        block="payment",
        status=max(approve.status, reject.status, confirm.status),
        withdrawal=row,
        details=service.details_of(row) if current_actor().may(permissions.WITHDRAWAL_APPROVE) else None,
        stages=stages.withdrawal_stages(row),
        attempts=queries.attempts(row.id),
        approve_form=approve,
        reject_form=reject,
        confirm_form=confirm,
        may_confirm=current_actor().may(permissions.WITHDRAWAL_CONFIRM),
        deposited=deposited,
        withdrawn=withdrawn,
        reason=rules.WITHDRAWAL_REASONS.get(row.reason_code or ""),
        **_about(row, permissions.WITHDRAW, permissions.WITHDRAWAL_APPROVE, question),
    )


def _about(row: Deposit | Withdrawal, function: str, permission: str, question: gates.GateQuestion) -> dict[str, Any]:
    """What both pages show: the client, who has approved, what stands in the way."""
    actor = current_actor()
    approvals = queries.approvals(row.id)
    return {
        "client": clients.get(row.client_id),
        "approvals": approvals,
        "is_own_step": any(step.decided_by == actor.id for step in approvals),
        "may_decide": actor.may(permission),
        "is_locked": row.status.is_open and restrictions.is_locked(function, row.client_id),
        "closed_gates": gates.answers(question) if row.status.is_open else [],
        "wallet_lines": panels.balances(row.client_id),
    }


def _decide(
    withdrawal_id: UUID, form: forms.VersionedForm, act: Callable[[], Withdrawal], said: Message, **shown: Any
) -> ResponseReturnValue:
    if form.sent() and form.attempt(act) is not None:
        toast(said)
        return redirect_to(url_for(".withdrawal_page", withdrawal_id=withdrawal_id))
    return _withdrawal_page(withdrawal_id, **shown)


@bp.post("/withdrawals/<uuid:withdrawal_id>/approve")
@requires(permissions.WITHDRAWAL_APPROVE)
@unrestricted(STAFF_ACT)
def approve_withdrawal(withdrawal_id: UUID) -> ResponseReturnValue:
    form = forms.VersionedForm()
    return _decide(
        withdrawal_id,
        form,
        lambda: service.approve_withdrawal(withdrawal_id, version=form.seen, by=current_actor()),
        _l("Your approval is noted."),
        approve=form,
    )


@bp.post("/withdrawals/<uuid:withdrawal_id>/reject")
@requires(permissions.WITHDRAWAL_APPROVE)
@unrestricted(STAFF_ACT)
def reject_withdrawal(withdrawal_id: UUID) -> ResponseReturnValue:
    form = forms.RejectWithdrawalForm()
    form.offer()
    return _decide(
        withdrawal_id,
        form,
        lambda: service.reject_withdrawal(
            withdrawal_id, form.reason.data or "", form.note.data or "", version=form.seen, by=current_actor()
        ),
        _l("The withdrawal is rejected. The money is back in the client's wallet."),
        reject=form,
    )


@bp.post("/withdrawals/<uuid:withdrawal_id>/confirm")
@requires(permissions.WITHDRAWAL_CONFIRM)
@unrestricted(STAFF_ACT)
def confirm_withdrawal(withdrawal_id: UUID) -> ResponseReturnValue:
    form = forms.ConfirmForm()
    return _decide(
        withdrawal_id,
        form,
        lambda: service.confirm_paid(withdrawal_id, form.reference.data or "", version=form.seen, by=current_actor()),
        _l("The withdrawal is paid."),
        confirm=form,
    )
