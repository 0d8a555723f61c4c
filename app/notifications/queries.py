from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.core.db import session
from app.core.errors import NotFound
from app.notifications.models import Mail, MailStatus


def mailbox(to: str = "", limit: int = 100) -> Sequence[Mail]:
    """Mails that lie in the mailbox page, newest first; `to` narrows them to one address."""
    statement = select(Mail).where(Mail.status == MailStatus.MAILBOX)
    if to:
        statement = statement.where(Mail.to_email.icontains(to, autoescape=True))
    return session().execute(statement.order_by(Mail.created_at.desc(), Mail.id.desc()).limit(limit)).scalars().all()


def mailbox_mail(mail_id: UUID) -> Mail:
    """One mail of the mailbox page. Raises NotFound."""
    statement = select(Mail).where(Mail.id == mail_id, Mail.status == MailStatus.MAILBOX)
    row = session().execute(statement).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row
