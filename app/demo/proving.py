"""The proofs of a day: what the product's own rows prove, and what the platform says beside what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.demo.hooks import Proof
from app.demo.world import World


@dataclass(frozen=True, slots=True)
class Compared:
    """A proof that compares the product with the outside."""

    name: str
    holds: bool
    detail: str


def are_deals_stored(world: World) -> bool:
    """Whether the product holds the deals that the platform counts, to the last one."""
    return not _differing_accounts(world)


def missing_deals(world: World) -> str:
    """How many deals are on their way, in words."""
    theirs, ours = world.platform.books(), world.hooks.holdings(world.slug)
    return f"{sum(own.deals for own in ours)} of {sum(own.deals for own in theirs.values())} deals stored"


def proofs(world: World) -> Sequence[Proof]:
    """Every proof, the comparisons with the platform last."""
    return [*world.hooks.proofs(world.slug), _deals(world), _house(world)]


def _differing_accounts(world: World) -> list[str]:
    theirs = world.platform.books()
    ours = {own.login: own for own in world.hooks.holdings(world.slug)}
    wrong = []
    for login in sorted(theirs.keys() | ours.keys()):
        outside, inside = theirs.get(login), ours.get(login)
        seen = (outside.deals, outside.money) if outside else (0, Decimal(0))
        held = (inside.deals, inside.money) if inside else (0, Decimal(0))
        if seen != held:
            wrong.append(f"account {login}: {seen[0]} deals for {seen[1]} there, {held[0]} for {held[1]} here")
    return wrong


def _deals(world: World) -> Proof:
    wrong = _differing_accounts(world)
    theirs = world.platform.books()
    detail = f"{sum(own.deals for own in theirs.values())} deals on {len(theirs)} accounts, by count and sum"
    return Compared("Deals stored are the deals on the platform", not wrong, wrong[0] if wrong else detail)


def _house(world: World) -> Proof:
    """What the books say stands on the platform, and the platform's own balance deals of live accounts."""
    theirs = world.platform.books()
    moved: dict[str, Decimal] = {}
    for own in world.hooks.holdings(world.slug):
        if not own.is_demo and own.login in theirs:
            moved[own.currency] = moved.get(own.currency, Decimal(0)) + theirs[own.login].moved
    books = world.hooks.platform_money(world.slug)
    wrong = [
        f"{currency}: books {books.get(currency, 0)}, platform {moved.get(currency, 0)}"
        for currency in sorted(books.keys() | moved.keys())
        if books.get(currency, Decimal(0)) != moved.get(currency, Decimal(0))
    ]
    detail = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(books.items()) if amount)
    return Compared("The house's money on the platform is there", not wrong, wrong[0] if wrong else detail)
