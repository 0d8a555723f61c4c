// One key per marked element; never while somebody types.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  const wanted = [...document.querySelectorAll("[data-hotkey]")].find((element) => element.dataset.hotkey === event.key);
  if (!wanted) return;
  event.preventDefault();
  wanted.focus();
  wanted.select?.();
});
