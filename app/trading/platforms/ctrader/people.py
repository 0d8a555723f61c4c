"""Trading accounts and the people of the platform's identity service: without a link nobody signs in to one.

A link needs the account's password, which nobody keeps. So it is made right after the opening, and tried again in the
background while the password's hash is still at hand.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import structlog

from app.trading.platforms.base import PlatformError
from app.trading.platforms.ctrader.webservices import WebServices

log = structlog.get_logger()

_PAUSES_S: Final = (2.0, 10.0, 30.0, 60.0, 300.0, 300.0)


@dataclass(frozen=True, slots=True)
class Person:
    """Whose account it is, and the hash that proves it to the identity service."""

    email: str
    language: str
    secret: str = field(repr=False)


class People:
    """Links new accounts to their owners. Belongs to one event loop."""

    def __init__(self, web: WebServices | None, broker: str, environment: str) -> None:
        self._web = web
        self._broker = broker
        self._environment = environment
        self._tasks: set[asyncio.Task[None]] = set()
        self.waiting: dict[int, Person] = {}  # Accounts whose link has failed so far.
        self.links: dict[int, int] = {}  # Login to the id of the link, of accounts linked since the start.

    async def link(self, login: int, person: Person) -> None:
        """Link an account to its owner now, or later if that fails. Never fails itself: the account is open already."""
        if self._web is None or not person.email:
            return
        self.waiting[login] = person
        if not await self._try(login):
            task = asyncio.create_task(self._keep_trying(login), name=f"ctrader-link-{login}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def new_secret(self, login: int, secret: str) -> None:
        """An account has another password: a link that still waits needs it."""
        person = self.waiting.get(login)
        if person is not None:
            await self.link(login, Person(person.email, person.language, secret))

    async def _try(self, login: int) -> bool:
        person = self.waiting.get(login)
        if person is None or self._web is None:
            return True
        try:
            user = await self._web.ensure_user(person.email, self._broker, person.language)
            link = await self._web.link_user(user, login, person.secret, self._broker, self._environment)
        except PlatformError as error:
            log.warning("ctrader.not_linked", login=login, error=str(error))
            return False
        self.links[login] = link
        self.waiting.pop(login, None)
        return True

    async def _keep_trying(self, login: int) -> None:
        for pause in _PAUSES_S:
            await asyncio.sleep(pause)
            if await self._try(login):
                return
        self.waiting.pop(login, None)
        log.error("ctrader.never_linked", login=login)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
