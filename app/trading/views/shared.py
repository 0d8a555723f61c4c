"""What the pages of several audiences share: waiting for the platform, texts of the brand, blocks asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from flask import g, request
from flask_babel import get_locale

from app.core.http import commit_then_wait, is_partial
from app.tenancy import service as tenancy
from app.tenancy.bundles.schema import in_language
from app.trading.models import PlatformOperation
from app.trading.platforms.kinds import capabilities_of
from app.trading.queries import accounts as queries
from app.trading.queries import operations as operation_queries
from app.trading.queries.accounts import AccountView
from app.trading.service import Requested


def wait_for(requested: Requested) -> PlatformOperation:
    """Commit, hand the operation to the connector, wait a moment for the platform's own answer, and read what became
    of it. The account that the page holds is read anew with it."""
    commit_then_wait(requested.request_key, requested.message, requested.answer_key)
    return operation_queries.find_with_account(requested.operation.id)


def listen_to(client_id: UUID) -> None:
    """Let this page hear what changes about a client; its view has checked the right. The frame signs the list."""
    g.watched = [*g.get("watched", ()), f"client:{client_id}"]


def tell_freshness_of(platform_ids: Iterable[UUID]) -> None:
    """Let this page's mark of freshness speak of these platforms alone: another one's outage does not concern it."""
    g.watched = [*g.get("watched", ()), *(f"platform:{platform_id}" for platform_id in platform_ids)]


def in_readers_language(texts: Mapping[str, str]) -> str:
    """The brand's own text in the reader's language, as far as the brand gives one."""
    return in_language(texts, str(get_locale()), tenancy.current().default_language)


def asked_block(*names: str) -> str:
    """Which of these blocks htmx asks for; the first one when it asks for none of them."""
    target = request.headers.get("HX-Target", "").rpartition("#")[2]
    return target if target in names else names[0]


def account_context(view: AccountView, block: str = "") -> dict[str, Any]:
    """What a page about one account shows; for a part of it, only what that part shows."""
    part = block if is_partial() else ""
    tell_freshness_of([view.platform.id])
    return {
        "view": view,
        "account": view.account,
        "kind": view.kind,
        "platform": view.platform,
        "can": capabilities_of(view.platform.kind, view.platform.settings),
        "state": view.state,
        "text_of": in_readers_language,
        "positions": queries.positions_of(view.account) if part in ("", "positions") else (),
        "trades": queries.closed_trades_of(view.account.id) if part in ("", "history") else (),
        "operations": queries.operations_of(view.account.id) if part in ("", "history", "account", "settings") else (),
    }
