from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from app.core.db import TenantModel, status_column


class MailStatus(StrEnum):
    """Where a mail is: waiting, handed to the mail server, or laid into the mailbox page."""

    QUEUED = "queued"
    SENT = "sent"
    MAILBOX = "mailbox"


class Mail(TenantModel):
    """One mail to one person, in that person's language.

    It is written down with its template and values and put into words when it is sent. Values may hold the secret of a
    link, so they are dropped once the mail has left; a mail handed to a mail server keeps its subject and no body.
    """

    __tablename__ = "mail"
    __table_args__ = (Index("ix_mail_created", "tenant_id", "created_at"),)

    template: Mapped[str]
    to_email: Mapped[str]
    to_name: Mapped[str]
    language: Mapped[str]
    params: Mapped[dict[str, Any]]
    status: Mapped[MailStatus] = status_column(MailStatus)
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
