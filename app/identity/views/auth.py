"""Signing up, in and out: the same views on every audience that people sign in to."""

from __future__ import annotations

from flask import Blueprint, g, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from app.core import features
from app.core.actor import current_actor
from app.core.http import public, redirect_to, render, requires, toast, unrestricted
from app.identity import forms, queries, service
from app.identity.cookies import REFERRAL_COOKIE, clear_session_cookie, device_cookie, session_cookie
from app.identity.models import User
from app.identity.permissions import PROFILE_OWN
from app.identity.rules import TokenPurpose, UserKind
from app.identity.service import AwaitsConfirmation, NewSession
from app.kit.text import _l
from app.notifications.views import mailbox


def add_common_views(bp: Blueprint) -> None:
    """Sign-in, sign-out, forgotten password and reset, at the same addresses everywhere."""
    bp.add_url_rule("/sign-in", view_func=sign_in, methods=["GET", "POST"])
    bp.add_url_rule("/sign-out", view_func=sign_out, methods=["POST"])
    bp.add_url_rule("/forgot-password", view_func=forgot_password, methods=["GET", "POST"])
    bp.add_url_rule("/reset-password/<token>", view_func=reset_password, methods=["GET", "POST"])


def add_sign_up_views(bp: Blueprint) -> None:
    """Sign-up and confirmation, for the audience where clients begin."""
    bp.add_url_rule("/sign-up", view_func=sign_up, methods=["GET", "POST"])
    bp.add_url_rule("/check-mail", view_func=check_mail)
    bp.add_url_rule("/confirm-email/<token>", view_func=confirm_email, methods=["GET", "POST"])


def add_invitation_view(bp: Blueprint) -> None:
    """Taking up an invitation, for staff and operators."""
    bp.add_url_rule("/invitation/<token>", view_func=invitation, methods=["GET", "POST"])


@public
def sign_in() -> ResponseReturnValue:
    f = forms.SignInForm()
    back = local_path(request.args.get("next", ""))
    if f.sent():
        answer = f.attempt(
            lambda: service.sign_in(f.email.data, f.password.data, audience=g.audience, by=current_actor())
        )
        if isinstance(answer, NewSession):
            return enter(answer, back)
        if isinstance(answer, AwaitsConfirmation):
            session["check_mail"] = answer.email
            return redirect_to(url_for(".check_mail")) if g.audience == "cabinet" else _confirm_in_cabinet(f)
    return render("identity/auth/sign_in.html", f=f, back=back, status=f.status, can_sign_up=g.audience == "cabinet")


@requires(PROFILE_OWN)
@unrestricted("Leaving is always allowed.")
def sign_out() -> ResponseReturnValue:
    by = current_actor()
    assert by.session_id is not None
    service.end_session(by.session_id, by=by)
    session.clear()
    response = redirect_to(url_for(".sign_in"))
    clear_session_cookie(response, request.is_secure)
    return response


@public
def sign_up() -> ResponseReturnValue:
    f = forms.SignUpForm()
    f.offer_countries()
    if request.method == "GET":
        f.referral_code.data = request.args.get("ref", "") or _followed_code()
    if f.sent():
        f.attempt(
            lambda: service.register(
                email=f.email.data,
                name=f.name.data,
                country=f.country.data,
                password=f.password.data,
                language=str(get_locale() or ""),
                referral_code=(f.referral_code.data or "").strip(),
                by=current_actor(),
            )
        )
        if f.status == 200:
            session["check_mail"] = f.email.data.strip()
            return redirect_to(url_for(".check_mail"))
    return render("identity/auth/sign_up.html", f=f, status=f.status)


def _followed_code() -> str:
    """The code of the link that this browser came by: the feature above that knows the brand's rule chooses it."""
    cookie = request.cookies.get(REFERRAL_COOKIE, "")
    return next((str(choose(cookie)) for choose in features.port("identity.followed_code")), "")


@public
def check_mail() -> ResponseReturnValue:
    return render("identity/auth/check_mail.html", email=session.get("check_mail", ""), mailbox_url=_mailbox_url())


@public
def confirm_email(token: str) -> ResponseReturnValue:
    user = service.user_of_link(TokenPurpose.CONFIRM_EMAIL, token)
    f = forms.ConfirmForm()
    if f.sent():
        answer = f.attempt(
            lambda: service.confirm_email(token, f.password.data, audience=g.audience, by=current_actor())
        )
        if answer is not None:
            toast(_l("Your e-mail is confirmed. Welcome."))
            return enter(answer, "/")
    return render("identity/auth/confirm_email.html", f=f, email=user.email, status=f.status)


@public
def forgot_password() -> ResponseReturnValue:
    f = forms.EmailForm()
    is_sent = False
    if f.sent():
        f.attempt(lambda: service.request_password_reset(f.email.data, audience=g.audience, by=current_actor()))
        is_sent = f.status == 200
    return render(
        "identity/auth/forgot_password.html", f=f, is_sent=is_sent, status=f.status, mailbox_url=_mailbox_url()
    )


@public
def reset_password(token: str) -> ResponseReturnValue:
    user = service.user_of_link(TokenPurpose.RESET_PASSWORD, token)
    f = forms.NewPasswordForm()
    if f.sent():
        done = f.attempt(lambda: service.reset_password(token, f.password.data, by=current_actor()))
        if done is not None:
            toast(_l("Your password is changed. Sign in with the new one."))
            return redirect_to(url_for(".sign_in"))
    return render("identity/auth/reset_password.html", f=f, email=user.email, status=f.status)


@public
def invitation(token: str) -> ResponseReturnValue:
    user = service.user_of_link(TokenPurpose.INVITATION, token)
    f = forms.InvitationForm(name=user.name)
    if f.sent():
        answer = f.attempt(
            lambda: service.accept_invitation(token, name=f.name.data, password=f.password.data, by=current_actor())
        )
        if answer is not None:
            return enter(answer, "/")
    return render("identity/auth/invitation.html", f=f, email=user.email, status=f.status)


def local_path(wish: str) -> str:
    """A place on this host to go back to; home for whatever could lead elsewhere."""
    is_local = wish.startswith("/") and not wish.startswith("//") and "\\" not in wish and wish.isprintable()
    return wish if is_local else "/"


def enter(started: NewSession, to: str) -> ResponseReturnValue:
    """Hand the new session to the browser. The form token of the visitor that it was before does not go along."""
    session.pop("csrf_token", None)
    session.pop("check_mail", None)
    response = redirect_to(to)
    session_cookie(response, started.token, request.is_secure)
    if started.signed_in.kind is UserKind.CLIENT:
        device_cookie(response, started.token, request.is_secure)
    return response


def _confirm_in_cabinet(f: forms.SignInForm) -> ResponseReturnValue:
    f.refusal = _l("Confirm your e-mail first. We have sent you a new link.")
    return render("identity/auth/sign_in.html", f=f, back="/", status=422, can_sign_up=False)


def _mailbox_url() -> str | None:
    """Where mails can be read on this instance, if it has no mail server."""
    return url_for(f"notifications_{g.audience}.mailbox") if mailbox.is_open() else None


def user_of_actor() -> User:
    """The signed-in person's own row."""
    by = current_actor()
    assert by.id is not None
    return queries.user(by.id)
