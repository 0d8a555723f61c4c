"""Mail: written in the act's transaction, put into words in the reader's language, handed over once."""

import smtplib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes, policy
from typing import Any

import pytest

from app import config
from app.core import db
from app.kit.ids import new_id
from app.kit.money import Money
from app.notifications import jobs, rules, service
from app.notifications.models import Mail, MailStatus
from app.notifications.service import Recipient
from tests.support.brands import Brand, acting, link_in, mails, run_jobs, whole_product

MONA = Recipient("mona@example.com", "Mona <b>Haddad</b>", "en")


def write(brand: Brand, to: Recipient = MONA) -> Mail:
    with acting(brand):
        return service.notify("identity.confirm_email", to, token="t0ken")


def test_a_mail_arrives_in_the_mailbox_with_its_link_and_keeps_no_values(north: Brand, south: Brand) -> None:
    write(north)

    (mail,) = mails(north)

    assert mail.subject == "Confirm your e-mail for North Markets"
    assert link_in(mail) == "/confirm-email/t0ken"
    assert "http://north.localhost" in mail.text
    assert "Mona <b>Haddad</b>" in mail.text
    assert "<b>Haddad" not in mail.html
    assert (mail.status, mail.params) == (MailStatus.MAILBOX, {})
    assert mails(south) == []


def test_a_mail_is_in_the_readers_language_and_in_the_brands_time_and_colours(north: Brand) -> None:
    at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    with acting(north):
        service.notify("identity.password_changed", replace(MONA, language="ar"), at=at, ip="203.0.113.7")

    (mail,) = mails(north)

    assert 'lang="ar"' in mail.html
    assert 'dir="rtl"' in mail.html
    assert "16:30" in mail.text  # Four hours ahead of UTC in Dubai.
    assert "#2f5d8a" in mail.html


def test_a_mail_of_an_act_that_is_rolled_back_is_not_sent(north: Brand) -> None:
    with db.tenant_scope(north.id):
        service.notify("identity.confirm_email", MONA, token="t0ken")
        db.rollback()

    assert mails(north) == []


def test_sending_again_sends_nothing(north: Brand) -> None:
    row = write(north)
    (first,) = mails(north)

    with whole_product().app_context(), acting(north):
        jobs.send(str(row.id))
        jobs.send(str(new_id()))

    assert mails(north)[0].sent_at == first.sent_at


def test_values_come_back_as_they_were() -> None:
    values = {
        "text": "x",
        "number": 3,
        "flag": True,
        "nothing": None,
        "money": Money(Decimal("12.34"), "USD"),
        "at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "on": date(2026, 3, 1),
        "rate": Decimal("1.0850"),
        "id": new_id(),
    }

    assert rules.unpacked(rules.packed(values)) == values
    with pytest.raises(TypeError):
        rules.packed({"row": object()})


def test_the_plain_text_has_every_link_with_its_address() -> None:
    html = "<title>T</title><style>p {}</style><h1>Hello</h1><p>Read <a href='https://x.example/a?b=1&amp;c=2'>this</a>.</p>"

    assert rules.text_of("<dl><div><dt>When</dt><dd>now</dd></div><div><dt>Where</dt><dd>here</dd></div></dl>") == (
        "When: now\n\nWhere: here\n"
    )
    assert rules.text_of(html) == "Hello\n\nRead this: https://x.example/a?b=1&c=2.\n"


@pytest.mark.parametrize("address", ["", "mailbox", "http://host", "smtp://"])
def test_a_mail_server_that_cannot_be_is_refused_with_a_sentence(address: str) -> None:
    with pytest.raises(ValueError, match="KONTOR_MAIL"):
        rules.MailServer.from_address(address)


class MailServer(threading.Thread):
    """Enough of a mail server for one conversation at a time, on loopback."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.letters: list[bytes] = []
        self.refusals = 0

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self._talk(stream)

    def _talk(self, stream: Any) -> None:
        def say(line: bytes) -> None:
            stream.write(line + b"\r\n")
            stream.flush()

        say(b"220 test")
        while line := stream.readline():
            verb = line.split()[0].upper()
            if verb == b"DATA":
                say(b"354 go on")
                lines = []
                while (part := stream.readline()) != b".\r\n":
                    lines.append(part)
                if self.refusals:
                    self.refusals -= 1
                    say(b"451 later")
                    continue
                self.letters.append(b"".join(lines))
            say(b"221 bye" if verb == b"QUIT" else b"250 ok")
            if verb == b"QUIT":
                return


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    server = MailServer()
    server.start()
    known = replace(config.settings(), mail=f"smtp://127.0.0.1:{server.port}?from=no-reply@north.example")
    monkeypatch.setattr(jobs, "settings", lambda: known)
    yield server
    server.listener.close()


def test_with_a_mail_server_the_mail_leaves_and_no_body_stays(north: Brand, mail_server: MailServer) -> None:
    row = write(north)

    assert mails(north) == []  # Nothing in the mailbox page.

    letter = message_from_bytes(mail_server.letters[0], policy=policy.default)
    assert letter["Subject"] == "Confirm your e-mail for North Markets"
    assert "no-reply@north.example" in letter["From"]
    plain = letter.get_body(("plain",))
    assert plain is not None
    assert "/confirm-email/t0ken" in plain.get_content()
    with acting(north):
        stored = db.get(Mail, row.id)
    assert stored is not None
    assert (stored.status, stored.text, stored.html, stored.params) == (MailStatus.SENT, "", "", {})


def test_a_mail_server_that_refuses_gets_the_mail_again_later(north: Brand, mail_server: MailServer) -> None:
    mail_server.refusals = 1
    row = write(north)
    run_jobs(north)
    assert mail_server.letters == []
    with acting(north):
        stored = db.get(Mail, row.id)
        assert stored is not None
        assert stored.status is MailStatus.QUEUED
        (attempts,) = db.execute_sql("SELECT attempts FROM outbox WHERE tenant_id = :tenant_id").scalars()
        assert attempts == 1
    with whole_product().app_context(), acting(north):
        jobs.send(str(row.id))

    assert len(mail_server.letters) == 1


def test_smtplib_is_not_asked_in_a_demonstration(north: Brand, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("A demonstration sends no mail.")

    monkeypatch.setattr(smtplib, "SMTP", refuse)
    write(north)

    assert len(mails(north)) == 1
