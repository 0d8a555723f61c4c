from __future__ import annotations

from app.core.features import Feature
from app.notifications.views.mailbox import mailbox_blueprint

FEATURE = Feature(
    name="notifications",
    blueprints={
        "cabinet": (mailbox_blueprint("notifications_cabinet"),),
        "office": (mailbox_blueprint("notifications_office"),),
        "partner": (mailbox_blueprint("notifications_partner"),),
        "operator": (mailbox_blueprint("notifications_operator"),),
    },
    jobs=("app.notifications.jobs",),
)
