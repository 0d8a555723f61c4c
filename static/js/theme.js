// Runs before the first paint: "as the device" becomes light or dark.
(() => {
  const page = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const wish = page.dataset.theme;
    const theme = wish === "auto" ? (dark.matches ? "dark" : "light") : wish;
    if (page.dataset.bsTheme !== theme) {
      page.dataset.bsTheme = theme;
      document.dispatchEvent(new Event("theme"));
    }
  };
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    const choice = event.target.closest?.("[data-set-theme]");
    if (!choice) return;
    page.dataset.theme = choice.dataset.setTheme;
    document.cookie = `theme=${page.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
    apply();
  });
})();
