"""mail/*, notification/*, common/*, test/*: messages to clients and what is left."""

from __future__ import annotations

from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_MAIL, _NOTIFICATIONS = 23, 46
_MAIL_LENGTH_MAX, _TEXT_LENGTH_MAX = 8192, 1024


def _receivers(server: TradeServer, request: Request, text: str) -> list[int]:
    """Logins, ranges such as `100-250`, and masks of groups."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if first.isdigit() and dash and last.isdigit():
            found += [login for login in server.users if int(first) <= login <= int(last)]
        elif first.isdigit():
            found += [int(first)] if int(first) in server.users else []
        else:
            found += server.logins_in(part.strip(), request.manager)
    return list(dict.fromkeys(found))


@command("mail/send", rights=(_MAIL,))
def mail_send(server: TradeServer, request: Request) -> Reply:
    """Send an internal mail: nobody reads it here, but its size and receivers are checked."""
    body = request.body if isinstance(request.body, str) else request.text("Body") or ""
    if not request.text("subject") or len(body) > _MAIL_LENGTH_MAX:
        raise Refusal(Retcode.BAD_PARAMETERS)
    if not _receivers(server, request, request.required("to")):
        raise Refusal(Retcode.NOT_FOUND)
    return Reply()


@command("notification/send", rights=(_NOTIFICATIONS,))
def notification_send(server: TradeServer, request: Request) -> Reply:
    """Push a message to terminals. The logins come back as bare numbers, as the documentation prints them."""
    if len(request.required("text")) > _TEXT_LENGTH_MAX:
        raise Refusal(Retcode.BAD_PARAMETERS)
    return Reply([login for login in request.numbers("Login") or [] if login in server.users])


@command("common/get")
def common_get(server: TradeServer, request: Request) -> Reply:
    """The platform's licence."""
    return Reply(
        {
            "Name": server.config.name,
            "NameFull": f"{server.config.name} simulated",
            "Owner": "Kontor",
            "OwnerID": "KONTOR",
            "OwnerHost": "",
            "OwnerEmail": "",
            "Product": "MetaTrader 5",
            "ExpirationLicense": "0",
            "ExpirationSupport": "0",
            "LimitTradeServers": "1",
            "LimitWebServers": "1",
            "LimitAccounts": "0",
            "LimitDeals": "0",
            "LimitSymbols": "0",
            "LimitGroups": "0",
        }
    )


@command("test/access", "test/trade")
def test_access(server: TradeServer, request: Request) -> Reply:
    """Keeps a session alive."""
    return Reply()
