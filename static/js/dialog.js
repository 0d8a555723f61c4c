// The page's one dialog: opens when a fragment has arrived in it, closes on `close:dialog`, Esc, its button or the backdrop.
const dialog = document.getElementById("dialog");

if (dialog) {
  document.addEventListener("htmx:after:swap", (event) => {
    const target = event.detail.ctx?.target;
    if (target === dialog && dialog.firstElementChild && !dialog.open) dialog.showModal();
  });
  document.addEventListener("close:dialog", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
}
