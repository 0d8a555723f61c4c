// Calls back once for each element that matches, now and after every swap.
export function whenAdded(selector, act) {
  const seen = new WeakSet();
  const look = () => {
    for (const element of document.querySelectorAll(selector)) {
      if (seen.has(element)) continue;
      seen.add(element);
      act(element);
    }
  };
  look();
  document.addEventListener("htmx:after:swap", look);
  document.addEventListener("htmx:after:settle", look);
  document.addEventListener("page:added", look);
}
