"""The platform's own page for copying, shown inside the cabinet: who has one, and the code that opens it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from app.audit import service as audit
from app.clients import queries as clients
from app.core.actor import Actor
from app.core.db import tenant_id
from app.core.errors import NotFound
from app.kit.ids import new_id
from app.trading import wire
from app.trading.models import TradingPlatform
from app.trading.queries import accounts, platforms
from app.trading.service import connections

CODE_WITHIN_S = 6.0


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """A request that is to be handed over after the commit, and where its answer will be."""

    id: UUID
    request_key: str
    message: str
    answer_key: str


def platforms_with_page(client_id: UUID) -> list[TradingPlatform]:
    """The platforms with a page for copying on which the client has an open account."""
    own = {account.platform_id for account in accounts.active_accounts_of(client_id)}
    return [row for row in platforms.platforms() if row.is_active and row.id in own and row.settings.get("copy_page")]


def page_of(code: str, client_id: UUID) -> tuple[TradingPlatform, connections.CopyPage]:
    """The platform of this code and its page. Raises NotFound where the client has none."""
    for platform in platforms_with_page(client_id):
        page = connections.copy_page(platform)
        if platform.code == code and page is not None:
            return platform, page
    raise NotFound


def ask_for_code(platform: TradingPlatform, client_id: UUID, language: str, by: Actor) -> CodeRequest:
    """Prepare the question for a code. What is answered lives for a minute and is kept nowhere."""
    client = clients.get(client_id)
    tenant, request_id = tenant_id(), new_id()
    audit.record("copytrading.page.open", ("trading_platform", platform.id), by=by, client_id=client_id)
    request = wire.Request(request_id, {"email": client.email, "language": language})
    return CodeRequest(
        request_id,
        wire.codes_key(tenant, platform.id),
        wire.encode_request(tenant, request),
        wire.answer_key(request_id),
    )


def code_in(answer: bytes | None) -> str:
    """The code that was answered; empty when none came."""
    request = wire.decode_request(tenant_id(), answer) if answer else None
    return request.secrets.get("code", "") if request is not None else ""


def address(page: connections.CopyPage, code: str, language: str, theme: str) -> str:
    """The page as the vendor documents it: with the code, the reader's language and the theme."""
    joint = "&" if urlsplit(page.url).query else "?"
    return f"{page.url}{joint}{urlencode({'authCode': code, 'lang': language, 'theme': theme})}"


def origin(page: connections.CopyPage) -> str:
    """The origin that the cabinet's page must let in, for its policy."""
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"
