"""Money comes and goes: deposits by wire with a proof, conversions, withdrawals, each decided by staff."""

from __future__ import annotations

import re
import struct
import zlib
from decimal import Decimal

from app.demo.browsing import PageRefused, tone_of, words_of
from app.demo.world import Client, World

IBAN = "DE89370400440532013000"  # The example of the standard.
OTHER_CURRENCY_SHARE = 0.1
LARGE_SHARE = 0.04


def deposit_everybody(world: World) -> None:
    """Everybody announces a wire and uploads a proof; finance credits them, two people where the brand asks for it."""
    for client in world.clients:
        _choose(world, client)
    deposits = world.report.each("Deposits announced", world.clients, lambda client: _deposit(world, client))
    world.staff("finance").get("/payments/deposits")
    world.staff("finance2")
    world.report.each("Deposits credited", deposits, lambda found: _credit(world, found[0], found[1]))
    strangers = [client for client in world.clients if client.currency not in world.terms.account_currencies]
    world.report.each("Wallets converted", strangers, lambda client: _convert(world, client))


def _choose(world: World, client: Client) -> None:
    terms, random = world.terms, world.random
    offered = [currency for currency in terms.account_currencies if currency in terms.deposits]
    offered.sort(key=lambda currency: currency != terms.plan_currency)
    others = [currency for currency in terms.deposits if currency not in terms.account_currencies]
    client.currency = offered[0] if random.random() < 0.85 else random.choice(offered)
    if others and random.random() < OTHER_CURRENCY_SHARE:
        client.currency = random.choice(others)
    least, greatest, second = terms.deposits[client.currency]
    share = Decimal(120 if random.random() < LARGE_SHARE else random.randrange(20, 90)) / 100
    client.deposited = min(max(least, (second * share).quantize(Decimal(1))), greatest)


def _deposit(world: World, client: Client) -> tuple[Client, str]:
    with world.report.timed("announce a deposit"):
        page = f"/deposit?currency={client.currency}"
        shown = client.browser.submit(page, {"amount": str(client.deposited)}, action="/deposit")
    page = client.browser.at
    proof = ("wire.png", small_picture(), "image/png")
    with world.report.timed("upload a proof"):
        client.browser.submit(page, {}, action="/proof", shown=shown, files={"proof": proof})
    return client, page.rpartition("/")[2]


def _credit(world: World, client: Client, deposit: str) -> None:
    page = f"/payments/deposits/{deposit}"
    with world.report.timed("credit a deposit"):
        shown = world.staff("finance").submit(page, {}, action="/approve")
    if client.deposited >= world.terms.deposits[client.currency][2]:
        with world.report.timed("credit a deposit"):
            shown = world.staff("finance2").submit(page, {}, action="/approve")
    if tone_of(shown) != "success":
        raise PageRefused(f"{page} is not credited: {words_of(shown)[-300:]}")


def _convert(world: World, client: Client) -> None:
    """Change everything into a currency in which accounts are kept."""
    target = min(world.terms.account_currencies, key=lambda currency: currency != world.terms.plan_currency)
    page = f"/convert?from_currency={client.currency}&to_currency={target}&amount={client.deposited}"
    form = client.browser.form(page, "/convert")
    with world.report.timed("convert"):
        client.browser.send(page, form, {})
    client.currency, client.deposited = target, Decimal(form.values["expected"])


def withdraw(world: World, client: Client, amount: Decimal) -> None:
    """Ask for money, have it approved by one or two people, and marked as paid."""
    values = {"amount": f"{amount:f}", "holder": client.name, "iban": IBAN, "bic": "COBADEFFXXX"}
    with world.report.timed("ask for a withdrawal"):
        client.browser.submit(f"/withdraw?currency={client.currency}", values, action="/withdraw")
    page = f"/payments/withdrawals/{client.browser.at.rpartition('/')[2]}"
    shown = world.staff("finance").submit(page, {}, action="/approve")
    if re.search(r'action="[^"]+/confirm"', shown) is None:
        shown = world.staff("finance2").submit(page, {}, action="/approve")
    with world.report.timed("mark a withdrawal as paid"):
        paid = {"reference": f"BANK-{world.run}-{client.number}".upper()}
        shown = world.staff("finance").submit(page, paid, action="/confirm")
    if tone_of(shown) != "success":
        raise PageRefused(f"{page} is not paid: {words_of(shown)[-300:]}")


def small_picture() -> bytes:
    """A picture of one grey dot, as a PNG."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")
    )
