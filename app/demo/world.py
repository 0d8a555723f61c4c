"""One demonstration: its brand, its people, its two clocks, and what all its steps share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from app.demo.browsing import Browser
from app.demo.hooks import Hooks
from app.demo.people import PASSWORD, country_of, given_names
from app.demo.report import Report
from app.demo.terminal import Platform
from app.kit import clock

# The product reads a difference between the platform's clock and its own as the platform's time zone, rounded to a
# quarter of an hour, and believes none beyond any zone. So the two clocks move in steps that are clearly neither.
STEP_MAX = timedelta(minutes=7)
LEAP_MIN = timedelta(hours=16)
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass
class Client:
    """A client of the demonstration: a person with a browser, and later with a terminal."""

    number: int
    level: int
    name: str
    email: str
    browser: Browser
    sponsor: Client | None = None
    code: str = ""
    currency: str = ""
    deposited: Decimal = Decimal(0)
    login: int = 0
    terminal_password: str = field(default="", repr=False)
    account_page: str = ""
    kyc_level: int = 0


class World:
    """What all steps of one demonstration share. The same seed makes the same tree, amounts and orders."""

    def __init__(self, hooks: Hooks, slug: str, *, clients: int, depth: int, seed: int, threads: int) -> None:
        self.hooks, self.slug, self.wanted, self.depth = hooks, slug, clients, depth
        self.random = random.Random(seed)
        self.port = hooks.port()
        self.terms = hooks.terms(slug)
        self.platform = Platform(hooks.control_url(slug))
        self.others = [Platform(address) for address in hooks.other_clocks(slug)]
        self.report = Report(threads)
        self.run = _base36(int(clock.now().timestamp()))  # Two demonstrations on one instance need different e-mails.
        self.partner: Client | None = None
        self.clients: list[Client] = []
        self._staff: dict[str, Browser] = {}
        self._network = random.randrange(0, 200)

    @property
    def cabinet(self) -> str:
        return f"{self.slug}.localhost"

    def newcomer(self, number: int, level: int, sponsor: Client) -> Client:
        """Somebody who has only an address and a browser."""
        first, last = given_names(self.slug)
        name = f"{self.random.choice(first)} {self.random.choice(last)}"
        # Addresses of the network that is set aside for measurements (RFC 2544), one a person.
        place = self._network * 250 + number
        ip = f"198.{18 + (place // 62_500) % 2}.{(place // 250) % 250}.{place % 250 + 1}"
        browser = Browser(self.port, self.cabinet, ip)
        return Client(number, level, name, f"c{number}.{self.run}@clients.{self.slug}.example", browser, sponsor)

    def root(self) -> Client:
        """The brand's demonstration partner, signed in at the cabinet: everybody stands below them."""
        if self.partner is None:
            browser = Browser(self.port, self.cabinet, "198.19.255.1")
            email = f"partner@{self.slug}.example"
            browser.sign_in(email, PASSWORD)
            self.partner = Client(0, 0, "partner", email, browser)
        return self.partner

    def staff(self, login: str) -> Browser:
        """A member of staff at the office, signed in."""
        if login not in self._staff:
            browser = Browser(self.port, f"office.{self.slug}.localhost", f"198.19.254.{len(self._staff) + 1}")
            browser.sign_in(f"{login}@{self.slug}.example", PASSWORD)
            self._staff[login] = browser
        return self._staff[login]

    @property
    def country(self) -> str:
        return country_of(self.slug)

    def everybody(self) -> Sequence[Client]:
        """The partner at the top and all clients of this demonstration."""
        return [self.root(), *self.clients]

    def align_clocks(self) -> None:
        """Bring the two clocks together where an earlier demonstration or a restart has left them apart."""
        ours, theirs = self.hooks.business_now(self.slug), self.platform.now()
        if theirs > ours:
            self.hooks.move_clock(self.slug, theirs)
        elif ours - theirs > timedelta(seconds=2):
            self.platform.advance(ours - theirs)
        self._bring_others()

    def _bring_others(self) -> None:
        """The tenant's further platforms live at the same instant."""
        now = self.hooks.business_now(self.slug)
        for platform in self.others:
            behind = now - platform.now()
            if behind > timedelta(seconds=1):
                platform.advance(behind)

    def pass_time(self, by: timedelta) -> None:
        """Let both clocks go on, in small steps or in one leap of at least sixteen hours."""
        left = by if by >= LEAP_MIN else timedelta(0)
        if left:
            self._step(left)
            return
        left = by
        while left > timedelta(0):
            step = min(left, STEP_MAX)
            self._step(step)
            left -= step

    def _step(self, by: timedelta) -> None:
        theirs = self.platform.now()
        target = max(self.hooks.business_now(self.slug), theirs) + by
        self.hooks.move_clock(self.slug, target)
        self.platform.advance(target - theirs)
        self._bring_others()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = BASE36[rest] + digits
    return digits
