// Short messages. Errors stay until they are closed; the rest leaves by itself and waits while the pointer is on it.
const region = document.getElementById("toasts");
const HOLD_MS = 6000;

export const words = region?.dataset ?? {};

export function toast(text, tone = "neutral") {
  if (!region || !text) return;
  const box = document.createElement("div");
  box.className = `x-toast x-tone-${tone}`;
  const line = document.createElement("p");
  line.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "x-toast-close";
  close.dataset.closeToast = "";
  close.setAttribute("aria-label", words.close);
  close.textContent = "×";
  box.append(line, close);
  if (tone === "danger") box.setAttribute("role", "alert");
  else leaveLater(box);
  region.append(box);
  while (region.children.length > 5) region.firstElementChild.remove();
}

function leaveLater(box) {
  let timer = setTimeout(() => box.remove(), HOLD_MS);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => { timer = setTimeout(() => box.remove(), HOLD_MS / 2); });
}

export function announce() {
  region?.querySelectorAll("[data-auto]").forEach(leaveLater);
  region?.addEventListener("click", (event) => event.target.closest("[data-close-toast]")?.closest(".x-toast").remove());
  document.addEventListener("toast", (event) => {
    const said = event.detail?.toasts ?? event.detail?.value ?? event.detail;
    for (const one of Array.isArray(said) ? said : [said]) {
      if (typeof one === "string") toast(one, "success");
      else toast(one?.text ?? one?.message, one?.tone);
    }
  });
}
