"""A person's own profile, password and sessions: the same page on every audience."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, g, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.http import redirect_to, render, requires, restricted, toast, unrestricted
from app.identity import forms, rules, service
from app.identity.cookies import preference_cookies
from app.identity.permissions import PROFILE_EDIT, PROFILE_OWN
from app.identity.views.auth import user_of_actor
from app.kit.text import _l


def add_profile_views(bp: Blueprint) -> None:
    """The page and what it posts to."""
    bp.add_url_rule("/profile", view_func=profile)
    bp.add_url_rule("/profile", view_func=save_profile, methods=["POST"])
    bp.add_url_rule("/profile/password", view_func=change_password, methods=["POST"])
    bp.add_url_rule("/profile/sessions/<uuid:session_id>/end", view_func=end_session, methods=["POST"])
    bp.add_url_rule("/profile/sessions/end-others", view_func=end_other_sessions, methods=["POST"])


@requires(PROFILE_OWN)
def profile() -> ResponseReturnValue:
    return _page()


@requires(PROFILE_OWN)
@restricted(PROFILE_EDIT)
def save_profile() -> ResponseReturnValue:
    f = forms.ProfileForm()
    f.offer_choices()
    by = current_actor()
    if f.sent() and by.id is not None:
        user_id = by.id
        saved = f.attempt(
            lambda: service.update_profile(
                user_id,
                name=f.name.data,
                language=f.language.data,
                theme=f.theme.data,
                timezone=f.timezone.data,
                by=by,
            )
        )
        if saved is not None:
            toast(_l("Your profile is saved."))
            response = redirect_to(url_for(".profile"))
            preference_cookies(response, language=saved.language, theme=saved.theme)
            return response
    return _page(profile_form=f, status=f.status)


@requires(PROFILE_OWN)
@unrestricted("A person may always secure their own sign-in.")
def change_password() -> ResponseReturnValue:
    f = forms.PasswordForm()
    by = current_actor()
    if f.sent() and by.id is not None:
        user_id = by.id
        f.attempt(lambda: service.change_password(user_id, current=f.current.data, new=f.new.data, by=by))
        if f.status == 200:
            toast(_l("Your password is changed. All your other sessions have ended."))
            return redirect_to(url_for(".profile"))
    return _page(password_form=f, status=f.status)


@requires(PROFILE_OWN)
@unrestricted("A person may always secure their own sign-in.")
def end_session(session_id: UUID) -> ResponseReturnValue:
    service.end_own_session(session_id, by=current_actor())
    toast(_l("The session has ended."))
    return redirect_to(url_for(".profile", _anchor="sessions"))


@requires(PROFILE_OWN)
@unrestricted("A person may always secure their own sign-in.")
def end_other_sessions() -> ResponseReturnValue:
    by = current_actor()
    assert by.id is not None
    service.end_sessions_of(by.id, by=by, reason="ended_by_owner", but=by.session_id)
    toast(_l("All your other sessions have ended."))
    return redirect_to(url_for(".profile", _anchor="sessions"))


def _page(
    profile_form: forms.ProfileForm | None = None, password_form: forms.PasswordForm | None = None, status: int = 200
) -> ResponseReturnValue:
    user = user_of_actor()
    if profile_form is None:
        profile_form = forms.ProfileForm(
            formdata=None, name=user.name, language=user.language, theme=user.theme, timezone=user.timezone
        )
        profile_form.offer_choices()
    rows = [
        {
            "id": row.id,
            "browser": rules.browser_name(row.user_agent),
            "audience": row.audience,
            "ip": row.ip,
            "created_at": row.created_at,
            "last_seen_at": row.last_seen_at,
            "is_this": row.id == current_actor().session_id,
        }
        for row in service.sessions_of(user.id)
    ]
    return render(
        "identity/profile.html",
        layout=f"layouts/{g.audience}.html",
        user=user,
        profile_form=profile_form,
        password_form=password_form or forms.PasswordForm(formdata=None),
        sessions=rows,
        length_min=8 if user.kind is rules.UserKind.CLIENT else 12,
        status=status,
        is_post=request.method == "POST",
    )
