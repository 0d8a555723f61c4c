// Tables: selecting rows for a bulk act, and the tree that opens level by level with the mouse or the arrow keys.
const boxesOf = (form) => [...form.elements].filter((box) => box.matches("[data-select]"));

function count(form) {
  const boxes = boxesOf(form);
  const chosen = boxes.filter((box) => box.checked).length;
  const all = [...form.elements].find((box) => box.matches("[data-select-all]"));
  if (all) {
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  const bar = form.querySelector("[data-bulkbar]");
  if (bar) {
    bar.hidden = chosen === 0;
    bar.querySelector("[data-bulk-count]").textContent = chosen;
  }
}

document.addEventListener("change", (event) => {
  if (!event.target.matches?.("[data-select], [data-select-all]")) return;
  const { form } = event.target;
  if (event.target.matches("[data-select-all]")) {
    boxesOf(form).forEach((box) => { box.checked = event.target.checked; });
  }
  count(form);
});

const level = (row) => Number(row.getAttribute("aria-level"));

function below(row) {
  const rows = [];
  for (let next = row.nextElementSibling; next && level(next) > level(row); next = next.nextElementSibling) rows.push(next);
  return rows;
}

function open(row, isOpen) {
  row.setAttribute("aria-expanded", String(isOpen));
  let closedAt = Infinity;
  for (const child of below(row)) {
    if (level(child) <= closedAt) closedAt = Infinity;
    child.hidden = !isOpen || closedAt < Infinity;
    if (child.getAttribute("aria-expanded") === "false" && closedAt === Infinity) closedAt = level(child);
  }
}

document.addEventListener("click", (event) => {
  const toggle = event.target.closest?.("[data-tree-toggle]");
  if (!toggle) return;
  const row = toggle.closest("tr");
  if (below(row).length) {
    event.preventDefault();
    event.stopImmediatePropagation();
    open(row, row.getAttribute("aria-expanded") !== "true");
  } else {
    row.setAttribute("aria-expanded", "true");
  }
}, true);

document.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("[role=treegrid] tbody tr");
  if (!row) return;
  const [forward, back] = document.dir === "rtl" ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
  const isOpen = row.getAttribute("aria-expanded") === "true";
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (step) {
    let next = row[step];
    while (next?.hidden) next = next[step];
    next?.querySelector("a, button")?.focus();
  } else if (event.key === forward && row.hasAttribute("aria-expanded") && !isOpen) {
    row.querySelector("[data-tree-toggle]")?.click();
  } else if (event.key === back && isOpen) {
    open(row, false);
  } else {
    return;
  }
  event.preventDefault();
});
