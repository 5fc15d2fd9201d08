// Copying: code blocks get a button, a code span is copied by a click on it or by Enter.

import { h } from "./vdom.js";
import { iconButton } from "./controls.js";
import { toast } from "./toast.js";

export async function copy(text, what = "Copied") {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // no clipboard permission, or a page that is not on localhost
  }
  toast(what);
}

function copyBySelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  const focused = document.activeElement;
  area.select();
  document.execCommand("copy");
  area.remove();
  focused?.focus?.();
}

function chosen(event) {
  return event.type === "click" ? !String(getSelection()) : event.key === "Enter" || event.key === " ";
}

export function codeSpan(text, extra = "") {
  const onUse = (event) => {
    if (!chosen(event) || event.target.closest("a")) return;
    event.preventDefault();
    event.stopPropagation();
    copy(text, "Copied to the clipboard");
  };
  return h(
    "code",
    {
      class: `code-span ${extra}`,
      role: "button",
      tabindex: "0",
      title: "Click to copy",
      "aria-label": `${text}, copy`,
      on: { click: onUse, keydown: onUse },
    },
    text,
  );
}

export function preformatted(text, content = text) {
  return h(
    "div",
    { class: "code-block" },
    h("pre", { tabindex: "0" }, h("code", {}, content)),
    iconButton("copy", "Copy this code", () => copy(text), { class: "copy-button" }),
  );
}
