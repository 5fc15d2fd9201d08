// Menus with a list: static, external, users, channels and conversations, for one choice or several.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { closeMenu, isOpen, openMenu } from "./popover.js";
import { forgetList, listOf, openList, selectMenu } from "./select_menu.js";
import { keyOf, nameNodes, nameOf, same } from "./select_options.js";
import { touch, valueOf } from "./surfaces.js";
import { isMany, valueKey } from "./values.js";

export function select(surface, block, one, onChange) {
  const id = `${surface.key}/${block.block_id}/${one.action_id}`;
  const key = valueKey(one);
  const many = isMany(one);
  const held = valueOf(surface, block, one)[key];
  const chosen = many ? held : held === null ? [] : [held];
  const label = block.label?.text ?? one.placeholder?.text ?? "Choose";
  const change = (value) => onChange(surface, block, one, { [key]: value });
  const field = { id, surface, block, one, many, chosen, label, change };
  const open = isOpen(id);
  const shown = open && many ? listOf(id).draft : chosen;
  return h(
    "span",
    { class: "anchored select", key: one.action_id },
    opener(field, open, shown),
    open ? selectMenu({ ...field, pick: (value) => pick(field, value) }) : null,
  );
}

function opener(field, open, shown) {
  const { one, chosen, label } = field;
  const names = chosen.map(nameOf).join(", ");
  const downOpens = (event) => {
    if (event.key !== "ArrowDown" || open) return;
    event.preventDefault();
    toggle(field);
  };
  return h(
    "button",
    {
      type: "button",
      class: `select-button ${chosen.length ? "" : "is-empty"}`,
      role: "combobox",
      "aria-haspopup": "listbox",
      "aria-expanded": String(open),
      "aria-label": names ? `${label}: ${names}` : label,
      "data-focus": one.focus_on_load ? "" : null,
      on: { click: () => toggle(field), keydown: downOpens },
    },
    words(field, open, shown),
    icon("down"),
  );
}

function words(field, open, shown) {
  const { one, many, label } = field;
  if (!shown.length) return h("span", { class: "select-placeholder" }, one.placeholder?.text ?? label);
  if (!many) return h("span", { class: "select-value" }, nameNodes(shown[0]));
  return h(
    "span",
    { class: "chips" },
    shown.map((value) => chip(field, value, !open)),
  );
}

function chip({ chosen, change }, value, removable) {
  const drop = (event) => {
    event.stopPropagation();
    change(chosen.filter((other) => !same(other, value)));
  };
  const props = { class: "chip-drop", "aria-hidden": "true", title: "Remove", on: { click: drop } };
  return h(
    "span",
    { class: "chip", key: keyOf(value) },
    nameOf(value),
    removable && h("span", props, icon("close")),
  );
}

function toggle(field) {
  const { id, surface, many, chosen, change } = field;
  if (isOpen(id)) return closeMenu({ refocus: true });
  openMenu(
    id,
    () => touch(surface),
    () => {
      const { draft } = listOf(id);
      forgetList(id);
      // Slack tells the app about a multi-select when its menu closes, not at every tick.
      if (many && JSON.stringify(draft) !== JSON.stringify(chosen)) change(draft);
    },
  );
  openList(field);
}

function pick({ id, surface, one, many, change }, value) {
  if (!many) {
    closeMenu({ refocus: true });
    change(value);
    return;
  }
  const list = listOf(id);
  const on = list.draft.some((other) => same(other, value));
  if (on) list.draft = list.draft.filter((other) => !same(other, value));
  else if (list.draft.length < (one.max_selected_items ?? Infinity)) list.draft = [...list.draft, value];
  touch(surface);
}
