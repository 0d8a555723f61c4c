"""Carrying out one command for one connection, with the faults that were ordered."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import replace
from time import monotonic
from typing import Any

import app.simulators.mt5.commands  # noqa: F401  # Registers the commands.
from app.simulators.mt5.commands.names import resolve
from app.simulators.mt5.faults import FaultKind, Faults
from app.simulators.mt5.log import log
from app.simulators.mt5.request import COMMANDS, Reply, Request
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.session import Session
from app.simulators.mt5.state import TradeServer

_FLOOD_WINDOW_SECONDS = 60.0


class ForbiddenError(Exception):
    """No session, or no right where the server answers that with 403."""


class DroppedError(Exception):
    """The connection breaks without an answer."""


class Gateway:
    """The access server: sessions, rights, faults."""

    def __init__(self, server: TradeServer, faults: Faults) -> None:
        self.server = server
        self.faults = faults
        self.sessions: set[Session] = set()
        self.performed: Counter[str] = Counter()
        self.retcodes: Counter[int] = Counter()
        self._failures: dict[str, deque[float]] = {}

    async def perform(self, session: Session, spelled: str, params: dict[str, str], body: Any) -> Reply:
        """Answer a command. Raises `ForbiddenError` and `DroppedError`; everything else is a reply."""
        name = resolve(spelled)
        login = params.get("login") or (str(body.get("Login", "")) if isinstance(body, dict) else None)
        await self._delay(FaultKind.DELAY, name, login)
        if self.faults.take(FaultKind.DROP_BEFORE, name, login):
            raise DroppedError
        if self.faults.take(FaultKind.FORBIDDEN, name, login):
            session.end()
            raise ForbiddenError
        fault = self.faults.take(FaultKind.RETCODE, name, login)
        reply = Reply(retcode=fault.retcode) if fault else self._execute(session, name, params, body)
        self.performed[name] += 1
        self.retcodes[reply.retcode] += 1
        await self._delay(FaultKind.DELAY_AFTER, name, login)
        if self.faults.take(FaultKind.DROP_AFTER, name, login):
            raise DroppedError
        if self.faults.take(FaultKind.CUT, name, login):
            return replace(reply, is_cut=True)
        if self.faults.take(FaultKind.TWICE, name, login):
            return replace(reply, is_twice=True)
        fault = self.faults.take(FaultKind.RETCODE_AFTER, name, login)
        return Reply(retcode=fault.retcode) if fault else reply

    async def _delay(self, kind: FaultKind, name: str, login: str | None) -> None:
        fault = self.faults.take(kind, name, login)
        if fault:
            await asyncio.sleep(fault.seconds)

    def _execute(self, session: Session, name: str, params: dict[str, str], body: Any) -> Reply:
        try:
            if name == "auth/start":
                return session.start(self.server, params)
            if name == "auth/answer":
                return self._authenticate(session, params)
            if session.manager is None:
                raise ForbiddenError
            if name == "quit":
                return Reply()
            command = COMMANDS.get(name)
            if command is None:
                raise Refusal(Retcode.BAD_PARAMETERS)
            if not all(session.manager.may(right) for right in command.rights):
                if self.server.switches.missing_right == "forbidden":
                    raise ForbiddenError
                raise Refusal(Retcode.NO_PERMISSION)
            with self.server.clock.hold():
                return command.handler(self.server, Request(name, params, body, session.manager, session))
        except Refusal as refusal:
            return Reply(retcode=refusal.retcode)
        except ForbiddenError:
            raise
        except Exception as error:  # A fault of the simulator must not look like a broken network.
            log("command_failed", command=name, error=repr(error))
            return Reply(retcode=Retcode.ERROR)

    def _authenticate(self, session: Session, params: dict[str, str]) -> Reply:
        others = sum(1 for other in self.sessions if other.manager and other.manager.login == session.candidate_login())
        is_spoiled = self.faults.take(FaultKind.BAD_CLIENT_ANSWER, "auth/answer") is not None
        try:
            return session.answer(self.server, params, sessions=others, is_answer_wrong=is_spoiled)
        except Refusal as refusal:
            if refusal.retcode is Retcode.INVALID_ACCOUNT:
                self._count_failure(session.address)
            raise

    def _count_failure(self, address: str) -> None:
        limit = self.server.switches.antiflood_errors_max
        if not limit:
            return
        failures = self._failures.setdefault(address, deque())
        failures.append(monotonic())
        while failures[0] < monotonic() - _FLOOD_WINDOW_SECONDS:
            failures.popleft()
        if len(failures) >= limit:
            failures.clear()
            self.faults.block(_FLOOD_WINDOW_SECONDS)

    def drop_all(self) -> None:
        """Break every connection, as a restart does."""
        for session in list(self.sessions):
            session.close()
