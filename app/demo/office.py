"""What the brand's staff do beside payments: verify clients, and give partners an amount per lot."""

from __future__ import annotations

import re
from urllib.parse import quote

from app.demo.browsing import PageRefused
from app.demo.world import Client, World

SAMPLE = 2  # Verified in any case, so that the step is seen where the plan asks for none.
GOD_SHARE = 0.06
GOD_RATES = ("4", "3", "2.50", "1.75", "1")  # By level of the tree.


def verify_clients(world: World) -> None:
    """Compliance sets the verification level that the plan asks of traders and partners; of a few in any case."""
    needed = max(world.terms.client_kyc_level, world.terms.partner_kyc_level)
    people = world.clients if needed else world.clients[:SAMPLE]
    world.staff("compliance")
    world.report.each("Clients verified", people, lambda client: verify(world, client, max(needed, 1)))


def verify(world: World, client: Client, level: int) -> None:
    """Compliance verifies one person so far, unless they are."""
    if client.kyc_level >= level:
        return
    with world.report.timed("set a verification level"):
        page = f"{client_page(world, 'compliance', client)}/kyc"
        form = world.staff("compliance").form(page, "/kyc")
        if int(form.values["level"]) < level:  # Whoever was here before the day began may stand there already.
            values = {"level": str(level), "reason": "Identity card and proof of address seen"}
            world.staff("compliance").send(page, form, values)
    client.kyc_level = level


def grant_god_mode(world: World) -> None:
    """The partner desk gives the partner at the top and some below an amount per lot over everybody under them."""
    if not world.terms.pays_god_mode:
        return
    world.staff("partners")
    chosen = [client for client in world.clients if client.level < world.depth and world.random.random() < GOD_SHARE]
    world.report.each("Partners earn per lot", [world.root(), *chosen], lambda client: _grant(world, client))


def _grant(world: World, client: Client) -> None:
    """The higher a partner stands, the more they get: below them the plan may let only the difference through."""
    rate = GOD_RATES[min(client.level, len(GOD_RATES) - 1)]
    with world.report.timed("give an amount per lot"):
        number = client_page(world, "partners", client).rpartition("/")[2]
        values = {"rate": rate, "reason": "Brings in a whole network"}
        world.staff("partners").submit(f"/commission/partners/{number}/per-lot", values, action="/per-lot")


def client_page(world: World, login: str, client: Client) -> str:
    """The client's page in the office, found as staff find it: by searching the list for the e-mail."""
    shown = world.staff(login).get(f"/clients?q={quote(client.email)}")
    found = re.search(r"/clients/[0-9a-f-]{36}", shown)
    if found is None:
        raise PageRefused(f"The office does not find {client.email}.")
    return found[0]
