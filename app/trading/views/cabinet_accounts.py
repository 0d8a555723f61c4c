"""What clients do to one account of theirs besides trading: name it, and close it when it is empty."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.forms import Form, once_key
from app.core.http import close_dialog, redirect_to, render, requires, toast, unrestricted
from app.kit.text import Message, _l
from app.trading import forms, permissions, service
from app.trading.models import OperationState
from app.trading.queries.accounts import AccountView
from app.trading.service import account_changes, archiving
from app.trading.views.cabinet import own_account
from app.trading.views.shared import wait_for

bp = Blueprint("trading_cabinet_acts", __name__)


@bp.route("/accounts/<uuid:account_id>/name", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_OWN)
@unrestricted("A name is the client's own note; it changes nothing on the platform.")
def name(account_id: UUID) -> ResponseReturnValue:
    view = own_account(account_id)
    form = forms.NameForm(nickname=view.account.nickname)
    if form.sent():
        act = form.attempt(lambda: account_changes.rename(account_id, form.nickname.data or "", by=current_actor()))
        if act is not None:
            toast(_l("The name is saved."))
            return close_dialog(_account_url(account_id), "accounts-changed")
    return _page(view, form, [form.nickname], _l("Name of the account"), _l("Save"))


@bp.route("/accounts/<uuid:account_id>/archive", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_OWN)
@unrestricted("Putting away an empty account takes nothing that a lock protects; staff can bring it back.")
def archive(account_id: UUID) -> ResponseReturnValue:
    view = own_account(account_id)
    form = forms.CloseForm()
    if form.sent():
        asked = form.attempt(lambda: archiving.archive(account_id, key=once_key(), by=current_actor()))
        if asked is not None:
            operation = wait_for(asked)
            if operation.state is not OperationState.REFUSED:
                if operation.state.is_done:
                    toast(_l("The account is closed. You find it under Archived."))
                else:
                    toast(_l("The platform has not answered yet. This page changes when it does."), "info")
                return redirect_to(url_for("trading_cabinet.accounts"))
            form.refusal, form.status = service.refusal_message(operation), 409
    explanation = _l(
        "You cannot trade on a closed account or sign in to it. It must hold no money and no positions. Support can"
        " open it again."
    )
    return _page(view, form, [], _l("Close this account"), _l("Close the account"), explanation, variant="danger")


def _account_url(account_id: UUID) -> str:
    return url_for("trading_cabinet.account", account_id=account_id)


def _page(
    view: AccountView,
    form: Form,
    fields: list[Any],
    title: Message,
    submit: Message,
    explanation: Message | None = None,
    variant: str = "primary",
) -> Response:
    return render(
        "trading/cabinet/act.html",
        block="dialog",
        status=form.status,
        account=view.account,
        account_url=_account_url(view.account.id),
        act_url=request.path,
        f=form,
        fields=fields,
        title=title,
        submit=submit,
        explanation=explanation,
        variant=variant,
    )
