"""Two brands that pay partners, and partners who share links."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.support.brands import (
    Brand,
    Person,
    app,
    brands,
    browser_of,
    extend_bundle,
    hash_once,
    make_staff,
    make_trader,
    north,
    south,
)
from tests.support.browsing import Visitor

__all__ = ["app", "brands", "hash_once", "north", "south"]

LANDING = {"key": "offer", "name": "Spring offer", "url": "https://www.north.example/offer?page=1"}


@pytest.fixture
def partners(north: Brand, south: Brand) -> None:
    """Both brands have a section for partners; the first one has a landing page."""
    plan = {"name": "Unused", "currency": "USD"}
    extend_bundle(north, partners={"plan": plan, "links": {"landing_pages": [LANDING]}})
    extend_bundle(south, partners={"plan": plan})


@pytest.fixture
def pia(north: Brand, partners: None) -> Person:
    return make_trader(north, "pia@example.com", name="Pia Partner")


@pytest.fixture
def portal(app: Flask, north: Brand, pia: Person) -> Visitor:
    return browser_of(app, north, pia, "partner")


@pytest.fixture
def stranger(app: Flask, south: Brand, partners: None) -> Visitor:
    """A partner of the other brand."""
    return browser_of(app, south, make_trader(south, "pia@example.com", name="Pia South"), "partner")


@pytest.fixture
def neighbour(app: Flask, north: Brand, partners: None) -> Visitor:
    """Another partner of the same brand."""
    return browser_of(app, north, make_trader(north, "ned@example.com", name="Ned Neighbour"), "partner")


@pytest.fixture
def desk(app: Flask, north: Brand, partners: None) -> Visitor:
    return browser_of(app, north, make_staff(north, "admin"), "office")
