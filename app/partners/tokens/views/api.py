"""A partner's own data for the partner's own programs: reading alone, JSON alone, one's own alone.

Amounts are texts with every digit, instants are ISO 8601 in UTC. What a client is called follows the brand's rule for
partners, as on every page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.http import requires
from app.kit import clock
from app.partners import labels, permissions, queries
from app.partners.models import CommissionBatch, CommissionStatement
from app.partners.portal.person import me
from app.partners.queries import Earning, EarningFilter
from app.partners.rebates import queries as sharing
from app.partners.views.portal import read_day, read_filter
from app.referrals import queries as tree
from app.ui.lists import PageRequest

bp = Blueprint("partners_api", __name__, url_prefix="/api/v1")


@bp.get("/")
@requires(permissions.API_READ)
def index() -> ResponseReturnValue:
    """Who asks, and where to ask on."""
    name, number = clients.names_of([me()])[me()]
    return _answer(
        {
            "partner": {"number": number, "name": name},
            "currency": queries.currency(),
            "links": {
                "balances": url_for(".balances"),
                "earnings": url_for(".earnings"),
                "clients": url_for(".own_clients"),
                "statements": url_for(".statements"),
            },
        }
    )


@bp.get("/balances")
@requires(permissions.API_READ)
def balances() -> ResponseReturnValue:
    return _answer(
        {
            "data": [
                {
                    "currency": one.currency,
                    "under_audit": f"{one.under_audit.amount:f}",
                    "redeemable": f"{one.redeemable.amount:f}",
                }
                for one in queries.balances(me())
            ],
            "releases": [
                {"at": at.isoformat(), "amount": f"{money.amount:f}", "currency": money.currency}
                for at, money in queries.releases(me())
            ],
        }
    )


@bp.get("/earnings")
@requires(permissions.API_READ)
def earnings() -> ResponseReturnValue:
    """Lines, shares and reasons, the newest trade first; narrowed as on the page of the portal."""
    asked = PageRequest.read(request.args)
    rows, total = queries.earnings(me(), read_filter(), limit=asked.size, offset=asked.offset)
    return _page([_earning(row) for row in rows], asked, total)


@bp.get("/clients")
@requires(permissions.API_READ)
def own_clients() -> ResponseReturnValue:
    """Whom the partner brought in directly."""
    asked = PageRequest.read(request.args)
    rows = sharing.own_clients(me(), limit=asked.size, offset=asked.offset)
    data = [
        {"number": row.number, "name": labels.masked(row.name), "status": row.status, "brought_in": row.people}
        for row in rows
    ]
    return _page(data, asked, tree.direct_count(me(), clock.business_now()))


@bp.get("/statements")
@requires(permissions.API_READ)
def statements() -> ResponseReturnValue:
    asked = PageRequest.read(request.args)
    rows, total = queries.statements(me(), limit=asked.size, offset=asked.offset)
    return _page([_statement(row) for row in rows], asked, total)


@bp.get("/statements/<day>")
@requires(permissions.API_READ)
def statement(day: str) -> ResponseReturnValue:
    """One day: its totals, what was posted of each kind, and a page of the lines that give them."""
    of_day, asked = read_day(day), PageRequest.read(request.args)
    found = queries.statement(me(), of_day)
    wanted = EarningFilter(day_from=of_day, day_to=of_day)
    rows, total = queries.earnings(me(), wanted, limit=asked.size, offset=asked.offset)
    posted = [_batch(batch) for batch in queries.batches_of(me(), of_day)]
    return _page([_earning(row) for row in rows], asked, total, statement=_statement(found), posted=posted)


def _page(data: Sequence[dict[str, Any]], asked: PageRequest, total: int, **more: Any) -> Response:
    return _answer({**more, "data": data, "page": asked.number, "size": asked.size, "total": total})


def _answer(document: dict[str, Any]) -> Response:
    response = jsonify(document)
    response.headers["Cache-Control"] = "no-store"
    return response


def _earning(row: Earning) -> dict[str, Any]:
    return {
        "trade": row.trade_id,
        "revision": row.revision,
        "kind": row.track,
        "component": row.component,
        "settled_for": row.business_date.isoformat(),
        "closed_at": row.closed_at.isoformat(),
        "symbol": row.symbol,
        "lots": f"{row.lots:f}",
        "client": {"number": row.client_number, "name": labels.masked(row.client_name)},
        "distance": row.distance,
        "level": row.level,
        "rate": f"{row.rate:f}",
        "amount": f"{row.amount:f}",
        "cap": row.cap,
        "state": row.state,
        "reason": row.reason,
        "due_at": row.due_at.isoformat() if row.due_at is not None else None,
    }


def _statement(row: CommissionStatement) -> dict[str, Any]:
    return {
        "day": row.business_date.isoformat(),
        "currency": row.currency,
        "lines": row.line_count,
        "reasons": row.reason_count,
        "sum": f"{row.lines:f}",
        "held": f"{row.held:f}",
        "carry_in": f"{row.carry_in:f}",
        "carry_out": f"{row.carry_out:f}",
        "posted": f"{row.posted.amount:f}",
    }


def _batch(row: CommissionBatch) -> dict[str, Any]:
    return {
        "kind": row.track,
        "purpose": row.purpose,
        "lines": row.line_count,
        "sum": f"{row.lines:f}",
        "carry_in": f"{row.carry_in:f}",
        "carry_out": f"{row.carry_out:f}",
        "posted": f"{row.posted.amount:f}",
        "state": row.status.value,
        "due_at": row.due_at.isoformat(),
    }
