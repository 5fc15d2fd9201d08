// Menus with a list: static, external, users, channels and conversations, for one choice or several.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { avatar, channelTitle, channels, directs, displayName, isBot } from "./people.js";
import { state } from "./store.js";
import { textObject } from "./mrkdwn.js";
import { besideAnchor, closeMenu, isOpen, openMenu } from "./popover.js";
import { suggestions, touch, valueOf } from "./surfaces.js";
import { isMany, valueKey } from "./values.js";

const SEARCH_FROM = 8; // options; fewer are read faster than searched
const TYPING_PAUSE = 200; // ms before an app is asked for options
const lists = new Map(); // what the open menu shows: {query, active, groups, state}

export function select(surface, block, one, onChange) {
  const id = `${surface.key}/${block.block_id}/${one.action_id}`;
  const open = isOpen(id);
  const many = isMany(one);
  const key = valueKey(one);
  const held = valueOf(surface, block, one)[key];
  const chosen = many ? held : held === null ? [] : [held];
  const label = block.label?.text ?? one.placeholder?.text ?? "Choose";
  const redraw = () => touch(surface);
  let draft = open ? lists.get(id).draft ?? chosen : chosen;

  const toggle = () => {
    if (open) return closeMenu({ refocus: true });
    lists.set(id, { query: "", active: -1, groups: null, state: "idle", draft: many ? chosen : undefined, original: JSON.stringify(chosen) });
    openMenu(id, redraw, () => {
      const list = lists.get(id);
      lists.delete(id);
      // Slack tells the app about a multi-select when its menu closes, not at every tick.
      if (many && JSON.stringify(list.draft) !== list.original) onChange(surface, block, one, { [key]: list.draft });
    });
    if (one.type.includes("external")) load(surface, block, one, id, "");
    else offer(id, groupsOf(one), "");
    redraw();
  };

  const pick = (entry) => {
    const list = lists.get(id);
    if (!many) {
      closeMenu({ refocus: true });
      return onChange(surface, block, one, { [key]: entry.value });
    }
    const on = list.draft.some((other) => same(other, entry.value));
    const limit = one.max_selected_items ?? Infinity;
    if (on) list.draft = list.draft.filter((other) => !same(other, entry.value));
    else if (list.draft.length < limit) list.draft = [...list.draft, entry.value];
    redraw();
  };

  const drop = (value, event) => {
    event.stopPropagation();
    onChange(surface, block, one, { [key]: chosen.filter((other) => !same(other, value)) });
  };

  return h(
    "span",
    { class: "anchored select", key: one.action_id },
    h(
      "button",
      { type: "button", class: `select-button ${chosen.length ? "" : "is-empty"}`, role: "combobox", "aria-haspopup": "listbox", "aria-expanded": String(open), "aria-label": `${label}${chosen.length ? `: ${chosen.map(nameOf).join(", ")}` : ""}`, "data-focus": one.focus_on_load ? "" : null, on: { click: toggle, keydown: (event) => { if (event.key === "ArrowDown" && !open) { event.preventDefault(); toggle(); } } } },
      draft.length
        ? many
          ? h("span", { class: "chips" }, draft.map((value) => h("span", { class: "chip", key: keyOf(value) }, nameOf(value), open ? null : h("span", { class: "chip-drop", "aria-hidden": "true", title: "Remove", on: { click: (event) => drop(value, event) } }, icon("close")))))
          : h("span", { class: "select-value" }, one.type.includes("select") ? nameNodes(draft[0]) : "")
        : h("span", { class: "select-placeholder" }, one.placeholder?.text ?? label),
      icon("down"),
    ),
    open ? menu(surface, block, one, id, draft, pick, label) : null,
  );
}

