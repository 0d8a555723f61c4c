"""Composed pages: panels that features contribute, drawn one by one and fetched again when their facts change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import current_app, url_for
from markupsafe import Markup

from app.core import features
from app.core.actor import current_actor
from app.core.errors import NotFound
from app.core.features import Panel
from app.kit.text import Message


@dataclass(frozen=True, slots=True)
class DrawnPanel:
    """A panel as the page shows it. `is_framed` says that its body brings a card of its own."""

    name: str
    label: Message
    body: Markup
    url: str
    refresh_on: tuple[str, ...]

    @property
    def is_framed(self) -> bool:
        return 'class="x-card' in self.body or self.body.lstrip().startswith('<div class="x-stats')

    @property
    def is_empty(self) -> bool:
        return not self.body.strip()


def visible(audience: str, page: str) -> list[Panel]:
    """The panels of a page that the actor may see, in order."""
    actor = current_actor()
    return [panel for panel in features.panels(audience, page) if actor.may(panel.permission)]


def draw(panel: Panel, subject: UUID | None, endpoint: str, **values: Any) -> DrawnPanel:
    """A panel for its subject. Its template sees what it loaded, the actor and the subject, and every macro."""
    context = {"subject": subject, "client_id": subject, "actor": current_actor(), **panel.load(subject)}
    body = Markup(current_app.jinja_env.get_template(panel.template).render(context))  # Escaped by Jinja.
    return DrawnPanel(panel.name, panel.label, body, url_for(endpoint, name=panel.name, **values), panel.refresh_on)


def find(audience: str, page: str, name: str) -> Panel:
    """The panel of that name, if the actor may see it. Raises NotFound."""
    for panel in visible(audience, page):
        if panel.name == name:
            return panel
    raise NotFound
