// "Are you sure?": the dialog of an element's `confirm` object, as a question with a promised answer.

import { changed, state } from "./store.js";
import { h } from "./vdom.js";
import { textObject } from "./mrkdwn.js";

export function ask(confirm) {
  return new Promise((resolve) => {
    state.confirm = {
      confirm,
      answer(yes) {
        state.confirm = null;
        changed();
        resolve(yes);
      },
    };
    changed();
  });
}

export function confirmDialog() {
  if (!state.confirm) return null;
  const { confirm, answer } = state.confirm;
  const dangerous = confirm.style === "danger";
  return h(
    "dialog",
    {
      key: "confirm",
      class: "dialog is-small",
      role: "alertdialog",
      "aria-labelledby": "confirm-title",
      "aria-describedby": "confirm-text",
      on: {
        cancel: (event) => {
          event.preventDefault();
          answer(false);
        },
      },
      hook: { created: (el) => el.showModal(), removed: (el) => el.close() },
    },
    h(
      "h2",
      { id: "confirm-title", class: "dialog-title" },
      textObject(confirm.title ?? { type: "plain_text", text: "Are you sure?" }),
    ),
    h("div", { id: "confirm-text", class: "dialog-text" }, textObject(confirm.text)),
    h(
      "div",
      { class: "dialog-buttons" },
      h(
        "button",
        { type: "button", class: "button", autofocus: dangerous, on: { click: () => answer(false) } },
        textObject(confirm.deny ?? "Cancel"),
      ),
      h(
        "button",
        {
          type: "button",
          class: `button is-solid ${dangerous ? "is-danger" : "is-primary"}`,
          autofocus: !dangerous,
          on: { click: () => answer(true) },
        },
        textObject(confirm.confirm ?? "Yes"),
      ),
    ),
  );
}
