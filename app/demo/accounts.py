"""Trading accounts: clients open them, move money to them and change their leverage, and wait for the platform."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from decimal import Decimal

from app.demo.browsing import PageRefused, tone_of, words_of
from app.demo.world import Client, World

MOVED_SHARE = Decimal("0.7")
TRIES_MAX = 4


def open_everybody(world: World) -> None:
    """Everybody opens an account of the brand's first type, with a password of their own."""
    world.report.each("Accounts opened", world.clients, lambda client: _open(world, client))


def fund_everybody(world: World, *, midway: Callable[[], None] | None = None) -> None:
    """Everybody moves most of their wallet to the account; whatever the platform leaves open is waited for."""
    world.report.each("Accounts funded", world.clients, lambda client: _fund(world, client), midway=midway)


def change_leverages(world: World) -> None:
    """Everybody changes the leverage of their account and sees the platform's answer."""
    world.report.each("Leverages changed", world.clients, lambda client: _change_leverage(world, client))


def _open(world: World, client: Client) -> None:
    client.terminal_password = f"Aa1!{secrets.token_hex(5)}"
    page = f"/accounts/new?type={world.terms.account_type}"
    for attempt in range(TRIES_MAX):
        form = client.browser.form(page, "/accounts/new")
        values = {"currency": client.currency, "main_password": client.terminal_password, "leverage": _usual(world)}
        try:
            with world.report.timed("open an account"):
                client.browser.send(page, form, values)
            break
        except PageRefused:  # The platform was away; nothing was opened, and the form may be sent again.
            if attempt == TRIES_MAX - 1:
                raise
            time.sleep(5)
    shown = client.browser.until("/transfer", lambda found: _LISTED.search(found) is not None)
    listed = _LISTED.search(shown)
    assert listed is not None
    client.account_page, client.login = f"/accounts/{listed[1]}", int(listed[2])


_LISTED = re.compile(r'<option value="([0-9a-f-]{36})"[^>]*>\s*(\d+)\b')


def _usual(world: World) -> str:
    leverages = sorted(world.terms.leverages)
    return str(leverages[-2] if len(leverages) > 1 else leverages[0])


def _fund(world: World, client: Client) -> None:
    amount = (client.deposited * MOVED_SHARE).quantize(Decimal(1))
    values = {"direction": "to", "account": client.account_page.rpartition("/")[2], "amount": str(amount)}
    for _ in range(TRIES_MAX):
        form = client.browser.form("/transfer", "/transfer")
        with world.report.timed("wallet to account"):
            shown = client.browser.send("/transfer", form, values)
        if tone_of(shown) == "warning":  # Not answered yet: it is looked up on the platform, never sent again.
            shown = client.browser.until(client.browser.at, lambda found: tone_of(found) != "warning")
        if tone_of(shown) == "success":
            return
        time.sleep(3)
    raise PageRefused(f"The transfer of {client.email} was refused: {words_of(shown)[-300:]}")


def _change_leverage(world: World, client: Client) -> None:
    target = str(max(world.terms.leverages))
    for _ in range(TRIES_MAX):
        form = client.browser.form(client.account_page, "/leverage")
        if form.values["leverage"] == target:
            return
        try:
            with world.report.timed("change the leverage"):
                shown = client.browser.send(client.account_page, form, {"leverage": target}, block="leverage")
        except PageRefused:  # The connector was just being started again.
            time.sleep(3)
            continue
        if not _has_leverage(shown, target):  # Not answered yet: it is looked up on the platform, never sent again.
            client.browser.until(client.account_page, lambda found: _has_leverage(found, target))
        return
    raise PageRefused(f"The leverage of {client.login} did not become {target}.")


def _has_leverage(shown: str, leverage: str) -> bool:
    """Whether the page says that this is the leverage now; in the list of choices it stands without isolates."""
    return f"\N{LEFT-TO-RIGHT ISOLATE}1:{leverage}\N{POP DIRECTIONAL ISOLATE}" in shown
