// What the panes have in common: a head with the way back, and a line while something is fetched.

import { h } from "./vdom.js";
import { iconLink, spinner } from "./controls.js";

/** `back` is [label, address] of the screen before, on a phone; `tools` stand at the right. */
export function paneHead({ back, picture = null, level = "h1", title, note = null, tools = [] }) {
  return h(
    "header",
    { class: "pane-head" },
    iconLink("back", ...back, { class: "only-phone" }),
    picture,
    h(
      "div",
      { class: "pane-titles" },
      h(level, { class: "pane-title" }, title),
      note && h("p", { class: "muted pane-note" }, note),
    ),
    tools,
  );
}

export const TO_LIST = ["Back to the list", "#/channels"];

export const loading = (words) => h("div", { class: "feed is-loading", key: "loading" }, spinner(), words);
