"""The guard before every view: whose host, who acts, may they, is it locked, and one transaction around it all."""

from __future__ import annotations

import secrets as stdlib_secrets
from contextlib import ExitStack
from uuid import UUID

import structlog
from flask import Flask, Response, current_app, flash, g, request, url_for
from flask.typing import ResponseReturnValue

from app.core import db, features, http
from app.core.actor import VISITOR, Actor, acting_as
from app.core.errors import DomainError, Forbidden
from app.identity import service as identity
from app.kit import addresses
from app.kit.text import _l
from app.restrictions import service as restrictions
from app.tenancy import service as tenancy
from app.web.application import place_of_request

log = structlog.get_logger()

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)


class KeyNeeded(DomainError):
    """A program asked without a key, or with one that does not work."""

    status_code = 401
    message = _l("Send a key that is in force as `Authorization: Bearer` with each call.")


class CrossSite(Forbidden):
    """A browser says that another site sent this form."""


def init_guard(app: Flask) -> None:
    """Put the guard before and after every view of the app."""
    app.before_request(_enter)
    app.after_request(_finish)
    app.teardown_request(_leave)


def client_ip() -> str:
    """The address of the person. The proxy header is believed from loopback alone."""
    return addresses.sender(request.remote_addr or "", request.headers.get("X-Forwarded-For", ""))


def _enter() -> ResponseReturnValue | None:
    g.request_id = stdlib_secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)
    place = place_of_request()
    if place is None:
        return Response("Not found\n", status=404, mimetype="text/plain")
    structlog.contextvars.bind_contextvars(tenant=place.tenant_id)
    stack = g.scope_stack = ExitStack()
    g.tenant_id = place.tenant_id
    stack.enter_context(db.tenant_scope(place.tenant_id))
    g.tenant = tenancy.current()
    g.audience = place.audience
    actor = _who(place.audience)
    g.actor = actor
    stack.enter_context(acting_as(actor))
    if request.routing_exception is not None:
        return None  # Flask raises it next, inside our scope, so that the error page has its tenant.
    return _admit(actor)


def _who(audience: str) -> Actor:
    """The signed-in person, or a visitor with an address."""
    ip, user_agent = client_ip(), request.headers.get("User-Agent", "")[:300]
    if audience == "api":
        g.signed_in = None
        return _whose_key(ip, user_agent) or Actor(VISITOR.kind, None, VISITOR.name, ip=ip, user_agent=user_agent)
    token = request.cookies.get(identity.cookie_name(secure=request.is_secure), "")
    signed_in = identity.signed_in(token, audience) if token else None
    g.signed_in = signed_in
    if signed_in is None:
        return Actor(VISITOR.kind, None, VISITOR.name, ip=ip, user_agent=user_agent)
    return signed_in.actor(ip, user_agent)


def _whose_key(ip: str, user_agent: str) -> Actor | None:
    """Whose key a program shows; the feature that gives keys knows. A browser's session counts for nothing here."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 20 <= len(secret) <= 200:
        return None
    found = (bearer(secret, ip, user_agent) for bearer in features.port("api.bearer"))
    return next((actor for actor in found if actor is not None), None)


def _admit(actor: Actor) -> ResponseReturnValue | None:
    """Default deny: a view without a mark is closed, and so is a change without a restriction mark."""
    marks = http.marks_of(current_app.view_functions.get(request.endpoint or ""))
    changes = request.method not in SAFE_METHODS
    if changes:
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        if site not in ("same-origin", "none"):
            raise CrossSite
    if marks.get("public"):
        return None
    permission = marks.get("permission")
    if permission is None:
        log.error("guard.unmarked_view", endpoint=request.endpoint)
        raise Forbidden
    if actor.kind == "visitor":
        return _to_sign_in()
    if not actor.may(permission):
        raise Forbidden
    if changes:
        _ask_restrictions(marks.get("restricted"), marks.get("unrestricted"), actor)
    return None


def _ask_restrictions(function: str | None, why_not: str | None, actor: Actor) -> None:
    if function is None and why_not is None:
        log.error("guard.unmarked_change", endpoint=request.endpoint)
        raise Forbidden
    if function is not None and isinstance(actor.client_id, UUID):
        restrictions.require(function, actor.client_id)


def _to_sign_in() -> Response:
    """Whoever is not signed in goes to sign-in and comes back to the page they asked for; a program is told to show
    its key."""
    if g.audience == "api":
        raise KeyNeeded
    back = request.full_path.rstrip("?") if request.method == "GET" and not http.is_partial() else "/"
    url = url_for(f"identity_{g.audience}.sign_in", next=back)
    if request.headers.get("HX-Request") == "true":
        return Response(status=401, headers={"HX-Redirect": url})
    return Response(status=303, headers={"Location": url})


def _finish(response: Response) -> Response:
    """Commit once, then say what is to be said and set the headers that every answer bears."""
    if g.get("scope_stack") is not None:
        if response.status_code < 500:
            db.commit()
        else:
            db.rollback()
        _say_toasts(response)
    frames = f"; frame-src {g.frames_from}" if g.get("frames_from") else ""
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY + frames)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Request-Id"] = g.get("request_id", "")
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if response.mimetype == "text/html" or "Cache-Control" not in response.headers:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _say_toasts(response: Response) -> None:
    """A fragment carries its messages in a header, a page or redirect leaves them for the next page."""
    messages = http.toasts()
    if not messages:
        return
    if http.is_partial() and request.headers.get("HX-Request") == "true" and "HX-Redirect" not in response.headers:
        import json

        text, tone = messages[-1]
        events = json.loads(response.headers.get("HX-Trigger", "{}"))
        response.headers["HX-Trigger"] = json.dumps({"toast": {"text": str(text), "tone": tone}, **events})
    else:
        for text, tone in messages:
            flash(str(text), tone)


def _leave(_error: BaseException | None) -> None:
    stack: ExitStack | None = g.pop("scope_stack", None)
    if stack is not None:
        stack.close()
