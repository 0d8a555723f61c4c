"""A person with a browser, over plain HTTP on loopback: pages, forms with hidden fields, cookies, an own address."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx


class PageRefused(RuntimeError):
    """The product answered otherwise than a person would need; the text says what it showed."""


@dataclass
class PageForm:
    """A form on a page: where it goes and what it holds."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._open: PageForm | None = None
        self._select = self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = PageForm(given.get("action", "") if given.get("method", "").lower() == "post" else "GET")
            self.forms.append(self._open)
        if self._open is None:
            return
        name = given.get("name", "")
        if tag == "input" and name:
            kind = given.get("type", "text")
            if kind in ("checkbox", "radio"):
                self._open.choices.setdefault(name, []).append(given.get("value", "on"))
                if "checked" in given:
                    self._open.values[name] = given.get("value", "on")
            elif kind not in ("submit", "button", "file", "image"):
                self._open.values[name] = given.get("value", "")
        elif tag == "textarea" and name:
            self._text = name
            self._open.values[name] = ""
        elif tag == "select" and name:
            self._select = name
            self._open.choices.setdefault(name, [])
        elif tag == "option" and self._select:
            value = given.get("value", "")
            self._open.choices[self._select].append(value)
            if "selected" in given or (self._select not in self._open.values and value):
                self._open.values[self._select] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._text = ""

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._text:
            self._open.values[self._text] += data


def forms_of(html: str) -> list[PageForm]:
    """The forms of a page that change something, in order."""
    parser = _Forms()
    parser.feed(html)
    return [form for form in parser.forms if form.action != "GET"]


def words_of(html: str) -> str:
    """The words of a page, for a refusal's message."""
    body = re.sub(r"<(script|style|svg|head)\b.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).strip()


def tone_of(html: str) -> str:
    """The tone of a page's status badge: "success", "warning", "danger" and so on; the same in every language."""
    found = re.search(r'class="x-badge x-tone-(\w+)"><span class="x-dot"', html)
    return found[1] if found else ""


@cache
def _transport() -> httpx.HTTPTransport:
    """The connections of everybody. An idle one is dropped before the server would do it in the middle of a click."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=2)
    return httpx.HTTPTransport(limits=limits)


class Browser:
    """One person at one audience of one brand. Sends an address of its own, which loopback is trusted with.

    `at` is the path of the page that was shown last, after redirects.
    """

    def __init__(self, port: int, host: str, ip: str, language: str = "en") -> None:
        self.host, self.ip, self.at = host, ip, ""
        self.http = httpx.Client(
            transport=_transport(),
            base_url=f"http://127.0.0.1:{port}",
            headers={
                "Host": f"{host}:{port}",
                "X-Forwarded-For": ip,
                "Accept-Language": language,
                "User-Agent": "Mozilla/5.0 (demo) Kontor/1",
                "Accept": "text/html",
            },
            timeout=30,
            follow_redirects=False,
        )

    def get(self, path: str) -> str:
        """Open a page, following redirects on this host. Raises PageRefused unless it answers 200."""
        return self._follow(self._send("GET", path))

    def get_json(self, path: str) -> Any:
        """A JSON answer of this host."""
        response = self._send("GET", path, headers={"Accept": "application/json"})
        if response.status_code != 200:
            raise PageRefused(f"{path} answered {response.status_code}: {response.text[:200]}")
        return response.json()

    def submit(
        self,
        page: str,
        values: Mapping[str, str],
        *,
        action: str = "",
        shown: str = "",
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
    ) -> str:
        """Open a page, fill in the form whose address ends with `action` (the first one by default), and send it.

        A page that is open already is given as `shown`. Answers the page that follows. Raises PageRefused with what
        the page said when the form was not accepted.
        """
        form = self.form(page, action, shown=shown)
        return self.send(page, form, values, files=files)

    def form(self, page: str, action: str = "", *, shown: str = "") -> PageForm:
        """The form of a page that goes to `action`, or the first that is not the sign-out."""
        forms = [f for f in forms_of(shown or self.get(page)) if not f.action.endswith("/sign-out")]
        for form in forms:
            if not action or urlsplit(form.action).path.endswith(action):
                return form
        raise PageRefused(f"{page} has no form for {action or 'anything'}: {[f.action for f in forms]}")

    def send(
        self,
        page: str,
        form: PageForm,
        values: Mapping[str, str],
        *,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        block: str = "",
    ) -> str:
        """Send a form as it stands on a page, with some values filled in.

        With `block`, as htmx sends it: the answer is that block of the page alone.
        """
        target = urlsplit(form.action)
        path = (target.path or urlsplit(page).path) + (f"?{target.query}" if target.query else "")
        asked = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": block} if block else {}
        response = self._send("POST", path, data={**form.values, **values}, files=files, headers=asked)
        if response.status_code not in (200, 303, 302, 204):
            raise PageRefused(f"POST {path} answered {response.status_code}: {words_of(response.text)[-400:]}")
        return self._follow(response)

    def until(self, page: str, is_there: Callable[[str], bool], *, seconds: float = 240) -> str:
        """Open a page again and again until it shows what is waited for. Raises PageRefused when it never does."""
        until, pause, shown = time.monotonic() + seconds, 0.3, self.get(page)
        while not is_there(shown):
            if time.monotonic() > until:
                raise PageRefused(f"{page} did not change in {seconds:.0f} s: {words_of(shown)[-400:]}")
            time.sleep(pause)
            pause = min(pause * 1.5, 2)
            shown = self.get(page)
        return shown

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """One request; a server that is just being started again is waited for, since nothing was sent to it yet."""
        for attempt in range(40):
            try:
                return self.http.request(method, path, **kwargs)
            except httpx.ConnectError:
                if attempt == 39:
                    raise
                time.sleep(0.5)
        raise AssertionError("unreachable")

    def _follow(self, response: httpx.Response) -> str:
        for _ in range(6):
            if response.status_code not in (301, 302, 303, 307, 308):
                break
            target = urlsplit(response.headers["Location"])
            response = self._send("GET", target.path + (f"?{target.query}" if target.query else ""))
        if response.status_code != 200:
            path = response.request.url.path
            raise PageRefused(f"{path} answered {response.status_code}: {words_of(response.text)[-400:]}")
        self.at = response.request.url.path
        return response.text

    def sign_in(self, email: str, password: str) -> None:
        """Sign in as a person does. Raises PageRefused."""
        self.submit("/sign-in", {"email": email, "password": password})
