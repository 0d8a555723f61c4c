"""What the client's page shows of clients themselves: the profile and the notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.clients import permissions, queries, rules
from app.core.features import Panel
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


PANELS = (
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
