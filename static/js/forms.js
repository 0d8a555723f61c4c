// Forms: the server's sentences instead of the browser's, focus on the first error, no second press, no lost work.
const HOLD_MS = 5000;

const quiet = () => document.querySelectorAll('form[method="post"]').forEach((form) => { form.noValidate = true; });

function focusFirstError(root) {
  const field = root.querySelector?.('[aria-invalid="true"]');
  if (field) field.focus({ preventScroll: false });
}

quiet();
focusFirstError(document);
document.addEventListener("htmx:after:swap", (event) => {
  quiet();
  if (event.detail.ctx?.response?.status === 422) focusFirstError(document.getElementById("dialog")?.open ? document.getElementById("dialog") : document);
});

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  form.dataset.changed = "";
  if (event.defaultPrevented || form.method !== "post" || form.matches("[hx-post], [hx-put], [hx-delete]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  if (submitter) setTimeout(() => { submitter.disabled = true; });
  setTimeout(() => {
    delete form.dataset.sent;
    if (submitter) submitter.disabled = false;
  }, HOLD_MS);
});

addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    form.querySelectorAll("[type=submit]").forEach((button) => { button.disabled = false; });
  });
});

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-guard]");
  if (form) form.dataset.changed = "1";
});
addEventListener("beforeunload", (event) => {
  if (document.querySelector('form[data-guard][data-changed="1"]')) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const fill = event.target.closest?.("[data-fill]");
  if (fill) {
    const field = document.getElementById(fill.dataset.fill);
    field.value = fill.dataset.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    field.focus();
  }
  const reveal = event.target.closest?.("[data-reveal]");
  if (reveal) {
    const field = document.getElementById(reveal.dataset.reveal);
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    reveal.setAttribute("aria-pressed", String(shown));
  }
});
