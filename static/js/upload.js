// Uploads with progress. The form works without it; with it the answer is swapped into `data-upload` (a selector).
import { explain, headers } from "./net.js";
import { toast, words } from "./toast.js";

function refusal(input) {
  const most = Number(input.dataset.maxMb || 0) * 1024 * 1024;
  const kinds = (input.accept || "").split(",").map((kind) => kind.trim()).filter(Boolean);
  for (const file of input.files) {
    if (most && file.size > most) return input.dataset.tooLarge;
    const fits = kinds.some((kind) => (kind.startsWith(".") ? file.name.toLowerCase().endsWith(kind) : kind.endsWith("/*") ? file.type.startsWith(kind.slice(0, -1)) : file.type === kind));
    if (kinds.length && !fits) return input.dataset.wrongType;
  }
  return null;
}

function send(form, submitter) {
  const zone = form.querySelector("[data-file]");
  const box = zone.querySelector(".x-file-progress");
  const bar = box.querySelector("progress");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  for (const [name, value] of Object.entries({ ...headers(), "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": `div${form.dataset.upload}` })) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (event) => { bar.value = event.lengthComputable ? (100 * event.loaded) / event.total : 0; });
  const finish = () => {
    box.hidden = true;
    if (submitter) submitter.disabled = false;
  };
  request.addEventListener("load", () => {
    finish();
    const onward = request.getResponseHeader("HX-Redirect");
    if (onward) return location.assign(onward);
    if (request.status >= 500 || [403, 413, 429].includes(request.status)) return explain(request.status, request.getResponseHeader("X-Incident-Id"));
    if (request.status === 204) return undefined;
    const target = document.querySelector(form.dataset.upload);
    target.outerHTML = request.responseText;
    window.htmx.process(document.querySelector(form.dataset.upload) ?? document.body);
    document.dispatchEvent(new Event("page:added"));
    return undefined;
  });
  request.addEventListener("error", () => { finish(); toast(words.offline, "danger"); });
  request.addEventListener("abort", finish);
  box.querySelector("[data-cancel-upload]").onclick = () => request.abort();
  box.hidden = false;
  if (submitter) submitter.disabled = true;
  request.send(new FormData(form, submitter));
}

export function attach(form) {
  const zone = form.querySelector("[data-file]");
  const input = zone?.querySelector('input[type="file"]');
  if (!input) return;
  for (const name of ["dragover", "dragenter"]) zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("x-over"); });
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("x-over"));
  zone.addEventListener("drop", (event) => { event.preventDefault(); input.files = event.dataTransfer.files; input.dispatchEvent(new Event("change", { bubbles: true })); });
  input.addEventListener("change", () => {
    const text = refusal(input);
    if (text) { input.value = ""; toast(text, "danger"); }
  });
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !input.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    send(form, event.submitter);
  });
}
