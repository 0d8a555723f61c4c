"""What is looked at on every page in a real browser: room, reading order, accessibility, and silence in the console.

Each check answers findings in words; an empty list is a clean page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Response

WIDTHS = (320, 390, 768, 1440)
AXE = Path(__file__).parent / "vendor/axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]


class Watch:
    """Listens to a page from before it is opened: errors, blocked content, files that are missing."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(f"script error: {error}"))
        page.on("response", self._response)
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) =>"
            " console.error(`policy: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))"
        )

    def _console(self, message: ConsoleMessage) -> None:
        failed_load = message.text.startswith("Failed to load resource")
        if message.type in ("error", "warning") and not failed_load:
            self.heard.append(f"console {message.type}: {message.text}")

    def _response(self, response: Response) -> None:
        path = response.url.split("/", 3)[-1]
        if response.status >= 400 and path.startswith(("static/", "brand/", "favicon")):
            self.heard.append(f"{response.status} for /{path}")


_LAYOUT = """(least) => {
  const found = [];
  const room = document.documentElement.clientWidth;
  const over = document.documentElement.scrollWidth - room;
  const name = (e) => `<${e.tagName.toLowerCase()} class="${String(e.className?.baseVal ?? e.className).slice(0, 60)}">`
    + ` ${(e.textContent ?? '').trim().slice(0, 40)}`;
  const held = ['auto', 'scroll', 'hidden', 'clip'];
  const scrolls = (e) => {
    for (let p = e.parentElement; p; p = p.parentElement) if (held.includes(getComputedStyle(p).overflowX)) return true;
    return false;
  };
  const away = '.visually-hidden, .x-skip, dialog:not([open]), [hidden], .offcanvas-lg, .dropdown-menu:not(.show)';
  const hidden = (e) => e.closest(away);
  const controls = 'a, button, input:not([type=hidden]), select, summary';
  const inText = 'p, li > :not(a):not(button), td, dd, label, small';  // Links in running text may be as high as it.
  for (const e of document.body.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    if (!box.width || !box.height || e.closest('svg') !== null && e.tagName !== 'svg' || hidden(e)) continue;
    const style = getComputedStyle(e);
    if (style.visibility === 'hidden' || !e.checkVisibility()) continue;
    if ((box.right > room + 1 || box.left < -1) && !scrolls(e) && style.position !== 'fixed')
      found.push(`outside the page by ${Math.round(Math.max(box.right - room, -box.left))} px: ${name(e)}`);
    if (e.matches(controls) && !e.closest(inText) && !e.matches('.form-check-input')
        && (box.width < least || box.height < least))
      found.push(`target of ${Math.round(box.width)}x${Math.round(box.height)} px: ${name(e)}`);
    const ownText = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const mayCut = style.overflowX !== 'hidden' || style.textOverflow === 'ellipsis';
    if (ownText && !mayCut && e.scrollWidth > e.clientWidth + 1)
      found.push(`clipped text: ${name(e)}`);
  }
  if (over > 0) found.unshift(`the page scrolls sideways by ${over} px`);
  return found.slice(0, 12);
}"""


def layout(page: Page, widths: Iterable[int] = WIDTHS, *, least_target: int = 24) -> list[str]:
    """Nothing sticks out, is cut off, or is too small to hit, at any of the widths."""
    before = page.viewport_size
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found += [f"at {width} px: {one}" for one in page.evaluate(_LAYOUT, least_target)]
    if before is not None:
        page.set_viewport_size(before)
    return found


_BIDI = r"""() => {
  if (document.documentElement.dir !== 'rtl') return [];
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const risky = [
    [/(^|\s)[+−-]\s?\d/, 'a signed number'], [/\d\s?%/, 'a percentage'], [/\S+@\S+\.\S+/, 'an e-mail address'],
    [/\+\d[\d ()-]{6,}/, 'a phone number'], [/^[A-Za-z][\s\S]*[.!?):]$/, 'Latin text that ends in punctuation'],
  ];
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const text = node.textContent.trim();
    const holder = node.parentElement;
    if (!text || holder.closest('script, style, svg, textarea, code, pre, bdi, option')) continue;
    if (holder.closest('[dir=ltr], [dir=auto]')) continue;
    if (/[\u2066-\u2069]/.test(text) || !holder.getClientRects().length) continue;
    for (const [pattern, what] of risky)
      if (pattern.test(text)) found.push(`${what} outside an isolate: ${text.slice(0, 60)}`);
  }
  return found.slice(0, 12);
}"""


def bidi(page: Page) -> list[str]:
    """On a right-to-left page no figure, address or Latin sentence stands where its signs would jump."""
    found: list[str] = page.evaluate(_BIDI)
    return found


def accessibility(page: Page, *, skip: Sequence[str] = ()) -> list[str]:
    """axe's rules for WCAG 2.2 AA and good practice."""
    # axe takes joined Arabic letters for icon ligatures and skips contrast for the whole font; a fixed width stops it.
    page.evaluate("() => { CanvasRenderingContext2D.prototype.measureText = (text) => ({ width: 8 * text.length }); }")
    page.evaluate(f"() => {{ {AXE.read_text()} }}")
    options: dict[str, Any] = {
        "runOnly": {"type": "tag", "values": AXE_TAGS},
        "rules": {rule: {"enabled": False} for rule in skip},
        "resultTypes": ["violations"],
    }
    result = page.evaluate(f"() => axe.run(document, {json.dumps(options)})")
    return [
        f"{violation['id']}: {node['html'][:140]} ({_why(node)})"
        for violation in result["violations"]
        for node in violation["nodes"][:4]
    ]


def _why(node: dict[str, Any]) -> str:
    checks = [*node.get("any", []), *node.get("all", []), *node.get("none", [])]
    return "; ".join(check["message"] for check in checks)[:200]


def judge(page: Page, watch: Watch, *, widths: Iterable[int] = WIDTHS, skip: Sequence[str] = ()) -> list[str]:
    """All checks on the page that is open now. A test asserts that the answer is empty."""
    page.evaluate("() => document.fonts.ready.then(() => true)")
    return [*watch.heard, *layout(page, widths), *bidi(page), *accessibility(page, skip=skip)]
