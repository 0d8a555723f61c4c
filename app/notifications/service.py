"""Mail to persons. Whom to write to is an argument: this floor knows no users."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from app.core.db import get, session
from app.core.jobs import enqueue_after_commit
from app.kit import clock
from app.notifications import rules
from app.notifications.models import Mail, MailStatus


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a mail is for, and in which language that person reads."""

    email: str
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail put into words."""

    subject: str
    html: str

    @property
    def text(self) -> str:
        return rules.text_of(self.html)


def notify(template: str, to: Recipient, **params: object) -> Mail:
    """Write to a person once the present transaction has committed.

    `template` is "feature.name": the file `feature/mail/name.html`. It is filled with `params` and `recipient` when the
    mail leaves, in the recipient's language. After a crash a mail may arrive twice; it is never lost.
    """
    row = Mail(
        template=template,
        to_email=to.email,
        to_name=to.name,
        language=to.language,
        params=rules.packed(params),
        status=MailStatus.QUEUED,
        subject="",
        text="",
        html="",
        created_at=clock.now(),
        sent_at=None,
    )
    session().add(row)
    session().flush()
    enqueue_after_commit("notifications.send", mail_id=str(row.id))
    return row


def queued_mail(mail_id: UUID) -> Mail | None:
    """The mail if it still waits to be sent; None when it has left already."""
    row = get(Mail, mail_id)
    return row if row is not None and row.status is MailStatus.QUEUED else None


def record_sent(mail_id: UUID, letter: Letter, *, is_mailbox: bool) -> None:
    """Note that a mail has left: to the mail server, or into the mailbox page where there is none."""
    row = get(Mail, mail_id, lock=True)
    assert row is not None, "Mails are never deleted."
    row.subject, row.sent_at = letter.subject, clock.now()
    row.params = {}  # They may hold the secret of a link.
    if is_mailbox:
        row.text, row.html, row.status = letter.text, letter.html, MailStatus.MAILBOX
    else:
        row.status = MailStatus.SENT
