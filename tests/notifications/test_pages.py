"""The mailbox page of an instance without a mail server."""

import re
from dataclasses import replace

import pytest
from flask import Flask

from app import config
from app.notifications.views import mailbox
from tests.support.brands import Brand, acting, make_trader, run_jobs
from tests.support.browsing import Visitor, text_of


@pytest.fixture
def written(north: Brand) -> None:
    from app.identity import service
    from tests.support.brands import VISITOR

    person = make_trader(north)
    with acting(north):
        service.request_password_reset(person.email, audience="cabinet", by=VISITOR)
    run_jobs(north)


@pytest.mark.usefixtures("written")
def test_a_mail_can_be_read_and_its_link_followed(app: Flask, north: Brand) -> None:
    browser = Visitor(app, north.cabinet)
    listed = browser.get("/mailbox?q=mona")
    assert "Choose a new password for North Markets" in text_of(listed)
    (path,) = set(re.findall(r'href="(/mailbox/[0-9a-f-]{36})"', listed.get_data(as_text=True)))

    page = browser.get(path).get_data(as_text=True)

    (link,) = re.findall(r'href="http://north\.localhost(?::\d+)?(/reset-password/[^"]+)"', page)
    assert browser.get(link).status_code == 200
    assert "No messages" in text_of(browser.get("/mailbox?q=nobody"))


@pytest.mark.usefixtures("written")
def test_another_brands_mailbox_does_not_have_it(app: Flask, north: Brand, south: Brand) -> None:
    listed = Visitor(app, north.cabinet).get("/mailbox").get_data(as_text=True)
    (path,) = set(re.findall(r'href="(/mailbox/[0-9a-f-]{36})"', listed))

    stranger = Visitor(app, south.cabinet)

    assert stranger.get(path).status_code == 404
    assert "No messages" in text_of(stranger.get("/mailbox"))


@pytest.mark.usefixtures("written")
def test_with_a_mail_server_there_is_no_such_page(app: Flask, north: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    known = replace(config.settings(), mail="smtp://mail.example")
    monkeypatch.setattr(mailbox, "settings", lambda: known)

    assert Visitor(app, north.cabinet).get("/mailbox").status_code == 404
