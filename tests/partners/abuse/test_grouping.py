"""Who belongs together, by what they share: the specification's example, decay, crowds, marks, and the size limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from app.partners.abuse.grouping import WEIGHTS, Link, Use, clusters_of, links_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, C, D = (UUID(int=number) for number in (1, 2, 3, 4))
LINK_AT = Decimal("0.85")


Pair = tuple[UUID, UUID]


def pairs(links: list[Link], marks: dict[Pair, bool] | None = None, most: int = 25) -> dict[Pair, tuple[int, Decimal]]:
    found = clusters_of(links, marks or {}, link_at=LINK_AT, component_max=most)
    assert len(found) == len({(one.client_id, one.partner_id) for one in found})
    return {(one.client_id, one.partner_id): (one.cluster, one.confidence) for one in found}


def test_the_specifications_cluster_without_what_addresses_add() -> None:
    """A and B share a browser two days apart, B and D a bank account: A and D are as sure as the weaker link."""
    links = links_of(
        [
            Use("device", b"1", A, NOW - 2 * DAY),
            Use("device", b"1", B, NOW),
            Use("instrument", b"x", B, NOW - 400 * DAY),
            Use("instrument", b"x", D, NOW),
        ],
        NOW,
    )

    assert {(link.a, link.b): link.confidence for link in links} == {
        (A, B): Decimal("0.8931"),
        (B, D): Decimal("0.9500"),
    }
    found = pairs(links)
    assert found[A, D] == found[D, A] == (1, Decimal("0.8931"))
    assert len(found) == 6


def test_a_browser_says_less_the_longer_ago_and_nothing_in_a_crowd() -> None:
    [old] = links_of([Use("device", b"1", A, NOW - 365 * DAY), Use("device", b"1", B, NOW - 365 * DAY)], NOW)
    crowd = [Use("device", b"1", UUID(int=number), NOW) for number in range(1, 11)]
    three = links_of(crowd[:3], NOW)

    assert old.confidence == Decimal("0.4500")
    assert {link.confidence for link in three} == {Decimal("0.6000")}  # Two in three users.
    assert links_of(crowd, NOW) == []


def test_an_address_on_the_network_links_nobody() -> None:
    assert set(WEIGHTS) == {"document", "instrument", "device"}


def test_what_people_say_wins_over_the_score() -> None:
    link = Link(A, B, Decimal("0.9500"), ("instrument",))

    assert pairs([link], {(A, B): False}) == {}
    assert pairs([], {(A, C): True}) == {(A, C): (1, Decimal(1)), (C, A): (1, Decimal(1))}


def test_two_who_are_not_one_stay_apart_in_a_cluster_with_a_third() -> None:
    links = [Link(A, C, Decimal("0.9500"), ("instrument",)), Link(B, C, Decimal("0.9000"), ("device",))]

    found = pairs(links, {(A, B): False})

    assert (A, B) not in found
    assert found[A, C] == (1, Decimal("0.9500"))


def test_a_doubtful_link_and_one_that_makes_a_crowd_are_left_for_a_person() -> None:
    doubtful = Link(A, B, Decimal("0.6000"), ("device",))
    bridge = [Link(A, B, Decimal("0.9500"), ("instrument",)), Link(B, C, Decimal("0.9000"), ("device",))]

    assert pairs([doubtful])[A, B] == (0, Decimal("0.6000"))
    assert pairs([Link(A, B, Decimal("0.4900"), ("device",))]) == {}
    crowded = pairs(bridge, most=2)
    assert crowded[A, B][0] == 1
    assert crowded[B, C][0] == 0
    assert (A, C) not in crowded
