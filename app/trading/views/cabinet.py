"""A client's own trading accounts: the list, opening one, and everything about one."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.db import tenant_id
from app.core.errors import NotFound
from app.core.forms import once_key
from app.core.http import is_partial, redirect_to, render, requires, restricted, toast, unrestricted
from app.kit.text import _l
from app.restrictions import service as restrictions
from app.trading import forms, permissions, service, wire
from app.trading.models import AccountType, OperationState, PlatformOperation
from app.trading.offers.rules import default_of
from app.trading.platforms.base import PasswordKind
from app.trading.platforms.kinds import capabilities_of
from app.trading.queries import accounts as queries
from app.trading.queries import platforms
from app.trading.queries.accounts import AccountView
from app.trading.service import offers
from app.trading.views.rights import Right, rights_of
from app.trading.views.shared import (
    account_context,
    asked_block,
    in_readers_language,
    tell_freshness_of,
    wait_for,
)

bp = Blueprint("trading_cabinet", __name__)

BLOCKS = ("account", "positions", "history", "details", "leverage_card", "password_card")
STATES = ("real", "demo", "archived")


def me() -> UUID:
    """The signed-in client. Raises NotFound for a login that is no client."""
    client_id = current_actor().client_id
    if client_id is None:
        raise NotFound
    return client_id


def own_account(account_id: UUID) -> AccountView:
    """One of the signed-in client's accounts. Raises NotFound for anybody else's."""
    return queries.account_view(account_id, me())


@bp.get("/accounts")
@requires(permissions.ACCOUNT_OWN)
def accounts() -> ResponseReturnValue:
    views = queries.accounts_of(me())
    tell_freshness_of({view.platform.id for view in views if view.account.is_active})
    groups = {
        "real": [view for view in views if not view.account.is_demo and view.account.status != "archived"],
        "demo": [view for view in views if view.account.is_demo and view.account.status != "archived"],
        "archived": [view for view in views if view.account.status == "archived"],
    }
    chosen = request.args.get("show", "real")
    chosen = chosen if chosen in STATES else "real"
    wire.watch(tenant_id(), [me()])
    return render(
        "trading/cabinet/accounts.html",
        block="accounts",
        views=groups[chosen],
        counts={name: len(found) for name, found in groups.items()},
        chosen=chosen,
        text_of=in_readers_language,
    )


@bp.route("/accounts/new", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_OWN)
@unrestricted("The service asks for live or demo accounts, by the type that is chosen.")
def open_account() -> ResponseReturnValue:
    kinds = offers.account_types(me())
    code = request.form.get("account_type") or request.args.get("type", "")
    kind = next((one for one in kinds if one.code == code), None)
    if kind is None:
        return render(
            "trading/cabinet/account_types.html",
            kinds=kinds,
            leverages={kind.code: offers.leverages(kind, me()) for kind in kinds},
            text_of=in_readers_language,
            is_live_locked=restrictions.is_locked(permissions.OPEN_LIVE, me()),
            is_demo_locked=restrictions.is_locked(permissions.OPEN_DEMO, me()),
        )
    leverages = offers.leverages(kind, me())
    first = default_of(leverages, kind.default_leverage)
    form = forms.OpenAccountForm(account_type=kind.code, leverage=str(first or ""))
    form.offer(kind, leverages)
    if form.sent():
        answer = _open(form, kind)
        if answer is not None:
            return answer
    platform = platforms.platform(kind.platform_id)
    return render(
        "trading/cabinet/open_account.html",
        status=form.status,
        f=form,
        kind=kind,
        leverages=leverages,
        platform=platform,
        can=capabilities_of(platform.kind, platform.settings),
        text_of=in_readers_language,
    )


def _open(form: forms.OpenAccountForm, kind: AccountType) -> Response | None:
    requested = form.attempt(
        lambda: service.open_account(
            me(),
            kind.code,
            form.currency.data,
            int(form.leverage.data),
            key=once_key(),
            by=current_actor(),
            main_password=form.main_password.data or "",
            investor_password=form.investor_password.data or "",
            nickname=form.nickname.data or "",
        )
    )
    if requested is None:
        return None
    operation = wait_for(requested)
    if operation.state is OperationState.REFUSED:
        form.refusal, form.status = service.refusal_message(operation), 409
        return None
    response = render(
        "trading/cabinet/account_opened.html",
        operation=operation,
        passwords=requested.passwords,
        **account_context(own_account(operation.account_id)),
    )
    response.headers["Cache-Control"] = "no-store"  # It shows the passwords, this once.
    return response


@bp.get("/accounts/<uuid:account_id>")
@requires(permissions.ACCOUNT_OWN)
def account(account_id: UUID) -> ResponseReturnValue:
    return _account_page(own_account(account_id))


def _account_page(
    view: AccountView,
    *,
    block: str = "",
    leverage_form: forms.LeverageForm | None = None,
    password_form: forms.PlatformPasswordForm | None = None,
    operation: PlatformOperation | None = None,
    shown_password: str = "",
) -> Response:
    if leverage_form is None:
        leverage_form = forms.LeverageForm(formdata=None, leverage=str(view.account.leverage))
        leverage_form.offer(offers.leverages_of(view.account, view.kind))
    password_form = password_form or forms.PlatformPasswordForm(formdata=None)
    block = block or asked_block(*BLOCKS)
    wire.watch(tenant_id(), [view.account.client_id])
    status = max(leverage_form.status, password_form.status)
    return render(
        "trading/cabinet/account.html",
        block=block,
        status=status,
        leverage_form=leverage_form,
        password_form=password_form,
        operation=operation,
        shown_password=shown_password,
        refusal_message=service.refusal_message,
        taken=_taken_from(view) if not is_partial() or block in ("account", "details") else (),
        **account_context(view, block),
    )


def _taken_from(view: AccountView) -> list[Right]:
    """The rights that the account does not have on the platform."""
    return [right for right in rights_of(view.account) if not right.is_given] if view.account.is_active else []


@bp.post("/accounts/<uuid:account_id>/leverage")
@requires(permissions.ACCOUNT_OWN)
@restricted(permissions.LEVERAGE)
def change_leverage(account_id: UUID) -> ResponseReturnValue:
    view = own_account(account_id)
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
            _say(operation, form, _l("The leverage is now 1:%(leverage)s.", leverage=operation.payload["leverage"]))
    if form.status == 200 and not is_partial():
        return redirect_to(url_for(".account", account_id=account_id))
    return _account_page(view, block="leverage_card", leverage_form=form, operation=operation)


@bp.post("/accounts/<uuid:account_id>/password")
@requires(permissions.ACCOUNT_OWN)
@restricted(permissions.PLATFORM_SECRET)
def change_password(account_id: UUID) -> ResponseReturnValue:
    view = own_account(account_id)
    form = forms.PlatformPasswordForm()
    operation, shown = None, ""
    if form.sent():
        which = PasswordKind(form.which.data)
        requested = form.attempt(
            lambda: service.change_password(
                view.account.id, which, form.password.data or "", key=once_key(), by=current_actor()
            )
        )
        if requested is not None:
            operation = wait_for(requested)
            _say(operation, form, _l("The password is changed."))
            shown = requested.passwords.get(which.value, "") if operation.state is not OperationState.REFUSED else ""
    response = _account_page(
        own_account(account_id), block="password_card", password_form=form, operation=operation, shown_password=shown
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _say(operation: PlatformOperation, form: forms.LeverageForm | forms.PlatformPasswordForm, done: object) -> None:
    """Tell what the platform answered: in a message when it is done, on the form when it refused."""
    if operation.state.is_done:
        toast(done)  # type: ignore[arg-type]  # A kit.text message.
    elif operation.state is OperationState.REFUSED:
        form.refusal, form.status = service.refusal_message(operation), 409
    else:
        toast(_l("The platform has not answered yet. This page changes when it does."), "info")
