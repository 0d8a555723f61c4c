"""Invitations of sub-partners: mailed, accepted once by who reads that mailbox, withdrawn, sent again, and limited."""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope, transaction
from app.core.errors import DomainError
from app.kit import clock
from app.partners.rebates.terms import Rebates
from app.referrals import invitations, membership
from app.referrals import queries as tree
from app.referrals.models import MembershipStatus
from tests.partners import world
from tests.partners.test_pages import add_partners
from tests.partners.trades import dec, plan_with
from tests.support.brands import (
    PASSWORD,
    Brand,
    Person,
    acting,
    app,
    brands,
    browser_of,
    extend_bundle,
    hash_once,
    link_in,
    mails,
    make_staff,
    make_trader,
    north,
    south,
)
from tests.support.browsing import Visitor, text_of

__all__ = ["app", "brands", "hash_once", "north", "south"]

JOIN = {"name": "Sue Sub", "country": "AE", "password": PASSWORD}


@pytest.fixture
def pia(north: Brand, south: Brand) -> Person:
    for brand in (north, south):
        add_partners(brand)
    with acting(north):
        world.publish(plan_with(rebates=Rebates(give_max=dec("0.5"), take_max=dec("0.2"))))
    return make_trader(north, "pia@example.com", name="Pia Partner")


@pytest.fixture
def portal(app: Flask, north: Brand, pia: Person) -> Visitor:
    return browser_of(app, north, pia, "partner")


def invite(portal: Visitor, email: str = "sue@example.com", **more: str) -> int:
    return portal.post("/invitations/new", {"email": email, "language": "en", **more}).status_code


def link_to(brand: Brand, email: str = "sue@example.com") -> str:
    return link_in(next(mail for mail in mails(brand, email) if "invites you" in mail.subject))


def sponsor_of(brand: Brand, client_id: UUID | None) -> UUID | None:
    assert client_id is not None
    with tenant_scope(brand.id):
        return in_transaction(tree.parent_at, client_id, clock.business_now())


def shares(brand: Brand) -> list[tuple[str, str]]:
    with acting(brand):
        rows = execute_sql("SELECT kind, share FROM share_agreement WHERE tenant_id = :tenant_id ORDER BY kind")
        return [(row.kind, f"{row.share.normalize():f}") for row in rows]


def test_whoever_signs_up_by_it_stands_below_with_what_was_offered(
    app: Flask, north: Brand, pia: Person, portal: Visitor
) -> None:
    assert invite(portal, give="25", take="10") == 303
    link = link_to(north)
    page = text_of(Visitor(app, north.cabinet).get(link))
    assert "Pia Partner invites you" in page.replace("\u2068", "").replace("\u2069", "")
    assert "25" in page

    newcomer = Visitor(app, north.cabinet)
    newcomer.get(link)
    done = newcomer.post(link, JOIN)

    assert (done.status_code, done.headers["Location"]) == (303, "/partner/")
    assert newcomer.get("/partner/").status_code == 200  # Signed in: the mail has proved the mailbox.
    with acting(north):
        row = invitations.invitations(inviter_id=pia.client_id, limit=5)[0][0]
    assert sponsor_of(north, row.client_id) == pia.client_id
    assert shares(north) == [("give", "0.25"), ("take", "0.1")]
    assert "Sue S." in text_of(portal.get("/invitations"))
    assert any("accepted" in mail.subject for mail in mails(north, "pia@example.com"))
    for who in (Visitor(app, north.cabinet), newcomer):
        assert who.get(link).status_code == 410  # It works once.


def test_a_client_accepts_when_signed_in_with_the_invited_address(
    app: Flask, north: Brand, pia: Person, portal: Visitor
) -> None:
    sue = make_trader(north, "sue@example.com", name="Sue Sub")
    other = make_trader(north, "otto@example.com", name="Otto Other")
    invite(portal)
    link = link_to(north)

    assert "Sign in to accept" in text_of(Visitor(app, north.cabinet).get(link))
    assert browser_of(app, north, other, "cabinet").post(link, {}).status_code == 403
    assert sponsor_of(north, other.client_id) is None
    accepted = browser_of(app, north, sue, "cabinet").post(link, {})

    assert accepted.status_code == 303
    assert sponsor_of(north, sue.client_id) == pia.client_id


def test_two_who_press_accept_together_accept_once(app: Flask, north: Brand, pia: Person, portal: Visitor) -> None:
    sue = make_trader(north, "sue@example.com", name="Sue Sub")
    assert sue.client_id is not None
    invite(portal)
    token = link_to(north).rpartition("/")[2]
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def press() -> None:
        with tenant_scope(north.id):
            barrier.wait()
            try:
                in_transaction(lambda: invitations.accept(token, sue.client_id or UUID(int=0), by=sue.actor("client")))
                outcomes.append("accepted")
            except DomainError as refusal:
                outcomes.append(refusal.code)

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["InvitationGone", "accepted"]
    assert sponsor_of(north, sue.client_id) == pia.client_id


