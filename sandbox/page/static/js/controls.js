// The small controls that stand everywhere: icon buttons, text buttons, menus that open beside a button.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { besideAnchor, closeMenu, isOpen, moveAmongItems, openMenu } from "./popover.js";

export const spinner = () => h("span", { class: "spinner", "aria-hidden": "true" });

export function iconButton(glyph, label, click, { class: extra = "", ...props } = {}) {
  const shared = { type: "button", "aria-label": label, title: label };
  return h("button", { ...shared, ...props, class: `icon-button ${extra}`, on: { click } }, icon(glyph));
}

export const textButton = (words, click) =>
  h("button", { type: "button", class: "link-button", on: { click } }, words);

/** A button and the menu that it opens. `items` are made only while the menu is open. */
export function menuButton(id, redraw, glyph, label, items, { align = "start", class: extra } = {}) {
  const open = isOpen(id);
  const toggle = () => (open ? closeMenu() : openMenu(id, redraw));
  const state = { "aria-haspopup": "menu", "aria-expanded": String(open), class: extra };
  return [iconButton(glyph, label, toggle, state), open ? menu(items(), align) : null];
}

function menu(items, align) {
  return h(
    "div",
    {
      class: "menu",
      popover: "manual",
      role: "menu",
      "data-align": align,
      hook: besideAnchor("[role=menuitem]"),
      on: { keydown: moveAmongItems },
    },
    items,
  );
}

/** What a menu item does happens after the menu has closed. */
export function menuItem(words, run, { glyph = null, note = null } = {}) {
  const click = () => {
    closeMenu({ refocus: true });
    run();
  };
  return h(
    "button",
    { type: "button", role: "menuitem", class: "menu-item", on: { click } },
    glyph && icon(glyph),
    h("span", { class: "menu-words" }, h("span", {}, words), note && h("span", { class: "menu-note" }, note)),
  );
}

export const iconLink = (glyph, label, href, { class: extra = "" } = {}) =>
  h("a", { class: `icon-button ${extra}`, href, "aria-label": label, title: label }, icon(glyph));
