"""Opening, changing and closing trading accounts, and their passwords."""

from __future__ import annotations

import string
from typing import Any, Literal

from app.simulators.mt5.catalogue import folded
from app.simulators.mt5.config import GroupConfig, ManagerConfig
from app.simulators.mt5.enums import Rights
from app.simulators.mt5.records import User
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import Passwords, TradeServer

PasswordKind = Literal["main", "investor", "api"]
LEVERAGE_MAX = 5000

# Usable lengths; longer text is cut without a word.
_TEXTS = {
    "name": 127,
    "first_name": 63,
    "last_name": 63,
    "middle_name": 63,
    "company": 63,
    "account": 31,
    "country": 31,
    "city": 31,
    "state": 31,
    "zip_code": 15,
    "address": 127,
    "phone": 31,
    "email": 63,
    "id": 31,
    "status": 15,
    "comment": 63,
    "phone_password": 31,
    "mqid": 15,
    "lead_source": 31,
    "lead_campaign": 31,
}
_NUMBERS = {"language": 0xFFFF, "client_id": 1 << 62, "color": 0xFFFFFFFF, "agent": 1 << 62, "limit_orders": 10**6}


def check_password(policy: str, password: str, length_min: int) -> None:
    """Refuse a password that the server's policy does not take."""
    classes = (
        any(letter.islower() for letter in password),
        any(letter.isupper() for letter in password),
        any(letter.isdigit() for letter in password),
        any(letter in string.punctuation or not letter.isascii() for letter in password),
    )
    is_strong = all(classes) if policy == "strict" else sum(classes[:3]) >= 2
    if not is_strong or not max(8, length_min) <= len(password) <= 16:
        raise Refusal(Retcode.BAD_PASSWORD)


def find_group(server: TradeServer, name: str, manager: ManagerConfig) -> GroupConfig:
    """The group to put an account in; refused when it is unknown or out of the manager's reach."""
    name = folded(name)
    group = server.groups.get(name) or next(
        (group for known, group in server.groups.items() if known.lower() == name.lower()), None
    )
    if group is None:
        raise Refusal(Retcode(server.switches.unknown_group))
    if not server.sees(manager, group.name):
        raise Refusal(Retcode.NO_PERMISSION)
    return group


def open_account(server: TradeServer, fields: dict[str, Any], passwords: Passwords, manager: ManagerConfig) -> User:
    """Add an account. The group is checked before the password, as the platform does."""
    leverage = _whole(fields.get("leverage"))
    if not fields.get("group") or not fields.get("name") or leverage is None or not 1 <= leverage <= LEVERAGE_MAX:
        raise Refusal(Retcode.BAD_PARAMETERS)
    group = find_group(server, str(fields["group"]), manager)
    check_password(server.switches.password_policy, passwords.main, group.password_length_min)
    check_password(server.switches.password_policy, passwords.investor, group.password_length_min)
    now = server.time.seconds()
    user = User(
        login=_take_login(server, _whole(fields.get("login")) or 0),
        group=group.name,
        leverage=leverage,
        registration=now,
        last_access=now,
        last_pass_change=now,
    )
    rights = _whole(fields.get("rights"))
    user.rights = Rights.DEFAULT if rights is None else rights
    _fill(user, fields)
    server.users[user.login] = user
    server.passwords[user.login] = passwords
    server.active_logins.add(user.login)
    server.touch("passwords", user.login)
    server.user_changed(user, "user.add")
    return user


def change_account(server: TradeServer, user: User, fields: dict[str, Any], manager: ManagerConfig) -> User:
    """Change an account. Values that make no sense, and fields that cannot be changed, are passed over in silence."""
    name = fields.get("group")
    is_moved = False
    if name and folded(str(name)).lower() != user.group.lower():
        group = find_group(server, str(name), manager)
        if server.positions_of(user.login) or server.orders_of(user.login):
            _require_like_terms(server, server.group_of(user), group)
        if group.currency != server.group_of(user).currency and (user.balance or user.credit):
            raise Refusal(Retcode.OTHER_CURRENCY)
        user.group, is_moved = group.name, True
    leverage = _whole(fields.get("leverage"))
    if leverage is not None and 1 <= leverage <= LEVERAGE_MAX:
        user.leverage = leverage
    rights = _whole(fields.get("rights"))
    if rights is not None and rights >= 0:
        user.rights = rights
    _fill(user, fields)
    server.user_changed(user)
    if is_moved:
        server.user_changed(user)  # A change of group is told twice.
        for position in server.positions_of(user.login):  # The feed takes each position away and brings it back.
            server.drop_position(position)
            server.put_position(position, "position.add")
    return user


