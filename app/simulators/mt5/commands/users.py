"""user/*: trading accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.simulators.mt5 import accounts
from app.simulators.mt5.margin import account_state
from app.simulators.mt5.money import balance_from_deals
from app.simulators.mt5.records import User, fixed, wire, wire_name
from app.simulators.mt5.request import Reply, Request, command
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import Passwords, TradeServer

READ, MANAGE, DELETE, NAME = 25, 27, 47, 26

# Personal fields that stay empty, without an error, for a manager who lacks the right.
_PERSONAL = {
    NAME: ("Name", "FirstName", "LastName", "MiddleName"),
    76: ("Country", "State", "City"),
    77: ("Address", "ZipCode"),
    78: ("Phone",),
    79: ("Email",),
    80: ("ID",),
    81: ("Comment", "Status"),
}
_SPELLINGS = {"zip_code": ("ZipCode", "ZIPCode"), "email": ("Email", "EMail")}
_PASSWORD_NAMES = {
    "main": ("PassMain", "MainPassword", "Pass_Main"),
    "investor": ("PassInvestor", "InvestPassword", "Pass_Investor"),
}


def shown(server: TradeServer, request: Request, user: User) -> dict[str, Any]:
    """The record as this manager gets to see it."""
    digits = server.currency_digits(user) if user.group in server.groups else 2
    record = wire(user, digits)
    for right, fields in _PERSONAL.items():
        if not request.manager.may(right):
            record.update(dict.fromkeys(fields, ""))
    return record


def _fields(request: Request) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for attribute in User.__struct_fields__:
        for name in _SPELLINGS.get(attribute, (wire_name(attribute),)):
            value = request.text(name)
            if value is not None:
                given[attribute] = value
                break
    return given


def _password(request: Request, kind: str) -> str:
    return next((value for name in _PASSWORD_NAMES[kind] if (value := request.text(name))), "")


def _kind(request: Request) -> accounts.PasswordKind:
    kind = request.required("Type").lower()
    if kind not in ("main", "investor", "api"):
        raise Refusal(Retcode.BAD_PARAMETERS)
    return kind  # type: ignore[return-value]


@command("user/add", rights=(MANAGE,))
def add(server: TradeServer, request: Request) -> Reply:
    """Open an account."""
    passwords = Passwords(main=_password(request, "main"), investor=_password(request, "investor"))
    user = accounts.open_account(server, _fields(request), passwords, request.manager)
    return Reply(shown(server, request, user), params={"LOGIN": str(user.login)})


@command("user/update", rights=(MANAGE,))
def update(server: TradeServer, request: Request) -> Reply:
    """Change an account and answer with what it is now."""
    user = request.visible_user(server)
    return Reply(shown(server, request, accounts.change_account(server, user, _fields(request), request.manager)))


@command("user/delete", rights=(DELETE,))
def delete(server: TradeServer, request: Request) -> Reply:
    """Remove an account."""
    accounts.delete_account(server, request.visible_user(server))
    return Reply()


@command("user/get", rights=(READ,))
def get(server: TradeServer, request: Request) -> Reply:
    """One account."""
    return Reply(shown(server, request, request.visible_user(server)))


def _chosen(server: TradeServer, request: Request) -> Iterable[User]:
    logins = request.chosen_logins(server)
    if logins is None:
        raise Refusal(Retcode.BAD_PARAMETERS)
    return (server.users[login] for login in logins)


@command("user/get_batch", rights=(READ,))
def get_batch(server: TradeServer, request: Request) -> Reply:
    """Accounts by list or group."""
    return Reply([shown(server, request, user) for user in _chosen(server, request)])


@command("user/get_external", rights=(READ,))
def get_external(server: TradeServer, request: Request) -> Reply:
    """An account by its number in an outside system."""
    wanted = request.required("Account")
    for user in server.users.values():
        if user.account == wanted and server.sees(request.manager, user.group):
            return Reply(shown(server, request, user))
    raise Refusal(Retcode.NOT_FOUND)


@command("user/logins", rights=(READ,))
def logins(server: TradeServer, request: Request) -> Reply:
    """Login numbers of groups."""
    return Reply([str(login) for login in server.logins_in(request.required("Group"), request.manager)])


@command("user/total", rights=(READ,))
def total(server: TradeServer, request: Request) -> Reply:
    """How many accounts exist."""
    count = str(len(server.users))
    return Reply({"Total": count}, params={"TOTAL": count})


@command("user/group", rights=(READ,))
def group(server: TradeServer, request: Request) -> Reply:
    """The group of an account."""
    name = request.visible_user(server).group
    return Reply({"Group": name}, params={"GROUP": name})


@command("user/check_password", rights=(READ,))
def check_password(server: TradeServer, request: Request) -> Reply:
    """Whether a password is right."""
    user = request.visible_user(server)
    if not accounts.is_password(server, user.login, _kind(request), request.required("Password")):
        raise Refusal(Retcode.BAD_PASSWORD)
    return Reply()


@command("user/change_password", rights=(MANAGE,))
def change_password(server: TradeServer, request: Request) -> Reply:
    """Set a password."""
    user = request.visible_user(server)
    accounts.change_password(server, user, _kind(request), request.required("Password"))
    return Reply()


@command("user/account/get", rights=(READ,))
def account_get(server: TradeServer, request: Request) -> Reply:
    """The trading state, if the account has one."""
    user = request.visible_user(server)
    if user.login not in server.active_logins:
        how = server.switches.inactive_account
        if how == "empty":
            return Reply({})
        raise Refusal(Retcode.NOTHING if how == "nothing" else Retcode.NOT_FOUND)
    return Reply(wire(account_state(server, user)))


@command("user/account/get_batch", rights=(READ,))
def account_get_batch(server: TradeServer, request: Request) -> Reply:
    """The trading states of those accounts that have one."""
    return Reply(
        [wire(account_state(server, user)) for user in _chosen(server, request) if user.login in server.active_logins]
    )


@command("user/check_balance", rights=(READ,))
def check_balance(server: TradeServer, request: Request) -> Reply:
    """Balance and credit on the account beside what the deals add up to; `fixflag` 1 sets the former to the latter."""
    user = request.visible_user(server)
    digits = server.currency_digits(user)
    balance, credit = balance_from_deals(server, user.login)
    answer = {
        "Balance": {"User": fixed(user.balance, digits), "History": fixed(balance, digits)},
        "Credit": {"User": fixed(user.credit, digits), "History": fixed(credit, digits)},
    }
    if request.whole("fixflag", 0) == 1 and (balance, credit) != (user.balance, user.credit):
        user.balance, user.credit = balance, credit
        server.user_changed(user)
    return Reply(answer)


@command("user/archive/add", rights=(MANAGE,))
def archive_add(server: TradeServer, request: Request) -> Reply:
    """Put an account away."""
    accounts.archive_account(server, request.visible_user(server))
    return Reply()


@command("user/archive/get", rights=(READ,))
def archive_get(server: TradeServer, request: Request) -> Reply:
    """An archived account."""
    user = server.archive.get(request.whole("Login"))
    if user is None or not server.sees(request.manager, user.group):
        raise Refusal(Retcode.NOT_FOUND)
    return Reply(shown(server, request, user))


@command("user/archive/get_batch", rights=(READ,))
def archive_get_batch(server: TradeServer, request: Request) -> Reply:
    """Archived accounts by list."""
    wanted = request.numbers("Login") or []
    found = (server.archive[login] for login in wanted if login in server.archive)
    return Reply([shown(server, request, user) for user in found if server.sees(request.manager, user.group)])


@command("user/restore", rights=(MANAGE,))
def restore(server: TradeServer, request: Request) -> Reply:
    """Bring an archived account back."""
    return Reply(shown(server, request, accounts.restore_account(server, request.whole("Login"))))
