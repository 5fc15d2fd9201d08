// The open list of a select: searching, pointing, picking, and asking the app for options.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { besideAnchor, closeMenu } from "./popover.js";
import { groupsOf, keyOf, same } from "./select_options.js";
import { suggestions, touch } from "./surfaces.js";

const SEARCH_FROM = 8; // options; fewer are read faster than searched
const TYPING_PAUSE = 200; // ms before an app is asked for options
const lists = new Map(); // field id → {query, active, groups, total, state, problem, draft}

export const listOf = (id) => lists.get(id);
export const forgetList = (id) => lists.delete(id);

const isExternal = (one) => one.type.includes("external");
const leastQuery = (one) => (isExternal(one) ? (one.min_query_length ?? 3) : 0);

export function openList({ id, surface, block, one, chosen }) {
  lists.set(id, { query: "", active: -1, groups: [], total: 0, state: "idle", problem: null, draft: chosen });
  search({ id, surface, block, one }, "");
  touch(surface);
}

/** `field` is what select.js knows of itself, with `pick(value)`. */
export function selectMenu(field) {
  const { id, surface, one, many, label } = field;
  const list = lists.get(id);
  const searchable = isExternal(one) || list.total >= SEARCH_FROM || list.query !== "";
  const pointed = entriesOf(list)[list.active] ? `${id}/${list.active}` : null;
  const onInput = (event) => {
    list.active = 0;
    search(field, event.target.value);
    touch(surface);
  };
  const searchBox = h("input", {
    class: "menu-search",
    type: "text",
    placeholder: "Search",
    "aria-label": `Search ${label}`,
    "aria-controls": `${id}/list`,
    "aria-activedescendant": pointed,
    autocomplete: "off",
    spellcheck: "false",
    prop: { value: list.query },
    on: { input: onInput },
  });
  const listProps = {
    role: "listbox",
    id: `${id}/list`,
    tabindex: searchable ? "-1" : "0",
    "aria-label": label,
    "aria-multiselectable": many ? "true" : null,
    "aria-activedescendant": pointed,
    class: "menu-list",
  };
  const done = {
    type: "button",
    class: "button is-primary is-solid menu-done",
    on: { click: () => closeMenu({ refocus: true }) },
  };
  return h(
    "div",
    {
      class: "menu is-list",
      popover: "manual",
      hook: besideAnchor(searchable ? "input" : "[role=listbox]"),
      on: { keydown: (event) => pressed(event, field, searchable) },
    },
    searchable ? searchBox : null,
    h("div", listProps, options(field, list), note(one, list)),
    many ? h("button", done, "Done") : null,
  );
}

const entriesOf = (list) => list.groups.flatMap((group) => group.entries);

function pressed(event, { id, surface, pick }, searchable) {
  const list = lists.get(id);
  const entries = entriesOf(list);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const takes = event.key === "Enter" || (event.key === " " && !searchable);
  if (event.key === "Tab") closeMenu();
  if (!step && !takes) return;
  event.preventDefault();
  if (takes) {
    if (entries[list.active]) pick(entries[list.active].value);
  } else if (entries.length) {
    list.active = (list.active + step + entries.length) % entries.length;
    touch(surface);
    queueMicrotask(() => document.querySelector(".menu .is-active")?.scrollIntoView({ block: "nearest" }));
  }
}

function options(field, list) {
  let at = -1;
  return list.groups.map((group) => [
    group.label ? h("div", { class: "menu-group", role: "presentation" }, group.label) : null,
    group.entries.map((entry) => option(field, list, entry, ++at)),
  ]);
}

function option({ id, surface, many, chosen, pick }, list, entry, at) {
  const on = (many ? list.draft : chosen).some((value) => same(value, entry.value));
  const point = () => {
    if (list.active === at) return;
    list.active = at;
    touch(surface);
  };
  return h(
    "div",
    {
      id: `${id}/${at}`,
      key: keyOf(entry.value),
      role: "option",
      class: `menu-item ${at === list.active ? "is-active" : ""}`,
      "aria-selected": String(on),
      on: { click: () => pick(entry.value), pointermove: point },
    },
    entry.picture,
    h(
      "span",
      { class: "menu-words" },
      h("span", {}, entry.nodes),
      entry.note && h("span", { class: "menu-note" }, entry.note),
    ),
    on ? icon("check", "is-trailing") : null,
  );
}

function note(one, list) {
  const least = leastQuery(one);
  const unit = least === 1 ? "character" : "characters";
  const words =
    list.query.length < least
      ? `Type at least ${least} ${unit}`
      : { loading: "Looking…", failed: list.problem }[list.state];
  if (!words && entriesOf(list).length) return null;
  return h("div", { class: "menu-empty", role: "status" }, words ?? "Nothing fits");
}

let pause = null;

/** Own options are filtered at once; an app is asked for its own when the typing pauses. */
function search(field, query) {
  const list = lists.get(field.id);
  list.query = query;
  if (!isExternal(field.one)) return Object.assign(list, filtered(groupsOf(field.one), query));
  clearTimeout(pause);
  if (query.length < leastQuery(field.one)) return Object.assign(list, { groups: [], state: "idle" });
  list.state = "loading";
  pause = setTimeout(() => ask(field, query), query ? TYPING_PAUSE : 0);
}

function filtered(groups, query) {
  const wanted = query.trim().toLowerCase();
  const fits = (entry) => entry.words.toLowerCase().includes(wanted);
  const left = groups.map((group) => ({ ...group, entries: group.entries.filter(fits) }));
  return { total: entriesOf({ groups }).length, groups: left.filter((group) => group.entries.length) };
}

async function ask({ id, surface, block, one }, query) {
  let found;
  try {
    found = { groups: groupsOf(await suggestions(surface, block, one, query)), state: "idle", problem: null };
  } catch (error) {
    found = { groups: [], state: "failed", problem: error.message };
  }
  const list = lists.get(id);
  if (list?.query !== query) return; // the menu has closed, or other words were typed meanwhile
  Object.assign(list, found, { active: 0 });
  touch(surface);
}
