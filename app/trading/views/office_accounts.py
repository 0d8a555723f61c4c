"""What staff do to one account. Each act is a small page of its own, which the account's page opens as a dialog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.forms import Form, amount_of, once_key
from app.core.http import close_dialog, redirect_to, render, requires, toast, unrestricted
from app.kit.text import Message, _l
from app.trading import forms, permissions, service
from app.trading.access.rules import RIGHTS
from app.trading.models import OperationState
from app.trading.platforms.base import PasswordKind
from app.trading.queries import accounts as queries
from app.trading.queries import operations as operation_queries
from app.trading.queries.accounts import AccountView
from app.trading.service import Requested, account_changes, archiving, credit, offers, trading_locks
from app.trading.views.shared import in_readers_language, wait_for

bp = Blueprint("trading_office_accounts", __name__)

STAFF = "Staff act under their own permission; the act is recorded."
_NOTHING_TO_SEND: Final = object()
_PENDING = _l("The platform has not answered yet. This page changes when it does.")


@bp.route("/accounts/<uuid:account_id>/group", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_MANAGE)
@unrestricted(STAFF)
def group(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    form = forms.GroupForm(group=view.account.group_name)
    form.offer(offers.groups_for(view.account, view.platform))
    if form.sent():
        done = _ask(
            view,
            form,
            lambda: account_changes.change_group(
                account_id, form.group.data, reason=form.reason.data or "", key=once_key(), by=current_actor()
            ),
            _l("The account is in its new group."),
        )
        if done is not None:
            return done
    explanation = _l("The terms of the group hold from then on. The platform refuses while positions are open.")
    return _page(view, form, _l("Move to another group"), _l("Move"), explanation)


@bp.route("/accounts/<uuid:account_id>/type", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_MANAGE)
@unrestricted(STAFF)
def account_type(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    offered = [
        (kind.code, in_readers_language(kind.label))
        for kind in offers.account_types(view.account.client_id)
        if account_changes.may_become(view.account, kind)
    ]
    form = forms.TypeForm(account_type=view.kind.code)
    form.offer(offered)
    if form.sent():
        done = _ask(
            view,
            form,
            lambda: account_changes.change_type(
                account_id, form.account_type.data, reason=form.reason.data or "", key=once_key(), by=current_actor()
            ),
            _l("The account is of its new type."),
        )
        if done is not None:
            return done
    explanation = _l("The account moves to the group of that type. Its currency and leverage stay.")
    return _page(view, form, _l("Change the account type"), _l("Change"), explanation)


@bp.route("/accounts/<uuid:account_id>/rights", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_MANAGE)
@unrestricted(STAFF)
def rights(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    account = view.account
    form = forms.RightsForm(**{function: function not in account.withheld for function in RIGHTS})
    known = set(trading_locks.known_functions(account))
    if form.sent():
        unseen = account.withheld.keys() - known
        done = _ask(
            view,
            form,
            lambda: account_changes.withhold_rights(
                account_id,
                {*(function for function in form.withheld() if function in known), *unseen},
                reason=form.reason.data or "",
                key=once_key(),
                by=current_actor(),
            ),
            _l("The rights are as you wanted."),
        )
        if done is not None:
            return done
    fields = [form[function] for function in RIGHTS if function in known]
    locked = trading_locks.locked_functions(account.client_id)
    return _page(
        view,
        form,
        _l("Rights of this account"),
        _l("Save"),
        _l("Locks of the client come on top: what they take away stays away, whatever stands here."),
        fields=[*fields, form.reason],
        locked=[form[function].label.text for function in RIGHTS if function in known & locked],
    )


@bp.route("/accounts/<uuid:account_id>/credit", methods=["GET", "POST"])
@requires(permissions.CREDIT)
@unrestricted(STAFF)
def move_credit(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    form = forms.CreditForm()
    if form.sent():
        done = _ask(
            view,
            form,
            lambda: credit.move_credit(
                account_id,
                amount_of(form.amount, view.account.currency),
                is_taken=form.direction.data == "take",
                reason=form.reason.data or "",
                key=once_key(),
                by=current_actor(),
            ),
            _l("The credit is changed."),
        )
        if done is not None:
            return done
    explanation = _l("Credit trades and cannot be withdrawn. From a certain amount a second person must agree.")
    return _page(view, form, _l("Credit"), _l("Go on"), explanation)


@bp.post("/accounts/operations/<uuid:operation_id>/approve")
@requires(permissions.CREDIT)
@unrestricted(STAFF)
def approve(operation_id: UUID) -> ResponseReturnValue:
    operation = wait_for(credit.approve(operation_id, by=current_actor()))
    if operation.state.is_done:
        toast(_l("The credit is changed."))
    elif operation.state is OperationState.REFUSED:
        toast(service.refusal_message(operation), "danger")
    else:
        toast(_PENDING, "info")
    return redirect_to(_account_url(operation.account_id))


@bp.route("/accounts/operations/<uuid:operation_id>/decline", methods=["GET", "POST"])
@requires(permissions.CREDIT)
@unrestricted(STAFF)
def decline(operation_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(operation_queries.find(operation_id).account_id)
    form = forms.ReasonForm()
    if form.sent():
        act = form.attempt(lambda: credit.decline(operation_id, reason=form.reason.data or "", by=current_actor()))
        if act is not None:
            toast(_l("It is declined. Nothing was changed on the platform."))
            return close_dialog(_account_url(view.account.id), "accounts-changed")
    return _page(view, form, _l("Decline the credit"), _l("Decline"), variant="danger")


@bp.route("/accounts/<uuid:account_id>/password", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_MANAGE)
@unrestricted(STAFF)
def password(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    form = forms.ResetPasswordForm()
    shown, pending = "", False
    if form.sent():
        which = PasswordKind(form.which.data)
        requested = form.attempt(
            lambda: service.change_password(
                account_id, which, "", key=once_key(), by=current_actor(), reason=form.reason.data or ""
            )
        )
        if requested is not None:
            operation = wait_for(requested)
            if operation.state is OperationState.REFUSED:
                form.refusal, form.status = service.refusal_message(operation), 409
            else:
                shown, pending = requested.passwords.get(which.value, ""), not operation.state.is_done
    explanation = _l("We make a new password and show it here once. The old one does not work any more.")
    response = _page(
        view, form, _l("Reset a password"), _l("Reset"), explanation, shown_password=shown, is_pending=pending
    )
    response.headers["Cache-Control"] = "no-store"  # It may show a password, this once.
    return response


@bp.route("/accounts/<uuid:account_id>/archive", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_ARCHIVE)
@unrestricted(STAFF)
def archive(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    form = forms.ReasonForm()
    if form.sent():
        done = _ask(
            view,
            form,
            lambda: archiving.archive(account_id, key=once_key(), by=current_actor(), reason=form.reason.data or ""),
            _l("The account is archived."),
        )
        if done is not None:
            return done
    explanation = _l("Nobody can sign in or trade until it is restored. It must hold no money and no positions.")
    return _page(view, form, _l("Archive the account"), _l("Archive"), explanation, variant="danger")


@bp.route("/accounts/<uuid:account_id>/restore", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_ARCHIVE)
@unrestricted(STAFF)
def restore(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    form = forms.ReasonForm()
    if form.sent():
        done = _ask(
            view,
            form,
            lambda: archiving.restore(account_id, key=once_key(), by=current_actor(), reason=form.reason.data or ""),
            _l("The account is back."),
        )
        if done is not None:
            return done
    explanation = _l("Locks of the client are applied to it at once.")
    return _page(view, form, _l("Restore the account"), _l("Restore"), explanation)


@bp.route("/accounts/<uuid:account_id>/name", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_MANAGE)
@unrestricted(STAFF)
def name(account_id: UUID) -> ResponseReturnValue:
    view = queries.account_view(account_id)
    form = forms.NameForm(nickname=view.account.nickname)
    if form.sent():
        act = form.attempt(lambda: account_changes.rename(account_id, form.nickname.data or "", by=current_actor()))
        if act is not None:
            toast(_l("The name is saved."))
            return close_dialog(_account_url(account_id), "accounts-changed")
    return _page(view, form, _l("Name of the account"), _l("Save"), _l("The client sees it too."))


@bp.post("/accounts/<uuid:account_id>/refresh")
@requires(permissions.ACCOUNT_READ)
@unrestricted(STAFF)
def refresh(account_id: UUID) -> ResponseReturnValue:
    account_changes.refresh(account_id, by=current_actor())
    toast(_l("The account is being read from the platform."), "info")
    return redirect_to(_account_url(account_id))


def _ask(view: AccountView, form: Form, act: Callable[[], Requested | None], done: Message) -> Response | None:
    """Ask the platform and close the dialog with what it said. None when the form is to be shown again.

    An act that answers None found the platform as wanted.
    """
    asked = form.attempt(lambda: act() or _NOTHING_TO_SEND)
    if asked is None:
        return None
    if not isinstance(asked, Requested):
        toast(done)
    elif asked.operation.state is OperationState.PROPOSED:
        toast(_l("A second person must agree before it is sent."), "info")
    else:
        operation = wait_for(asked)
        if operation.state is OperationState.REFUSED:
            form.refusal, form.status = service.refusal_message(operation), 409
            return None
        toast(*((done, "success") if operation.state.is_done else (_PENDING, "info")))
    return close_dialog(_account_url(view.account.id), "accounts-changed")


def _account_url(account_id: UUID) -> str:
    return url_for("trading_office.account", account_id=account_id)


def _page(
    view: AccountView,
    form: Form,
    title: Message,
    submit: Message,
    explanation: Message | None = None,
    *,
    variant: str = "primary",
    fields: Sequence[Any] | None = None,
    **more: Any,
) -> Response:
    own = [field for field in form if field.name not in ("csrf_token",)]
    return render(
        "trading/office/act.html",
        block="dialog",
        status=form.status,
        account=view.account,
        account_url=_account_url(view.account.id),
        act_url=request.path,
        f=form,
        fields=fields if fields is not None else own,
        title=title,
        submit=submit,
        explanation=explanation,
        variant=variant,
        **more,
    )
