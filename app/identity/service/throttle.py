"""Slowing down guessing. The counts live in Redis: a flush forgets them and locks nobody out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import redis
import structlog

from app.core import redis as core_redis
from app.core.db import tenant_id
from app.core.errors import TooMany
from app.identity import rules
from app.identity.rules import UserKind
from app.kit import clock
from app.kit.text import _ln

log = structlog.get_logger()

_FORGET_AFTER = timedelta(hours=1)
_WINDOW_SECONDS = 600
_ADDRESS_FAILURES_MAX = 30
_STORM_FAILURES = 2000  # So many failures of one tenant in a window are an attack, and addresses get less patience.
_ADDRESS_FAILURES_MAX_IN_STORM = 3

# Checking and counting are one step, so that guesses sent all at once count one after the other.
_TAKE_TURN = """
local state = redis.call('HMGET', KEYS[1], 'n', 'last')
local n, last, now = tonumber(state[1] or '0'), tonumber(state[2] or '0'), tonumber(ARGV[1])
local free, longest = tonumber(ARGV[2]), tonumber(ARGV[3])
local wait = 0
if n >= free then wait = math.min(2 ^ math.min(n - free + 1, 10), longest) end
local left = last + wait - now
if left > 0 then return math.ceil(left) end
redis.call('HSET', KEYS[1], 'n', n + 1, 'last', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 0
"""


class TooManyTries(TooMany):
    """Somebody, perhaps a stranger, has tried too often; after a wait the right password works again."""


def take_turn(kind: UserKind, email_norm: str, ip: str) -> None:
    """Count one try to sign in to an account from an address. Raises TooManyTries while either has to wait.

    A try counts as failed until `succeeded` says otherwise.
    """
    try:
        address = _count("fail", ip)
        storm = _count("storm", "")
        allowed = _ADDRESS_FAILURES_MAX if storm < _STORM_FAILURES else _ADDRESS_FAILURES_MAX_IN_STORM
        if ip and address >= allowed:
            raise _too_many(_WINDOW_SECONDS)
        left = cast(
            int,
            core_redis.client().eval(
                _TAKE_TURN,
                1,
                _account_key(kind, email_norm),
                str(clock.now().timestamp()),
                str(rules.FREE_FAILURES),
                str(int(rules.DELAY_MAX.total_seconds())),
                str(int(_FORGET_AFTER.total_seconds())),
            ),
        )
    except redis.RedisError as error:
        log.warning("identity.throttle_away", error=str(error))
        return
    if left:
        log.warning("security.sign_in_throttled", kind=kind.value, ip=ip, seconds=left)
        raise _too_many(left)


def failed(ip: str) -> None:
    """Count a failed try against its address and the tenant."""
    _add("fail", ip)
    _add("storm", "")


def succeeded(kind: UserKind, email_norm: str) -> None:
    """Forget the tries on an account: its owner is here."""
    try:
        core_redis.client().delete(_account_key(kind, email_norm))
    except redis.RedisError as error:
        log.warning("identity.throttle_away", error=str(error))


def limit(act: str, who: str, *, times: int, seconds: int) -> bool:
    """Count one act of somebody; False when there were more than `times` of them within the window."""
    if not who:
        return True
    return _add(act, who, seconds) <= times


def _too_many(seconds: int) -> TooManyTries:
    sentence = _ln(
        "Too many attempts. Try again in %(num)s second.", "Too many attempts. Try again in %(num)s seconds.", seconds
    )
    return TooManyTries(sentence)


def _account_key(kind: UserKind, email_norm: str) -> str:
    return core_redis.key("tries", tenant_id(), kind.value, rules.digest(email_norm))


def _window_key(act: str, who: str, seconds: int = _WINDOW_SECONDS) -> str:
    window = int(clock.now().timestamp() // seconds)
    return core_redis.key("count", tenant_id(), act, who, window)


def _count(act: str, who: str) -> int:
    return int(cast(Any, core_redis.client().get(_window_key(act, who))) or 0)


def _add(act: str, who: str, seconds: int = _WINDOW_SECONDS) -> int:
    try:
        name = _window_key(act, who, seconds)
        pipe = core_redis.client().pipeline()
        pipe.incr(name)
        pipe.expire(name, seconds)
        return int(pipe.execute()[0])
    except redis.RedisError as error:
        log.warning("identity.throttle_away", error=str(error))
        return 0
