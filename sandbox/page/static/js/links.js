// Slack's three entities, and links to the world outside.

import { h } from "./vdom.js";

const ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const SAFE = /^(?:https?:|mailto:|tel:)/i;

export const decode = (text) => text.replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity]);

/** A link; an address that could run something is shown as plain text. */
export function link(url, children) {
  if (!SAFE.test(url)) return h("span", { class: "unsafe-link", title: "Not a web address" }, children);
  return h("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, children);
}
