"""What waits for a person, one thing of it with everything known, and the comparisons with the platforms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.forms import Form, once_key
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import csv
from app.kit.money import Money
from app.kit.text import Message, _l
from app.ledger import queries as books
from app.ledger.models import JournalEntry
from app.trading import forms as trading_forms
from app.trading import permissions, service
from app.trading.models import OperationState, TradingAccount, UnmatchedDeal
from app.trading.money import forms, matters, queries, words
from app.trading.money.matters import Matter, MatterFilter, MatterKind
from app.trading.money.models import BookingStatus, Category, SuspenseBooking
from app.trading.money.queries import runs as run_queries
from app.trading.money.service import reconciliation, suspense, taking_on
from app.trading.queries import accounts as account_queries
from app.trading.queries import operations as operation_queries
from app.trading.queries import platforms
from app.ui.lists import Page, PageRequest

bp = Blueprint("trading_money", __name__, url_prefix="/waiting")
STAFF = "Staff decide under their own permission; the act is recorded."
CSV_ROWS_MAX = 50_000
AROUND = timedelta(days=2)  # What else happened on the account about that time.


@bp.get("")
@requires(permissions.MATTER_READ)
def waiting() -> ResponseReturnValue:
    asked, chosen = PageRequest.read(request.args), _chosen()
    rows = matters.queue(chosen, current_actor().id)
    return render(
        "trading/money/waiting.html",
        block="list",
        page=Page(rows[asked.offset : asked.offset + asked.size], asked.number, asked.size, len(rows)),
        chosen=chosen,
        kinds=[(kind.value, kind.label) for kind in MatterKind],
        platforms=[(str(row.id), row.name) for row in platforms.platforms()],
        whose=[("mine", _l("Taken on by me")), ("nobodys", _l("Taken on by nobody"))],
        url_of=url_of,
        own_id=current_actor().id,
    )


def _chosen() -> MatterFilter:
    values = request.args
    return MatterFilter(
        kind=values.get("kind", ""),
        platform=values.get("platform", ""),
        whose=values.get("whose", ""),
        search=values.get("q", ""),
    )


def url_of(kind: MatterKind, key: str) -> str:
    """The page of one matter."""
    if kind is MatterKind.OPERATION:
        return url_for("trading_money.operation_page", operation_id=key)
    if kind is MatterKind.DIFFERENCE:
        return url_for("trading_money.difference_page", difference_id=key)
    platform_id, _, ticket = key.partition(":")
    return url_for("trading_money.deal_page", platform_id=platform_id, ticket=ticket)


@bp.get("/list.csv")
@requires(permissions.MATTER_READ)
def waiting_csv() -> ResponseReturnValue:
    rows = matters.queue(_chosen(), current_actor().id)[:CSV_ROWS_MAX]
    columns = (
        "since", "days", "kind", "what", "state", "platform", "client", "name", "login", "amount", "currency",
        "reference", "taken_on_by",
    )  # fmt: skip
    audit.record("trading.matter.export", ("matter_list", "waiting"), by=current_actor(), after={"rows": len(rows)})
    return _csv("waiting.csv", columns, [_line(row) for row in rows])


def _line(row: Matter) -> tuple[object, ...]:
    return (
        row.since.isoformat(),
        matters.age_days(row),
        row.kind.value,
        str(row.what),
        str(row.state),
        row.platform,
        row.client_number or "",
        row.client,
        row.login or "",
        "" if row.amount is None else f"{row.amount:f}",
        row.currency,
        row.reference,
        row.assignee,
    )


def _csv(name: str, columns: tuple[str, ...], lines: list[tuple[object, ...]]) -> Response:
    answer = Response(csv.write_rows(columns, lines), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


@bp.post("/<kind>/<key>/take-on")
@requires(permissions.MATTER_READ)
@unrestricted(STAFF)
def take_on(kind: str, key: str) -> ResponseReturnValue:
    taking_on.take_on(_kind(kind), key, by=current_actor())
    toast(_l("You have taken this on."))
    return redirect_to(url_of(_kind(kind), key))


@bp.post("/<kind>/<key>/give-up")
@requires(permissions.MATTER_READ)
@unrestricted(STAFF)
def give_up(kind: str, key: str) -> ResponseReturnValue:
    taking_on.give_up(_kind(kind), key, by=current_actor())
    toast(_l("Nobody has taken this on now."), "info")
    return redirect_to(url_for(".waiting"))


def _kind(text: str) -> MatterKind:
    if text not in {kind.value for kind in MatterKind}:
        raise NotFound
    return MatterKind(text)


@bp.get("/operations/<uuid:operation_id>")
@requires(permissions.MATTER_READ)
def operation_page(operation_id: UUID) -> ResponseReturnValue:
    return _operation_page(operation_id, trading_forms.ResolveForm(formdata=None))


@bp.post("/operations/<uuid:operation_id>")
@requires(permissions.OPERATION_RESOLVE)
@unrestricted(STAFF)
def resolve(operation_id: UUID) -> ResponseReturnValue:
    form = trading_forms.ResolveForm()
    if form.sent():
        was_done, note = form.outcome.data == "done", form.note.data or ""
        done = form.attempt(lambda: service.resolve(operation_id, was_done=was_done, note=note, by=current_actor()))
        if done is not None:
            if done.state is OperationState.UNKNOWN:
                toast(_l("Your word is noted. A second person must see the same before money moves."), "info")
            else:
                toast(_l("The operation has its outcome."))
            return redirect_to(url_for(".waiting"))
    return _operation_page(operation_id, form)


def _operation_page(operation_id: UUID, form: trading_forms.ResolveForm) -> Response:
    operation = operation_queries.find(operation_id)
    state, tone = matters.operation_state(operation)
    since = operation.sent_at or operation.created_at
    return render(
        "trading/money/operation.html",
        block="matter",
        status=form.status,
        f=form,
        operation=operation,
        state=state,
        tone=tone,
        is_unknown=operation.state is OperationState.UNKNOWN,
        hold=books.get_hold(operation.hold_id) if operation.hold_id else None,
        refusal=service.refusal_message(operation),
        entries=_lines(queries.entries_of_operation(operation)),
        steps=words.steps(operation),
        may_resolve=current_actor().may(permissions.OPERATION_RESOLVE),
        **_about(MatterKind.OPERATION, str(operation.id), operation.account_id, [str(operation.id)]),
        movements=queries.movements_of(operation.account_id, since - AROUND, since + AROUND),
    )


def _lines(entries: Sequence[JournalEntry]) -> list[tuple[Message, JournalEntry, list[Money]]]:
    """Entries with what they are in words, and how much they moved."""
    return [(words.entry(row.kind), row, queries.moved_by(row.id)) for row in entries]


@bp.post("/operations/<uuid:operation_id>/look")
@requires(permissions.OPERATION_RESOLVE)
@unrestricted(STAFF)
def look_again(operation_id: UUID) -> ResponseReturnValue:
    service.look_again(operation_id, by=current_actor())
    toast(_l("The platform is being searched again."), "info")
    return redirect_to(url_for(".operation_page", operation_id=operation_id))


@bp.get("/deals/<uuid:platform_id>/<int:ticket>")
@requires(permissions.MATTER_READ)
def deal_page(platform_id: UUID, ticket: int) -> ResponseReturnValue:
    return _deal_page(queries.find_deal(platform_id, ticket), forms.BookForm(formdata=None))


@bp.post("/deals/<uuid:platform_id>/<int:ticket>")
@requires(permissions.SUSPENSE_BOOK)
@unrestricted(STAFF)
def book(platform_id: UUID, ticket: int) -> ResponseReturnValue:
    form, deal = forms.BookForm(), queries.find_deal(platform_id, ticket)
    form.offer(queries.operations_that_may_be(deal))
    if form.sent():
        row = form.attempt(
            lambda: suspense.propose(platform_id, ticket, form.draft(), once=once_key(), by=current_actor())
        )
        if row is not None:
            _say(row)
            return redirect_to(url_for(".deal_page", platform_id=platform_id, ticket=ticket))
    return _deal_page(queries.find_deal(platform_id, ticket), form)


def _say(row: SuspenseBooking) -> None:
    if row.status is BookingStatus.PROPOSED:
        toast(_l("The booking is proposed. Another person must carry it out."), "info")
    elif row.status is BookingStatus.RUNNING:
        toast(_l("The platform is asked to move the money back."), "info")
    else:
        toast(_l("The money is booked."))


def _deal_page(deal: UnmatchedDeal, form: forms.BookForm) -> Response:
    candidates, bookings = queries.operations_that_may_be(deal), queries.bookings_of(deal.platform_id, deal.ticket)
    form.offer(candidates)
    actor, key = current_actor(), matters.deal_key(deal.platform_id, deal.ticket)
    platform = platforms.platform(deal.platform_id)
    ids = [key, f"{platform.code}:{deal.ticket}", *(str(row.id) for row in bookings)]
    reported = queries.deal_row(deal.platform_id, deal.ticket)
    since = reported.at if reported else deal.found_at
    return render(
        "trading/money/deal.html",
        block="matter",
        status=form.status,
        f=form,
        deal=deal,
        reported=reported,
        why=matters.DEAL_REASONS[deal.reason],
        bookings=bookings,
        is_under_way=any(row.status.is_open for row in bookings),
        candidates=candidates,
        operation=operation_queries.find(deal.operation_id) if deal.operation_id else None,
        entries=_lines(queries.entries_of(deal)),
        needs_second=_needs_second(deal),
        may_book=actor.may(permissions.SUSPENSE_BOOK),
        own_id=actor.id,
        **_about(MatterKind.DEAL, key, deal.account_id, ids),
        movements=queries.movements_of(deal.account_id, since - AROUND, since + AROUND),
    )


def _needs_second(deal: UnmatchedDeal) -> bool:
    money = suspense.open_money(deal)
    return money is not None and suspense.needs_second(deal.platform_id, money)


@bp.post("/bookings/<uuid:booking_id>/carry-out")
@requires(permissions.SUSPENSE_BOOK)
@unrestricted(STAFF)
def carry_out(booking_id: UUID) -> ResponseReturnValue:
    row = suspense.approve(booking_id, by=current_actor())
    _say(row)
    return redirect_to(url_for(".deal_page", platform_id=row.platform_id, ticket=row.ticket))


@bp.route("/bookings/<uuid:booking_id>/turn-down", methods=["GET", "POST"])
@requires(permissions.SUSPENSE_BOOK)
@unrestricted(STAFF)
def turn_down(booking_id: UUID) -> ResponseReturnValue:
    form = forms.NoteForm()
    if form.sent():
        note = form.note.data or ""
        row = form.attempt(lambda: suspense.reject(booking_id, note, by=current_actor()))
        if row is not None:
            toast(_l("The booking is turned down."))
            return redirect_to(url_for(".deal_page", platform_id=row.platform_id, ticket=row.ticket))
    return _note_page("trading/money/turn_down.html", booking_id, form)


@bp.route("/bookings/<uuid:booking_id>/take-back", methods=["GET", "POST"])
@requires(permissions.SUSPENSE_BOOK)
@unrestricted(STAFF)
def take_back(booking_id: UUID) -> ResponseReturnValue:
    form = forms.NoteForm()
    if form.sent():
        note = form.note.data or ""
        row = form.attempt(lambda: suspense.take_back(booking_id, note, by=current_actor()))
        if row is not None:
            toast(_l("The booking is taken back. Its money stands in suspense again."))
            return redirect_to(url_for(".deal_page", platform_id=row.platform_id, ticket=row.ticket))
    return _note_page("trading/money/take_back.html", booking_id, form)


def _note_page(template: str, booking_id: UUID, form: Form) -> Response:
    return render(template, block="dialog", status=form.status, f=form, booking=queries.booking(booking_id))


@bp.get("/differences/<uuid:difference_id>")
@requires(permissions.MATTER_READ)
def difference_page(difference_id: UUID) -> ResponseReturnValue:
    return _difference_page(difference_id, None)


@bp.post("/differences/<uuid:difference_id>")
@requires(permissions.OPERATION_RESOLVE)
@unrestricted(STAFF)
def explain(difference_id: UUID) -> ResponseReturnValue:
    form = forms.ExplainDifferenceForm()
    form.offer()
    if form.sent():
        category, note = Category(form.category.data), form.note.data or ""
        if form.attempt(lambda: reconciliation.explain(difference_id, category, note, by=current_actor())) is not None:
            toast(_l("The explanation is noted. The difference ends by itself when both sides agree."))
            return redirect_to(url_for(".difference_page", difference_id=difference_id))
    return _difference_page(difference_id, form)


def _difference_page(difference_id: UUID, form: forms.ExplainDifferenceForm | None) -> Response:
    row = queries.difference(difference_id)
    if form is None:
        form = forms.ExplainDifferenceForm(formdata=None, category=row.category, note=row.note)
        form.offer()
    until = row.seen_at or row.found_at
    return render(
        "trading/money/difference.html",
        block="matter",
        status=form.status,
        f=form,
        difference=row,
        what=matters.DIFFERENCE_KINDS[row.kind],
        category=Category(row.category) if row.category else None,
        platform=platforms.platform(row.platform_id),
        may_explain=current_actor().may(permissions.OPERATION_RESOLVE),
        **_about(MatterKind.DIFFERENCE, str(row.id), row.account_id, [str(row.id)]),
        movements=queries.movements_of(row.account_id, row.found_at - AROUND, until + AROUND),
    )


def _about(kind: MatterKind, key: str, account_id: UUID | None, object_ids: list[str]) -> dict[str, Any]:
    """What every page of one matter shows: whom it concerns, who has it, and who touched it."""
    account: TradingAccount | None = account_queries.account(account_id) if account_id is not None else None
    taken = matters.assignee(kind, key)
    return {
        "kind": kind,
        "key": key,
        "account": account,
        "client": clients.get(account.client_id) if account else None,
        "platform_name": platforms.platform(account.platform_id).name if account else "",
        "assignee": taken,
        "is_mine": taken is not None and taken.user_id == current_actor().id,
        "touched": [(words.act(record.action), record) for record in queries.records_of(object_ids)],
    }


@bp.get("/comparisons")
@requires(permissions.MATTER_READ)
def comparisons() -> ResponseReturnValue:
    asked, chosen = PageRequest.read(request.args), request.args.get("platform", "")
    known = platforms.platforms()
    platform_id = next((row.id for row in known if str(row.id) == chosen), None)
    rows, total = run_queries.runs(platform_id, limit=asked.size, offset=asked.offset)
    return render(
        "trading/money/comparisons.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        chosen=chosen,
        platforms=known,
        options=[(str(row.id), row.name) for row in known],
        names={row.id: row.name for row in known},
        differences=[
            (matters.DIFFERENCE_KINDS[d.kind], d, row) for row in known for d in platforms.open_differences(row.id)
        ],
        may_ask=current_actor().may(permissions.OPERATION_RESOLVE),
    )


@bp.get("/comparisons.csv")
@requires(permissions.MATTER_READ)
def comparisons_csv() -> ResponseReturnValue:
    names = {row.id: row.code for row in platforms.platforms()}
    rows, _ = run_queries.runs(None, limit=CSV_ROWS_MAX, offset=0)
    columns = (
        "asked_at", "platform", "cause", "state", "started_at", "finished_at", "seconds", "accounts", "counted",
        "wallets", "differences", "opened", "closed", "requests", "error",
    )  # fmt: skip
    lines: list[tuple[object, ...]] = [
        (
            row.asked_at.isoformat(),
            names.get(row.platform_id, ""),
            row.cause,
            row.state.value,
            row.started_at.isoformat() if row.started_at else "",
            row.finished_at.isoformat() if row.finished_at else "",
            f"{row.duration.total_seconds():.1f}" if row.duration is not None else "",
            row.accounts,
            row.counted,
            row.wallets,
            row.differences,
            row.opened,
            row.closed,
            row.requests,
            row.error,
        )
        for row in rows
    ]
    audit.record(
        "trading.matter.export", ("matter_list", "comparisons"), by=current_actor(), after={"rows": len(lines)}
    )
    return _csv("comparisons.csv", columns, lines)


@bp.post("/comparisons/<uuid:platform_id>")
@requires(permissions.OPERATION_RESOLVE)
@unrestricted(STAFF)
def compare(platform_id: UUID) -> ResponseReturnValue:
    reconciliation.ask(platform_id, by=current_actor())
    toast(_l("The platform is being compared. The result appears by itself."), "info")
    return redirect_to(url_for(".comparisons"))
