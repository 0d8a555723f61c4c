from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from app.core import features
from app.core.actor import current_actor
from app.core.errors import Invalid, NotFound
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit import clock
from app.kit.text import _l, _ln
from app.restrictions import forms, queries, rules, service
from app.restrictions.models import Restriction
from app.restrictions.permissions import RESTRICTION_LIFT, RESTRICTION_READ, RESTRICTION_SET

bp = Blueprint("restrictions_office", __name__)

NAME_PORT = "restrictions.client_name"  # A feature above answers what a client is called: (client id) -> name or None.


@bp.get("/clients/<uuid:client_id>/restrictions")
@requires(RESTRICTION_READ)
def matrix(client_id: UUID) -> ResponseReturnValue:
    return _page(client_id)


@bp.post("/clients/<uuid:client_id>/restrictions")
@requires(RESTRICTION_SET)
@unrestricted("Staff act here, not clients.")
def lock(client_id: UUID) -> ResponseReturnValue:
    client_name(client_id)
    f = forms.LockForm()
    if f.sent():
        locked = f.attempt(lambda: _lock_all(client_id, f))
        if locked is not None:
            toast(_ln("%(num)s function is locked.", "%(num)s functions are locked.", locked))
            return redirect_to(url_for(".matrix", client_id=client_id))
    return _page(client_id, lock_form=f, status=f.status)


@bp.post("/clients/<uuid:client_id>/restrictions/<uuid:restriction_id>/lift")
@requires(RESTRICTION_LIFT)
@unrestricted("Staff act here, not clients.")
def lift(client_id: UUID, restriction_id: UUID) -> ResponseReturnValue:
    client_name(client_id)
    f = forms.LiftForm()
    if f.sent():
        lifted = f.attempt(
            lambda: service.lift(restriction_id, client_id=client_id, reason=f.reason.data, by=current_actor())
        )
        if lifted is not None:
            toast(_l("The lock is lifted. Other locks on the same function stay."))
            return redirect_to(url_for(".matrix", client_id=client_id))
    return _page(client_id, lift_form=f, lift_id=restriction_id, status=f.status)


def client_name(client_id: UUID) -> str:
    """What the client is called. Raises NotFound for a client of nobody here."""
    for name_of in features.port(NAME_PORT):
        name = name_of(client_id)
        if name is not None:
            return str(name)
    raise NotFound


def panel(client_id: UUID | None) -> Mapping[str, Any]:
    """What the panel on the client's page shows."""
    assert client_id is not None
    return {"client_id": client_id, "rows": _rows(client_id), "may_set": current_actor().may(RESTRICTION_SET)}


def _lock_all(client_id: UUID, f: forms.LockForm) -> int:
    if not f.functions.data:
        raise Invalid(_l("Choose at least one function."), field="functions")
    for function in f.functions.data:
        service.lock(
            client_id,
            function,
            reason_code=f.reason_code.data,
            public_note=f.public_note.data or "",
            internal_note=f.internal_note.data or "",
            expires_at=f.expires_at(),
            by=current_actor(),
        )
    return len(f.functions.data)


def _rows(client_id: UUID) -> list[dict[str, Any]]:
    """Every function with the locks that hold for it now."""
    held: dict[str, list[Restriction]] = {}
    for row in queries.active_for(client_id, clock.now()):
        held.setdefault(row.function, []).append(row)
    return [{"function": one, "locks": held.get(one.code, [])} for one in features.functions().values()]


def _page(
    client_id: UUID,
    lock_form: forms.LockForm | None = None,
    lift_form: forms.LiftForm | None = None,
    lift_id: UUID | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    name = client_name(client_id)
    by = current_actor()
    now = clock.now()
    return render(
        "restrictions/office/matrix.html",
        client_id=client_id,
        client_name=name,
        client_url=url_for(".matrix", client_id=client_id).rpartition("/")[0],  # This page lies under the client's own.
        rows=_rows(client_id),
        ended=[row for row in queries.history_of(client_id) if not row.is_active(now)],
        reasons=rules.REASONS,
        functions=features.functions(),
        lock_form=lock_form or forms.LockForm(formdata=None),
        lift_form=lift_form or forms.LiftForm(formdata=None),
        lift_id=lift_id,
        may_set=by.may(RESTRICTION_SET),
        may_lift=by.may(RESTRICTION_LIFT),
        status=status,
    )
