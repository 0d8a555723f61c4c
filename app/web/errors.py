"""How a refusal or a crash looks: page, fragment or JSON, in the reader's language, with an incident id for a crash."""

from __future__ import annotations

import json

import structlog
from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.core import db, http
from app.core.errors import DomainError, Forbidden, Invalid, NotFound, TooMany
from app.core.forms import StaleForm
from app.kit.ids import reference
from app.kit.text import Message, _l

log = structlog.get_logger()


class MethodNotHere(DomainError):
    status_code = 405
    message = _l("This page cannot be used in this way.")


class BodyTooLarge(DomainError):
    status_code = 413
    message = _l("What you sent is too large.")


_NOTHING_CHANGED = _l(
    "Something went wrong on our side. Nothing was changed. If it happens again, tell support this number."
)
_WAS_ACCEPTED = _l(
    "What you asked for was accepted, but this page could not be shown. Do not send it again: look at its state first."
    " If something is missing, tell support this number."
)

_FORMS = ["text/html", "application/json"]
_BY_STATUS: dict[int, type[DomainError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    405: MethodNotHere,
    413: BodyTooLarge,
    422: Invalid,
    429: TooMany,
}


def init_errors(app: Flask) -> None:
    """Answer every refusal and every crash."""
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(CSRFError, lambda error: _refused(StaleForm()))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _crashed)


def _refused(error: DomainError) -> Response:
    if g.get("scope_stack") is not None:
        db.rollback()
    log.info("request.refused", code=error.code, status=error.status_code, path=request.path)
    return _answer(error.status_code, error.code, error.message)


def _http(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.code < 400:
        return error  # A redirect that the router asks for.
    if g.get("scope_stack") is not None:
        db.rollback()
    known = _BY_STATUS.get(error.code)
    if known is None:
        return _crashed(error) if error.code >= 500 else _answer(error.code, "HTTPError", DomainError.message)
    return _answer(error.code, known.__name__, known.message)


def _crashed(error: Exception) -> Response:
    """An incident: the person gets its id and nothing else, the log line bears the same id."""
    incident = reference("I")
    if g.get("scope_stack") is not None:
        db.rollback()
    log.exception("request.crashed", incident=incident, path=request.path, method=request.method)
    said = _NOTHING_CHANGED
    if g.get("has_committed"):
        said = _WAS_ACCEPTED
    return _answer(500, "Incident", said, incident=incident)


def _answer(status: int, code: str, message: Message, incident: str = "") -> Response:
    if g.get("scope_stack") is None:
        return Response(f"{message.in_english()} {incident}\n", status=status, mimetype="text/plain")
    if g.get("audience") == "api" or request.accept_mimetypes.best_match(_FORMS) == "application/json":
        problem = {"type": code, "status": status, "detail": str(message), "incident": incident or None}
        response = Response(json.dumps(problem), status=status, mimetype="application/problem+json")
        if status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response
    if http.is_partial():
        response = make_response("", status)
        text = f"{message} {incident}".strip()
        response.headers["HX-Trigger"] = json.dumps({"toast": {"text": text, "tone": "danger"}})
        response.headers["HX-Reswap"] = "none"
        return response
    try:
        body = render_template("web/error.html", status=status, message=message, incident=incident)
    except Exception:
        log.exception("error_page.crashed", incident=incident)
        return Response(f"{message.in_english()} {incident}\n", status=status, mimetype="text/plain")
    return make_response(body, status)
