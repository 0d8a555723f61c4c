"""Return codes and the texts that the server sends with them."""

from __future__ import annotations

from enum import IntEnum


class Retcode(IntEnum):
    """A number of the platform's return code list."""

    DONE = 0
    NOTHING = 1
    ERROR = 2
    BAD_PARAMETERS = 3
    TIMEOUT = 9
    NO_CONNECTION = 10
    NO_PERMISSION = 8
    TOO_FREQUENT = 12
    NOT_FOUND = 13
    PARTIAL = 14
    SHUTTING_DOWN = 15
    DUPLICATE = 17
    INVALID_ACCOUNT = 1001
    ACCOUNT_DISABLED = 1002
    NO_MANAGER_CONFIGURATION = 1011
    ADDRESS_NOT_ALLOWED = 1012
    API_NOT_ALLOWED = 1034
    LOGINS_EXHAUSTED = 3002
    LOGIN_OF_OTHER_SERVER = 3003
    ACCOUNT_EXISTS = 3004
    BAD_PASSWORD = 3006
    HAS_OPEN_POSITIONS = 3008
    OTHER_CURRENCY = 3010
    MONEY_LIMIT = 4005
    REQUEST_ON_THE_WAY = 10001
    REQUEST_REJECTED = 10006
    REQUEST_DONE = 10009
    INVALID_REQUEST = 10013
    INVALID_VOLUME = 10014
    INVALID_PRICE = 10015
    INVALID_STOPS = 10016
    TRADING_DISABLED = 10017
    MARKET_CLOSED = 10018
    NO_MONEY = 10019
    NO_PRICE = 10021
    TOO_MANY_REQUESTS = 10024
    ROBOTS_DISABLED = 10026
    POSITION_CLOSED = 10036
    CLOSE_VOLUME_TOO_LARGE = 10038
    CLOSE_ONLY = 10044

    @property
    def text(self) -> str:
        """`"13 Not found"`: the number and its text, as every answer carries it."""
        return f"{self.value} {_TEXTS[self]}"


_TEXTS: dict[Retcode, str] = {
    Retcode.DONE: "Done",
    Retcode.NOTHING: "OK/None",
    Retcode.ERROR: "Error",
    Retcode.BAD_PARAMETERS: "Invalid parameters",
    Retcode.NO_PERMISSION: "Not enough permissions",
    Retcode.TIMEOUT: "Timeout",
    Retcode.NO_CONNECTION: "No connection",
    Retcode.TOO_FREQUENT: "Too frequent requests",
    Retcode.NOT_FOUND: "Not found",
    Retcode.PARTIAL: "Partial result",
    Retcode.SHUTTING_DOWN: "Server shutdown in progress",
    Retcode.DUPLICATE: "Duplicate",
    Retcode.INVALID_ACCOUNT: "Invalid account",
    Retcode.ACCOUNT_DISABLED: "Account disabled",
    Retcode.NO_MANAGER_CONFIGURATION: "No manager configuration",
    Retcode.ADDRESS_NOT_ALLOWED: "IP address unallowed for manager",
    Retcode.API_NOT_ALLOWED: "API not allowed",
    Retcode.LOGINS_EXHAUSTED: "Logins range exhausted",
    Retcode.LOGIN_OF_OTHER_SERVER: "Login reserved at another server",
    Retcode.ACCOUNT_EXISTS: "Account already exists",
    Retcode.BAD_PASSWORD: "Invalid account password",
    Retcode.HAS_OPEN_POSITIONS: "Account has open trades",
    Retcode.OTHER_CURRENCY: "Attempt to move account to different currency group",
    Retcode.MONEY_LIMIT: "Money limit reached",
    Retcode.REQUEST_ON_THE_WAY: "Request is on the way",
    Retcode.REQUEST_REJECTED: "Request rejected",
    Retcode.REQUEST_DONE: "Request executed",
    Retcode.INVALID_REQUEST: "Invalid request",
    Retcode.INVALID_VOLUME: "Invalid volume",
    Retcode.INVALID_PRICE: "Invalid price",
    Retcode.INVALID_STOPS: "Invalid stops",
    Retcode.TRADING_DISABLED: "Trade is disabled",
    Retcode.MARKET_CLOSED: "Market is closed",
    Retcode.NO_MONEY: "Not enough money",
    Retcode.NO_PRICE: "No prices",
    Retcode.TOO_MANY_REQUESTS: "Too many requests",
    Retcode.ROBOTS_DISABLED: "Autotrading disabled by server",
    Retcode.POSITION_CLOSED: "Position is already closed",
    Retcode.CLOSE_VOLUME_TOO_LARGE: "Volume to be closed exceeds the position volume",
    Retcode.CLOSE_ONLY: "Only position closing is allowed",
}


def retcode_text(number: int) -> str:
    """The text for any number, also for one that only a fault asks for."""
    try:
        return Retcode(number).text
    except ValueError:
        return f"{number} Error"


class Refusal(Exception):
    """A command that the platform answers with a return code instead of a result."""

    def __init__(self, retcode: Retcode) -> None:
        super().__init__(retcode.text)
        self.retcode = retcode
