"""The office's pages of an adoption: its runs, the logins that wait, and sheets."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.clients import queries as clients
from app.clients.models import Client
from app.core.actor import current_actor
from app.core.errors import Invalid, NotFound
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import csv
from app.kit.text import Message, _l, _ln
from app.tenancy import service as tenancy
from app.trading import permissions
from app.trading.adoption import forms, queries, rules
from app.trading.adoption.models import OBSTACLES, AdoptedLogin, History, LoginState
from app.trading.adoption.queries import LoginFilter
from app.trading.adoption.service import logins, runs, sheets
from app.trading.queries import accounts, platforms
from app.trading.views.shared import in_readers_language
from app.ui.lists import Page, PageRequest

bp = Blueprint("trading_adoption", __name__, url_prefix="/platforms/<uuid:platform_id>/adoption")
STAFF = "Staff take accounts over under their own permission; the act is recorded."
SHEET_MAX = 8 * 1024 * 1024
EXPORT_PART = 1_000


@bp.get("")
@requires(permissions.ADOPT)
def overview(platform_id: UUID) -> ResponseReturnValue:
    return _overview(platform_id)


def _overview(
    platform_id: UUID, start_form: forms.StartForm | None = None, run_form: forms.RunForm | None = None
) -> Response:
    platform = platforms.platform(platform_id)
    zone = tenancy.current().timezone
    if start_form is None:
        standing = platform.starts_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") if platform.starts_at else ""
        start_form = forms.StartForm(formdata=None, starts_at=standing)
    if run_form is None:
        run_form = forms.RunForm(formdata=None, masks="\n".join(platforms.groups_in_use(platform_id)))
    run_form.offer(_types(platform_id))
    found, counts = queries.runs_of(platform_id), queries.count_by_state(platform_id)
    return render(
        "trading/adoption/overview.html",
        block="progress",
        status=max(start_form.status, run_form.status),
        platform=platform,
        zone=zone.key,
        start_form=start_form,
        run_form=run_form,
        runs=[(run, queries.count_by_state(platform_id, run.id), runs.history_share(run)) for run in found],
        counts=counts,
        is_at_work=counts[LoginState.MATCHED] > 0 or any(run.is_at_work for run in found),
        opened=queries.opened_money(platform_id),
    )


def _types(platform_id: UUID) -> list[tuple[UUID, str]]:
    kinds = [kind for kind in accounts.account_types(offered_only=False) if kind.platform_id == platform_id]
    return [(kind.id, in_readers_language(kind.label)) for kind in kinds]


@bp.post("/start")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def set_start(platform_id: UUID) -> ResponseReturnValue:
    form = forms.StartForm()
    if form.sent():
        done = form.attempt(lambda: runs.set_start(platform_id, form.instant(), by=current_actor()))
        if done is not None:
            toast(_l("Trades count from then on. What was closed earlier earns no commission."))
            return redirect_to(url_for(".overview", platform_id=platform_id))
    return _overview(platform_id, start_form=form)


@bp.post("/runs")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def start_run(platform_id: UUID) -> ResponseReturnValue:
    form = forms.RunForm()
    form.offer(_types(platform_id))
    if form.sent():
        run = form.attempt(
            lambda: runs.start_run(
                platform_id,
                masks=(form.masks.data or "").splitlines(),
                default_type_id=form.chosen_type,
                creates_clients=bool(form.creates_clients.data),
                history=History(form.history.data),
                history_from=form.first_day,
                by=current_actor(),
            )
        )
        if run is not None:
            toast(_l("The accounts are being read. This page follows by itself."), "info")
            return redirect_to(url_for(".overview", platform_id=platform_id))
    return _overview(platform_id, run_form=form)


@bp.post("/runs/<uuid:run_id>/stop")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def stop_run(platform_id: UUID, run_id: UUID) -> ResponseReturnValue:
    _require_run(platform_id, run_id)
    runs.stop_run(run_id, by=current_actor())
    toast(_l("The reading has stopped. What was read stays."))
    return redirect_to(url_for(".overview", platform_id=platform_id))


@bp.post("/runs/<uuid:run_id>/history")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def steer_history(platform_id: UUID, run_id: UUID) -> ResponseReturnValue:
    _require_run(platform_id, run_id)
    wanted = request.form.get("when", "")
    if wanted == "pause":
        runs.pause_history(run_id, by=current_actor())
        toast(_l("The reading of the past rests."))
    elif wanted in (History.NOW, History.NIGHT):
        runs.resume_history(run_id, history=History(wanted), by=current_actor())
        toast(_l("The past is being read on.") if wanted == History.NOW else _l("The past is read on at night."))
    else:
        raise Invalid
    return redirect_to(url_for(".overview", platform_id=platform_id))


def _require_run(platform_id: UUID, run_id: UUID) -> None:
    if queries.run(run_id).platform_id != platform_id:
        raise NotFound


@bp.post("/match")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def match(platform_id: UUID) -> ResponseReturnValue:
    platforms.platform(platform_id)
    logins.match_again(platform_id, by=current_actor())
    toast(_l("What waits is being matched by e-mail again."), "info")
    return redirect_to(url_for(".login_list", platform_id=platform_id, state="waiting"))


def _chosen() -> LoginFilter:
    state, obstacle = request.args.get("state", ""), request.args.get("obstacle", "")
    return LoginFilter(
        state=LoginState(state) if state in set(LoginState) else None,
        obstacle=obstacle if obstacle in OBSTACLES else "",
        group=request.args.get("group", "")[:127],
        search=request.args.get("q", "").strip()[:100],
    )


@bp.get("/logins")
@requires(permissions.ADOPT)
def login_list(platform_id: UUID) -> ResponseReturnValue:
    asked, chosen = PageRequest.read(request.args), _chosen()
    rows, total = queries.page_of_logins(platform_id, chosen, limit=asked.size, offset=asked.offset)
    return render(
        "trading/adoption/logins.html",
        block="list",
        platform=platforms.platform(platform_id),
        page=Page(rows, asked.number, asked.size, total),
        chosen=chosen,
        states=[(state.value, state.label) for state in LoginState],
        obstacles=[(code, text) for code, text in OBSTACLES.items() if code],
        groups=[(name, name) for name in queries.groups_found(platform_id)],
        counts=queries.count_by_state(platform_id),
    )


@bp.get("/logins.csv")
@requires(permissions.ADOPT)
def logins_csv(platform_id: UUID) -> ResponseReturnValue:
    """The list under the same filters: with the client filled in, it is a sheet to upload."""
    platform = platforms.platform(platform_id)
    lines = list(_export(platform_id, _chosen()))
    audit.record("trading.adoption.export", platform, by=current_actor(), after={"rows": len(lines)})
    columns = ("login", "client", "name", "e-mail on the platform", "group", "currency", "balance", "state", "why")
    answer = Response("\ufeff" + csv.write_rows(columns, lines), mimetype="text/csv; charset=utf-8")
    answer.headers.set("Content-Disposition", "attachment", filename=f"logins-{platform.code}.csv")
    return answer


def _export(platform_id: UUID, chosen: LoginFilter) -> Iterator[tuple[object, ...]]:
    offset = 0
    while rows := queries.page_of_logins(platform_id, chosen, limit=EXPORT_PART, offset=offset)[0]:
        for row, client in rows:
            why = str(row.obstacle_text) if row.state is LoginState.WAITING else row.note
            number = client.number if client else ""
            yield (
                row.login, number, row.name, row.email, row.group_name, row.currency, f"{row.balance:f}",
                row.state.value, why,
            )  # fmt: skip
        offset += EXPORT_PART


@bp.route("/logins/<int:login>", methods=["GET", "POST"])
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def decide(platform_id: UUID, login: int) -> ResponseReturnValue:
    form = forms.AssignForm()
    form.offer(_types(platform_id))
    if form.sent():
        done = form.attempt(
            lambda: logins.assign(
                platform_id, login, _client_of(form.client.data or ""), type_id=form.chosen_type, by=current_actor()
            )
        )
        if done is not None:
            toast(_l("The account has its client. It is taken over within seconds."))
            return redirect_to(url_for(".login_list", platform_id=platform_id, state="waiting"))
    return _login_page(platform_id, login, assign=form)


def _client_of(text: str) -> UUID:
    """The client whom a number or an e-mail means. Raises Invalid at `client`."""
    word = text.strip().removeprefix("#")
    if "@" in word:
        found = queries.clients_by_email([rules.usable_email(word)]).get(rules.usable_email(word))
    else:
        number = int(word) if word.isascii() and word.isdigit() and len(word) < 12 else 0
        client = clients.by_number(number)
        found = client.id if client else None
    if found is None:
        raise Invalid(_l("No client has this number or e-mail."), field="client")
    return found


@bp.post("/logins/<int:login>/ignore")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def ignore(platform_id: UUID, login: int) -> ResponseReturnValue:
    form = forms.IgnoreForm()
    if form.sent():
        done = form.attempt(lambda: logins.ignore(platform_id, login, note=form.note.data or "", by=current_actor()))
        if done is not None:
            toast(_l("The account stays outside."))
            return redirect_to(url_for(".login_list", platform_id=platform_id, state="waiting"))
    return _login_page(platform_id, login, ignore=form)


@bp.post("/logins/<int:login>/back")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def bring_back(platform_id: UUID, login: int) -> ResponseReturnValue:
    logins.bring_back(platform_id, login, by=current_actor())
    toast(_l("The account waits for a client again."))
    return redirect_to(url_for(".decide", platform_id=platform_id, login=login))


def _login_page(
    platform_id: UUID,
    login: int,
    *,
    assign: forms.AssignForm | None = None,
    ignore: forms.IgnoreForm | None = None,
) -> Response:
    row = queries.login(platform_id, login)
    if assign is None:
        assign = forms.AssignForm(formdata=None)
        assign.offer(_types(platform_id))
    ignore = ignore or forms.IgnoreForm(formdata=None)
    times = platforms.server_clock(platform_id)
    return render(
        "trading/adoption/login.html",
        status=max(assign.status, ignore.status),
        platform=platforms.platform(platform_id),
        row=row,
        client=clients.find(row.client_id) if row.client_id else None,
        registered_at=times.utc(row.registered_msc) if times is not None and row.registered_msc else None,
        likely=_likely(row) if row.state in (LoginState.WAITING, LoginState.IGNORED) else [],
        assign_form=assign,
        ignore_form=ignore,
    )


def _likely(row: AdoptedLogin) -> list[Client]:
    """Clients who may be meant: by e-mail first, then by name."""
    found: dict[UUID, Client] = {}
    for word in (row.email, row.name):
        for client in clients.search_clients(word, 5) if word else ():
            found.setdefault(client.id, client)
    return list(found.values())[:5]


@bp.route("/sheet", methods=["GET", "POST"])
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def upload_sheet(platform_id: UUID) -> ResponseReturnValue:
    form = forms.SheetForm()
    if form.sent():
        upload = request.files.get("sheet")
        content = upload.read(SHEET_MAX + 1) if upload is not None else b""
        kept = form.attempt(lambda: sheets.upload(platform_id, _not_too_large(content), by=current_actor()))
        if kept is not None:
            return redirect_to(url_for(".sheet", platform_id=platform_id, import_id=kept.id))
    return render(
        "trading/adoption/sheet_upload.html", status=form.status, platform=platforms.platform(platform_id), f=form
    )


def _not_too_large(content: bytes) -> bytes:
    if len(content) > SHEET_MAX:
        raise Invalid(_l("The sheet is too large. Divide it."), field="sheet")
    return content


@bp.get("/sheet/<uuid:import_id>")
@requires(permissions.ADOPT)
def sheet(platform_id: UUID, import_id: UUID) -> ResponseReturnValue:
    return _sheet_page(platform_id, import_id)


def _sheet_page(platform_id: UUID, import_id: UUID, *, status: int = 200, refusal: Message | None = None) -> Response:
    kept = queries.sheet(import_id)
    if kept.platform_id != platform_id:
        raise NotFound
    checked = sheets.check(kept)
    problems = [row for row in checked if row.problem is not None]
    asked = PageRequest.read(request.args)
    shown = problems or checked
    known = clients.names_of(row.client_id for row in checked if row.client_id is not None)
    return render(
        "trading/adoption/sheet.html",
        block="list",
        status=status,
        platform=platforms.platform(platform_id),
        kept=kept,
        names=known,
        refusal=refusal,
        problems=len(problems),
        to_do=sum(1 for row in checked if row.problem is None and not row.is_done),
        done=sum(1 for row in checked if row.is_done),
        page=Page(shown[asked.offset : asked.offset + asked.size], asked.number, asked.size, len(shown)),
    )


@bp.post("/sheet/<uuid:import_id>")
@requires(permissions.ADOPT)
@unrestricted(STAFF)
def apply_sheet(platform_id: UUID, import_id: UUID) -> ResponseReturnValue:
    if queries.sheet(import_id).platform_id != platform_id:
        raise NotFound
    form = forms.SheetForm(formdata=None)
    count = form.attempt(lambda: sheets.apply(import_id, by=current_actor()))
    if count is None:
        return _sheet_page(platform_id, import_id, status=form.status, refusal=form.refusal)
    toast(
        _ln(
            "%(num)s account has its client. It is taken over within seconds.",
            "%(num)s accounts have their clients. They are taken over within seconds.",
            count,
        )
    )
    return redirect_to(url_for(".login_list", platform_id=platform_id))
