"""Where mails can be read on an instance without a mail server: a demonstration, or a sandbox tenant."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from app import tenancy
from app.config import settings
from app.core.errors import NotFound
from app.core.http import public, render
from app.notifications import queries
from app.notifications.jobs import MAILBOX


def is_open() -> bool:
    """Whether everybody may read this tenant's mails. Links in them let people in, so never beside real clients."""
    return settings().mail == MAILBOX and (settings().is_demo or tenancy.current().is_sandbox)


def mailbox_blueprint(name: str) -> Blueprint:
    """The mailbox page for one audience."""
    bp = Blueprint(name, __name__)
    bp.add_url_rule("/mailbox", view_func=mailbox)
    bp.add_url_rule("/mailbox/<uuid:mail_id>", view_func=mail)
    return bp


@public
def mailbox() -> ResponseReturnValue:
    _must_be_open()
    return render("notifications/mailbox.html", block="list", mails=queries.mailbox(to=request.args.get("q", "")))


@public
def mail(mail_id: UUID) -> ResponseReturnValue:
    _must_be_open()
    return render("notifications/mail.html", mail=queries.mailbox_mail(mail_id))


def _must_be_open() -> None:
    if not is_open():
        raise NotFound
