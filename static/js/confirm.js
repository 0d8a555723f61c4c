// Asks before an act. `data-confirm` on a button, link or form works with and without htmx; `hx-confirm` opens the same dialog.
const dialog = document.getElementById("confirm");
const cleared = new WeakSet();

function ask(source, text) {
  const title = dialog.querySelector("#confirm-title");
  const yes = dialog.querySelector("[data-confirm-yes]");
  title.textContent = source.dataset.confirmTitle ?? title.dataset.default;
  dialog.querySelector("#confirm-text").textContent = text;
  yes.textContent = source.dataset.confirmAction ?? yes.dataset.default;
  yes.classList.toggle("x-danger", source.dataset.confirmTone === "danger");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function hold(event, source, proceed) {
  if (!dialog || cleared.delete(source)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(source, source.dataset.confirm).then((agreed) => {
    if (!agreed) return;
    cleared.add(source);
    proceed();
    cleared.delete(source);
  });
}

document.addEventListener("click", (event) => {
  const source = event.target.closest?.("[data-confirm]:not(form)");
  if (source) hold(event, source, () => source.click());
}, true);

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.confirm !== undefined) hold(event, form, () => form.requestSubmit(event.submitter ?? undefined));
}, true);

document.addEventListener("htmx:confirm", (event) => {
  if (!dialog) return;
  event.preventDefault();
  const { ctx, issueRequest, dropRequest } = event.detail;
  ask(ctx.sourceElement, ctx.confirm).then((agreed) => (agreed ? issueRequest() : dropRequest()));
});
