"""A client's moves between own wallets and accounts, and the history of all movements."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app import tenancy
from app.core.actor import current_actor
from app.core.db import get
from app.core.errors import DomainError, Invalid
from app.core.forms import amount_of, once_key
from app.core.http import commit_then_wait, redirect_to, render, requires, restricted, toast
from app.kit import clock, csv
from app.kit.money import AmountError, Money, parse_amount
from app.kit.text import _l
from app.payments import bundle, errors, forms, panels, permissions, queries, service, stages
from app.payments.links import link_of
from app.payments.models import TransferKind, TransferStatus
from app.payments.queries import HistoryFilter
from app.payments.service import Quote, StartedTransfer
from app.payments.views.cabinet import chosen_currency, me
from app.trading import service as trading
from app.trading.models import PlatformOperation, TradingAccount
from app.trading.permissions import TRANSFER_OWN
from app.ui.lists import Page, PageRequest

bp = Blueprint("payments_moves", __name__)
CSV_ROWS_MAX = 50_000
_DAYS = {"10": 10, "30": 30, "90": 90}


@bp.route("/transfer", methods=["GET", "POST"])
@requires(permissions.OWN)
@restricted(TRANSFER_OWN)
def transfer() -> ResponseReturnValue:
    accounts = queries.accounts_for_transfer(me())
    form = forms.TransferForm(
        account=request.args.get("account", ""), direction="from" if request.args.get("from") else "to"
    )
    form.offer(accounts)
    if form.sent():
        started = form.attempt(lambda: _start(form, accounts))
        if started is not None:
            if started.transfer.status is TransferStatus.PENDING:
                asked = started.requested
                commit_then_wait(asked.request_key, asked.message, asked.answer_key)
            return redirect_to(url_for(".transfer_page", transfer_id=started.transfer.id))
    return render(
        "payments/cabinet/transfer.html",
        status=form.status,
        f=form,
        accounts=accounts,
        wallets=panels.balances(me()),
    )


def _start(form: forms.TransferForm, accounts: list[TradingAccount]) -> StartedTransfer:
    account = next((one for one in accounts if str(one.id) == form.account.data), None)
    if account is None:
        raise errors.AccountNotUsable
    money = amount_of(form.amount, account.currency)
    move = service.transfer_to_account if form.direction.data == "to" else service.transfer_from_account
    return move(me(), account.id, money, once=once_key(), by=current_actor())


@bp.get("/transfers/<uuid:transfer_id>")
@requires(permissions.OWN)
def transfer_page(transfer_id: UUID) -> ResponseReturnValue:
    row = queries.get_transfer(transfer_id, client_id=me())
    return render("payments/cabinet/transfer_page.html", block="payment", **transfer_context(row.id, me()))


def transfer_context(transfer_id: UUID, client_id: UUID | None) -> dict[str, Any]:
    """What a transfer's page shows."""
    row = queries.get_transfer(transfer_id, client_id=client_id)
    account = get(TradingAccount, row.account_id) if row.account_id else None
    operation = get(PlatformOperation, row.operation_id) if row.operation_id else None
    refused = row.status is TransferStatus.REFUSED and operation is not None
    return {
        "transfer": row,
        "account": account,
        "is_conversion": row.kind is TransferKind.CONVERSION,
        "to_account": row.kind is TransferKind.TO_ACCOUNT,
        "refusal": trading.refusal_message(operation) if refused and operation is not None else None,
        "stages": stages.transfer_stages(row),
    }


@bp.route("/convert", methods=["GET", "POST"])
@requires(permissions.OWN)
@restricted(permissions.EXCHANGE)
def convert() -> ResponseReturnValue:
    source = chosen_currency("from_currency").currency
    others = [entry.currency for entry in bundle.offered() if entry.currency != source]
    asked = request.form.get("to_currency") or request.args.get("to_currency", "")
    target = asked if asked in others else (others[0] if others else source)
    form = forms.ConvertForm(from_currency=source, to_currency=target)
    if form.sent():
        made = form.attempt(
            lambda: service.convert(
                me(), amount_of(form.amount, source), _expected(form, target), once=once_key(), by=current_actor()
            )
        )
        if made is not None:
            toast(_l("The money is converted."))
            return redirect_to(url_for(".transfer_page", transfer_id=made.id))
    amount = request.form.get("amount") or request.args.get("amount", "")
    offer, problem = _quote(amount, source, target)
    return render(
        "payments/cabinet/convert.html",
        block="quote",
        status=form.status,
        f=form,
        source=source,
        target=target,
        amount=amount,
        offer=offer,
        problem=problem or (form.amount.errors[0] if form.amount.errors else None),
        currencies=[entry.currency for entry in bundle.offered()],
        balance=panels.available(me(), source),
    )


def _expected(form: forms.ConvertForm, target: str) -> Money:
    try:
        return Money(Decimal(str(form.expected.data)), target)
    except (ArithmeticError, ValueError):
        raise Invalid(field="amount") from None


def _quote(amount: str, source: str, target: str) -> tuple[Quote | None, object]:
    """The offer for what was typed, or why there is none."""
    if not amount:
        return None, None
    try:
        return service.quote(parse_amount(amount, source), target), None
    except AmountError as error:
        return None, error.message
    except DomainError as refusal:
        return None, refusal.message


@bp.get("/history")
@requires(permissions.OWN)
def history() -> ResponseReturnValue:
    asked = PageRequest.read(request.args, default_size=25)
    rows, total = queries.history(me(), _filter(), limit=asked.size, offset=asked.offset)
    return render(
        "payments/cabinet/history.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        kinds=[(kind, stages.KIND_LABELS[kind]) for kind in (*stages.KIND_ICONS, "other")],
        currencies=[entry.currency for entry in bundle.offered()],
        kind_label=stages.kind_label,
        kind_icons=stages.KIND_ICONS,
        status_of=stages.status_of,
        link_of=link_of,
    )


@bp.get("/history.csv")
@requires(permissions.OWN)
def history_csv() -> ResponseReturnValue:
    rows, _total = queries.history(me(), _filter(), limit=CSV_ROWS_MAX)
    columns = ["time", "kind", "reference", "status", "amount", "currency", "received", "received_currency", "memo"]
    lines = [
        [
            row.at.isoformat(),
            row.kind,
            row.reference,
            row.status,
            f"{row.amount.amount:f}",
            row.amount.currency,
            f"{row.other.amount:f}" if row.other else "",
            row.other.currency if row.other else "",
            row.memo,
        ]
        for row in rows
    ]
    answer = Response(csv.write_rows(columns, lines), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename="history.csv")
    return answer


def _filter() -> HistoryFilter:
    """What the address narrows the history to; dates are days of the brand, the last one included."""
    args = request.args
    since, until = _day(args.get("since", "")), _day(args.get("until", ""))
    period = _DAYS.get(args.get("days", ""))
    if period is not None:
        since_instant: datetime | None = clock.now() - timedelta(days=period)
    else:
        since_instant = _midnight(since) if since else None
    return HistoryFilter(
        kind=args.get("kind", ""),
        status=args.get("status", ""),
        currency=args.get("currency", ""),
        since=since_instant,
        until=_midnight(until + timedelta(days=1)) if until and period is None else None,
    )


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tenancy.current().timezone).astimezone(UTC)
