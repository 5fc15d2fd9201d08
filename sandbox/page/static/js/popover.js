// One menu at a time, in the browser's top layer, beside the control that opened it.

import { changed } from "./store.js";

let current = null; // {id, touch}

export const isOpen = (id) => current?.id === id;

export function openMenu(id, touch, onClose) {
  if (current) closeMenu();
  current = { id, touch, onClose, anchor: document.activeElement };
  touch();
}

export function closeMenu({ refocus = false } = {}) {
  if (!current) return;
  const { touch, onClose, anchor } = current;
  current = null;
  onClose?.();
  touch();
  changed();
  if (refocus && anchor?.isConnected) anchor.focus();
}

/** The hook of a popover element: shows it and keeps it beside the element before it. */
export const besideAnchor = (focus) => ({
  created(el) {
    el.showPopover();
    place(el);
    el.querySelector(focus ?? "[data-autofocus]")?.focus({ preventScroll: true });
  },
  updated: place,
});

function place(el) {
  const anchor = el.previousElementSibling.getBoundingClientRect();
  const gap = 4;
  const edge = 8;
  const { innerWidth, innerHeight } = window;
  el.style.minWidth = `${Math.min(anchor.width, innerWidth - 2 * edge)}px`;
  const below = innerHeight - anchor.bottom - gap - edge;
  const above = anchor.top - gap - edge;
  el.style.maxHeight = `${Math.max(160, Math.min(360, Math.max(below, above)))}px`;
  const { width, height } = el.getBoundingClientRect();
  const up = height > below && above > below;
  const top = up ? anchor.top - gap - height : anchor.bottom + gap;
  const wanted = el.dataset.align === "end" ? anchor.right - width : anchor.left;
  el.style.left = `${Math.max(edge, Math.min(wanted, innerWidth - width - edge))}px`;
  el.style.top = `${Math.max(edge, top)}px`;
}

function placeOpen() {
  const el = document.querySelector("[popover].menu");
  if (el?.matches(":popover-open")) place(el);
}

export function watchMenus() {
  document.addEventListener("pointerdown", (event) => {
    const menu = document.querySelector("[popover].menu:popover-open");
    if (current && !menu?.contains(event.target) && !menu?.previousElementSibling?.contains(event.target))
      closeMenu();
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !current) return;
      event.preventDefault();
      event.stopPropagation();
      closeMenu({ refocus: true });
    },
    true,
  );
  addEventListener("resize", placeOpen);
  document.addEventListener("scroll", placeOpen, { capture: true, passive: true });
}

/** Up, Down, Home and End move the focus among the menu's items. */
export function moveAmongItems(event) {
  const items = [...event.currentTarget.querySelectorAll("[role^=menuitem]:not([disabled])")];
  const at = items.indexOf(document.activeElement);
  const to = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  }[event.key];
  if (event.key === "Tab") closeMenu();
  if (to === undefined || !items.length) return;
  event.preventDefault();
  items[to].focus();
}
