"""The one session to a Manager API: opened again with growing pauses, and never asked faster than is allowed."""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from google.protobuf.message import Message

from app.kit import clock
from app.trading.platforms.base import NotPermitted, OutcomeUnknown, PlatformUnavailable, Trouble
from app.trading.platforms.ctrader.limits import Limits
from app.trading.platforms.ctrader.protos import ctmgr_pb2 as pb
from app.trading.platforms.ctrader.session import Endpoint, MaintenanceError, Session, SignInRefused, open_session

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How hard a server may be asked and how it is tried again. The defaults are careful."""

    requests_per_s: float = 20.0
    in_flight: int = 4
    first_pause_s: float = 1.0
    longest_pause_s: float = 30.0
    sign_in_attempts: int = 5
    sign_in_pause_s: float = 900.0
    steady_after_s: float = 30.0  # A session that lived so long was no failed attempt.


class Link:
    """Belongs to one event loop."""

    def __init__(
        self, endpoint: Endpoint, settings: LinkSettings | None, on_quote: Callable[[pb.ProtoSpotEvent], None]
    ) -> None:
        self.endpoint = endpoint
        self._on_quote = on_quote
        self.settings = settings or LinkSettings()
        self._tls: ssl.SSLContext = endpoint.tls()
        self._limits = Limits(self.settings.requests_per_s, self.settings.in_flight)
        self._session: Session | None = None
        self._pause_s = self.settings.first_pause_s
        self._open_after = 0.0
        self._refused_sign_ins = 0
        self.attempts = 0
        self.last_error = ""
        self.last_trouble = Trouble.NETWORK

    @property
    def is_up(self) -> bool:
        return self._session is not None and self._session.is_open

    @property
    def session(self) -> Session:
        """The open session. Raises PlatformUnavailable when there is none."""
        session = self._session
        if session is None or not session.is_open:
            error = session.error if session else self.last_error
            trouble = session.trouble if session else self.last_trouble
            raise PlatformUnavailable(error or "The platform is not connected.", trouble=trouble)
        return session

    def require_up(self) -> None:
        """Raise PlatformUnavailable unless a session is open."""
        self.session  # noqa: B018

    async def open(self) -> Session:
        """Open a session, when none is open and the pause after the last failure is over. Raises
        PlatformUnavailable."""
        if self.is_up:
            return self.session
        await self._drop()
        if time.monotonic() < self._open_after:
            raise PlatformUnavailable(self.last_error or "The platform is not tried now.", trouble=self.last_trouble)
        self.attempts += 1
        try:
            self._session = await open_session(self.endpoint, self._tls, self._on_quote)
        except SignInRefused as error:
            self._refused_sign_ins += 1
            is_final = self._refused_sign_ins >= self.settings.sign_in_attempts
            self._pause(str(error), Trouble.SIGN_IN_STOPPED if is_final else error.trouble)
            raise PlatformUnavailable(str(error), trouble=self.last_trouble) from None
        except MaintenanceError as error:
            self._pause(str(error), error.trouble)
            if error.until is not None:
                wait_s = (error.until - clock.now()).total_seconds()
                self._open_after = max(self._open_after, time.monotonic() + min(wait_s, 86_400))
            raise
        except PlatformUnavailable as error:
            self._pause(str(error), error.trouble)
            raise
        self._refused_sign_ins = 0
        return self._session

    async def _drop(self) -> None:
        """Forget a lost session. One that was lost soon counts as a failed attempt, or its cause would be hit without
        a pause."""
        session, self._session = self._session, None
        if session is None:
            return
        await session.close()
        if time.monotonic() - session.began_at >= self.settings.steady_after_s:
            self._pause_s = self.settings.first_pause_s
        self._pause(session.error, session.trouble)

    def _pause(self, error: str, trouble: Trouble) -> None:
        pause = self.settings.sign_in_pause_s if trouble is Trouble.SIGN_IN_STOPPED else self._pause_s
        self._open_after = time.monotonic() + pause * random.uniform(0.8, 1.2)
        self._pause_s = min(self._pause_s * 2, self.settings.longest_pause_s)
        self.last_error, self.last_trouble = error, trouble

    async def read(self, message: Message, answer: type[M], *, is_list: bool = False) -> M:
        """Ask something that changes nothing. Raises PlatformUnavailable, NotPermitted or Refused."""
        timeout_s = self.endpoint.list_timeout_s if is_list else None
        async with self._limits.turn(is_list=is_list):
            try:
                return await self.session.request(message, answer, timeout_s=timeout_s)
            except OutcomeUnknown as error:
                raise PlatformUnavailable(str(error), trouble=error.trouble) from None

    async def change(self, message: Message, answer: type[M], *, send_by: float | None = None) -> M:
        """Ask for a change, once. Raises PlatformUnavailable (surely not sent), Refused or NotPermitted (surely not
        done) or OutcomeUnknown."""
        async with self._limits.turn(is_list=False):
            return await self.session.request(message, answer, send_by=send_by)

    def require(self, permission: int, name: str) -> None:
        """Raise NotPermitted unless the manager login has this permission, before anything is asked."""
        if permission not in self.session.permissions:
            raise NotPermitted(name)

    async def give_up(self) -> None:
        """Close a session that is of no use, and wait before the next one."""
        await self._drop()

    async def close(self) -> None:
        """Close the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
