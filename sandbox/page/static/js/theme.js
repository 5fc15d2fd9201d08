// Runs before the first paint (a classic script), so that a chosen theme never flashes the other one.
(() => {
  const root = document.documentElement;
  const key = "sandbox.theme";
  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  };
  let choice = null;
  try {
    choice = localStorage.getItem(key);
  } catch {
    /* storage may be off; the system's theme then */
  }
  apply(choice);
  window.sandboxTheme = {
    isDark: () =>
      (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) ===
      "dark",
    toggle() {
      const next = this.isDark() ? "light" : "dark";
      apply(next);
      try {
        localStorage.setItem(key, next);
      } catch {
        /* kept for this visit only */
      }
    },
  };
})();