def test_who_has_a_partner_keeps_them_and_nobody_becomes_their_own_upline(
    app: Flask, north: Brand, pia: Person, portal: Visitor
) -> None:
    sue = make_trader(north, "sue@example.com", name="Sue Sub")
    top = make_trader(north, "top@example.com", name="Tom Top")
    assert pia.client_id is not None
    assert sue.client_id is not None
    assert top.client_id is not None
    with acting(north):
        world.link(pia.client_id, top.client_id)
        world.link(sue.client_id, top.client_id)
    for person, email in ((sue, "sue@example.com"), (top, "top@example.com")):
        invite(portal, email)
        refused = browser_of(app, north, person, "cabinet").post(link_to(north, email), {})
        assert refused.status_code == 409

    assert sponsor_of(north, sue.client_id) == top.client_id
    assert sponsor_of(north, top.client_id) is None
    assert shares(north) == []


def test_withdrawn_sent_again_and_expired_links_do_not_work(app: Flask, north: Brand, portal: Visitor) -> None:
    visitor = Visitor(app, north.cabinet)
    invite(portal)
    first = link_to(north)
    with acting(north):
        row = invitations.invitations(limit=5)[0][0]
        stored = execute_sql("SELECT token_hash FROM sub_ib_invitation WHERE tenant_id = :tenant_id").scalar_one()
    assert stored not in first  # Only a hash is kept.
    assert invite(portal) == 409  # One open invitation to an address.

    assert portal.post(f"/invitations/{row.id}/again").status_code == 303
    second = link_to(north)
    assert (visitor.get(first).status_code, visitor.get(second).status_code) == (410, 200)
    with clock.frozen(clock.now() + timedelta(days=15)):
        assert visitor.get(second).status_code == 410
        assert "Expired" in text_of(
            browser_of(app, north, _person(north, row.inviter_id), "partner").get("/invitations")
        )
    assert portal.post(f"/invitations/{row.id}/withdraw").status_code == 303
    assert visitor.get(second).status_code == 410
    assert portal.post(f"/invitations/{row.id}/withdraw").status_code == 409


def _person(brand: Brand, client_id: UUID) -> Person:
    with acting(brand):
        row = execute_sql(
            "SELECT user_id, email FROM client WHERE tenant_id = :tenant_id AND id = :id", id=client_id
        ).one()
    return Person(row.user_id, row.email, client_id)


def test_invitations_are_limited_and_checked(north: Brand, portal: Visitor) -> None:
    assert invite(portal, "no address") == 422
    assert invite(portal, "pia@example.com") == 422  # Oneself.
    assert invite(portal, give="60") == 422  # More than the plan lets one give.
    assert invite(portal, take="x") == 422
    assert invite(portal) == 303
    with acting(north):
        row = invitations.invitations(limit=5)[0][0]
    again = [portal.post(f"/invitations/{row.id}/again").status_code for _ in range(3)]
    assert again == [303, 303, 429]  # Three mails a day to one address.


def test_a_share_that_the_plan_no_longer_allows_is_left_out(app: Flask, north: Brand, portal: Visitor) -> None:
    invite(portal, give="25")
    with acting(north):
        world.publish(plan_with(), clock.now() - timedelta(minutes=1))
    assert Visitor(app, north.cabinet).post(link_to(north), JOIN).status_code == 303
    assert shares(north) == []


def test_nobody_else_touches_an_invitation_and_the_office_sees_it(
    app: Flask, north: Brand, south: Brand, portal: Visitor
) -> None:
    invite(portal)
    link = link_to(north)
    with acting(north):
        row = invitations.invitations(limit=5)[0][0]
    neighbour = browser_of(app, north, make_trader(north, "ned@example.com", name="Ned"), "partner")
    outsider = browser_of(app, south, make_trader(south, "olga@example.com", name="Olga"), "partner")
    for other in (neighbour, outsider):
        assert "sue@example.com" not in text_of(other.get("/invitations"))
        for act in ("again", "withdraw"):
            assert other.post(f"/invitations/{row.id}/{act}").status_code == 404
    assert Visitor(app, south.cabinet).get(link).status_code == 410
    assert "sue@example.com" in text_of(
        browser_of(app, north, make_staff(north, "partner_desk"), "office").get("/tree/invitations")
    )


@pytest.mark.parametrize(
    ("join", "status"), [("invitation", MembershipStatus.APPROVED), ("approval", MembershipStatus.APPLIED)]
)
def test_how_one_joins_decides_what_an_accepted_invitation_gives(
    app: Flask, north: Brand, pia: Person, join: str, status: MembershipStatus
) -> None:
    extend_bundle(north, referrals={"join": join})
    assert pia.client_id is not None
    portal = browser_of(app, north, pia, "partner")
    assert invite(portal) == 403  # Nobody has admitted Pia.
    with acting(north):
        membership.admit(pia.client_id, reason="", by=world.BY)
    assert invite(portal) == 303
    Visitor(app, north.cabinet).post(link_to(north), JOIN)

    with tenant_scope(north.id), transaction():
        row = invitations.invitations(limit=5)[0][0]
        assert row.client_id is not None
        said = membership.of_client(row.client_id)
    assert said is not None
    assert said.status is status
