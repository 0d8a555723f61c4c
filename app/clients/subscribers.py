"""A client's row follows the person's login."""

from __future__ import annotations

from app.clients import service
from app.identity.events import UserConfirmed, UserProfileChanged, UserRegistered


def on_registered(event: UserRegistered) -> None:
    service.register_client(
        client_id=event.client_id,
        user_id=event.user_id,
        name=event.name,
        email=event.email,
        email_norm=event.email_norm,
        country=event.country,
        language=event.language,
        referral_code=event.referral_code,
        ip=event.ip,
    )


def on_confirmed(event: UserConfirmed) -> None:
    service.confirm_client(event.client_id)


def on_profile_changed(event: UserProfileChanged) -> None:
    service.rename_client(event.client_id, name=event.name, language=event.language)
