// The viewer's modal: the top of its stack, with its inputs, errors and what happens on submit and close.

import * as api from "./api.js";
import { h, memo } from "./vdom.js";
import { blocks } from "./blocks.js";
import { iconButton, spinner } from "./controls.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";
import { refreshViews } from "./refresh.js";
import { state } from "./store.js";
import { enteredValues, surfaceAt, touch, versionOf } from "./surfaces.js";
import { complain } from "./toast.js";

const cache = new Map();

export function modal() {
  const view = state.views.modal;
  if (!view) return null;
  const key = `modal/${view.id}`;
  return memo(cache, "modal", [view, versionOf(key), state.viewer, state.workspace], () =>
    dialog(
      view,
      surfaceAt(key, { kind: "modal", view_id: view.id, blocks: view.blocks, chosen: view.state?.values }),
    ),
  );
}

function dialog(view, place) {
  const { local } = place;
  const titleId = `title-${view.id}`;
  const back = () => leave(view, place, false);
  return h(
    "dialog",
    {
      key: view.root_view_id || view.id, // a stack is one dialog whose content changes
      class: "dialog is-modal",
      "aria-labelledby": titleId,
      "aria-busy": local.busy ? "true" : null,
      on: { cancel: instead(back) },
      hook: { removed: (el) => el.close() },
    },
    h(
      "form",
      {
        key: view.id,
        class: "dialog-form",
        novalidate: true,
        on: { submit: instead(() => submit(view, place)) },
        hook: { created: show },
      },
      head(view, place, titleId, back),
      h("div", { class: "dialog-body" }, problem(local.problem), blocks(place, view.blocks)),
      foot(view, local, back),
    ),
  );
}

/** Do this, and not what the browser would do. */
const instead = (run) => (event) => {
  event.preventDefault();
  run();
};

const problem = (text) =>
  text && h("div", { class: "alert is-error", role: "alert" }, icon("alert"), h("div", {}, text));

function head(view, place, titleId, back) {
  const nested = Boolean(view.previous_view_id);
  const closeAll = () => leave(view, place, true);
  return h(
    "header",
    { class: "dialog-head" },
    nested ? iconButton("back", "Back to the dialog before", back) : null,
    h("h2", { id: titleId, class: "dialog-title" }, textObject(view.title)),
    iconButton("close", nested ? "Close all dialogs" : "Close this dialog", closeAll),
  );
}

function foot(view, { busy }, back) {
  const close = view.close ? textObject(view.close) : view.submit ? "Cancel" : "Close";
  const submitProps = {
    type: "submit",
    class: `button is-solid is-primary ${busy ? "is-pending" : ""}`,
    disabled: view.submit_disabled,
    "aria-disabled": busy ? "true" : null,
  };
  return h(
    "footer",
    { class: "dialog-buttons" },
    h("button", { type: "button", class: "button", on: { click: back } }, close),
    view.submit &&
      h(
        "button",
        submitProps,
        h("span", { class: "button-label" }, textObject(view.submit)),
        busy && spinner(),
      ),
  );
}

function show(el) {
  const frame = el.closest("dialog");
  if (!frame.open) frame.showModal();
  const first =
    el.querySelector(".dialog-body [data-focus]") ??
    el.querySelector(".dialog-body :is(input, textarea, select, .select-button)") ??
    el.querySelector(".dialog-buttons [type=submit]");
  first?.focus();
}

async function submit(view, place) {
  const { local } = place;
  if (local.busy) return;
  local.errors = {};
  local.problem = null;
  local.busy = true;
  touch(place);
  try {
    const answer = await api.submit(state.viewer, view.id, enteredValues(place));
    local.errors = answer.errors ?? {};
    await refreshViews();
  } catch (error) {
    local.problem = error.message;
  } finally {
    local.busy = false;
    touch(place);
  }
  if (Object.keys(local.errors).length)
    queueMicrotask(() =>
      document
        .querySelector("dialog.is-modal [aria-invalid=true], dialog.is-modal .has-error :is(button, input)")
        ?.focus(),
    );
}

/** Slack's cross closes the whole stack, its button only the view on top. */
async function leave(view, place, all) {
  if (place.local.busy) return;
  try {
    await api.close(state.viewer, view.id, all || undefined);
  } catch (error) {
    complain(error);
  }
  await refreshViews();
}
