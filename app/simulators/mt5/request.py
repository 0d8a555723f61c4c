"""A command as both variants understand it, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from app.simulators.mt5.config import ManagerConfig
from app.simulators.mt5.records import User
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

if TYPE_CHECKING:
    from app.simulators.mt5.session import Session


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command.

    `answer` goes into the JSON member of that name, `extra` beside it, and `params` into the command line of the raw
    variant, which carries some results there instead. `is_cut` and `is_twice` are faults of the wire.
    """

    answer: Any = None
    extra: dict[str, Any] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    retcode: int = Retcode.DONE
    is_cut: bool = False
    is_twice: bool = False


@dataclass(slots=True)
class Request:
    """One command of an authenticated manager. Parameter names are lower case, body names exactly as sent."""

    name: str
    params: dict[str, str]
    body: Any
    manager: ManagerConfig
    session: Session

    def text(self, name: str) -> str | None:
        """A value by its JSON name: from the body when it is there, else from the parameters."""
        if isinstance(self.body, dict) and name in self.body:
            value = self.body[name]
            return None if value is None else str(value)
        return self.params.get(name.lower())

    def required(self, name: str) -> str:
        """The same, refused as bad parameters when it is absent or empty."""
        value = self.text(name)
        if not value:
            raise Refusal(Retcode.BAD_PARAMETERS)
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number; refused when it is malformed, or absent without a default."""
        value = self.text(name)
        if value in (None, "") and default is not None:
            return default
        try:
            return int(str(value), 10)
        except ValueError:
            raise Refusal(Retcode.BAD_PARAMETERS) from None

    def decimal(self, name: str, default: str | None = None) -> Decimal:
        """An exact number; refused when it is malformed."""
        value = self.text(name)
        try:
            return Decimal(default if value in (None, "") and default is not None else str(value))
        except InvalidOperation:
            raise Refusal(Retcode.BAD_PARAMETERS) from None

    def listed(self, name: str) -> list[str] | None:
        """A comma-separated list, or an array in the body; None when it is absent."""
        if isinstance(self.body, dict):
            value = self.body.get(name, self.body.get(name.lower()))
            if isinstance(value, list):
                return [str(item) for item in value]
        text = self.text(name)
        return None if text is None else [item.strip() for item in text.split(",") if item.strip()]

    def numbers(self, name: str) -> list[int] | None:
        """A list of whole numbers; None when it is absent, refused when malformed."""
        items = self.listed(name)
        if items is None:
            return None
        try:
            return [int(item, 10) for item in items]
        except ValueError:
            raise Refusal(Retcode.BAD_PARAMETERS) from None

    def window_msc(self) -> tuple[int, int]:
        """`from` and `to` in milliseconds of trading time, both included."""
        start, end = self.whole("from"), self.whole("to")
        return start * 1000, end * 1000 + 999

    def page(self) -> slice:
        """`offset` and `total`; a page has at most a hundred records."""
        offset, total = self.whole("offset", 0), self.whole("total", 100)
        if offset < 0 or total < 0:
            raise Refusal(Retcode.BAD_PARAMETERS)
        return slice(offset, offset + min(total, 100))

    def visible_user(self, server: TradeServer, login: int | None = None) -> User:
        """The account that `login` names, if this manager may see its group."""
        user = server.user(self.whole("Login") if login is None else login)
        if not server.sees(self.manager, user.group):
            raise Refusal(Retcode.NOT_FOUND)
        return user

    def chosen_logins(self, server: TradeServer) -> list[int] | None:
        """Accounts named by exactly one of `login` and `group`; None when neither is given."""
        logins, group = self.numbers("Login"), self.text("Group")
        if logins is not None and group is not None:
            raise Refusal(Retcode.BAD_PARAMETERS)
        if logins is not None:
            return [
                login
                for login in logins
                if login in server.users and server.sees(self.manager, server.users[login].group)
            ]
        return None if group is None else server.logins_in(group, self.manager)


Handler = Callable[[TradeServer, Request], Reply]


@dataclass(frozen=True, slots=True)
class Command:
    """How a command is carried out and which manager rights it needs."""

    handler: Handler
    rights: tuple[int, ...]


COMMANDS: dict[str, Command] = {}


def command(*names: str, rights: Iterable[int] = ()) -> Callable[[Handler], Handler]:
    """Register a handler under its names. `rights` are the numbers of the platform's list, beside RIGHT_MANAGER."""

    def register(handler: Handler) -> Handler:
        for name in names:
            COMMANDS[name] = Command(handler, (1, *rights))
        return handler

    return register
