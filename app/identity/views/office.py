from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from app.core import features
from app.core.actor import current_actor
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.identity import forms, queries, rules, service
from app.identity.permissions import CLIENT_SESSIONS, STAFF_MANAGE, STAFF_READ
from app.identity.views import auth, profile
from app.kit.text import _l

bp = Blueprint("identity_office", __name__)
auth.add_common_views(bp)
auth.add_invitation_view(bp)
profile.add_profile_views(bp)


@bp.get("/staff")
@requires(STAFF_READ)
def staff() -> ResponseReturnValue:
    people = queries.staff(
        search=request.args.get("q", ""), role=request.args.get("role", ""), status=request.args.get("status", "")
    )
    return render(
        "identity/office/staff.html",
        block="list",
        people=people,
        roles=rules.STAFF_ROLES,
        status_options=[(status.value, status.label) for status in rules.UserStatus],
        may_manage=current_actor().may(STAFF_MANAGE),
    )


@bp.get("/staff/roles")
@requires(STAFF_READ)
def roles() -> ResponseReturnValue:
    groups = []
    for feature in features.features():
        of_staff = [one for one in feature.permissions if one.roles & rules.STAFF_ROLES.keys()]
        if of_staff:
            groups.append((feature.label or feature.name, sorted(of_staff, key=lambda one: one.code)))
    return render("identity/office/roles.html", roles=rules.STAFF_ROLES, groups=groups)


@bp.route("/staff/invite", methods=["GET", "POST"])
@requires(STAFF_MANAGE)
@unrestricted("Staff act here, not clients.")
def invite() -> ResponseReturnValue:
    f = forms.InviteForm()
    if f.sent():
        invited = f.attempt(
            lambda: service.invite_staff(
                email=f.email.data, name=f.name.data, roles=f.roles.data or (), by=current_actor()
            )
        )
        if invited is not None:
            toast(_l("An invitation is on its way to %(email)s.", email=invited[0].email))
            return redirect_to(url_for(".staff"))
    return render("identity/office/invite.html", f=f, status=f.status)


@bp.get("/staff/<uuid:user_id>")
@requires(STAFF_READ)
def member(user_id: UUID) -> ResponseReturnValue:
    return _member_page(user_id)


@bp.post("/staff/<uuid:user_id>/roles")
@requires(STAFF_MANAGE)
@unrestricted("Staff act here, not clients.")
def change_roles(user_id: UUID) -> ResponseReturnValue:
    f = forms.RolesForm()
    if f.sent():
        changed = f.attempt(lambda: service.change_roles(user_id, f.roles.data or (), by=current_actor()))
        if changed is not None:
            toast(_l("The roles are changed. The person has to sign in again."))
            return redirect_to(url_for(".member", user_id=user_id))
    return _member_page(user_id, roles_form=f, status=f.status)


@bp.post("/staff/<uuid:user_id>/disable")
@requires(STAFF_MANAGE)
@unrestricted("Staff act here, not clients.")
def disable(user_id: UUID) -> ResponseReturnValue:
    f = forms.DisableForm()
    if f.sent():
        disabled = f.attempt(lambda: service.disable_staff(user_id, reason=f.reason.data, by=current_actor()))
        if disabled is not None:
            toast(_l("The sign-in is disabled, and every session has ended."))
            return redirect_to(url_for(".member", user_id=user_id))
    return _member_page(user_id, disable_form=f, status=f.status)


@bp.post("/staff/<uuid:user_id>/enable")
@requires(STAFF_MANAGE)
@unrestricted("Staff act here, not clients.")
def enable(user_id: UUID) -> ResponseReturnValue:
    service.enable_staff(user_id, by=current_actor())
    toast(_l("The person can sign in again."))
    return redirect_to(url_for(".member", user_id=user_id))


@bp.post("/staff/<uuid:user_id>/invite-again")
@requires(STAFF_MANAGE)
@unrestricted("Staff act here, not clients.")
def invite_again(user_id: UUID) -> ResponseReturnValue:
    user = service.invite_again(user_id, by=current_actor())
    toast(_l("A new invitation is on its way to %(email)s.", email=user.email))
    return redirect_to(url_for(".member", user_id=user_id))


@bp.post("/staff/<uuid:user_id>/sessions/<uuid:session_id>/end")
@requires(STAFF_MANAGE)
@unrestricted("Staff act here, not clients.")
def end_member_session(user_id: UUID, session_id: UUID) -> ResponseReturnValue:
    service.end_staff_session(user_id, session_id, by=current_actor())
    toast(_l("The session has ended."))
    return redirect_to(url_for(".member", user_id=user_id))


@bp.post("/clients/<uuid:client_id>/sessions/end")
@requires(CLIENT_SESSIONS)
@unrestricted("Staff act here, not clients.")
def end_client_sessions(client_id: UUID) -> ResponseReturnValue:
    service.end_client_sessions(client_id, by=current_actor())
    toast(_l("Every session of the client has ended."))
    here = url_for(".end_client_sessions", client_id=client_id)
    return redirect_to(here.removesuffix("/sessions/end"))  # This address lies under the client's own page.


def client_sessions_panel(client_id: UUID | None) -> Mapping[str, Any]:
    """What the panel on the client's page shows: where the client is signed in."""
    user = queries.user_of_client(client_id) if client_id is not None else None
    return {"client_id": client_id, "sessions": _session_rows(user.id) if user is not None else []}


def _session_rows(user_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "browser": rules.browser_name(row.user_agent),
            "ip": row.ip,
            "created_at": row.created_at,
            "last_seen_at": row.last_seen_at,
        }
        for row in service.sessions_of(user_id)
    ]


def _member_page(
    user_id: UUID,
    roles_form: forms.RolesForm | None = None,
    disable_form: forms.DisableForm | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    user = queries.staff_member(user_id)
    held = queries.roles_of(user)
    by = current_actor()
    return render(
        "identity/office/member.html",
        user=user,
        held=[rules.STAFF_ROLES[role] for role in held],
        roles_form=roles_form or forms.RolesForm(formdata=None, roles=list(held)),
        disable_form=disable_form or forms.DisableForm(formdata=None),
        sessions=_session_rows(user.id),
        may_manage=by.may(STAFF_MANAGE) and user.id != by.id,
        is_self=user.id == by.id,
        status=status,
    )
