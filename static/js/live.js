// The page's stream: facts become `live:<name>` events on the body, beats drive the freshness dot. When the stream stays away,
// the blocks that listen fetch themselves every five seconds.
const stream = document.getElementById("live");
const dot = document.getElementById("freshness");
const STALE_MS = 8000;
const POLL_MS = 5000;
let lastBeat = 0;
let isFresh = false;
let failures = 0;
let poll = null;
let again = null;

function names() {
  const found = new Set();
  for (const element of document.querySelectorAll('[hx-trigger*="live:"]')) {
    for (const [, name] of element.getAttribute("hx-trigger").matchAll(/live:([\w-]+)/g)) found.add(name);
  }
  return found;
}

const tell = (name) => document.body.dispatchEvent(new CustomEvent(`live:${name}`, { detail: {} }));
const tellAll = () => names().forEach(tell);

function show() {
  if (!dot) return;
  const isLive = isFresh && Date.now() - lastBeat < STALE_MS;
  const state = isLive ? "live" : lastBeat ? "stale" : "waiting";
  if (dot.dataset.state === state && state !== "stale") return;
  if (dot.dataset.state !== state) {
    const time = new Date(lastBeat).toLocaleTimeString("en-GB");
    dot.querySelector("[data-text]").textContent = state === "stale" ? dot.dataset.stale.replace("{time}", `\u2066${time}\u2069`) : dot.dataset[state];
  }
  dot.dataset.state = state;
}

function fail() {
  failures += 1;
  if (failures >= 3 && !poll) poll = setInterval(() => { if (!document.hidden) tellAll(); }, POLL_MS);
}

const begin = () => window.htmx.trigger(stream, "begin", {}, false);

// The extension reconnects a stream that has run; one that never began, or that the server closed, is begun again here.
function connectLater(delay) {
  clearTimeout(again);
  again = setTimeout(begin, delay);
}

if (stream) {
  stream.addEventListener("htmx:sse:before:message", (event) => {
    const { message } = event.detail;
    if (!message.event || message.event === "done") return;
    event.detail.cancelled = true;
    if (message.event === "beat") {
      lastBeat = Date.now();
      isFresh = JSON.parse(message.data || "{}").fresh !== false;
      show();
    } else if (message.event === "resync") {
      tellAll();
    } else {
      tell(message.event);
    }
  });
  stream.addEventListener("htmx:sse:after:connection", () => {
    failures = 0;
    clearInterval(poll);
    poll = null;
  });
  stream.addEventListener("htmx:sse:error", fail);
  stream.addEventListener("htmx:sse:close", (event) => { if (event.detail.reason === "message") connectLater(1000); });
  for (const name of ["htmx:response:error", "htmx:error"]) {
    stream.addEventListener(name, () => {
      fail();
      connectLater(Math.min(30000, 1000 * 2 ** failures));
    });
  }
  setInterval(show, 1000);
  // Only now, so that nothing is said before somebody listens. htmx knows the element once the document is read.
  // This module may run before or after that moment; `load` comes after it in any case.
  let hasBegun = false;
  const beginOnce = () => {
    if (hasBegun) return;
    hasBegun = true;
    setTimeout(begin);
  };
  if (document.readyState === "complete") beginOnce();
  else {
    document.addEventListener("DOMContentLoaded", beginOnce);
    window.addEventListener("load", beginOnce);
  }
}
