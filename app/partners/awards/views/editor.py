"""Award rules in the plan editor."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.errors import DomainError, NotFound
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.partners import permissions
from app.partners.awards import drafting, labels
from app.partners.awards.forms import AwardRuleForm, ClawbackTermsForm, fill_award_rule, read_award_rule
from app.partners.awards.terms import TRIGGERS, AwardRule
from app.partners.drafts import service as drafts
from app.partners.drafts.views import revision_of

bp = Blueprint("partners_awards_editor", __name__, url_prefix="/commission/drafts")
STAFF_ACT = "Staff make plans; nobody is paid by one before it is published."


@bp.route("/<uuid:draft_id>/awards/new", methods=["GET", "POST"], defaults={"place": None})
@bp.route("/<uuid:draft_id>/awards/<int:place>", methods=["GET", "POST"])
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def rule(draft_id: UUID, place: int | None) -> ResponseReturnValue:
    found = drafts.draft(draft_id)
    if place is not None and place >= len(found.plan.awards):
        raise NotFound
    known = found.plan.awards[place] if place is not None else AwardRule(name="")
    form = AwardRuleForm(data=fill_award_rule(known, found.revision))
    if form.sent():
        saved = form.attempt(
            lambda: drafting.put(draft_id, place, read_award_rule(form), revision=revision_of(form), by=current_actor())
        )
        if saved is not None:
            toast(_l("The rule is saved."))
            return redirect_to(url_for("partners_drafts.edit", draft_id=draft_id))
    return render(
        "partners/awards/rule.html", status=form.status, f=form, draft=drafts.draft(draft_id), place=place, words=labels
    )


@bp.post("/<uuid:draft_id>/awards/<int:place>/remove")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def remove(draft_id: UUID, place: int) -> ResponseReturnValue:
    form = ClawbackTermsForm()
    try:
        drafting.remove(draft_id, place, revision=revision_of(form), by=current_actor())
    except DomainError as refusal:
        if refusal.status_code == 404:
            raise
        toast(refusal.message, "danger")
    return redirect_to(url_for("partners_drafts.edit", draft_id=draft_id))


@bp.route("/<uuid:draft_id>/clawback", methods=["GET", "POST"])
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def clawback(draft_id: UUID) -> ResponseReturnValue:
    """For how long and for what commission is taken back under this plan."""
    found = drafts.draft(draft_id)
    terms = found.plan.clawback
    form = ClawbackTermsForm(
        data={
            "revision": str(found.revision),
            "window_days": str(terms.window_days),
            **{trigger: trigger in terms.triggers for trigger in TRIGGERS},
        }
    )
    if form.sent():
        saved = form.attempt(
            lambda: drafting.set_clawback(draft_id, form.terms(), revision=revision_of(form), by=current_actor())
        )
        if saved is not None:
            toast(_l("The draft is saved."))
            return redirect_to(url_for("partners_drafts.edit", draft_id=draft_id))
    return render("partners/awards/terms.html", status=form.status, f=form, draft=drafts.draft(draft_id))
