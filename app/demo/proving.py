"""The proofs of a day: what the product's own rows prove, and what the platform says beside what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.demo.hooks import HeldAccount, Hooks, Proof
from app.demo.terminal import Platform, PlatformAccount
from app.demo.world import World

Books = Mapping[int, PlatformAccount]


@dataclass(frozen=True, slots=True)
class Compared:
    """A proof that compares the product with the outside."""

    name: str
    holds: bool
    detail: str


def are_deals_stored(world: World) -> bool:
    """Whether the product holds the deals that the platform counts, to the last one."""
    return not _differing(world.platform.books(), world.hooks.holdings(world.slug))


def missing_deals(world: World) -> str:
    """How many deals are on their way, in words."""
    theirs, ours = world.platform.books(), world.hooks.holdings(world.slug)
    return f"{sum(own.deals for own in ours)} of {sum(own.deals for own in theirs.values())} deals stored"


def proofs(hooks: Hooks, slug: str) -> Sequence[Proof]:
    """Every proof, the comparisons with the platform last."""
    found = hooks.proofs(slug)
    theirs, ours = Platform(hooks.control_url(slug)).books(), hooks.holdings(slug)
    return [*found, _deals(theirs, ours), _house(theirs, ours, hooks.platform_money(slug))]


def _differing(theirs: Books, ours: Sequence[HeldAccount]) -> list[str]:
    held = {own.login: (own.deals, own.money) for own in ours}
    seen = {login: (own.deals, own.money) for login, own in theirs.items()}
    return [
        f"account {login}: (deals, sum) {seen.get(login, (0, 0))} there, {held.get(login, (0, 0))} here"
        for login in sorted(seen.keys() | held.keys())
        if seen.get(login, (0, Decimal(0))) != held.get(login, (0, Decimal(0)))
    ]


def _deals(theirs: Books, ours: Sequence[HeldAccount]) -> Proof:
    wrong = _differing(theirs, ours)
    detail = f"{sum(own.deals for own in theirs.values())} deals on {len(theirs)} accounts, by count and sum"
    return Compared("Deals stored are the deals on the platform", not wrong, wrong[0] if wrong else detail)


def _house(theirs: Books, ours: Sequence[HeldAccount], books: Mapping[str, Decimal]) -> Proof:
    """What the books say stands on the platform, and the platform's own balance deals of live accounts."""
    moved: dict[str, Decimal] = {}
    for own in ours:
        if not own.is_demo and own.login in theirs:
            moved[own.currency] = moved.get(own.currency, Decimal(0)) + theirs[own.login].moved
    wrong = [
        f"{currency}: books {books.get(currency, 0)}, platform {moved.get(currency, 0)}"
        for currency in sorted(books.keys() | moved.keys())
        if books.get(currency, Decimal(0)) != moved.get(currency, Decimal(0))
    ]
    detail = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(books.items()) if amount)
    return Compared("The house's money on the platform is there", not wrong, wrong[0] if wrong else detail)
