"""Staff's pages: one account of a client, and the state of the platforms with what waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue

from app.audit import service as audit
from app.clients import queries as clients
from app.core import features
from app.core.actor import current_actor
from app.core.db import tenant_id
from app.core.forms import once_key
from app.core.http import is_partial, redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import _l
from app.trading import forms, permissions, service, wire
from app.trading.access import queries as access_queries
from app.trading.models import OperationState, PlatformOperation
from app.trading.queries import accounts as queries
from app.trading.queries import platforms
from app.trading.queries.accounts import AccountView
from app.trading.service import connections, offers
from app.trading.sync_health import queries as health
from app.trading.sync_health import words
from app.trading.views.rights import rights_context
from app.trading.views.shared import account_context, asked_block, listen_to, wait_for

bp = Blueprint("trading_office", __name__)

BLOCKS = ("account", "positions", "history", "settings", "leverage_card")
STAFF = "Staff act under their own permission; the act is recorded."


@bp.get("/accounts/<uuid:account_id>")
@requires(permissions.ACCOUNT_READ)
def account(account_id: UUID) -> ResponseReturnValue:
    return _account_page(queries.account_view(account_id))


def _account_page(
    view: AccountView,
    *,
    block: str = "",
    form: forms.LeverageForm | None = None,
    operation: PlatformOperation | None = None,
) -> Response:
    if form is None:
        form = forms.LeverageForm(formdata=None, leverage=str(view.account.leverage))
        form.offer(offers.leverages_of(view.account, view.kind))
    client_id = view.account.client_id
    block = block or asked_block(*BLOCKS)
    wire.watch(tenant_id(), [client_id])
    listen_to(client_id)
    return render(
        "trading/office/account.html",
        block=block,
        status=form.status,
        leverage_form=form,
        operation=operation,
        client=clients.get(client_id),
        may_change=current_actor().may(permissions.LEVERAGE_CHANGE),
        may_manage=current_actor().may(permissions.ACCOUNT_MANAGE),
        may_credit=current_actor().may(permissions.CREDIT),
        may_archive=current_actor().may(permissions.ACCOUNT_ARCHIVE),
        refusal_message=service.refusal_message,
        extras=_extras(view.account.id),
        **rights_context(view.account, block),
        **account_context(view, block),
    )


def _extras(account_id: UUID) -> list[tuple[str, Mapping[str, Any]]]:
    """What features above say of an account: the fragment of each, and what it has found."""
    shown = [panel for panel in features.panels("office", "account") if current_actor().may(panel.permission)]
    return [(panel.template, panel.load(account_id)) for panel in shown]


@bp.post("/accounts/<uuid:account_id>/leverage")
@requires(permissions.LEVERAGE_CHANGE)
@unrestricted(STAFF)
def change_leverage(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    form = forms.LeverageForm()
    form.offer(offers.leverages_of(view.account, view.kind))
    operation = None
    if form.sent():
        requested = form.attempt(
            lambda: service.change_leverage(
                account_id,
                int(form.leverage.data),
                key=once_key(),
                by=current_actor(),
                accepted=bool(form.accepted.data),
            )
        )
        if requested is not None:
            operation = wait_for(requested)
            if operation.state.is_done:
                toast(_l("The leverage is now 1:%(leverage)s.", leverage=operation.payload["leverage"]))
            elif operation.state is OperationState.REFUSED:
                form.refusal, form.status = service.refusal_message(operation), 409
    if form.status == 200 and not is_partial():
        return redirect_to(url_for(".account", account_id=account_id))
    return _account_page(queries.account_view(account_id), block="leverage_card", form=form, operation=operation)


@bp.get("/platforms")
@requires(permissions.PLATFORM_READ)
def platform_list() -> ResponseReturnValue:
    now = clock.now()
    rows = [
        {
            "platform": row,
            "status": (status := platforms.status(row.id)),
            "unattended": words.unattended(status, now),
            "backlog": platforms.backlog(row.id),
            "differences": platforms.open_differences(row.id),
            "troubles": [(words.advice(each.trouble), words.work(each.source)) for each in health.troubles(row.id)],
        }
        for row in platforms.platforms()
    ]
    return render(
        "trading/office/platforms.html",
        block="platforms",
        late_rights=access_queries.unapplied(clock.now()),
        refusal_message=service.refusal_message,
        rows=rows,
        waiting=platforms.waiting_for_a_person(),
        may_decide=current_actor().may(permissions.MATTER_READ),
        now=now,
        silence=connections.BRIDGE_SILENCE,
    )


@bp.post("/platforms/<uuid:platform_id>/catch-up")
@requires(permissions.PLATFORM_READ)
@unrestricted(STAFF)
def catch_up(platform_id: UUID) -> ResponseReturnValue:
    platform = platforms.platform(platform_id)
    connections.want_catch_up(platform.id)
    audit.record("trading.platform.catch_up", platform, by=current_actor())
    toast(_l("The deals are being read again."), "info")
    return redirect_to(url_for(".platform_list"))
