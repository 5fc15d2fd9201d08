// The box at the foot of a channel and of a thread: messages, slash commands, completion, history.

import { h } from "./vdom.js";
import { complete } from "./completion.js";
import { icon } from "./icons.js";
import { channels, isBot, mentionName, persons } from "./people.js";
import { besideAnchor, closeMenu, isOpen, moveAmongItems, openMenu } from "./popover.js";
import { send, sendShortcut } from "./send.js";
import { recall, remember } from "./storage.js";
import { changed, state } from "./store.js";

const HISTORY = 50;
const boxes = new Map(); // box key → {draft, completion, active, pointed, past}

const draftName = (key) => `draft.${state.viewer}.${key}`;

function boxOf(key) {
  const name = draftName(key);
  if (!boxes.has(name)) boxes.set(name, { draft: recall(name, ""), completion: null, active: 0, pointed: false, past: null });
  return boxes.get(name);
}

export function setDraft(key, text) {
  const box = boxOf(key);
  box.draft = text;
  box.completion = null;
  remember(draftName(key), text);
}

export function composer({ key, id, channelId, threadTs = null, placeholder, main = false }) {
  const box = boxOf(key);
  const listId = `${id}-completion`;
  const { completion } = box;
  return h(
    "form",
    { class: "composer", key: `composer-${state.viewer}-${key}`, "aria-label": placeholder, on: { submit: (event) => { event.preventDefault(); submit(); } } },
    completion ? suggestionsList() : null,
    h("textarea", {
      id,
      class: `composer-box ${box.draft.startsWith("/") ? "is-command" : ""}`,
      rows: 1,
      placeholder,
      "aria-label": placeholder,
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": String(Boolean(completion)),
      "aria-controls": completion ? listId : null,
      "aria-activedescendant": completion && box.pointed ? `${listId}-${box.active}` : null,
      spellcheck: box.draft.startsWith("/") ? "false" : "true",
      autocapitalize: "off",
      autocomplete: "off",
      enterkeyhint: "send",
      prop: { value: box.draft },
      hook: { created: grow, updated: grow },
      on: { input: onInput, keydown: onKey, blur: () => closeCompletion(), click: () => closeCompletion() },
    }),
    h(
      "div",
      { class: "composer-foot" },
      threadTs ? null : shortcutsMenu(),
      h("span", { class: "composer-hint" }, h("kbd", {}, "Enter"), " sends, ", h("kbd", {}, "Shift"), "+", h("kbd", {}, "Enter"), " new line"),
      h("button", { type: "submit", class: "icon-button send", "aria-label": "Send", title: "Send", disabled: !box.draft.trim() }, icon("send")),
    ),
  );

  function textarea() {
    return document.getElementById(id);
  }

  function write(text, caret = text.length) {
    box.draft = text;
    remember(draftName(key), text);
    const area = textarea();
    area.value = text;
    area.setSelectionRange(caret, caret);
  }

  function onInput(event) {
    write(event.target.value, event.target.selectionStart);
    box.past = null;
    suggest();
  }

  function suggest() {
    const area = textarea();
    box.completion = complete(area.value, area.selectionStart, known(Boolean(threadTs)));
    box.active = 0;
    box.pointed = false;
    changed();
  }

  function closeCompletion() {
    if (!box.completion) return;
    box.completion = null;
    changed();
  }

  function accept(index) {
    const { from, to, items } = box.completion;
    const { insert } = items[index];
    const rest = box.draft.slice(to).replace(/^ /, "");
    write(box.draft.slice(0, from) + insert + rest, from + insert.length);
    suggest();
    textarea().focus();
  }

  function onKey(event) {
    if (event.isComposing) return;
    const plain = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey;
    const open = box.completion;
    if (open && plain && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? (box.pointed ? 1 : 0) : -1;
      box.active = (box.active + step + open.items.length) % open.items.length;
      box.pointed = true;
      changed();
    } else if (open && plain && event.key === "Tab") {
      event.preventDefault();
      accept(box.active);
    } else if (open && plain && event.key === "Enter" && (box.pointed || open.eager)) {
      event.preventDefault();
      accept(box.active);
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      closeCompletion();
    } else if (plain && event.key === "Enter") {
      event.preventDefault();
      submit();
    } else if (plain && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      travel(event);
    }
  }

  /** Arrow-up in an empty box, or in an untouched line of the past, goes back through what was sent. */
  function travel(event) {
    const up = event.key === "ArrowUp";
    const lines = recall(`history.${state.viewer}`, []);
    const at = box.past ?? lines.length;
    if (box.past === null && (box.draft.trim() || !up)) return;
    const next = up ? Math.max(0, at - 1) : at + 1;
    event.preventDefault();
    box.past = next >= lines.length ? null : next;
    write(box.past === null ? "" : lines[next]);
    changed();
  }

  function submit() {
    const text = box.draft.trim();
    if (!text) return;
    const lines = recall(`history.${state.viewer}`, []);
    if (lines.at(-1) !== text) remember(`history.${state.viewer}`, [...lines, text].slice(-HISTORY));
    box.past = null;
    box.completion = null;
    write("");
    send({ text, channelId, threadTs, feedKey: key });
    changed();
  }

  function suggestionsList() {
    return h(
      "ul",
      { class: "completion", id: listId, role: "listbox", "aria-label": "Completions" },
      completion.items.map((item, i) =>
        h(
          "li",
          { id: `${listId}-${i}`, key: item.insert, role: "option", class: `completion-item ${i === box.active && (box.pointed || completion.eager) ? "is-active" : ""}`, "aria-selected": String(i === box.active && box.pointed), on: { pointerdown: (event) => { event.preventDefault(); accept(i); } } },
          h("span", { class: "completion-label" }, item.label),
          item.detail ? h("span", { class: "completion-detail" }, item.detail) : null,
        ),
      ),
      h("li", { key: "hint", class: "completion-hint", "aria-hidden": "true" }, h("kbd", {}, "Tab"), " completes"),
    );
  }

  function shortcutsMenu() {
    const shortcuts = (state.workspace?.shortcuts ?? []).filter((one) => one.type === "global");
    if (!shortcuts.length) return null;
    const menuId = `${key}/shortcuts`;
    const open = isOpen(menuId);
    return h(
      "span",
      { class: "anchored" },
      h("button", { type: "button", class: "icon-button", "aria-label": "Shortcuts", title: "Shortcuts", "aria-haspopup": "menu", "aria-expanded": String(open), on: { click: () => (open ? closeMenu() : openMenu(menuId, changed)) } }, icon("plus")),
      open
        ? h("div", { class: "menu", popover: "manual", role: "menu", hook: besideAnchor("[role=menuitem]"), on: { keydown: moveAmongItems } },
            shortcuts.map((one) => h("button", { type: "button", role: "menuitem", class: "menu-item", on: { click: () => { closeMenu({ refocus: true }); sendShortcut(one); } } }, icon("bolt"), h("span", { class: "menu-words" }, h("span", {}, one.name), one.description ? h("span", { class: "menu-note" }, one.description) : null))))
        : null,
    );
  }
}

/** As tall as its text, up to a third of the window. */
function grow(area) {
  area.style.height = "auto";
  area.style.height = `${Math.min(area.scrollHeight, innerHeight / 3)}px`;
}

/** The texts of the app that are on this page. */
function written() {
  const messages = [...state.messages.values()].flat().filter((one) => isBot(one.user));
  const home = (state.views.home?.blocks ?? []).map((block) => block.text?.text);
  return [...messages.map((one) => one.text), ...home].filter(Boolean);
}

function known(inThread) {
  const { workspace, railway } = state;
  const bot = workspace?.bot;
  return {
    commands: inThread ? [] : workspace?.commands ?? [],
    people: [...persons().map((one) => ({ name: one.name, detail: one.real_name })), ...(bot ? [{ name: mentionName(bot.id), detail: "app" }] : [])].filter((one, i, all) => all.findIndex((other) => other.name === one.name) === i),
    channels: channels().map((one) => ({ name: one.name, detail: one.topic ?? "" })),
    written: written(),
    projects: (railway?.projects ?? []).filter((one) => !one.deleted_at).map((one) => one.name),
  };
}
