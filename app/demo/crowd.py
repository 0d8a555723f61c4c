"""A crowd signs up: everybody but the first follows somebody's referral link, so that a tree of partners grows."""

from __future__ import annotations

import re
from urllib.parse import quote

from app.demo.browsing import PageRefused, words_of
from app.demo.people import PASSWORD
from app.demo.world import Client, World

GROWTH = 1.6  # Each level of the tree is so many times as large as the one above it.
_LINK = re.compile(r"(/r/|[?&]ref=)([0-9A-Z]{6,24})\b")


def level_sizes(clients: int, depth: int) -> list[int]:
    """How many people stand on each level of the tree; every level has at least one."""
    depth = max(1, min(depth, clients))
    weights = [GROWTH**level for level in range(depth)]
    sizes = [1 + int((clients - depth) * weight / sum(weights)) for weight in weights]
    sizes[-1] += clients - sum(sizes)
    return sizes


def sign_up_everybody(world: World) -> None:
    """Grow the tree level by level: a level's people need the links of the one above."""
    above = [world.root()]
    number = 0
    for level, size in enumerate(level_sizes(world.wanted, world.depth), start=1):
        newcomers = []
        for _ in range(size):
            number += 1
            newcomers.append(world.newcomer(number, level, world.random.choice(above)))
        sponsors = {id(person.sponsor): person.sponsor for person in newcomers if person.sponsor is not None}
        for sponsor in sponsors.values():
            sponsor.code = sponsor.code or referral_code(sponsor)
        world.report.each(f"Level {level} signs up", newcomers, lambda person: sign_up(world, person))
        world.clients += newcomers
        above = newcomers


def referral_code(sponsor: Client) -> str:
    """The code in the link that a partner hands out, as their page shows it."""
    page = sponsor.browser.get("/partner/")
    found = _LINK.search(page)
    if found is None:
        raise PageRefused(f"The partner page shows no link: {words_of(page)[-300:]}")
    return found[2]


def sign_up(world: World, person: Client) -> None:
    """Follow the sponsor's link, sign up, read the mail, confirm. The person is signed in afterwards."""
    assert person.sponsor is not None
    with world.report.timed("sign up"):
        shown = person.browser.get(f"/r/{person.sponsor.code}")
        values = {"name": person.name, "email": person.email, "country": world.country, "password": PASSWORD}
        form = person.browser.form("/sign-up", shown=shown)
        if form.values.get("referral_code") != person.sponsor.code:
            raise PageRefused(f"The link of {person.sponsor.email} was forgotten on the way to the form.")
        person.browser.send("/sign-up", form, values)
    link = _confirmation_link(person)
    with world.report.timed("confirm the e-mail"):
        person.browser.submit(link, {"password": PASSWORD})


def _confirmation_link(person: Client) -> str:
    mailbox = f"/mailbox?q={quote(person.email)}"
    shown = person.browser.until(mailbox, lambda page: "/mailbox/" in page)
    for path in re.findall(r'href="(/mailbox/[0-9a-f-]{36})"', shown):
        found = re.search(r"/confirm-email/[\w-]+", person.browser.get(path))
        if found is not None:
            return found[0]
    raise PageRefused(f"No mail to {person.email} holds a link to confirm.")
