// Clocks: `data-countdown` (an instant) counts down to zero, `data-clock` (a time zone) shows the time there.
const pad = (number) => String(number).padStart(2, "0");

function tick() {
  const now = Date.now();
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const left = Math.max(0, Math.round((Date.parse(element.dataset.countdown) - now) / 1000));
    element.textContent = `${pad(Math.floor(left / 60))}:${pad(left % 60)}`;
    if (left === 0 && !element.dataset.over) {
      element.dataset.over = "1";
      element.dispatchEvent(new Event("countdown:over", { bubbles: true }));
    }
  }
  for (const element of document.querySelectorAll("[data-clock]")) {
    element.textContent = new Intl.DateTimeFormat("en-GB", { timeZone: element.dataset.clock, hour: "2-digit", minute: "2-digit" }).format(now);
  }
}

tick();
setInterval(tick, 1000);
