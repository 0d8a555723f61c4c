"""Marks on views and the ways to answer. The guards of `web` enforce what is only marked here."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import redis
from flask import Response, current_app, g, make_response, request
from flask.typing import ResponseReturnValue
from jinja2_fragments.flask import render_block

from app.core import db
from app.core import redis as core_redis
from app.kit.text import Message

V = TypeVar("V", bound=Callable[..., ResponseReturnValue])
_waiting = threading.BoundedSemaphore(2)  # Requests of one process that may wait for a platform's answer.


def _mark(view: V, **marks: Any) -> V:
    found: dict[str, Any] = getattr(view, "__kontor_marks__", {})
    view.__kontor_marks__ = {**found, **marks}  # type: ignore[attr-defined]  # The guard reads it from the function.
    return view


def marks_of(view: Callable[..., Any] | None) -> Mapping[str, Any]:
    """The marks of a view: permission, public, restricted, unrestricted."""
    return getattr(view, "__kontor_marks__", {})


def requires(permission: str) -> Callable[[V], V]:
    """The view is for signed-in actors with this permission."""
    return lambda view: _mark(view, permission=permission)


def public(view: V) -> V:
    """The view is for everybody, signed in or not."""
    return _mark(view, public=True)


def restricted(function: str) -> Callable[[V], V]:
    """The view changes something that the ban matrix can lock; the guard asks it for the signed-in client."""
    return lambda view: _mark(view, restricted=function)


def unrestricted(why: str) -> Callable[[V], V]:
    """The view changes something, and no lock of the ban matrix applies; `why` is for the reader of the code."""
    return lambda view: _mark(view, unrestricted=why)


def is_partial() -> bool:
    """Whether htmx asks for a part of the page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def _target_id() -> str:
    return request.headers.get("HX-Target", "").rpartition("#")[2]


def render(template: str, *, block: str | None = None, status: int = 200, **context: Any) -> Response:
    """The page, or its named block when htmx asks for it.

    A GET answers the block only when the element asked for bears the block's name; a POST answers it to every partial
    request. Sets `Vary`, so that no cache mixes the two.
    """
    wants_block = block is not None and is_partial() and (request.method != "GET" or _target_id() == block)
    if wants_block and block is not None:
        body = render_block(template, block, **context)
    else:
        from flask import render_template

        body = render_template(template, **context)
    response = make_response(body, status)
    response.headers["Vary"] = "HX-Request, HX-Request-Type, HX-Target, Cookie"
    return response


def redirect_to(url: str) -> Response:
    """Go on to another page: 303 for a plain form, `HX-Redirect` for htmx."""
    if request.headers.get("HX-Request") == "true":
        return Response(status=204, headers={"HX-Redirect": url})
    return Response(status=303, headers={"Location": url})


def render_or_redirect(template: str, *, block: str, to: str, **context: Any) -> Response:
    """After a change: the fresh block for htmx, the page `to` for a plain form."""
    if is_partial():
        return render(template, block=block, **context)
    return redirect_to(to)


def close_dialog(to: str, *facts: str) -> Response:
    """After an act in a dialog: close it, and have the regions of the page fetch what has changed. A plain form goes on
    to the page `to`."""
    if not is_partial():
        return redirect_to(to)
    events: dict[str, object] = {f"live:{fact}": {} for fact in facts}
    events["close:dialog"] = {}  # The last one: what lies in the dialog is gone after it.
    return Response(status=204, headers={"HX-Trigger": json.dumps(events)})


def toast(message: Message, tone: str = "success") -> None:
    """Say something at the next page or in this fragment. Tones: success, info, warning, danger."""
    g.setdefault("toasts", []).append((message, tone))


def let_in_frames_from(origin: str) -> None:
    """Let this answer's page show pages of that origin (scheme, host and port) inside it."""
    g.frames_from = origin


def toasts() -> list[tuple[Message, str]]:
    """What has been said in this request."""
    return list(g.get("toasts", []))


def audience_url(audience: str, endpoint: str, **values: Any) -> str:
    """The full address of a page of another audience of this tenant."""
    build: Callable[..., str] = current_app.extensions["kontor.audience_url"]
    return build(audience, endpoint, **values)


def commit_then_wait(request_key: str, payload: str, answer_key: str, *, seconds: float = 1.0) -> bytes | None:
    """Commit the request's transaction, hand `payload` to a Redis list, and wait briefly on another for the answer.

    None when no answer came in time, when two requests of this process are waiting already, or when Redis is away: the
    page then says that the matter is pending. Both keys are made by `core.redis.key`.
    """
    db.commit()
    g.has_committed = True
    connection = core_redis.client()
    try:
        connection.lpush(request_key, payload)
        if not _waiting.acquire(blocking=False):
            return None
        try:
            answer = connection.blpop([answer_key], timeout=seconds)
        finally:
            _waiting.release()
    except redis.RedisError:
        return None
    return bytes(answer[1]) if answer else None  # type: ignore[arg-type]  # The client answers bytes.
