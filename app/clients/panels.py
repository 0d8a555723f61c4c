"""What the client's page shows of clients themselves: the profile and the notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.clients import permissions, queries, rules
from app.clients.rules import ClientStatus
from app.core.actor import current_actor
from app.core.features import HomeTile, Panel
from app.identity import queries as logins
from app.kit.text import _l


def _profile(client_id: UUID | None) -> Mapping[str, Any]:
    assert client_id is not None
    client = queries.get(client_id)
    login = logins.user(client.user_id)
    owner = logins.user(client.owner_id) if client.owner_id is not None else None
    return {
        "client": client,
        "login": login,
        "owner": owner,
        "kyc_label": rules.kyc_label(client.kyc_level),
        "may_set_kyc": permissions.KYC_SET,
        "may_assign": permissions.CLIENT_ASSIGN,
    }


def _notes(client_id: UUID | None) -> Mapping[str, Any]:
    assert client_id is not None
    return {"client": queries.get(client_id), "notes": queries.notes_of(client_id), "may_note": permissions.CLIENT_NOTE}


def _verification(client_id: UUID | None) -> Mapping[str, Any]:
    """The way from the sign-up to a verified client, as far as it has been gone."""
    assert client_id is not None
    client = queries.get(client_id)
    login = logins.user(client.user_id)
    stages = [
        (_l("Confirm your e-mail address"), login.confirmed_at is not None),
        (_l("Prove your identity"), client.kyc_level >= 1),
        (_l("Prove your address"), client.kyc_level >= 2),
    ]
    steps, is_next = [], True
    for label, is_done in stages:
        steps.append({"label": label, "state": "done" if is_done else "current" if is_next else "todo"})
        is_next = is_next and is_done
    if client.kyc_level == 0:
        explanation = _l(
            "Our compliance team will ask you for documents by e-mail. You can deposit and trade meanwhile."
        )
    else:
        explanation = _l("Your identity is verified. One more step opens every limit.")
    return {"is_done": all(is_done for _label, is_done in stages), "steps": steps, "explanation": explanation}


def home_tiles() -> Sequence[HomeTile]:
    """What waits for whoever may verify clients."""
    if not current_actor().may(permissions.KYC_SET):
        return ()
    count, oldest_at = queries.unverified()
    return (
        HomeTile(
            label=_l("Clients to verify"),
            count=count,
            endpoint="office.client_list_page",
            values={"status": ClientStatus.ACTIVE.value, "kyc": 0, "sort": "created"},
            oldest_at=oldest_at,
            late_after=timedelta(days=2),
            icon="shield-check",
        ),
    )


PANELS = (
    Panel(
        audience="cabinet",
        page="dashboard",
        name="verification",
        label=_l("Verification"),
        template="clients/cabinet/verification_panel.html",
        load=_verification,
        order=5,
        permission=permissions.OWN,
        refresh_on=("profile-changed",),
    ),
    Panel(
        audience="office",
        page="client360",
        name="profile",
        label=_l("Profile"),
        template="clients/office/profile_panel.html",
        load=_profile,
        order=10,
        permission=permissions.CLIENT_READ,
        refresh_on=("profile-changed",),
    ),
    Panel(
        audience="office",
        page="client360",
        name="notes",
        label=_l("Notes"),
        template="clients/office/notes_panel.html",
        load=_notes,
        order=10,
        permission=permissions.CLIENT_READ,
        tab="notes",
        refresh_on=("clients-changed",),
    ),
)
