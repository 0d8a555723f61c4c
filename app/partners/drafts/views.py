"""The plan editor in the office: drafts, their rules and worked examples, acceptance and publication."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue

from app.core.actor import current_actor
from app.core.errors import DomainError, Invalid, NotFound
from app.core.forms import Form
from app.core.http import redirect_to, render, requires, toast, unrestricted
from app.kit.text import _l
from app.partners import example as worked
from app.partners import labels, permissions, versions
from app.partners.awards import labels as award_words
from app.partners.drafts import forms, reading, service
from app.partners.drafts.dearest import dearest
from app.partners.drafts.models import PlanDraft
from app.partners.plan import GodRule, ReferralRule
from app.tenancy import service as tenancy

bp = Blueprint("partners_drafts", __name__, url_prefix="/commission/drafts")
STAFF_ACT = "Staff make plans; nobody is paid by one before it is published."


@bp.get("/")
@requires(permissions.COMMISSION_READ)
def overview() -> ResponseReturnValue:
    return render(
        "partners/drafts/overview.html",
        drafts=service.open_drafts(),
        versions=versions.all_versions(),
        may_edit=current_actor().may(permissions.PLAN_EDIT),
    )


@bp.post("/")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def begin() -> ResponseReturnValue:
    number = request.form.get("version", "")
    known = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else None
    newest = versions.plan_for_receivers()
    currency = newest.currency if newest is not None else tenancy.current().base_currency
    made = service.begin(known, currency=currency, by=current_actor())
    return redirect_to(url_for(".edit", draft_id=made.id))


@bp.route("/<uuid:draft_id>", methods=["GET", "POST"])
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def edit(draft_id: UUID) -> ResponseReturnValue:
    found = service.draft(draft_id)
    form = forms.PlanForm(data=reading.fill_plan(found.plan, found.revision))
    if form.sent():
        saved = form.attempt(
            lambda: service.change(
                draft_id, reading.read_plan(form, found.plan), revision=revision_of(form), by=current_actor()
            )
        )
        if saved is not None:
            toast(_l("The draft is saved."))
            return redirect_to(url_for(".edit", draft_id=draft_id))
        found = service.draft(draft_id)
    return render("partners/drafts/edit.html", status=form.status, f=form, draft=found, **_preview(found, found.plan))


@bp.post("/<uuid:draft_id>/preview")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def preview(draft_id: UUID) -> ResponseReturnValue:
    """What the form as it is typed would pay. Saves nothing."""
    found = service.draft(draft_id)
    form = forms.PlanForm()
    plan = found.plan
    problem = None
    if form.sent():
        try:
            plan = reading.read_plan(form, found.plan)
        except Invalid as refusal:
            problem = refusal.message
    return render(
        "partners/drafts/edit.html", block="preview", f=form, draft=found, problem=problem, **_preview(found, plan)
    )


def _preview(found: PlanDraft, plan: Any) -> dict[str, Any]:
    return {
        "plan": plan,
        "examples": worked.examples(plan),
        "review": service.review_of(found, plan),
        "labels": labels,
        "award_words": award_words,
        "worst": versions.worst_god_rate(plan),
        "path": dearest(plan),
    }


def revision_of(form: Form) -> int:
    """The state of the draft that the form was made from."""
    text = str(form["revision"].data or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


@bp.route("/<uuid:draft_id>/rules/<track>/new", methods=["GET", "POST"], defaults={"place": None})
@bp.route("/<uuid:draft_id>/rules/<track>/<int:place>", methods=["GET", "POST"])
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def rule(draft_id: UUID, track: str, place: int | None) -> ResponseReturnValue:
    found = service.draft(draft_id)
    part = {"referral": found.plan.referral, "god": found.plan.god}.get(track)
    if part is None or (place is not None and place >= len(part.rules)):
        raise NotFound
    form: forms.ReferralRuleForm | forms.GodRuleForm
    read: Callable[[Any], ReferralRule | GodRule]
    if track == "god":
        god = found.plan.god.rules[place] if place is not None and found.plan.god else GodRule(name="")
        form, read = forms.GodRuleForm(data=reading.fill_god_rule(god, found.revision)), reading.read_god_rule
    else:
        known = found.plan.referral.rules[place] if place is not None and found.plan.referral else ReferralRule(name="")
        form = forms.ReferralRuleForm(data=reading.fill_referral_rule(known, found.revision))
        read = reading.read_referral_rule
    if form.sent():
        saved = form.attempt(
            lambda: service.put_rule(draft_id, place, read(form), revision=revision_of(form), by=current_actor())
        )
        if saved is not None:
            toast(_l("The rule is saved."))
            return redirect_to(url_for(".edit", draft_id=draft_id))
    return render(
        "partners/drafts/rule.html", status=form.status, f=form, draft=service.draft(draft_id), track=track, place=place
    )


@bp.post("/<uuid:draft_id>/rules/<track>/<int:place>/remove")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def remove_rule(draft_id: UUID, track: str, place: int) -> ResponseReturnValue:
    form = forms.PublishForm()
    return _act(
        draft_id,
        lambda: service.remove_rule(draft_id, track, place, revision=revision_of(form), by=current_actor()),
        ".edit",
    )


def _act(draft_id: UUID, act: Callable[[], object], back: str) -> Response:
    """Do something by one button. A refusal is told on the page that it came from."""
    try:
        act()
    except DomainError as refusal:
        if refusal.status_code == 404:
            raise
        toast(refusal.message, "danger")
    return redirect_to(url_for(back, draft_id=draft_id))


@bp.route("/<uuid:draft_id>/examples/new", methods=["GET", "POST"])
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def example(draft_id: UUID) -> ResponseReturnValue:
    """Add a worked example, or change the one that the address names."""
    found = service.draft(draft_id)
    known = next((one for one in service.examples(found) if one.name == request.args.get("name")), None)
    filled = reading.fill_example(known, found.revision) if known is not None else {"revision": str(found.revision)}
    form = forms.ExampleForm(data=filled)
    if form.sent():
        saved = form.attempt(
            lambda: service.put_example(
                draft_id, reading.read_example(form), revision=revision_of(form), by=current_actor()
            )
        )
        if saved is not None:
            toast(_l("The example is saved."))
            return redirect_to(url_for(".publish", draft_id=draft_id))
    return render("partners/drafts/example.html", status=form.status, f=form, draft=service.draft(draft_id))


@bp.post("/<uuid:draft_id>/examples/remove")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def remove_example(draft_id: UUID) -> ResponseReturnValue:
    form = forms.PublishForm()
    name = request.form.get("name", "")
    return _act(
        draft_id,
        lambda: service.remove_example(draft_id, name, revision=revision_of(form), by=current_actor()),
        ".publish",
    )


@bp.route("/<uuid:draft_id>/publish", methods=["GET", "POST"])
@requires(permissions.COMMISSION_READ)
@unrestricted(STAFF_ACT)
def publish(draft_id: UUID) -> ResponseReturnValue:
    """What would change, whether it may, and the act itself."""
    found = service.draft(draft_id)
    form = forms.PublishForm(data={"revision": str(found.revision)})
    if form.sent():
        if not current_actor().may(permissions.PLAN_PUBLISH):
            raise NotFound
        done = form.attempt(
            lambda: service.publish(
                draft_id, revision=revision_of(form), effective_from=_start_of(form), by=current_actor()
            )
        )
        if done is not None:
            toast(_l("Version %(number)s is published.", number=done.number))
            return redirect_to(url_for("partners_office.plan", version=done.number))
        found = service.draft(draft_id)
    return _publish_page(found, form)


def _publish_page(found: PlanDraft, form: forms.PublishForm, accept: forms.AcceptForm | None = None) -> Response:
    me = current_actor()
    status = max(form.status, accept.status if accept is not None else 200)
    return render(
        "partners/drafts/publish.html",
        block="review",
        status=status,
        f=form,
        accept_form=accept or forms.AcceptForm(formdata=None, data={"revision": str(found.revision)}),
        draft=found,
        plan=found.plan,
        review=service.review(found),
        labels=labels,
        may_edit=me.may(permissions.PLAN_EDIT),
        may_publish=me.may(permissions.PLAN_PUBLISH),
        may_accept=me.may(permissions.PLAN_ACCEPT) and found.changed_by != me.id,
    )


def _start_of(form: forms.PublishForm) -> datetime | None:
    """The first instant of the settlement day that the form names. Raises Invalid."""
    text = (form.effective_day.data or "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Invalid(_l("Choose a day."), field="effective_day") from None
    if not 2000 <= day.year <= 2200:
        raise Invalid(_l("Choose a day."), field="effective_day")
    return versions.day_cut().end_of(day - timedelta(days=1))


@bp.post("/<uuid:draft_id>/accept")
@requires(permissions.PLAN_ACCEPT)
@unrestricted(STAFF_ACT)
def accept(draft_id: UUID) -> ResponseReturnValue:
    form = forms.AcceptForm()
    if form.sent():
        done = form.attempt(
            lambda: service.accept(
                draft_id, revision=revision_of(form), reason=form.reason.data or "", by=current_actor()
            )
        )
        if done is not None:
            toast(_l("You have accepted it by name."))
            return redirect_to(url_for(".publish", draft_id=draft_id))
    found = service.draft(draft_id)
    return _publish_page(found, forms.PublishForm(formdata=None, data={"revision": str(found.revision)}), form)


@bp.post("/<uuid:draft_id>/discard")
@requires(permissions.PLAN_EDIT)
@unrestricted(STAFF_ACT)
def discard(draft_id: UUID) -> ResponseReturnValue:
    try:
        service.discard(draft_id, by=current_actor())
    except DomainError as refusal:
        if refusal.status_code == 404:
            raise
        toast(refusal.message, "danger")
    else:
        toast(_l("The draft is discarded."))
    return redirect_to(url_for(".overview"))
