// The panel on the right: what exists on the Railway stand-in, and the journal of vendor requests.

import { h } from "./vdom.js";
import { iconButton, iconLink } from "./controls.js";
import { journal, openJournal } from "./journal.js";
import { TO_LIST } from "./panes.js";
import { railway } from "./railway.js";
import { remember } from "./storage.js";
import { changed, state } from "./store.js";

const TABS = { railway: "Railway", journal: "Journal" };

export function showPanel(open, tab = state.panel.tab) {
  state.panel = { open, tab, front: true };
  remember("panel.open", open);
  if (open && tab === "journal") openJournal();
  changed();
}

export function panel() {
  const { tab } = state.panel;
  const close = () => showPanel(false);
  return h(
    "aside",
    { class: "side panel", key: "panel", "aria-label": "What the stand-ins see" },
    h(
      "header",
      { class: "pane-head" },
      iconLink("back", ...TO_LIST, { class: "only-phone" }),
      h("div", { class: "tabs", role: "tablist", "aria-label": "Panel" }, Object.keys(TABS).map(tabButton)),
      iconButton("close", "Close the panel", close, { class: "not-phone" }),
    ),
    h(
      "div",
      {
        class: "panel-body",
        id: "panel-body",
        role: "tabpanel",
        "aria-labelledby": `tab-${tab}`,
        key: tab,
        tabindex: "0",
      },
      tab === "railway" ? railway() : journal(),
    ),
  );
}

function tabButton(name) {
  const selected = state.panel.tab === name;
  return h(
    "button",
    {
      key: name,
      type: "button",
      role: "tab",
      id: `tab-${name}`,
      "aria-selected": String(selected),
      "aria-controls": "panel-body",
      tabindex: selected ? "0" : "-1",
      class: "tab",
      on: { click: () => showPanel(true, name), keydown: otherTab },
    },
    TABS[name],
  );
}

function otherTab(event) {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  event.preventDefault();
  showPanel(true, state.panel.tab === "railway" ? "journal" : "railway");
  queueMicrotask(() => document.querySelector(".panel [role=tab][aria-selected=true]")?.focus());
}
