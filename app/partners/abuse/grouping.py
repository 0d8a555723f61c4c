"""From shared things to pairs, and from pairs to clusters: plain arithmetic that knows no database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Final
from uuid import UUID

PLACES: Final = Decimal("0.0001")
REVIEW_AT: Final = Decimal("0.5")
"""A pair below this is nothing; from here up to the plan's `link_at` a person should look."""
_HALF: Final = Decimal("0.5")
_MILLISECOND: Final = timedelta(milliseconds=1)
_MILLISECONDS_A_DAY: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Weight:
    """How much it says that two clients used one thing. `gap` and `age` are half-lives in days; None: no decay."""

    weight: Decimal
    few: int  # So many users of one thing say as much as two do.
    crowd: int | None  # From so many on it is shared infrastructure and says nothing.
    gap: int | None = None
    age: int | None = None


WEIGHTS: Final[Mapping[str, Weight]] = {
    "document": Weight(Decimal(1), 2, None),
    "instrument": Weight(Decimal("0.95"), 2, 10),
    "device": Weight(Decimal("0.90"), 2, 10, gap=180, age=365),
}
"""An address on the network is not among them: thousands of people may have one together."""


@dataclass(frozen=True, slots=True)
class Use:
    """That a client used a thing at an instant. `tag` is a hash and says nothing but which uses are of one thing."""

    kind: str
    tag: bytes
    client_id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """Two clients who share things of these kinds, the lesser id first, and how sure it is that they are one."""

    a: UUID
    b: UUID
    confidence: Decimal
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A client in a cluster with a partner: how sure it is, by the weakest link on the strongest way between them."""

    cluster: int
    client_id: UUID
    partner_id: UUID
    confidence: Decimal
    kinds: tuple[str, ...]


def links_of(uses: Iterable[Use], now: datetime) -> list[Link]:
    """Every pair that shares something, with its confidence: 1 - product of (1 - weight of each shared thing)."""
    users: dict[tuple[str, bytes], dict[UUID, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for use in uses:
        users[use.kind, use.tag][use.client_id].append(use.at)
    doubt: dict[tuple[UUID, UUID], Decimal] = {}
    kinds: dict[tuple[UUID, UUID], set[str]] = defaultdict(set)
    for (kind, _), found in users.items():
        if len(found) < 2:
            continue
        weight = WEIGHTS[kind]
        rarity = _rarity(len(found), weight)
        if not rarity:
            continue
        for a, b in combinations(sorted(found), 2):
            says = weight.weight * rarity * _decay(found[a], found[b], weight, now)
            doubt[a, b] = doubt.get((a, b), Decimal(1)) * (1 - says)
            kinds[a, b].add(kind)
    return [Link(a, b, (1 - left).quantize(PLACES), tuple(sorted(kinds[a, b]))) for (a, b), left in doubt.items()]


def _rarity(count: int, weight: Weight) -> Decimal:
    if count <= weight.few:
        return Decimal(1)
    return Decimal(0) if weight.crowd is not None and count >= weight.crowd else Decimal(weight.few) / count


def _decay(ours: list[datetime], theirs: list[datetime], weight: Weight, now: datetime) -> Decimal:
    """Less the longer the two kept apart, and the longer ago the later of the two uses that are nearest was."""
    if weight.gap is None and weight.age is None:
        return Decimal(1)
    apart = {(abs(mine - other), max(mine, other)) for mine in ours for other in theirs}
    gap = min(length for length, _ in apart)
    age = max(now - max(later for length, later in apart if length == gap), timedelta(0))
    return _half(gap, weight.gap) * _half(age, weight.age)


def _half(time: timedelta, days: int | None) -> Decimal:
    """One half for every half-life of so many days."""
    if days is None:
        return Decimal(1)
    return _HALF ** (Decimal(time // _MILLISECOND) / (days * _MILLISECONDS_A_DAY))


def clusters_of(
    links: Sequence[Link], marks: Mapping[tuple[UUID, UUID], bool], *, link_at: Decimal, component_max: int
) -> list[Member]:
    """Everybody with everybody in each cluster, both ways round, and pairs that a person should look at as cluster 0.

    A pair that a person has marked counts as marked, whatever it scores. A link that would make a cluster larger than
    `component_max` joins nothing and is left for a person, and so is one that is not sure enough.
    """
    edges = {(link.a, link.b): link for link in links if (link.a, link.b) not in marks}
    for (a, b), is_linked in marks.items():
        if is_linked:
            edges[a, b] = Link(a, b, Decimal(1), ("person",))
    strongest = sorted(edges.values(), key=lambda link: (-link.confidence, link.a, link.b))
    group: dict[UUID, int] = {}
    members: dict[int, dict[UUID, dict[UUID, tuple[Decimal, tuple[str, ...]]]]] = {}
    found: list[Member] = []
    for link in strongest:
        if link.confidence < REVIEW_AT:
            break
        for one in (link.a, link.b):
            if one not in group:
                group[one] = len(group) + 1
                members[group[one]] = {one: {}}
        left, right = group[link.a], group[link.b]
        if left == right:
            continue
        is_marked = link.kinds == ("person",)
        if not is_marked and (link.confidence < link_at or len(members[left]) + len(members[right]) > component_max):
            found += _both_ways(0, link)
            continue
        _join(group, members, link, left, right)
    for number, (_, inside) in enumerate(sorted(members.items()), 1):
        for client, others in inside.items():
            found += [
                Member(number, client, partner, confidence, kinds)
                for partner, (confidence, kinds) in others.items()
                if marks.get((min(client, partner), max(client, partner)), True)
            ]
    return found


def _join(
    group: dict[UUID, int],
    members: dict[int, dict[UUID, dict[UUID, tuple[Decimal, tuple[str, ...]]]]],
    link: Link,
    left: int,
    right: int,
) -> None:
    """Make one cluster of two. Links come strongest first, so this one is the weakest on every way that it opens."""
    ours, theirs = members[left], members.pop(right)
    opened = [(a, b) for a in ours for b in theirs]
    ours.update(theirs)
    for a, b in opened:
        kinds = link.kinds if {a, b} == {link.a, link.b} else ("cluster",)
        ours[a][b] = ours[b][a] = (link.confidence, kinds)
    for one in theirs:
        group[one] = left


def _both_ways(cluster: int, link: Link) -> list[Member]:
    return [
        Member(cluster, one, other, link.confidence, link.kinds) for one, other in ((link.a, link.b), (link.b, link.a))
    ]
