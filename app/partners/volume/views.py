"""Accounts out of commission and clients who are one person, in the office."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from app.clients import queries as clients
from app.core.actor import current_actor
from app.core.features import Panel
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.partners import permissions
from app.partners.volume import service
from app.partners.volume.forms import PersonForm, SwitchForm
from app.trading.queries import accounts

bp = Blueprint("partners_volume", __name__, url_prefix="/commission")
STAFF_ACT = "Staff act here; what a client may do is not asked."


@bp.route("/accounts/<uuid:account_id>", methods=["GET", "POST"])
@requires(permissions.ACCOUNT_EXCLUDE)
@unrestricted(STAFF_ACT)
def account(account_id: UUID) -> ResponseReturnValue:
    """Whether an account pays commission, who changed it and why; and the switch."""
    found = accounts.account(account_id)
    standing, form = service.exclusion_of(account_id), SwitchForm()
    if form.sent():
        pays = standing is not None

        def act() -> bool:
            service.set_pays(account_id, pays=pays, reason=form.reason.data, by=current_actor())
            return True

        if form.attempt(act) is not None:
            toast(_l("The account pays commission again.") if pays else _l("The account pays no commission now."))
            return redirect_to(url_for("trading_office.account", account_id=account_id))
    return render(
        "partners/volume/account.html",
        block="form",
        status=form.status,
        f=form,
        account=found,
        client=clients.get(found.client_id),
        standing=standing,
        history=service.exclusions_of(account_id),
    )


@bp.route("/partners/<uuid:partner_id>/person", methods=["GET", "POST"])
@requires(permissions.PERSON_JOIN)
@unrestricted(STAFF_ACT)
def person(partner_id: UUID) -> ResponseReturnValue:
    """Which other clients are the same person as this one."""
    client, form = clients.get(partner_id), PersonForm()
    if form.sent():
        other = form.attempt(
            lambda: service.join_people(partner_id, form.client_number(), reason=form.reason.data, by=current_actor())
        )
        if other is not None:
            toast(_l("They are one person from the next settlement on."))
            return redirect_to(url_for(".person", partner_id=partner_id))
    others = service.people_like(partner_id)
    return render(
        "partners/volume/person.html",
        block="form",
        status=form.status,
        f=form,
        client=client,
        others=others,
        names=clients.names_of(one.client_id for one in others),
    )


@bp.post("/partners/<uuid:partner_id>/person/part")
@requires(permissions.PERSON_JOIN)
@unrestricted(STAFF_ACT)
def part(partner_id: UUID) -> ResponseReturnValue:
    service.part_person(partner_id, by=current_actor())
    toast(_l("The client is a person of their own again."))
    return redirect_to(url_for(".person", partner_id=partner_id))


def load_account(account_id: UUID | None) -> Mapping[str, Any]:
    """Whether an account pays commission, for the account's page."""
    assert account_id is not None, "The panel is about an account."
    return {
        "account_id": account_id,
        "standing": service.exclusion_of(account_id),
        "may_exclude": current_actor().may(permissions.ACCOUNT_EXCLUDE),
    }


PANEL = Panel(
    audience="office",
    page="account",
    name="commission",
    label=_l("Commission"),
    template="partners/volume/account_panel.html",
    load=load_account,
    order=10,
    permission=permissions.COMMISSION_READ,
)