function menu(surface, block, one, id, draft, pick, label) {
  const list = lists.get(id);
  const external = one.type.includes("external");
  const least = external ? one.min_query_length ?? 3 : 0;
  const entries = (list.groups ?? []).flatMap((group) => group.entries);
  const total = list.total ?? entries.length;
  const searchable = external || total >= SEARCH_FROM || list.query !== "";
  const redraw = () => touch(surface);

  const onInput = (event) => {
    list.query = event.target.value;
    list.active = 0;
    if (external) load(surface, block, one, id, list.query);
    else offer(id, groupsOf(one), list.query);
    redraw();
  };
  const onKey = (event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && entries.length) {
      event.preventDefault();
      list.active = (list.active + steps[event.key] + entries.length) % entries.length;
      redraw();
      queueMicrotask(() => document.querySelector(".menu .is-active")?.scrollIntoView({ block: "nearest" }));
    } else if ((event.key === "Enter" || (event.key === " " && !searchable)) && entries[list.active]) {
      event.preventDefault();
      pick(entries[list.active]);
    } else if (event.key === "Enter") event.preventDefault();
    else if (event.key === "Tab") closeMenu();
  };
  let n = -1;
  const note = external && list.query.length < least ? `Type at least ${least} ${least === 1 ? "character" : "characters"}` : { loading: "Looking…", failed: list.problem }[list.state] ?? (entries.length ? null : "Nothing fits");

  return h(
    "div",
    { class: "menu is-list", popover: "manual", hook: besideAnchor(searchable ? "input" : "[role=listbox]"), on: { keydown: onKey } },
    searchable ? h("input", { class: "menu-search", type: "text", placeholder: "Search", "aria-label": `Search ${label}`, "aria-controls": `${id}/list`, "aria-activedescendant": entries[list.active] ? `${id}/${list.active}` : null, autocomplete: "off", spellcheck: "false", prop: { value: list.query }, on: { input: onInput } }) : null,
    h(
      "div",
      { role: "listbox", id: `${id}/list`, tabindex: searchable ? "-1" : "0", "aria-label": label, "aria-multiselectable": isMany(one) ? "true" : null, "aria-activedescendant": entries[list.active] ? `${id}/${list.active}` : null, class: "menu-list" },
      (list.groups ?? []).map((group) => [
        group.label ? h("div", { class: "menu-group", role: "presentation" }, group.label) : null,
        group.entries.map((entry) => {
          n += 1;
          const at = n;
          const on = draft.some((value) => same(value, entry.value));
          return h(
            "div",
            { id: `${id}/${at}`, key: keyOf(entry.value), role: "option", class: `menu-item ${at === list.active ? "is-active" : ""}`, "aria-selected": String(on), on: { click: () => pick(entry), pointermove: () => { if (list.active !== at) { list.active = at; redraw(); } } } },
            entry.picture ?? null,
            h("span", { class: "menu-words" }, h("span", {}, entry.nodes), entry.note ? h("span", { class: "menu-note" }, entry.note) : null),
            on ? icon("check", "is-trailing") : null,
          );
        }),
      ]),
      note ? h("div", { class: "menu-empty", role: "status" }, note) : null,
    ),
    isMany(one) ? h("button", { type: "button", class: "button is-primary is-solid menu-done", on: { click: () => closeMenu({ refocus: true }) } }, "Done") : null,
  );
}

function offer(id, groups, query) {
  const list = lists.get(id);
  const wanted = query.trim().toLowerCase();
  list.total = groups.reduce((sum, group) => sum + group.entries.length, 0);
  list.groups = groups.map((group) => ({ ...group, entries: group.entries.filter((entry) => entry.words.toLowerCase().includes(wanted)) })).filter((group) => group.entries.length);
}

let pause = null;

function load(surface, block, one, id, query) {
  clearTimeout(pause);
  const list = lists.get(id);
  if (query.length < (one.min_query_length ?? 3)) {
    list.groups = [];
    list.state = "idle";
    return;
  }
  list.state = "loading";
  pause = setTimeout(async () => {
    let groups = [];
    let problem = null;
    try {
      groups = groupsOf(await suggestions(surface, block, one, query));
    } catch (error) {
      problem = error.message;
    }
    const now = lists.get(id);
    if (!now || now.query !== query) return;
    Object.assign(now, { groups, total: SEARCH_FROM, state: problem ? "failed" : "idle", problem, active: 0 });
    touch(surface);
  }, query ? TYPING_PAUSE : 0);
}

const optionEntry = (option) => ({ value: option, words: option.text.text, nodes: textObject(option.text), note: option.description?.text });
const personEntry = ({ id }) => ({ value: id, words: `${displayName(id)} ${id}`, nodes: displayName(id), picture: avatar(id, null, "is-small") });
const channelEntry = (one) => ({ value: one.id, words: channelTitle(one), nodes: `${one.is_im ? "" : "#"}${channelTitle(one)}` });

function groupsOf(source) {
  const type = source.type ?? "";
  if (type.includes("users")) return [{ entries: state.workspace.users.map(personEntry) }];
  if (type.includes("channels")) return [{ entries: channels().map(channelEntry) }];
  if (type.includes("conversations")) return [{ entries: conversations(source.filter).map(channelEntry) }];
  if (source.option_groups) return source.option_groups.map((group) => ({ label: group.label.text, entries: group.options.map(optionEntry) }));
  return [{ entries: (source.options ?? []).map(optionEntry) }];
}

function conversations(filter) {
  const wanted = filter?.include;
  const rooms = !wanted || wanted.includes("public") || wanted.includes("private") ? channels() : [];
  const talks = !wanted || wanted.includes("im") || wanted.includes("mpim") ? directs() : [];
  const hideBots = filter?.exclude_bot_users;
  return [...rooms, ...talks.filter((one) => !hideBots || !one.members.some(isBot))];
}

const keyOf = (value) => (typeof value === "object" ? value.value : value);
const same = (a, b) => a !== null && b !== null && keyOf(a) === keyOf(b);

function nameOf(value) {
  if (typeof value === "object") return value.text.text;
  const room = state.workspace.channels.find((one) => one.id === value);
  return room ? `${room.is_im ? "" : "#"}${channelTitle(room)}` : displayName(value);
}

const nameNodes = (value) => (typeof value === "object" ? textObject(value.text) : nameOf(value));
