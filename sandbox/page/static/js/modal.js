// The viewer's modal: the top of its stack, with its inputs, errors and what happens on submit and close.

import * as api from "./api.js";
import { h, memo } from "./vdom.js";
import { blocks } from "./blocks.js";
import { icon } from "./icons.js";
import { textObject } from "./mrkdwn.js";
import { refreshViews } from "./refresh.js";
import { state } from "./store.js";
import { enteredValues, surface, touch, versionOf } from "./surfaces.js";
import { complain } from "./toast.js";

const cache = new Map();

export function modal() {
  const view = state.views.modal;
  if (!view) return null;
  const key = `modal/${view.id}`;
  return memo(cache, "modal", [view, versionOf(key), state.viewer, state.workspace], () => dialog(view, surface(key, { kind: "modal", view_id: view.id, blocks: view.blocks, chosen: view.state?.values })));
}

function dialog(view, place) {
  const { local } = place;
  const titleId = `title-${view.id}`;
  const nested = Boolean(view.previous_view_id);
  const shut = () => leave(view, place, false);
  const shutAll = () => leave(view, place, true);
  return h(
    "dialog",
    {
      key: view.id,
      class: "dialog is-modal",
      "aria-labelledby": titleId,
      "aria-busy": local.busy ? "true" : null,
      on: { cancel: (event) => { event.preventDefault(); shut(); } },
      hook: { created: show, removed: (el) => el.close() },
    },
    h(
      "form",
      { class: "dialog-form", novalidate: true, on: { submit: (event) => { event.preventDefault(); submit(view, place); } } },
      h(
        "header",
        { class: "dialog-head" },
        nested ? h("button", { type: "button", class: "icon-button", "aria-label": "Back to the dialog before", title: "Back", on: { click: shut } }, icon("back")) : null,
        h("h2", { id: titleId, class: "dialog-title" }, textObject(view.title)),
        h("button", { type: "button", class: "icon-button", "aria-label": nested ? "Close all dialogs" : "Close this dialog", title: "Close", on: { click: shutAll } }, icon("close")),
      ),
      h("div", { class: "dialog-body" }, local.problem ? h("div", { class: "alert is-error", role: "alert" }, icon("alert"), h("div", {}, local.problem)) : null, blocks(place, view.blocks)),
      h(
        "footer",
        { class: "dialog-buttons" },
        h("button", { type: "button", class: "button", on: { click: shut } }, view.close ? textObject(view.close) : view.submit ? "Cancel" : "Close"),
        view.submit ? h("button", { type: "submit", class: `button is-solid is-primary ${local.busy ? "is-pending" : ""}`, disabled: view.submit_disabled || null, "aria-disabled": local.busy ? "true" : null }, h("span", { class: "button-label" }, textObject(view.submit)), local.busy ? h("span", { class: "spinner", "aria-hidden": "true" }) : null) : null,
      ),
    ),
  );
}

function show(el) {
  el.showModal();
  const first = el.querySelector(".dialog-body [data-focus]") ?? el.querySelector(".dialog-body :is(input, textarea, select, .select-button)") ?? el.querySelector(".dialog-buttons [type=submit]");
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
  if (Object.keys(local.errors).length) queueMicrotask(() => document.querySelector("dialog.is-modal [aria-invalid=true], dialog.is-modal .has-error :is(button, input)")?.focus());
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
