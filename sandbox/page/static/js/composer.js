// The box at the foot of a channel and of a thread: messages, slash commands, completion, history.

import { h } from "./vdom.js";
import { complete } from "./completion.js";
import { iconButton, menuButton, menuItem } from "./controls.js";
import { known } from "./known.js";
import { send, sendShortcut } from "./send.js";
import { recall, remember } from "./storage.js";
import { changed, state } from "./store.js";

const HISTORY = 50; // lines kept for each person
const boxes = new Map(); // draft name → {draft, completion, active, pointed, past}

const draftName = (key) => `draft.${state.viewer}.${key}`;

/** `pointed`: the arrows chose `active`; `past`: how far back in the history, null for the present. */
function boxOf(key) {
  const name = draftName(key);
  if (!boxes.has(name)) {
    boxes.set(name, { draft: recall(name, ""), completion: null, active: 0, pointed: false, past: null });
  }
  return boxes.get(name);
}

export function setDraft(key, text) {
  Object.assign(boxOf(key), { draft: text, completion: null });
  remember(draftName(key), text);
}

/** `place` is {key, id, channelId, threadTs, placeholder}; `id` is the textarea's. */
export function composer(place) {
  const { key, id, threadTs, placeholder } = place;
  const box = boxOf(key);
  const { completion } = box;
  const isCommand = box.draft.startsWith("/");
  const onSubmit = (event) => {
    event.preventDefault();
    submit(place);
  };
  return h(
    "form",
    { class: "composer", key: draftName(key), "aria-label": placeholder, on: { submit: onSubmit } },
    completion ? completions(place, box) : null,
    h("textarea", {
      id,
      class: `composer-box ${isCommand ? "is-command" : ""}`,
      rows: 1,
      placeholder,
      "aria-label": placeholder,
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": String(Boolean(completion)),
      "aria-controls": completion ? `${id}-list` : null,
      "aria-activedescendant": completion && box.pointed ? `${id}-list-${box.active}` : null,
      spellcheck: String(!isCommand),
      autocapitalize: "off",
      autocomplete: "off",
      enterkeyhint: "send",
      prop: { value: box.draft },
      hook: { created: grow, updated: grow },
      on: {
        input: (event) => typed(place, event),
        keydown: (event) => pressed(place, event),
        blur: () => closeCompletion(box),
        click: () => closeCompletion(box),
      },
    }),
    h("div", { class: "composer-foot" }, threadTs ? null : shortcuts(key), hint(), sendButton(box)),
  );
}

const hint = () =>
  h(
    "span",
    { class: "composer-hint" },
    [h("kbd", {}, "Enter"), " sends, "],
    [h("kbd", {}, "Shift"), "+", h("kbd", {}, "Enter"), " new line"],
  );

const sendButton = (box) =>
  iconButton("send", "Send", null, { type: "submit", class: "send", disabled: !box.draft.trim() });

function shortcuts(key) {
  const offered = (state.workspace?.shortcuts ?? []).filter((one) => one.type === "global");
  if (!offered.length) return null;
  const items = () =>
    offered.map((one) =>
      menuItem(one.name, () => sendShortcut(one), { glyph: "bolt", note: one.description }),
    );
  return h(
    "span",
    { class: "anchored" },
    menuButton(`${key}/shortcuts`, changed, "plus", "Shortcuts", items),
  );
}

function completions(place, box) {
  const { items, eager } = box.completion;
  const listId = `${place.id}-list`;
  const option = (item, i) => {
    const active = i === box.active && (box.pointed || eager);
    const take = (event) => {
      event.preventDefault(); // the focus stays in the box
      accept(place, i);
    };
    return h(
      "li",
      {
        id: `${listId}-${i}`,
        key: item.insert,
        role: "option",
        class: `completion-item ${active ? "is-active" : ""}`,
        "aria-selected": String(i === box.active && box.pointed),
        on: { pointerdown: take },
      },
      h("span", { class: "completion-label" }, item.label),
      item.detail ? h("span", { class: "completion-detail" }, item.detail) : null,
    );
  };
  const foot = h(
    "li",
    { key: "hint", class: "completion-hint", "aria-hidden": "true" },
    h("kbd", {}, "Tab"),
    " completes",
  );
  return h(
    "ul",
    { class: "completion", id: listId, role: "listbox", "aria-label": "Completions" },
    items.map(option),
    foot,
  );
}

// -- what the keys do -------------------------------------------------------------------------------

function typed(place, event) {
  write(place, event.target.value, event.target.selectionStart);
  boxOf(place.key).past = null;
  suggest(place);
}

function pressed(place, event) {
  if (event.isComposing) return;
  const box = boxOf(place.key);
  const open = box.completion;
  const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
  const vertical = event.key === "ArrowUp" || event.key === "ArrowDown";
  if (open && event.key === "Escape") {
    event.stopPropagation();
    closeCompletion(box);
  } else if (!plain) return;
  else if (open && vertical) point(box, event.key === "ArrowDown" ? 1 : -1);
  else if (open && event.key === "Tab") accept(place, box.active);
  else if (open && event.key === "Enter" && (box.pointed || open.eager)) accept(place, box.active);
  else if (event.key === "Enter") submit(place);
  else if (!vertical || !travel(place, box, event.key === "ArrowUp")) return;
  event.preventDefault();
}

function write({ key, id }, text, caret = text.length) {
  boxOf(key).draft = text;
  remember(draftName(key), text);
  const area = document.getElementById(id);
  area.value = text;
  area.setSelectionRange(caret, caret);
}

function suggest({ key, id, threadTs }) {
  const { value, selectionStart } = document.getElementById(id);
  const completion = complete(value, selectionStart, known({ inThread: Boolean(threadTs) }));
  Object.assign(boxOf(key), { completion, active: 0, pointed: false });
  changed();
}

function closeCompletion(box) {
  if (!box.completion) return;
  box.completion = null;
  changed();
}

/** The first press of an arrow points at the first item, or at the last. */
function point(box, step) {
  const count = box.completion.items.length;
  box.active = (box.active + (step > 0 && !box.pointed ? 0 : step) + count) % count;
  box.pointed = true;
  changed();
}

function accept(place, index) {
  const box = boxOf(place.key);
  const { from, to, items } = box.completion;
  const { insert } = items[index];
  write(
    place,
    box.draft.slice(0, from) + insert + box.draft.slice(to).replace(/^ /, ""),
    from + insert.length,
  );
  suggest(place);
}

/** Arrow-up in an empty box, or in an untouched line of the past, goes back through what was sent. */
function travel(place, box, up) {
  if (box.past === null && (box.draft.trim() || !up)) return false;
  const lines = recall(`history.${state.viewer}`, []);
  const at = box.past ?? lines.length;
  const next = up ? Math.max(0, at - 1) : at + 1;
  box.past = next < lines.length ? next : null;
  write(place, box.past === null ? "" : lines[next]);
  changed();
  return true;
}

function submit(place) {
  const box = boxOf(place.key);
  const text = box.draft.trim();
  if (!text) return;
  const lines = recall(`history.${state.viewer}`, []);
  if (lines.at(-1) !== text) remember(`history.${state.viewer}`, [...lines, text].slice(-HISTORY));
  Object.assign(box, { past: null, completion: null });
  write(place, "");
  send({ text, channelId: place.channelId, threadTs: place.threadTs ?? null, feedKey: place.key });
  changed();
}

/** As tall as its text, up to a third of the window. */
function grow(area) {
  if (area.dataset.grown === area.value) return;
  area.dataset.grown = area.value;
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, innerHeight / 3)}px`;
}
