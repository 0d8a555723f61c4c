"""A partner's own network: opened level by level as of any instant, searched, and counted when asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.clients.rules import ClientStatus
from app.core.errors import NotFound
from app.core.http import is_partial, requires
from app.partners import permissions, queries
from app.partners.portal import people
from app.partners.portal.person import me
from app.partners.portal.queries import ACTIVE_DAYS
from app.referrals import masking
from app.referrals import queries as tree
from app.referrals.queries import LEVEL_SIZE, Branch
from app.referrals.views.nodes import Node, level_nodes, open_path
from app.referrals.views.reading import read_id, read_instant, read_level

Render = Callable[..., Response]
CANDIDATES_MAX, FOUND_MAX = 200, 20


def add_network_views(bp: Blueprint, page: Render) -> None:
    """Hang the pages of the network into a partner's pages."""

    @bp.get("/network")
    @requires(permissions.PARTNER_PORTAL)
    def network() -> ResponseReturnValue:
        """One's own level; or what a search found below oneself; or the path down to one of those."""
        at, at_text = read_instant()
        search, opened = request.args.get("q", "").strip(), read_id("open")
        if search:
            found = _found(search, me(), at)
            return page("network.html", block="list", search=search, found=found, **_shown([], at, at_text))
        if opened is not None:
            path = open_path(opened, at, top_id=me())
            if path is None:
                raise NotFound
            shown = _shown(path.nodes, at, at_text)
            return page("network.html", block="list", left_out=path.left_out, is_path=True, **shown)
        return page("network.html", block="list", **_level(me(), at, at_text, 1))

    @bp.get("/network/<uuid:client_id>")
    @requires(permissions.PARTNER_PORTAL)
    def network_level(client_id: UUID) -> ResponseReturnValue:
        """The next level, of somebody below oneself: as rows of the tree that is open, or as a page of its own. Others
        do not exist here."""
        at, at_text = read_instant()
        name = _name_of_mine(client_id, at)
        if not is_partial():
            return page("network.html", name=name, **_level(client_id, at, at_text, 1))
        level = read_level()
        return page("_level.html", level=level, **_level(client_id, at, at_text, level))

    @bp.get("/network/<uuid:client_id>/below")
    @requires(permissions.PARTNER_PORTAL)
    def network_below(client_id: UUID) -> ResponseReturnValue:
        """How many people stand below, by level: asked for apart, because counting them all takes its time."""
        at, at_text = read_instant()
        name = _name_of_mine(client_id, at)
        people = tree.people_below(client_id, at)
        return page(
            "network_below.html",
            block="below",
            name=name,
            parent_id=client_id,
            at_text=at_text,
            below=people,
            below_total=sum(people.values()),
        )


def _name_of_mine(client_id: UUID, at: datetime) -> str:
    """The shown name of somebody below oneself, "" for oneself. Raises NotFound for everybody else."""
    if client_id == me():
        return ""
    if not tree.those_below([client_id], me(), at):
        raise NotFound
    name, _number = clients.names_of([client_id])[client_id]
    return masking.shown_name(name)


def _level(parent_id: UUID, at: datetime, at_text: str, level: int) -> dict[str, Any]:
    rows = tree.children(parent_id, at, after=read_id("after"), limit=LEVEL_SIZE + 1)
    more = rows[LEVEL_SIZE - 1].client_id if len(rows) > LEVEL_SIZE else None
    nodes = level_nodes(rows[:LEVEL_SIZE], level)
    return _shown(nodes, at, at_text) | {"parent_id": parent_id, "more_after": more}


def _shown(nodes: Sequence[Node], at: datetime, at_text: str) -> dict[str, Any]:
    """What every page of the network shows: rows with masked names, and amounts per lot."""
    masked = [replace(node, branch=_masked(node.branch)) for node in nodes]
    return {
        "nodes": masked,
        "at": at,
        "at_text": at_text,
        "statuses": ClientStatus,
        "god_rates": queries.god_rates([node.branch.client_id for node in masked], at),
        "totals": people.totals_of(me(), [node.branch.client_id for node in masked]) if not at_text else {},
        "nothing_traded": people.NOTHING,
        "active_days": ACTIVE_DAYS,
        "currency": queries.currency(),
        "my_id": me(),
    }


def _masked(branch: Branch) -> Branch:
    return replace(branch, name=masking.shown_name(branch.name), country=masking.shown_country(branch.country))


def _found(search: str, partner_id: UUID, at: datetime) -> list[Branch]:
    """Those below a partner whose shown name or number has the text in it.

    What the brand hides is not searched: a name that is cut to an initial cannot be guessed letter by letter.
    """
    candidates = clients.search(search.removeprefix("#"), limit=CANDIDATES_MAX)
    mine = set(tree.those_below(candidates, partner_id, at))
    rows = tree.branches([one for one in candidates if one in mine], at)
    word = search.removeprefix("#").casefold()
    shown = [_masked(rows[one]) for one in candidates if one in rows]
    return [row for row in shown if word in row.name.casefold() or str(row.number).startswith(word)][:FOUND_MAX]
