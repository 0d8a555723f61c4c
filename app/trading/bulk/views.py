"""The office's list of all trading accounts, and changes of many of them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.errors import Forbidden, Invalid, NotFound
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import csv
from app.kit.text import Message, _l
from app.trading import permissions
from app.trading.bulk import acts, forms, queries, service
from app.trading.bulk.models import BulkKind, BulkRun, BulkState, RowState, as_message
from app.trading.bulk.queries import RowView
from app.trading.models import AccountStatus
from app.trading.queries import account_list as accounts
from app.trading.queries import accounts as account_queries
from app.trading.queries import platforms
from app.trading.queries.account_list import AccountFilter, AccountRow
from app.trading.service.requesting import refusal_message
from app.trading.views.shared import in_readers_language
from app.ui import formats
from app.ui.lists import Page, PageRequest
from app.ui.setup import url_with

bp = Blueprint("trading_bulk", __name__, url_prefix="/accounts")
STAFF = "Staff change accounts under their own permission; the act is recorded."
SHEET_MAX = 1024 * 1024
EXPORT_PART, EXPORT_MAX = 1_000, 100_000


@bp.get("")
@requires(permissions.ACCOUNT_READ)
def account_list() -> ResponseReturnValue:
    wanted = AccountFilter.read(request.args)
    asked = _asked()
    rows, total = accounts.page_of_accounts(
        wanted, sort=asked.sort, is_descending=asked.is_descending, limit=asked.size, offset=asked.offset
    )
    actor = current_actor()
    may_change = actor.may(permissions.ACCOUNT_BULK)
    return render(
        "trading/bulk/accounts.html",
        block="list",
        page=Page(rows, asked.number, asked.size, total),
        sort=asked.sort_key,
        wanted=wanted,
        filters=wanted.as_values(),
        chips=_chips(wanted),
        text_of=in_readers_language,
        platforms=[(row.id, row.name) for row in platforms.platforms()],
        types=list(_type_names().items()),
        statuses=[(status.value, status.label) for status in AccountStatus],
        countries=[code for code in clients.countries() if code],
        offered=accounts.offered(),
        kinds=[kind for kind in BulkKind if may_change and actor.may(kind.permission)],
        may_export=actor.may(permissions.ACCOUNT_EXPORT),
        may_change=may_change,
        waiting=queries.waiting_runs() if may_change else 0,
    )


def _type_names() -> dict[UUID, str]:
    return {kind.id: in_readers_language(kind.label) for kind in account_queries.account_types(offered_only=False)}


def _asked() -> PageRequest:
    return PageRequest.read(request.args, sorts=list(accounts.SORTS), default_sort=accounts.DEFAULT_SORT)


def _chips(wanted: AccountFilter) -> list[dict[str, object]]:
    """The filters in force, each with the address without it."""
    values = wanted.as_values()
    kinds = _type_names()
    names = {row.id: row.name for row in platforms.platforms()}
    labels: dict[str, Message | str] = {
        "q": wanted.search,
        "platform": names.get(wanted.platform_id, "") if wanted.platform_id else "",
        "group": wanted.group,
        "type": kinds.get(wanted.type_id, "") if wanted.type_id else "",
        "country": formats.country(wanted.country) if wanted.country else "",
        "currency": wanted.currency,
        "leverage": f"1:{wanted.leverage}",
        "status": wanted.status.label if wanted.status else "",
        "kind": _l("Real accounts") if wanted.kind == "real" else _l("Demo accounts"),
        "from": _l("Balance from %(amount)s", amount=wanted.balance_from),
        "to": _l("Balance up to %(amount)s", amount=wanted.balance_to),
    }
    return [{"label": labels[name], "remove": url_with(**{name: None, "page": None})} for name in values]


@bp.get("/accounts.csv")
@requires(permissions.ACCOUNT_EXPORT)
def accounts_csv() -> ResponseReturnValue:
    """The list under the same filters and in the same order, all of it."""
    asked = _asked()
    lines = list(_export(AccountFilter.read(request.args), asked))
    named = ("account_list", "accounts.csv")
    audit.record("trading.account.export", named, by=current_actor(), after={"rows": len(lines)})
    columns = (
        "login", "platform", "client", "name", "country", "type", "group", "currency", "leverage", "status", "demo",
        "balance", "credit", "equity", "opened_at",
    )  # fmt: skip
    return _csv("accounts.csv", csv.write_rows(columns, lines))


def _csv(name: str, text: str) -> Response:
    answer = Response("\ufeff" + text, mimetype="text/csv; charset=utf-8")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def _export(wanted: AccountFilter, asked: PageRequest) -> Iterator[tuple[object, ...]]:
    for offset in range(0, EXPORT_MAX, EXPORT_PART):
        rows, _ = accounts.page_of_accounts(
            wanted, sort=asked.sort, is_descending=asked.is_descending, limit=EXPORT_PART, offset=offset
        )
        yield from (_cells(row) for row in rows)
        if len(rows) < EXPORT_PART:
            return


def _cells(row: AccountRow) -> tuple[object, ...]:
    account, state = row.account, row.state
    figures = (f"{state.balance:f}", f"{state.credit:f}", f"{state.equity:f}") if state else ("", "", "")
    return (
        account.login or "", row.platform.code, row.client.number, row.client.name, row.client.country, row.kind.code,
        account.group_name, account.currency, account.leverage, account.status.value, int(account.is_demo),
        *figures, formats.iso(account.opened_at) if account.opened_at else "",
    )  # fmt: skip


@bp.get("/changes")
@requires(permissions.ACCOUNT_BULK)
def run_list() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    rows, total = queries.page_of_runs(limit=asked.size, offset=asked.offset)
    return render(
        "trading/bulk/runs.html",
        block="list",
        page=Page([(row, queries.counts(row.id)) for row in rows], asked.number, asked.size, total),
        describe=acts.describe,
        kinds=[kind for kind in BulkKind if current_actor().may(kind.permission)],
        waiting=queries.waiting_runs(),
    )


@bp.route("/changes/new/<what>", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_BULK)
@unrestricted(STAFF)
def new(what: str) -> ResponseReturnValue:
    wanted_kind = _kind(what)
    form, wanted = _form(wanted_kind), AccountFilter.read(request.args)
    if form.sent():
        run = form.attempt(lambda: _make(wanted_kind, form, wanted))
        if run is not None:
            return redirect_to(url_for(".run", run_id=run.id))
    _, total = accounts.page_of_accounts(wanted, sort="login", is_descending=False, limit=1, offset=0)
    return render(
        "trading/bulk/new.html",
        status=form.status,
        kind=wanted_kind,
        f=form,
        filters=wanted.as_values(),
        chips=_chips(wanted),
        total=total,
        most=service.ACCOUNTS_MAX,
        kinds=[each for each in BulkKind if current_actor().may(each.permission)],
    )


def _kind(text: str) -> BulkKind:
    if text not in set(BulkKind):
        raise NotFound
    kind = BulkKind(text)
    if not current_actor().may(kind.permission):
        raise Forbidden
    return kind


def _form(kind: BulkKind) -> forms.BulkForm:
    form = forms.FORMS[kind]()
    form.offer_platforms([(str(row.id), row.name) for row in platforms.platforms()])
    offered, types = accounts.offered(), account_queries.account_types()
    if isinstance(form, forms.LeverageForm):
        ratios = sorted({int(ratio) for each in types for ratio in each.leverages})
        form.offer([(str(ratio), f"1:{ratio}") for ratio in ratios])
    elif isinstance(form, forms.GroupForm):
        groups = sorted({*offered.groups, *(group for each in types for group in each.groups.values())})
        form.offer([(group, group) for group in groups])
    elif isinstance(form, forms.TypeForm):
        form.offer([(each.code, in_readers_language(each.label)) for each in types])
    elif isinstance(form, forms.RightsForm):
        form.offer(())
    elif isinstance(form, forms.CreditForm):
        form.offer([(code, code) for code in offered.currencies])
    return form


def _make(kind: BulkKind, form: forms.BulkForm, wanted: AccountFilter) -> BulkRun:
    target, logins = form.target(), _logins(form)
    if not logins:
        return service.make_from_filter(kind, target, wanted, by=current_actor())
    platform_id = next((row.id for row in platforms.platforms() if str(row.id) == form.platform.data), None)
    if platform_id is None:
        raise Invalid(_l("Choose one of the options."), field="platform")
    return service.make_from_logins(kind, target, platform_id, logins, by=current_actor())


def _logins(form: forms.BulkForm) -> list[str]:
    """The logins of a list, as written: the first cell of each line."""
    upload = request.files.get("sheet")
    content = upload.read(SHEET_MAX + 1) if upload is not None else b""
    if len(content) > SHEET_MAX:
        raise Invalid(_l("The file is too large. Divide it."), field="sheet")
    try:
        text = content.decode("utf-8-sig") + "\n" + (form.logins.data or "")
    except UnicodeDecodeError:
        raise Invalid(_l("Save the list as CSV in UTF-8."), field="sheet") from None
    cells = [line.replace(";", ",").replace("\t", ",").partition(",")[0].strip(" '\"\r") for line in text.splitlines()]
    lines = [cell for cell in cells if cell]
    return lines[1:] if lines and lines[0].lower() in ("login", "account") else lines


@bp.get("/changes/<uuid:run_id>")
@requires(permissions.ACCOUNT_BULK)
def run(run_id: UUID) -> ResponseReturnValue:
    return _run_page(run_id)


def _run_page(run_id: UUID, form: forms.ConfirmForm | None = None, refusal: Message | None = None) -> Response:
    row = queries.run(run_id)
    asked, outcome = PageRequest.read(request.args), request.args.get("outcome", "")
    views, total = queries.page_of_rows(run_id, outcome=outcome, limit=asked.size, offset=asked.offset)
    form = form or forms.ConfirmForm(formdata=None)
    actor = current_actor()
    return render(
        "trading/bulk/run.html",
        block="progress",
        status=form.status,
        run=row,
        counts=queries.counts(run_id),
        target=acts.describe(row.kind, row.target),
        chosen=_chosen_words(row),
        page=Page([(view, *outcome_of(view)) for view in views], asked.number, asked.size, total),
        outcome=outcome,
        outcomes=OUTCOME_LABELS,
        f=form,
        refusal=refusal,
        as_message=as_message,
        above=service.second_person_above(),
        may_act=actor.may(row.kind.permission),
        is_maker=actor.id == row.made_by,
    )


OUTCOME_LABELS: dict[str, Message] = {
    "": _l("All rows"),
    "problems": _l("Left out"),
    "warnings": _l("With a warning"),
    "open": _l("Not done yet"),
    "done": _l("Changed"),
    "refused": _l("Refused"),
    "unknown": _l("Outcome unknown"),
}


def _chosen_words(row: BulkRun) -> list[object]:
    if "filter" in row.chosen:
        return [chip["label"] for chip in _chips(AccountFilter.read(row.chosen["filter"]))] or [_l("All accounts")]
    return [_l("A list of logins")]


def outcome_of(view: RowView) -> tuple[Message, str, Message | None]:
    """(what became of a row, its tone, the sentence that says why)."""
    row, operation = view.row, view.operation
    if operation is not None:
        why = refusal_message(operation) if operation.state.value == "refused" else None
        return operation.state.label, operation.state.tone, why
    label, tone = {
        RowState.NEW: (_l("Not checked yet"), "neutral"),
        RowState.READY: (_l("Will be changed"), "info"),
        RowState.SKIPPED: (_l("Left out"), "neutral"),
        RowState.SETTLED: (_l("Was as wanted already"), "success"),
        RowState.REFUSED: (_l("Refused"), "danger"),
        RowState.CANCELLED: (_l("Not asked for"), "neutral"),
        RowState.REQUESTED: (_l("Not done yet"), "info"),
    }[row.state]
    return label, tone, as_message(row.problem)


@bp.get("/changes/<uuid:run_id>/outcomes.csv")
@requires(permissions.ACCOUNT_BULK)
def outcomes_csv(run_id: UUID) -> ResponseReturnValue:
    row = queries.run(run_id)
    lines = list(_outcomes(run_id))
    audit.record("trading.bulk.export", row, by=current_actor(), after={"rows": len(lines)})
    columns = ("line", "login", "client", "outcome", "why", "warning", "reference", "finished_at")
    return _csv(f"change-{row.kind.value}-{row.made_at:%Y%m%d-%H%M}.csv", csv.write_rows(columns, lines))


def _outcomes(run_id: UUID) -> Iterator[tuple[object, ...]]:
    for offset in range(0, service.ACCOUNTS_MAX + 1, EXPORT_PART):
        views, _ = queries.page_of_rows(run_id, outcome="", limit=EXPORT_PART, offset=offset)
        for view in views:
            label, _tone, why = outcome_of(view)
            operation = view.operation
            yield (
                view.row.number,
                view.row.login_text,
                view.client.number if view.client else "",
                str(label),
                str(why or ""),
                str(as_message(view.row.warning) or ""),
                operation.reference if operation else "",
                formats.iso(operation.finished_at) if operation and operation.finished_at else "",
            )
        if len(views) < EXPORT_PART:
            return


@bp.post("/changes/<uuid:run_id>/confirm")
@requires(permissions.ACCOUNT_BULK)
@unrestricted(STAFF)
def confirm(run_id: UUID) -> ResponseReturnValue:
    form = forms.ConfirmForm()
    if form.sent():
        done = form.attempt(
            lambda: service.confirm(
                run_id,
                reason=form.reason.data or "",
                with_warned=bool(form.with_warned.data),
                by=current_actor(),
            )
        )
        if done is not None:
            if done.state is BulkState.WAITING:
                toast(_l("The change waits for a second person."), "info")
            else:
                toast(_l("The change has begun. This page follows by itself."))
            return redirect_to(url_for(".run", run_id=run_id))
    return _run_page(run_id, form)


@bp.post("/changes/<uuid:run_id>/<act>")
@requires(permissions.ACCOUNT_BULK)
@unrestricted(STAFF)
def steer(run_id: UUID, act: str) -> ResponseReturnValue:
    steps = {
        "approve": (service.approve, _l("You have agreed. The change has begun.")),
        "pause": (service.pause, _l("The change rests. What was asked for gets its outcome.")),
        "resume": (service.resume, _l("The change goes on.")),
        "cancel": (service.cancel, _l("The change is cancelled. What was asked for gets its outcome.")),
    }
    if act not in steps:
        raise NotFound
    step, said = steps[act]
    form = forms.ConfirmForm(formdata=None)
    if form.attempt(lambda: step(run_id, by=current_actor())) is None:
        return _run_page(run_id, form, form.refusal)
    toast(said)
    return redirect_to(url_for(".run", run_id=run_id))
