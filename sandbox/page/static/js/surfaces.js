// A surface is one place where blocks are shown: a message in a pane, a modal, an App Home. It keeps what
// the person picked or typed there, what is open and what is on its way, apart from the blocks themselves.

import * as api from "./api.js";
import { ask } from "./confirm.js";
import { changed, state } from "./store.js";
import { complain, toast } from "./toast.js";
import { holdsValue, initialValue, stateValues, valueKey } from "./values.js";

const locals = new Map();

/** `place` is {kind: "message", channel, ts, chosen} or {kind: "modal" | "home", view_id, blocks, chosen}. */
export function surfaceAt(key, place) {
  if (!locals.has(key)) locals.set(key, { version: 0, values: new Map(), pending: new Set(), errors: {} });
  return { key, ...place, local: locals.get(key) };
}

export const forgetSurface = (key) => locals.delete(key);
export const versionOf = (key) => locals.get(key)?.version ?? 0;

/** Something local to the surface changed: draw it again. */
export function touch(surface) {
  surface.local.version += 1;
  changed();
}

const slot = (block, element) => `${block.block_id ?? ""}\n${element.action_id ?? ""}`;

/** What the element holds now, in Slack's own shape, e.g. `{selected_option: {...}}`. */
export function valueOf(surface, block, element) {
  const kept = surface.local.values.get(slot(block, element));
  const base = baseValue(surface, block, element);
  return kept && (mayOutlive(surface, element) || kept.base === JSON.stringify(base)) ? kept.value : base;
}

/** What the server knows of a person's choice here, or what the app begins with. */
function baseValue(surface, block, element) {
  const chosen = surface.chosen?.[block.block_id]?.[element.action_id];
  if (chosen?.type !== element.type || !holdsValue(element)) return initialValue(element);
  return { [valueKey(element)]: chosen[valueKey(element)] ?? initialValue(element)[valueKey(element)] };
}

/** In a modal, and where somebody types, an update by the app takes nothing away that was entered. */
const mayOutlive = (surface, element) => surface.kind === "modal" || element.type.endsWith("_input");

export function setValue(surface, block, element, value) {
  const base = JSON.stringify(baseValue(surface, block, element));
  surface.local.values.set(slot(block, element), { value, base });
  delete surface.local.errors[block.block_id];
}

export function clearValue(surface, block, element) {
  surface.local.values.delete(slot(block, element));
}

export const isPending = (surface, element) => surface.local.pending.has(element.action_id);

/** Tell the app that the person used an element. False when they thought better of it or it failed. */
export async function act(surface, block, element, chosen = {}) {
  if (element.confirm && !(await ask(element.confirm))) return false;
  const { pending } = surface.local;
  if (pending.has(element.action_id)) return false;
  pending.add(element.action_id);
  touch(surface);
  const action = { user: state.viewer, block_id: block.block_id, action_id: element.action_id, ...chosen };
  try {
    const answer = await (surface.kind === "message"
      ? api.click({ ...action, channel: surface.channel, ts: surface.ts })
      : api.viewAction({ ...action, view_id: surface.view_id, values: enteredValues(surface) }));
    const problem = api.refusal(answer);
    if (problem) toast(problem, "error");
    return !problem;
  } catch (error) {
    complain(error);
    return false;
  } finally {
    pending.delete(element.action_id);
    touch(surface);
  }
}

/** Everything that stands in a view's fields. */
export const enteredValues = (surface) =>
  stateValues(surface.blocks, (block, element) => valueOf(surface, block, element));

/** The options that the app offers for what was typed into an external menu. */
export function suggestions(surface, block, element, value) {
  const where =
    surface.kind === "message" ? { channel: surface.channel, ts: surface.ts } : { view_id: surface.view_id };
  return api.suggest({
    user: state.viewer,
    ...where,
    block_id: block.block_id,
    action_id: element.action_id,
    value,
  });
}
