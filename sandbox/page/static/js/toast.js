// Short notes at the edge of the screen: what went wrong, or that something was copied.

import { changed, state } from "./store.js";
import { h, memo } from "./vdom.js";
import { iconButton } from "./controls.js";
import { icon } from "./icons.js";

let count = 0;

export function toast(text, kind = "info") {
  count += 1;
  const id = count;
  const others = state.toasts.filter((one) => one.text !== text);
  state.toasts = [...others, { id, text, kind }].slice(-3);
  changed();
  setTimeout(() => dismissToast(id), kind === "error" ? 9000 : 2500);
}

export const complain = (error) => toast(error.message ?? String(error), "error");

function dismissToast(id) {
  state.toasts = state.toasts.filter((one) => one.id !== id);
  changed();
}

const cache = new Map();

export function toasts() {
  return memo(cache, "toasts", [state.toasts], draw);
}

function draw() {
  return h(
    "div",
    {
      class: "toasts",
      role: "status",
      key: "toasts",
      popover: "manual",
      hook: { created: onTop, updated: onTop },
    },
    state.toasts.map((one) =>
      h(
        "div",
        { key: one.id, class: `toast is-${one.kind}` },
        icon(one.kind === "error" ? "alert" : "check"),
        h("span", {}, one.text),
        iconButton("close", "Dismiss this note", () => dismissToast(one.id)),
      ),
    ),
  );
}

/** Above everything, an open dialog included: the newest popover of the top layer. */
function onTop(el) {
  if (el.matches(":popover-open")) el.hidePopover();
  if (state.toasts.length) el.showPopover();
}
