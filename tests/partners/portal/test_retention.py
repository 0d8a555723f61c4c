"""Clicks on partners' links are forgotten when the brand says so; how often a link was followed in all is not."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask

from app.core.db import execute_sql, in_transaction, tenant_scope
from app.kit import clock
from app.partners import jobs
from app.partners.portal import clicks
from app.referrals import queries as tree
from tests.partners.portal.test_links import follow, make_link
from tests.support.brands import Brand, Person, acting, extend_bundle
from tests.support.browsing import Visitor


def kept(brand: Brand) -> int:
    with acting(brand):
        return int(execute_sql("SELECT count(*) FROM link_click WHERE tenant_id = :tenant_id").scalar_one())


def test_clicks_of_long_ago_are_forgotten_and_their_sum_stays(
    app: Flask, north: Brand, south: Brand, pia: Person, portal: Visitor, stranger: Visitor
) -> None:
    _page, code = make_link(portal)
    _page, other = make_link(stranger)
    for number in range(3):
        follow(app, north, code, ip=f"198.51.100.{number}")
    follow(app, south, other, ip="198.51.100.9")
    extend_bundle(north, referrals={"click_days": 30})

    for brand in (north, south):
        with tenant_scope(brand.id), clock.frozen(clock.now() + timedelta(days=29)):
            jobs.forget_clicks()
    assert (kept(north), kept(south)) == (3, 1)
    for brand in (north, south):
        with tenant_scope(brand.id), clock.frozen(clock.now() + timedelta(days=32)):
            jobs.forget_clicks()

    assert (kept(north), kept(south)) == (0, 1)  # The other brand keeps them for 400 days.
    with acting(north):
        assert pia.client_id is not None
        assert tree.visits_of(pia.client_id) == 3
    with tenant_scope(north.id):
        assert in_transaction(clicks.forget) == 0
