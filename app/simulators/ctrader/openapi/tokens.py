"""Access to accounts by their owners' consent: codes, tokens, refreshing, expiry."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hmac import compare_digest
from time import monotonic

from app.simulators.ctrader.errors import Refusal
from app.simulators.ctrader.state import Plant

SCOPES = {"accounts": 0, "trading": 1}


@dataclass(slots=True)
class Token:
    """A consent. `expires_at` is a reading of the monotonic clock."""

    access: str
    refresh: str
    client_id: str
    user_id: int
    scope: int
    expires_at: float

    @property
    def is_expired(self) -> bool:
        return monotonic() >= self.expires_at


@dataclass(frozen=True, slots=True)
class Code:
    """What the browser brings back: good once, for a minute."""

    client_id: str
    user_id: int
    scope: int
    redirect_uri: str
    expires_at: float


class Tokens:
    """All consents of one environment. Listeners hear of tokens that have died."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._codes: dict[str, Code] = {}
        self.by_access: dict[str, Token] = {}
        self.listeners: list[Callable[[Token, str], None]] = []

    def require_app(self, client_id: str, client_secret: str) -> None:
        """Refuse an unknown application and a wrong secret."""
        app = next((app for app in self._plant.config.apps if app.client_id == client_id), None)
        if app is None:
            raise Refusal("CH_OA_CLIENT_NOT_FOUND", "Application is not found")
        if not compare_digest(app.client_secret, client_secret):
            raise Refusal("CH_CLIENT_AUTH_FAILURE", "Application secret is wrong")

    def users(self) -> dict[int, str]:
        """Who could agree: numbers and addresses."""
        return {user.user_id: user.email for user in self._plant.users.values()}

    def consent(self, client_id: str, user_id: int, scope: str, redirect_uri: str) -> str:
        """A user says yes: the code for the browser."""
        app = next((app for app in self._plant.config.apps if app.client_id == client_id), None)
        if app is None or app.redirect_uri != redirect_uri:
            raise Refusal("CH_OA_CLIENT_NOT_FOUND", "Application or address is not found")
        if scope not in SCOPES or user_id not in self._plant.users:
            raise Refusal("INVALID_REQUEST", "Scope or user is not found")
        code = secrets.token_urlsafe(24)
        ends = monotonic() + self._plant.config.code_seconds
        self._codes[code] = Code(client_id, user_id, SCOPES[scope], redirect_uri, ends)
        return code

    def exchange(self, code: str, client_id: str, client_secret: str, redirect_uri: str) -> Token:
        """A token for a code. Earlier tokens of the same user and application die."""
        self.require_app(client_id, client_secret)
        known = self._codes.pop(code, None)
        if known is None or known.expires_at < monotonic():
            raise Refusal("ACCESS_DENIED", "Code is not valid")
        if (known.client_id, known.redirect_uri) != (client_id, redirect_uri):
            raise Refusal("ACCESS_DENIED", "Code belongs to another application")
        return self.grant(client_id, known.user_id, known.scope)

    def grant(self, client_id: str, user_id: int, scope: int) -> Token:
        """A token without asking anybody."""
        for token in list(self.by_access.values()):
            if (token.client_id, token.user_id) == (client_id, user_id):
                self.revoke(token, "Authorized again")
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        ends = monotonic() + self._plant.config.token_seconds
        token = Token(access, refresh, client_id, user_id, scope, ends)
        self.by_access[access] = token
        return token

    def refresh(self, refresh_token: str) -> Token:
        """A new pair for a refresh token, which is good once. The old access token dies."""
        old = next((token for token in self.by_access.values() if token.refresh == refresh_token), None)
        if old is None:
            raise Refusal("ACCESS_DENIED", "Refresh token is not valid")
        return self.grant(old.client_id, old.user_id, old.scope)

    def revoke(self, token: Token, reason: str) -> None:
        """Take a consent back."""
        self.by_access.pop(token.access, None)
        for listener in list(self.listeners):
            listener(token, reason)

    def require(self, access: str) -> Token:
        """A token that is valid now."""
        token = self.by_access.get(access)
        if token is None:
            raise Refusal("CH_ACCESS_TOKEN_INVALID", "Access token is not valid")
        if token.is_expired:
            raise Refusal("OA_AUTH_TOKEN_EXPIRED", "Access token is expired")
        return token

    def accounts(self, token: Token) -> list[int]:
        """The links that a token opens: every account of its user."""
        return [number for number, link in self._plant.links.items() if link.user_id == token.user_id]