def _require_like_terms(server: TradeServer, old: GroupConfig, new: GroupConfig) -> None:
    """Refuse to move open positions, unless this server does so between groups of one currency and margin mode."""
    if not server.switches.moves_open_positions or (old.currency, old.mode) != (new.currency, new.mode):
        raise Refusal(Retcode.HAS_OPEN_POSITIONS)


def delete_account(server: TradeServer, user: User) -> None:
    """Remove an account with its open orders and positions. Its deals stay."""
    if server.positions_of(user.login) or server.orders_of(user.login):
        raise Refusal(Retcode.HAS_OPEN_POSITIONS)
    digits = server.currency_digits(user)
    del server.users[user.login]
    server.passwords.pop(user.login, None)
    server.active_logins.discard(user.login)
    server.touch("user", user.login)
    server.touch("passwords", user.login)
    server.emit("user.delete", user, digits)


def archive_account(server: TradeServer, user: User) -> None:
    """Move an account without open positions to the archive."""
    if server.positions_of(user.login) or server.orders_of(user.login):
        raise Refusal(Retcode.HAS_OPEN_POSITIONS)
    server.archive[user.login] = server.users.pop(user.login)
    server.touch("user", user.login)
    server.touch("archive", user.login)
    server.emit("user.archive", user, server.currency_digits(user))


def restore_account(server: TradeServer, login: int) -> User:
    """Bring an account back from the archive."""
    user = server.archive.pop(login, None)
    if user is None:
        raise Refusal(Retcode.NOT_FOUND)
    server.users[login] = user
    server.touch("archive", login)
    server.user_changed(user, "user.restore")
    return user


def is_password(server: TradeServer, login: int, kind: str, password: str) -> bool:
    """Whether the password of that kind is this one."""
    known = server.passwords.get(login)
    return known is not None and bool(password) and getattr(known, kind) == password


def change_password(server: TradeServer, user: User, kind: PasswordKind, password: str) -> None:
    """Set a password, if the server's policy takes it."""
    check_password(server.switches.password_policy, password, server.group_of(user).password_length_min)
    setattr(server.passwords.setdefault(user.login, Passwords()), kind, password)
    user.last_pass_change = server.time.seconds()
    server.touch("passwords", user.login)
    server.user_changed(user)


def sign_in(server: TradeServer, user: User, address: str, connection_type: int) -> None:
    """Note that a client's terminal has connected."""
    user.last_access, user.last_ip = server.time.seconds(), address
    server.active_logins.add(user.login)
    server.emit("user.login", {"Login": str(user.login), "IP": address, "Type": str(connection_type)})
    server.user_changed(user)


def _take_login(server: TradeServer, wanted: int) -> int:
    config = server.config
    if wanted:
        if wanted in server.users or wanted in server.archive or wanted in server.managers:
            raise Refusal(Retcode.ACCOUNT_EXISTS)
        if not config.login_first <= wanted <= config.login_last:
            raise Refusal(Retcode.LOGIN_OF_OTHER_SERVER)
        return wanted
    while True:
        server.last_login += 1
        if server.last_login > config.login_last:
            raise Refusal(Retcode.LOGINS_EXHAUSTED)
        if server.last_login not in server.users and server.last_login not in server.archive:
            return server.last_login


def _fill(user: User, fields: dict[str, Any]) -> None:
    for attribute, length in _TEXTS.items():
        if attribute in fields:
            setattr(user, attribute, str(fields[attribute])[:length])
    for attribute, largest in _NUMBERS.items():
        number = _whole(fields.get(attribute))
        if number is not None and 0 <= number <= largest:
            setattr(user, attribute, number)


def _whole(value: object) -> int | None:
    try:
        return int(str(value), 10) if value is not None and not isinstance(value, bool) else None
    except ValueError:
        return None
