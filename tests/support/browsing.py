"""A person with a browser, without the browser: requests to one audience of one tenant, every page linted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.ui.lint import lint_page

_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')
_ONCE = re.compile(r'name="once" value="([^"]+)"')


class Visitor:
    """Somebody on an audience's host. Cookies last; forms carry their token; pages are linted as they come."""

    def __init__(self, app: Flask, host: str, *, ip: str = "203.0.113.7", language: str = "en") -> None:
        self.app, self.host, self.ip, self.language = app, host, ip, language
        self.client = app.test_client()
        self.csrf = ""

    def get(self, path: str, *, target: str | None = None, **kwargs: Any) -> TestResponse:
        """Open a page; with `target`, ask for the block of that name as htmx does."""
        return self._request("GET", path, target=target, **kwargs)

    def post(
        self, path: str, data: Mapping[str, Any] | None = None, *, htmx: bool = False, **kwargs: Any
    ) -> TestResponse:
        """Send a form with its token. `once` is filled in when the form carries one and the data does not name it."""
        if not self.csrf:
            self.get("/sign-in")
        headers = {"X-CSRFToken": self.csrf, **({"HX-Request": "true", "HX-Request-Type": "partial"} if htmx else {})}
        return self._request("POST", path, data=dict(data or {}), extra=headers, **kwargs)

    def form_number(self, path: str) -> str:
        """The `once` number of the form on a page."""
        found = _ONCE.search(self.get(path).get_data(as_text=True))
        assert found is not None, f"{path} has no numbered form"
        return found[1]

    def _request(
        self,
        method: str,
        path: str,
        *,
        target: str | None = None,
        extra: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> TestResponse:
        headers = {
            "Accept-Language": self.language.replace("_", "-"),
            "X-Forwarded-For": self.ip,
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            **(extra or {}),
        }
        if target is not None:
            headers |= {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": target}
        response = self.client.open(path, method=method, base_url=f"http://{self.host}", headers=headers, **kwargs)
        if response.mimetype == "text/html" and response.status_code not in (301, 308):
            text = response.get_data(as_text=True)
            if found := _CSRF.search(text):
                self.csrf = found[1]
            if text.lstrip().lower().startswith("<!doctype"):
                lint_page(text, self.language)
        return response

    @staticmethod
    def toast_of(response: TestResponse) -> str:
        """What a fragment's answer says in its toast."""
        return str(json.loads(response.headers["HX-Trigger"])["toast"]["text"])


def text_of(response: TestResponse) -> str:
    """The words of an answer, without markup, blanks folded."""
    import html

    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", response.get_data(as_text=True), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body))).strip()
