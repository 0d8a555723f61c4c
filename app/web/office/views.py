"""Pages of the office that are composed from several features: home, clients, one client, search."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, g, request, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.clients import permissions as client_permissions
from app.clients import queries as clients
from app.clients import rules as client_rules
from app.clients.rules import ClientStatus
from app.core import features
from app.core.actor import current_actor
from app.core.features import SearchHit
from app.core.http import is_partial, redirect_to, render, requires
from app.kit.csv import write_rows
from app.kit.text import Message, _l
from app.ui.formats import latin_digits
from app.web import panels
from app.web import queries as figures
from app.web.actions import may_open
from app.web.office import acts, client_list, home, queries, timeline
from app.web.office.permissions import OFFICE_OPEN
from app.web.shell import watch

bp = Blueprint("office", __name__)

TAB_LABELS: dict[str, Message] = {
    "overview": _l("Overview"),
    "accounts": _l("Accounts"),
    "positions": _l("Positions"),
    "wallets": _l("Wallets"),
    "payments": _l("Payments"),
    "network": _l("Network"),
    "notes": _l("Notes"),
    "timeline": _l("Timeline"),
}
SIDE_PANELS = frozenset({"profile", "restrictions", "sessions", "care"})  # What belongs beside the main column.


@bp.app_context_processor
def _search() -> dict[str, Any]:
    """The global search of the top bar, on every office page of somebody who may read clients."""
    if g.get("audience") != "office" or not current_actor().may(client_permissions.CLIENT_READ):
        return {}
    return {"search_url": url_for("office.search")}


@bp.get("/")
@requires(OFFICE_OPEN)
def home_page() -> ResponseReturnValue:
    actor = current_actor()
    may_read = actor.may(client_permissions.CLIENT_READ)
    return render(
        "office/home.html",
        block="queues",
        queues=home.queues(),
        registrations=queries.registrations() if may_read else None,
        first_deposits=queries.first_deposits() if may_read else None,
        deposits=queries.deposits() if may_read else None,
        withdrawals=queries.withdrawals() if may_read else None,
        base=g.tenant.base_currency,
        by_status=clients.count_by_status() if may_read else {},
        panels=[panels.draw(p, None, "office.home_panel") for p in panels.visible("office", "office_home")],
        today=queries.midnight().date().isoformat(),
    )


@bp.get("/panels/<name>")
@requires(OFFICE_OPEN)
def home_panel(name: str) -> ResponseReturnValue:
    if not is_partial():
        return redirect_to(url_for(".home_page"))
    panel = panels.find("office", "office_home", name)
    return render("web/_panel.html", panel=panels.draw(panel, None, "office.home_panel"))


@bp.get("/clients")
@requires(client_permissions.CLIENT_READ)
def client_list_page() -> ResponseReturnValue:
    state = client_list.read_state(request.args, request.args.getlist("column"))
    page = clients.page_of_clients(
        state.wanted,
        sort=state.sort,
        size=state.size,
        after=request.args.get("after", ""),
        before=request.args.get("before", ""),
    )
    return render(
        "office/clients.html",
        block="list",
        state=state,
        page=page,
        rows=client_list.rows_of(page.rows),
        chips=client_list.chips(state.wanted),
        all_columns=client_list.COLUMNS,
        statuses=[(status.value, status.label) for status in ClientStatus],
        levels=[(level, client_rules.kyc_label(level)) for level in client_rules.KYC_LEVELS],
        countries=clients.countries(),
        staff=sorted(client_list.staff_names().items(), key=lambda pair: pair[1]),
        nobody=client_list.NOBODY,
        kyc_label=client_rules.kyc_label,
        kyc_tone=client_rules.kyc_tone,
        may_export=current_actor().may(client_permissions.CLIENT_EXPORT),
    )


@bp.get("/clients.csv")
@requires(client_permissions.CLIENT_EXPORT)
def client_list_csv() -> ResponseReturnValue:
    state = client_list.read_state(request.args, request.args.getlist("column"))
    rows = client_list.export_rows(clients.all_of_list(state.wanted, sort=state.sort), state.columns)
    text = write_rows([str(column.label) for column in state.columns], rows)
    audit.record(
        "clients.export",
        ("client_list", request.query_string.decode("latin-1")[:200]),
        by=current_actor(),
        after={"rows": text.count("\r\n") - 1},
    )
    headers = {"Content-Disposition": 'attachment; filename="clients.csv"'}
    return Response("\ufeff" + text, mimetype="text/csv; charset=utf-8", headers=headers)


@bp.get("/clients/<uuid:client_id>")
@requires(client_permissions.CLIENT_READ)
def client(client_id: UUID) -> ResponseReturnValue:
    return _client_page(client_id, "overview")


@bp.get("/clients/<uuid:client_id>/tab/<tab>")
@requires(client_permissions.CLIENT_READ)
def client_tab(client_id: UUID, tab: str) -> ResponseReturnValue:
    return _client_page(client_id, tab)


@bp.get("/clients/<uuid:client_id>/panels/<name>")
@requires(client_permissions.CLIENT_READ)
def client_panel(client_id: UUID, name: str) -> ResponseReturnValue:
    clients.get(client_id)
    if not is_partial():
        return redirect_to(url_for(".client", client_id=client_id))
    panel = panels.find("office", "client360", name)
    return render("web/_panel.html", panel=panels.draw(panel, client_id, "office.client_panel", client_id=client_id))


@bp.get("/clients/<uuid:client_id>/timeline")
@requires(client_permissions.CLIENT_READ)
def client_timeline(client_id: UUID) -> ResponseReturnValue:
    """The next part of the timeline, fetched when its last row comes into sight; a whole page for a plain link."""
    if not is_partial():
        return _client_page(client_id, "timeline")
    found = clients.get(client_id)
    return render("office/_timeline_part.html", client=found, **_timeline_context(client_id))


@bp.get("/search")
@requires(client_permissions.CLIENT_READ)
def search() -> ResponseReturnValue:
    words = request.args.get("q", "").strip()[:100]
    found = clients.search_clients(words, 20) if words else []
    hits = _records(words) if words else []
    for look in features.port("search"):
        hits += look(words) if words else []
    hits = [hit for hit in hits if may_open(hit.endpoint)]
    if words and len(found) + len(hits) == 1:
        only = found[0] if found else None
        url = client_list.client_url(only.id) if only else url_for(hits[0].endpoint, **hits[0].values)
        return redirect_to(url)
    return render("office/search.html", block="results", words=words, clients=found, hits=hits)


def _records(words: str) -> list[SearchHit]:
    """Trading logins and payment references that are exactly these words."""
    hits: list[SearchHit] = []
    plain = latin_digits(words)
    if plain.isascii() and plain.isdigit() and len(plain) <= 18:
        for client_id, login, platform in queries.accounts_by_login(int(plain)):
            values = {"client_id": client_id}
            hits.append(SearchHit(_l("Trading account"), str(login), "office.client", values, platform, "chart-line"))
    for kind, object_id, reference in queries.payments_by_reference(plain.upper()):
        label = _l("Deposit") if kind == "deposit" else _l("Withdrawal")
        values = {f"{kind}_id": object_id}
        hits.append(SearchHit(label, reference, f"payments_office.{kind}_page", values, icon="cash"))
    return hits


def _client_page(client_id: UUID, tab: str) -> Response:
    found = clients.get(client_id)
    watch(f"client:{client_id}", f"partner:{client_id}")
    visible = panels.visible("office", "client360")
    names = ["overview"]
    names += [name for name in TAB_LABELS if name not in names and any(panel.tab == name for panel in visible)]
    names += [panel.tab for panel in visible if panel.tab not in names and panel.tab not in TAB_LABELS]
    names = [*dict.fromkeys(names), "timeline"]
    if tab not in names:
        tab = "overview"
    drawn = [
        (panel, panels.draw(panel, client_id, "office.client_panel", client_id=client_id))
        for panel in visible
        if panel.tab == tab
    ]
    labels = {panel.tab: panel.label for panel in reversed(visible)}
    return render(
        "office/client.html",
        block="tab",
        client=found,
        tab=tab,
        tabs=[
            {
                "label": TAB_LABELS.get(name) or labels[name],
                "url": url_for(".client", client_id=client_id)
                if name == "overview"
                else url_for(".client_tab", client_id=client_id, tab=name),
                "active": name == tab,
            }
            for name in names
        ],
        main_panels=[shown for panel, shown in drawn if panel.name not in SIDE_PANELS],
        side_panels=[shown for panel, shown in drawn if panel.name in SIDE_PANELS],
        kyc_label=client_rules.kyc_label(found.kyc_level),
        kyc_tone=client_rules.kyc_tone(found.kyc_level),
        wallets=figures.wallet_totals([client_id]).get(client_id),
        equity=figures.equities([client_id]).get(client_id),
        net_deposits=figures.net_deposits(client_id),
        lots=figures.lots_of_month(client_id),
        may_note=current_actor().may(client_permissions.CLIENT_NOTE),
        may_set_status=current_actor().may(client_permissions.CLIENT_STATUS),
        **(_timeline_context(client_id) if tab in ("overview", "timeline") else {}),
    )


def _timeline_context(client_id: UUID) -> dict[str, Any]:
    kind = request.args.get("kind", "")
    kind = kind if kind in acts.KINDS else ""
    found = timeline.entries(client_id, kind=kind, before=_instant(request.args.get("before", "")))
    more = None
    if len(found) == timeline.PAGE:
        last = found[-1].at.isoformat()
        more = url_for(".client_timeline", client_id=client_id, before=last, kind=kind or None)
    choices: list[tuple[str, Message]] = [("", _l("Everything")), *acts.KINDS.items()]
    kinds = [
        {
            "label": label,
            "url": url_for(".client_tab", client_id=client_id, tab="timeline", kind=key or None),
            "active": key == kind,
        }
        for key, label in choices
    ]
    return {"entries": found, "more_url": more, "kinds": kinds}


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
