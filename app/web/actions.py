"""Shortcuts of composed pages to what other features offer, as far as this reader may use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import current_app, url_for

from app.core import http
from app.core.actor import current_actor
from app.kit.text import Message, _l

LABELS: dict[str, Message] = {
    "deposit": _l("Deposit"),
    "withdraw": _l("Withdraw"),
    "transfer": _l("Transfer"),
    "open_account": _l("Open an account"),
}


@dataclass(frozen=True, slots=True)
class Action:
    """A button to another feature's page."""

    endpoint: str
    name: str
    icon: str

    @property
    def label(self) -> Message:
        return LABELS[self.name]

    @property
    def url(self) -> str:
        return url_for(self.endpoint)


def may_open(endpoint: str) -> bool:
    """Whether this page exists here and the actor's permissions open it."""
    permission = http.marks_of(current_app.view_functions.get(endpoint)).get("permission")
    return permission is not None and current_actor().may(permission)


def possible(actions: Iterable[Action]) -> list[Action]:
    """Those of the actions that the actor may take."""
    return [action for action in actions if may_open(action.endpoint)]
