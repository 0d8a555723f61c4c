// Requests: the token that proves they come from our page, and plain words when one fails.
import { toast, words } from "./toast.js";

const token = () => document.querySelector('meta[name="csrf-token"]')?.content;

export function headers() {
  return token() ? { "X-CSRFToken": token() } : {};
}

document.addEventListener("htmx:config:request", (event) => {
  Object.assign(event.detail.ctx.request.headers, headers());
});

export function explain(status, incident) {
  const text = { 403: words.forbidden, 413: words.large, 429: words.busy }[status] ?? words.error;
  toast(incident ? `${text} (${incident})` : text, "danger");
}

document.addEventListener("htmx:response:error", (event) => {
  if (event.target.id === "live") return; // The freshness dot says it.
  const { status, headers: sent } = event.detail.ctx.response;
  const saysItself = (sent.get("HX-Trigger") ?? "").includes("toast") || sent.has("HX-Redirect");
  if (!saysItself && (status >= 500 || [403, 413, 429].includes(status))) explain(status, sent.get("X-Incident-Id"));
});

document.addEventListener("htmx:error", (event) => {
  if (event.target.id !== "live" && event.detail.error instanceof TypeError && !navigator.onLine) toast(words.offline, "danger");
});
