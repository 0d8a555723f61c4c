"""One connection's sign-in: challenge, answer, and the manager behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import monotonic
from typing import Any

from app.simulators.mt5 import auth
from app.simulators.mt5.config import ManagerConfig
from app.simulators.mt5.request import Reply
from app.simulators.mt5.retcodes import Refusal, Retcode
from app.simulators.mt5.state import TradeServer

_VERSION_MIN = 484
_API_RIGHT = 1  # Without RIGHT_MANAGER no connection is a manager's.


class Session:
    """Belongs to exactly one connection and ends with it."""

    def __init__(self, address: str, close: Callable[[], None]) -> None:
        self.address = address
        self.close = close
        self.cookie = secrets.token_hex(16)
        self.manager: ManagerConfig | None = None
        self.digest = b""
        self.wants_cipher = False
        self.crypt_rand = b""
        self.dealer_results: dict[int, list[dict[str, Any]]] = {}
        self._dealer_id = 0
        self._candidate: ManagerConfig | None = None
        self._challenge = b""
        self._challenged_at = 0.0

    def next_dealer_id(self) -> int:
        """A new number for a dealer request of this connection."""
        self._dealer_id += 1
        return self._dealer_id

    def seconds_to_answer(self, window: float) -> float | None:
        """How long the client still has to answer the challenge; None when none is open."""
        if not self._challenge:
            return None
        return max(0.0, self._challenged_at + window - monotonic())

    def start(self, server: TradeServer, params: dict[str, str]) -> Reply:
        """Issue the challenge. Whether the login exists shows only at the answer."""
        try:
            version, login = int(params.get("version", "")), int(params.get("login", ""))
        except ValueError:
            raise Refusal(Retcode.BAD_PARAMETERS) from None
        agent = params.get("agent", "")
        if version < _VERSION_MIN or not agent or " " in agent or params.get("type", "").lower() != "manager":
            raise Refusal(Retcode.BAD_PARAMETERS)
        self.manager, self._candidate = None, server.managers.get(login)
        self.wants_cipher = params.get("crypt_method", "").upper() == "AES256OFB"
        self._challenge, self._challenged_at = secrets.token_bytes(16), monotonic()
        version_text, challenge = str(server.config.version), self._challenge.hex()
        return Reply(
            extra={"version_access": version_text, "srv_rand": challenge},
            params={"VERSION_ACCESS": version_text, "SRV_RAND": challenge},
        )

    def answer(self, server: TradeServer, params: dict[str, str], *, sessions: int, is_answer_wrong: bool) -> Reply:
        """Check the client's proof and give the server's own.

        `sessions` is how many other connections the candidate has; `is_answer_wrong` is the fault that spoils the
        server's proof.
        """
        challenge, candidate = self._challenge, self._candidate
        remaining = self.seconds_to_answer(server.config.answer_window_seconds)
        self._challenge = b""
        if candidate is None or not challenge or not remaining:
            raise Refusal(Retcode.INVALID_ACCOUNT)
        digest = auth.password_digest(candidate.password)
        if not auth.is_answer(digest, challenge, params.get("srv_rand_answer", "")):
            raise Refusal(Retcode.INVALID_ACCOUNT)
        try:
            client_challenge = bytes.fromhex(params.get("cli_rand", ""))
        except ValueError:
            raise Refusal(Retcode.BAD_PARAMETERS) from None
        if not candidate.is_enabled:
            raise Refusal(Retcode.ACCOUNT_DISABLED)
        if candidate.addresses and self.address not in candidate.addresses:
            raise Refusal(Retcode.ADDRESS_NOT_ALLOWED)
        if not candidate.may(_API_RIGHT):
            raise Refusal(Retcode.API_NOT_ALLOWED)
        if server.switches.sessions_max and sessions >= server.switches.sessions_max:
            raise Refusal(Retcode.TOO_FREQUENT)
        self.manager, self.digest = candidate, digest
        proof = auth.answer_to(digest, client_challenge[::-1] if is_answer_wrong else client_challenge)
        version = str(server.config.version)
        extra = {"version_access": version, "version_trade": version, "cli_rand_answer": proof}
        params_out = {name.upper(): value for name, value in extra.items()}
        if self.wants_cipher:
            self.crypt_rand = secrets.token_bytes(256)
            params_out["CRYPT_RAND"] = self.crypt_rand.hex()
        return Reply(extra=extra, params=params_out)

    def candidate_login(self) -> int:
        """Whom this connection tries to sign in as."""
        return self._candidate.login if self._candidate else 0

    def end(self) -> None:
        """Forget who is signed in; the connection may start anew."""
        self.manager, self._challenge = None, b""
