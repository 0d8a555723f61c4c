"""Refusals that are expected. Each carries its status and its sentence and renders itself as page, fragment or JSON."""

from __future__ import annotations

from typing import Any, ClassVar

from app.kit.text import Message, _l


class DomainError(Exception):
    """Something that may be refused. Values given by name fill the sentence: `raise TooLarge(limit=...)`.

    `field` names the form field beside which the sentence belongs, where there is one.
    """

    status_code: ClassVar[int] = 400
    message: Message = _l("This cannot be done.")
    field: str | None = None

    def __init__(self, message: Message | None = None, *, field: str | None = None, **params: Any) -> None:
        self.message = (message or type(self).message).with_params(**params)
        self.field = field or type(self).field
        super().__init__(self.message.in_english())

    @property
    def code(self) -> str:
        """A stable machine name of the refusal: the class's name."""
        return type(self).__name__


class NotFound(DomainError):
    """There is no such thing here: also the answer to another tenant's ids."""

    status_code = 404
    message = _l("This page or record does not exist.")


class Forbidden(DomainError):
    """The actor may not do this."""

    status_code = 403
    message = _l("You do not have permission to do this.")


class Conflict(DomainError):
    """Somebody was faster, or the page is stale."""

    status_code = 409
    message = _l("This has changed since you opened the page. Look at it again before you go on.")


class Invalid(DomainError):
    """A value that cannot be used; `field` says which."""

    status_code = 422
    message = _l("Check this value.")


class TooMany(DomainError):
    """A rate limit."""

    status_code = 429
    message = _l("Too many attempts. Wait a moment and try again.")
