from __future__ import annotations

import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from uuid import UUID

import structlog

from app import tenancy
from app.config import settings
from app.core.db import in_transaction
from app.core.jobs import tenant_job
from app.notifications import rendering, service
from app.notifications.models import Mail
from app.notifications.rules import MailServer
from app.notifications.service import Letter

log = structlog.get_logger()

MAILBOX = "mailbox"


@tenant_job("notifications.send", queue="mail")
def send(mail_id: str) -> None:
    """Send a mail that waits. Run again after it has left, it does nothing; after a crash in between it sends again."""
    row = in_transaction(service.queued_mail, UUID(mail_id))
    if row is None:
        return
    letter = in_transaction(rendering.letter, row)
    is_mailbox = settings().mail == MAILBOX
    if not is_mailbox:
        _hand_over(row, letter)  # No transaction is open here.
    in_transaction(service.record_sent, row.id, letter, is_mailbox=is_mailbox)
    log.info("mail.left", mail=mail_id, template=row.template)


def _hand_over(row: Mail, letter: Letter) -> None:
    """Give the mail to the mail server, over TLS wherever the server knows it."""
    server = MailServer.from_address(settings().mail)
    message = EmailMessage()
    message["Subject"] = letter.subject
    message["From"] = Address(tenancy.current().name, addr_spec=server.sender)
    message["To"] = Address(row.to_name, addr_spec=row.to_email)
    message["Message-ID"] = f"<{row.id}@{server.sender.rpartition('@')[2]}>"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    kind = smtplib.SMTP_SSL if server.is_tls else smtplib.SMTP
    with kind(server.host, server.port, timeout=20) as link:
        link.ehlo()
        if not server.is_tls and link.has_extn("starttls"):
            link.starttls(context=ssl.create_default_context())
            link.ehlo()
        if server.user:
            link.login(server.user, server.password)
        link.send_message(message)
