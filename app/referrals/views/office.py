"""The partner tree in the office: opened level by level as of any instant, and searched."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.clients.rules import ClientStatus
from app.core.http import is_partial, redirect_to, render, requires
from app.kit import clock
from app.referrals import membership, permissions, queries
from app.referrals.queries import LEVEL_SIZE
from app.referrals.views.nodes import level_nodes, open_path
from app.referrals.views.reading import read_id, read_instant, read_level

bp = Blueprint("referrals_office", __name__, url_prefix="/tree")
STEPS_SHOWN = 50


@bp.get("/")
@requires(permissions.TREE_READ)
def tree() -> ResponseReturnValue:
    """The tops of the tree; or what a search found; or the path down to one of those."""
    search = request.args.get("q", "").strip()
    at, at_text = read_instant(may_be_later=True)
    opened = read_id("open")
    found = clients.search_clients(search) if search else []
    path = open_path(clients.get(opened).id, at) if opened is not None and not search else None
    roots = [] if search or path else queries.roots(at, after=_after_number(), limit=LEVEL_SIZE + 1)
    return render(
        "referrals/office/tree.html",
        block="list",
        search=search,
        at=at,
        at_text=at_text,
        found=[(client, path_to(client.id, at)) for client in found],
        path=path,
        nodes=level_nodes(roots[:LEVEL_SIZE]),
        more_after=roots[LEVEL_SIZE - 1].number if len(roots) > LEVEL_SIZE else None,
        statuses=ClientStatus,
        waiting=queries.waiting_reattributions(),
        applications=membership.waiting_count(),
    )


def _after_number() -> int | None:
    text = request.args.get("after", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def path_to(client_id: UUID, at: datetime | None = None) -> list[tuple[UUID, str, int]]:
    """The uplines of a client as of an instant (now without), the topmost first: (id, name, number)."""
    steps = queries.path_at(client_id, at or clock.business_now())[:STEPS_SHOWN]
    names = clients.names_of(step.partner_id for step in steps)
    return [(step.partner_id, *names[step.partner_id]) for step in reversed(steps)]


@bp.get("/<uuid:client_id>")
@requires(permissions.TREE_READ)
def branch(client_id: UUID) -> ResponseReturnValue:
    client = clients.get(client_id)
    at, at_text = read_instant(may_be_later=True)
    level = queries.children(client_id, at, after=read_id("after"), limit=LEVEL_SIZE + 1)
    links = queries.links_of(client_id)
    names = clients.names_of(link.parent_id for link in links)
    return render(
        "referrals/office/branch.html",
        client=client,
        at=at,
        at_text=at_text,
        path=path_to(client_id, at),
        direct=queries.direct_count(client_id, at),
        nodes=level_nodes(level[:LEVEL_SIZE]),
        more_after=level[LEVEL_SIZE - 1].client_id if len(level) > LEVEL_SIZE else None,
        links=[(link, *names[link.parent_id]) for link in links],
        statuses=ClientStatus,
        now=clock.business_now(),
        membership=membership.of_client(client_id),
        is_member=membership.is_member(client_id),
    )


@bp.get("/<uuid:client_id>/below")
@requires(permissions.TREE_READ)
def below(client_id: UUID) -> ResponseReturnValue:
    """How many people stand below, by distance: asked for apart, because counting them all takes its time."""
    client = clients.get(client_id)
    at, at_text = read_instant(may_be_later=True)
    people = queries.people_below(client_id, at)
    return render(
        "referrals/office/below.html",
        block="below",
        client=client,
        at_text=at_text,
        below=people,
        below_total=sum(people.values()),
    )


@bp.get("/<uuid:client_id>/children")
@requires(permissions.TREE_READ)
def children(client_id: UUID) -> ResponseReturnValue:
    """The next level as rows, for the tree that is open. As a page of its own it is the page of that branch."""
    clients.get(client_id)
    at, at_text = read_instant(may_be_later=True)
    after = read_id("after")
    if not is_partial():
        return redirect_to(url_for(".branch", client_id=client_id, after=after, at=at_text or None))
    level = read_level()
    rows = queries.children(client_id, at, after=after, limit=LEVEL_SIZE + 1)
    return render(
        "referrals/office/_level.html",
        nodes=level_nodes(rows[:LEVEL_SIZE], level),
        more_after=rows[LEVEL_SIZE - 1].client_id if len(rows) > LEVEL_SIZE else None,
        parent_id=client_id,
        level=level,
        at_text=at_text,
        statuses=ClientStatus,
    )
