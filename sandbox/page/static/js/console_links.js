// Links to Railway's console lead to the panel: nothing leaves this machine, and there it would be
// somebody else's project.

import { showPanel } from "./panel.js";

const CONSOLE = "https://railway.com/project/";

export function watchConsoleLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(`a[href^="${CONSOLE}"]`);
    if (!link) return;
    event.preventDefault();
    const id = link.href.slice(CONSOLE.length).split(/[/?#]/)[0];
    showPanel(true, "railway");
    requestAnimationFrame(() => {
      const found = document.getElementById(`project-${id}`);
      found?.scrollIntoView({ block: "nearest" });
      found?.focus();
    });
  });
}
