"""What clients bring into the product."""

from app.clients import panels, permissions, subscribers
from app.clients.views import office
from app.core.features import Feature
from app.identity.events import UserConfirmed, UserProfileChanged, UserRegistered
from app.kit.text import _l

FEATURE = Feature(
    name="clients",
    label=_l("Clients"),
    blueprints={"office": (office.bp,)},
    panels=panels.PANELS,
    permissions=permissions.ALL,
    ports={"home_tiles": panels.home_tiles},
    subscribers=(
        (UserRegistered, subscribers.on_registered),
        (UserConfirmed, subscribers.on_confirmed),
        (UserProfileChanged, subscribers.on_profile_changed),
    ),
)
