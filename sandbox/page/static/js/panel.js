// The panel on the right: what exists on the Railway stand-in, and the journal of vendor requests.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { journal, openJournal } from "./journal.js";
import { railway } from "./railway.js";
import { remember } from "./storage.js";
import { changed, state } from "./store.js";

const TABS = [["railway", "Railway"], ["journal", "Journal"]];

export function showPanel(open, tab = state.panel.tab) {
  state.panel = { open, tab, front: true };
  remember("panel.open", open);
  if (open && tab === "journal") openJournal();
  changed();
}

export function panel() {
  const { tab } = state.panel;
  const choose = (name) => showPanel(true, name);
  const arrows = (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    choose(tab === "railway" ? "journal" : "railway");
    queueMicrotask(() => document.querySelector(".panel [role=tab][aria-selected=true]")?.focus());
  };
  return h(
    "aside",
    { class: "side panel", key: "panel", "aria-label": "What the stand-ins see" },
    h(
      "header",
      { class: "pane-head" },
      h("a", { class: "icon-button only-phone", href: "#/channels", "aria-label": "Back to the list" }, icon("back")),
      h("div", { class: "tabs", role: "tablist", "aria-label": "Panel" }, TABS.map(([name, words]) => h("button", { key: name, type: "button", role: "tab", id: `tab-${name}`, "aria-selected": String(tab === name), "aria-controls": "panel-body", tabindex: tab === name ? "0" : "-1", class: "tab", on: { click: () => choose(name), keydown: arrows } }, words))),
      h("button", { type: "button", class: "icon-button not-phone", "aria-label": "Close the panel", title: "Close", on: { click: () => showPanel(false) } }, icon("close")),
    ),
    h("div", { class: "panel-body", id: "panel-body", role: "tabpanel", "aria-labelledby": `tab-${tab}`, key: tab, tabindex: "0" }, tab === "railway" ? railway() : journal()),
  );
}
