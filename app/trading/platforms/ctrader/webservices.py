"""WebServices: the platform's HTTPS interface, for what the Manager API does not have or does only as a whole.

Its token travels in the address of every call, so addresses are never logged.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import httpx

from app.trading.platforms.base import AccountState, NotPermitted, OutcomeUnknown, PlatformUnavailable, Trouble
from app.trading.platforms.ctrader import errors, units

logging.getLogger("httpx").setLevel(logging.WARNING)  # It writes whole addresses, and ours hold the token.

# Each of them fails before the request is handed over.
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class WebEndpoint:
    """Where WebServices are, and who asks. `password` is the manager's."""

    url: str
    login: int
    password: str = field(repr=False)
    ca_pem: str = field(default="", repr=False)
    server_name: str = ""
    timeout_s: float = 10.0


class WebServices:
    """One client of one environment. Belongs to one event loop."""

    def __init__(self, endpoint: WebEndpoint) -> None:
        self._endpoint = endpoint
        self._token = ""
        self._http: httpx.AsyncClient | None = None

    async def read_trader(self, login: int) -> Mapping[str, Any]:
        """Settings and money of an account. Raises Refused, NotPermitted or PlatformUnavailable."""
        answer = await self._read("GET", f"/v2/webserv/traders/{login}")
        return _object(answer)

    async def change_trader(self, login: int, fields: Mapping[str, object]) -> None:
        """Change these settings of an account and no others."""
        await self._change("PATCH", f"/v2/webserv/traders/{login}", fields)

    async def open_positions(self, login: int) -> list[Mapping[str, str]]:
        """What an account has open: as a grid or as objects, whichever the server writes."""
        return rows_of((await self._read("GET", "/v2/webserv/openPositions", params={"login": str(login)})).text)

    async def ensure_user(self, email: str, broker: str, language: str) -> int:
        """The person with this address in the identity service, made when there is none. Answers the person's id."""
        body = {"email": email, "brokerName": broker, "preferredLanguage": language}
        return int(_object(await self._change("POST", "/cid/ctid/create", body)).get("userId", 0))

    async def link_user(self, user: int, login: int, secret: str, broker: str, environment: str) -> int:
        """Give an account to a person of the identity service. Answers the id of the link."""
        body = {
            "traderLogin": login,
            "traderPasswordHash": secret,
            "userId": user,
            "brokerName": broker,
            "environmentName": environment,
            "returnAccountDetails": True,
        }
        return int(_object(await self._change("POST", "/cid/ctid/link", body)).get("ctidTraderAccountId", 0))

    async def code_for(self, user: int, path: str, user_field: str, code_field: str) -> str:
        """A code that lets a person of the identity service in somewhere, once. Path and fields are the vendor's."""
        found = _object(await self._change("POST", path, {user_field: user})).get(code_field)
        if not isinstance(found, str) or not found:
            raise PlatformUnavailable("WebServices gave no code.", trouble=Trouble.MALFORMED)
        return found

    async def ping(self) -> None:
        """See that the manager login is known here."""
        self._token = ""
        await self._renew_token()

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _read(self, method: str, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            return await self._call(method, path, None, params)
        except OutcomeUnknown as error:
            raise PlatformUnavailable(str(error), trouble=error.trouble) from None

    async def _change(self, method: str, path: str, body: Mapping[str, object]) -> httpx.Response:
        return await self._call(method, path, body, None)

    async def _call(
        self, method: str, path: str, body: Mapping[str, object] | None, params: Mapping[str, str] | None
    ) -> httpx.Response:
        """One call; with a token that the server no longer takes, once more. It was refused unread, so that is no
        repetition."""
        if not self._token:
            await self._renew_token()
        answer = await self._send(method, path, body, params)
        if answer.status_code in (401, 403):
            await self._renew_token()
            answer = await self._send(method, path, body, params)
        if answer.is_success:
            return answer
        raise _error_of(answer)

    async def _renew_token(self) -> None:
        endpoint = self._endpoint
        body = {"login": endpoint.login, "hashedPassword": units.secret_of(endpoint.password)}
        self._token = ""
        try:
            answer = await self._send("POST", "/v2/webserv/managers/token", body, None)
        except OutcomeUnknown as error:
            raise PlatformUnavailable(str(error), trouble=error.trouble) from None
        if not answer.is_success:
            failure = _error_of(answer)
            if isinstance(failure, PlatformUnavailable):
                raise failure
            raise NotPermitted("WebServices refused the manager login.", trouble=Trouble.CREDENTIALS)
        self._token = str(_object(answer).get("webservToken", ""))
        if not self._token:
            raise PlatformUnavailable("WebServices gave no token.", trouble=Trouble.MALFORMED)

    async def _send(
        self, method: str, path: str, body: Mapping[str, object] | None, params: Mapping[str, str] | None
    ) -> httpx.Response:
        try:
            return await self._client().request(
                method,
                path,
                params={**(params or {}), **({"token": self._token} if self._token else {})},
                json=dict(body) if body is not None else None,
                headers={"Accept": "application/json"},
                extensions={"sni_hostname": self._endpoint.server_name} if self._endpoint.server_name else None,
            )
        except _NOT_SENT as error:
            raise PlatformUnavailable(f"WebServices: {type(error).__name__}.") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OutcomeUnknown(f"WebServices: {type(error).__name__}.", trouble=Trouble.SLOW) from None

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            endpoint = self._endpoint
            self._http = httpx.AsyncClient(
                base_url=endpoint.url,
                verify=ssl.create_default_context(cadata=endpoint.ca_pem or None),
                timeout=endpoint.timeout_s,
                trust_env=False,
            )
        return self._http


def _object(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        found = answer.json() if answer.content else {}
    except ValueError:
        raise OutcomeUnknown("WebServices answered with no JSON.", trouble=Trouble.MALFORMED) from None
    return found if isinstance(found, dict) else {}


def _error_of(answer: httpx.Response) -> Exception:
    """What an answer that is no success means. Bodies differ between servers; what is not understood is no refusal."""
    name = text = ""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if isinstance(found, dict):
        inner = found.get("error", found)
        if isinstance(inner, dict):
            name, text = str(inner.get("errorCode", "")), str(inner.get("description", ""))
    if name and name not in errors.UNCERTAIN:
        return errors.error_of(name, text)
    if answer.status_code in (401, 403):
        return NotPermitted(f"WebServices answered with {answer.status_code}.")
    if answer.status_code in (404, 400):
        return errors.NamedRefusal("TRADER_NOT_FOUND" if answer.status_code == 404 else "INVALID_REQUEST", text)
    if answer.status_code == 503:
        return PlatformUnavailable("WebServices answered with 503.", trouble=Trouble.MAINTENANCE)
    return OutcomeUnknown(f"WebServices answered with {answer.status_code} {name}".strip())


def rows_of(text: str) -> list[Mapping[str, str]]:
    """The rows of a list: JSON when it begins so, otherwise a comma-separated grid under a line of names."""
    head = text.lstrip()[:1]
    if not head:
        return []
    if head in "[{":
        found = json.loads(text)
        if isinstance(found, dict):
            found = next((value for value in found.values() if isinstance(value, list)), [])
        return [{key: str(value) for key, value in row.items()} for row in found]
    return [dict(row) for row in csv.DictReader(io.StringIO(text.lstrip()))]


def state_of(login: int, row: Mapping[str, Any]) -> AccountState:
    """The figures of an account. Bonuses that count for equity stand with the credit."""
    digits = int(row.get("moneyDigits", units.DEFAULT_MONEY_DIGITS))

    def amount(name: str) -> Decimal:
        return units.money(int(row.get(name) or 0), digits)

    balance, credit = amount("balance"), amount("nonWithdrawableBonus")
    equity, margin = amount("equity"), amount("usedMargin")
    return AccountState(
        login=login,
        balance=balance,
        credit=credit,
        equity=equity,
        margin=margin,
        free_margin=amount("freeMargin"),
        margin_level=(equity / margin * 100).quantize(Decimal("0.01")) if margin else None,
        floating_profit=equity - balance - credit - amount("bonus"),
    )
