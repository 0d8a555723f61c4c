"""The partner tree in the office: opened level by level, searched, and changed by dated moves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.clients.rules import ClientStatus
from app.core.actor import current_actor
from app.core.errors import Invalid
from app.core.forms import once_key
from app.core.http import is_partial, redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.referrals import permissions, queries, service
from app.referrals.forms import MoveForm
from app.referrals.queries import LEVEL_SIZE

bp = Blueprint("referrals_office", __name__, url_prefix="/tree")


@bp.get("/")
@requires(permissions.TREE_READ)
def tree() -> ResponseReturnValue:
    search = request.args.get("q", "").strip()
    now = clock.business_now()
    found = clients.search_clients(search) if search else []
    roots = [] if search else queries.roots(now, after=_after(), limit=LEVEL_SIZE + 1)
    return render(
        "referrals/office/tree.html",
        block="list",
        search=search,
        found=[(client, _path_to(client.id)) for client in found],
        branches=roots[:LEVEL_SIZE],
        more_after=roots[LEVEL_SIZE - 1].number if len(roots) > LEVEL_SIZE else None,
        statuses=ClientStatus,
    )


def _after() -> int | None:
    text = request.args.get("after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _path_to(client_id: UUID) -> list[tuple[UUID, str, int]]:
    """The uplines of a client, the topmost first: (id, name, number)."""
    steps = queries.path_at(client_id, clock.business_now())[:50]
    names = clients.names_of(step.partner_id for step in steps)
    return [(step.partner_id, *names[step.partner_id]) for step in reversed(steps)]


@bp.get("/<uuid:client_id>")
@requires(permissions.TREE_READ)
def branch(client_id: UUID) -> ResponseReturnValue:
    client = clients.get(client_id)
    now = clock.business_now()
    below = queries.people_below(client_id, now)
    level = queries.children(client_id, now, after=_after(), limit=LEVEL_SIZE + 1)
    return render(
        "referrals/office/branch.html",
        client=client,
        path=_path_to(client_id),
        below=below,
        below_total=sum(below.values()),
        branches=level[:LEVEL_SIZE],
        more_after=level[LEVEL_SIZE - 1].number if len(level) > LEVEL_SIZE else None,
        links=[(link, *clients.names_of([link.parent_id])[link.parent_id]) for link in queries.links_of(client_id)],
        statuses=ClientStatus,
        now=now,
    )


@bp.get("/<uuid:client_id>/children")
@requires(permissions.TREE_READ)
def children(client_id: UUID) -> ResponseReturnValue:
    """The next level as rows, for the tree that is open. As a page of its own it is the page of that branch."""
    clients.get(client_id)
    if not is_partial():
        return redirect_to(url_for(".branch", client_id=client_id, after=_after()))
    level = _after_level(request.args.get("level", ""))
    rows = queries.children(client_id, clock.business_now(), after=_after(), limit=LEVEL_SIZE + 1)
    return render(
        "referrals/office/_level.html",
        branches=rows[:LEVEL_SIZE],
        more_after=rows[LEVEL_SIZE - 1].number if len(rows) > LEVEL_SIZE else None,
        parent_id=client_id,
        level=level,
        statuses=ClientStatus,
    )


def _after_level(text: str) -> int:
    return min(int(text), 10_000) if text.isascii() and text.isdigit() and len(text) < 6 else 1


@bp.route("/<uuid:client_id>/move", methods=["GET", "POST"])
@requires(permissions.TREE_MOVE)
@unrestricted("Staff move clients; the move itself pays nobody and takes nothing.")
def move(client_id: UUID) -> ResponseReturnValue:
    client = clients.get(client_id)
    form = MoveForm()
    if form.sent():
        done = form.attempt(lambda: _move(client_id, form))
        if done is not None:
            toast(_l("The move is entered. Trades closed before it keep their partners."))
            return redirect_to(url_for(".branch", client_id=client_id))
    return _move_page(client, form)


def _move(client_id: UUID, form: MoveForm) -> bool:
    service.move(
        client_id,
        _parent(form),
        when=form.when.data,
        reason=form.reason.data,
        by=current_actor(),
        request_id=f"move:{client_id}:{once_key()}",
    )
    return True


def _parent(form: MoveForm) -> UUID | None:
    text = (form.parent.data or "").strip().removeprefix("#")
    if not text:
        return None
    found = clients.by_number(int(text)) if text.isascii() and text.isdigit() and len(text) < 12 else None
    if found is None:
        raise Invalid(_l("There is no client with this number."), field="parent")
    return found.id


def _move_page(client: Any, form: MoveForm) -> Response:
    now = clock.business_now()
    below = queries.people_below(client.id, now)
    return render(
        "referrals/office/move.html",
        block="form",
        status=form.status,
        f=form,
        client=client,
        path=_path_to(client.id),
        below_total=sum(below.values()),
        next_day=service.moment_of("next_settlement_day", now),
    )
