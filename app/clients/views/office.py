"""What staff do to one client. Each act is a small page of its own, which the client's page opens as a dialog."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.clients import forms, permissions, queries, service
from app.clients.models import Client
from app.core.actor import current_actor
from app.core.forms import Form
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.identity import queries as logins
from app.kit.text import Message, _l

bp = Blueprint("clients_office", __name__, url_prefix="/clients/<uuid:client_id>")
STAFF_ACT = "Acts of staff on a client are not functions that the client can be locked out of."


@bp.route("/note", methods=["GET", "POST"])
@requires(permissions.CLIENT_NOTE)
@unrestricted(STAFF_ACT)
def note(client_id: UUID) -> ResponseReturnValue:
    client, form = queries.get(client_id), forms.NoteForm()
    if (
        form.sent()
        and form.attempt(lambda: service.add_note(client_id, form.text.data or "", by=current_actor())) is not None
    ):
        return _done(client_id, _l("The note is saved."))
    return _page(client, form, (form.text,), _l("Write a note"), _l("Save the note"), _l("Only staff can read notes."))


@bp.route("/suspend", methods=["GET", "POST"])
@requires(permissions.CLIENT_STATUS)
@unrestricted(STAFF_ACT)
def suspend(client_id: UUID) -> ResponseReturnValue:
    client, form = queries.get(client_id), forms.SuspendForm()
    if (
        form.sent()
        and form.attempt(
            lambda: service.suspend_client(
                client_id, reason_code=form.reason_code.data, note=form.note.data or "", by=current_actor()
            )
        )
        is not None
    ):
        return _done(client_id, _l("The client is suspended. Open sessions have ended."))
    explanation = _l("The client cannot sign in any more. Money and open positions stay as they are.")
    fields = (form.reason_code, form.note)
    return _page(client, form, fields, _l("Suspend the client"), _l("Suspend"), explanation, variant="danger")


@bp.route("/activate", methods=["GET", "POST"])
@requires(permissions.CLIENT_STATUS)
@unrestricted(STAFF_ACT)
def activate(client_id: UUID) -> ResponseReturnValue:
    client, form = queries.get(client_id), forms.ActivateForm()
    if (
        form.sent()
        and form.attempt(lambda: service.activate_client(client_id, reason=form.reason.data or "", by=current_actor()))
        is not None
    ):
        return _done(client_id, _l("The client is active again."))
    explanation = _l("The lock that the suspension has set is lifted. Other locks stay.")
    return _page(client, form, (form.reason,), _l("End the suspension"), _l("Reactivate"), explanation)


@bp.route("/kyc", methods=["GET", "POST"])
@requires(permissions.KYC_SET)
@unrestricted(STAFF_ACT)
def kyc(client_id: UUID) -> ResponseReturnValue:
    client = queries.get(client_id)
    form = forms.KYCForm(level=client.kyc_level)
    if (
        form.sent()
        and form.attempt(
            lambda: service.set_kyc_level(client_id, form.level.data, reason=form.reason.data or "", by=current_actor())
        )
        is not None
    ):
        return _done(client_id, _l("The verification level is set."))
    return _page(client, form, (form.level, form.reason), _l("Set the verification level"), _l("Set the level"))


@bp.route("/owner", methods=["GET", "POST"])
@requires(permissions.CLIENT_ASSIGN)
@unrestricted(STAFF_ACT)
def owner(client_id: UUID) -> ResponseReturnValue:
    client = queries.get(client_id)
    form = forms.OwnerForm(owner_id=str(client.owner_id or ""))
    form.offer([(person.id, person.name) for person, _roles in logins.staff(status="active")])
    if (
        form.sent()
        and form.attempt(
            lambda: service.assign_client(
                client_id, UUID(form.owner_id.data) if form.owner_id.data else None, by=current_actor()
            )
        )
        is not None
    ):
        return _done(client_id, _l("The client is assigned."))
    return _page(client, form, (form.owner_id,), _l("Assign the client"), _l("Assign"))


def _page(
    client: Client,
    form: Form,
    fields: Sequence[object],
    title: Message,
    submit: Message,
    explanation: Message | None = None,
    variant: str = "primary",
) -> Response:
    return render(
        "clients/office/act.html",
        block="dialog",
        status=form.status,
        client=client,
        client_url=url_for("office.client", client_id=client.id),
        act_url=request.path,
        f=form,
        fields=fields,
        title=title,
        submit=submit,
        explanation=explanation,
        variant=variant,
    )


def _done(client_id: UUID, message: Message) -> Response:
    toast(message)
    return redirect_to(url_for("office.client", client_id=client_id))
