// Typed input: text, numbers, addresses, dates, times and files.

import { h } from "./vdom.js";
import { iconButton } from "./controls.js";
import { icon } from "./icons.js";
import { dispatches } from "./elements.js";
import { act, setValue, touch, valueOf } from "./surfaces.js";
import { simpleValue, valueKey } from "./values.js";

const HTML_TYPE = { email_text_input: "email", url_text_input: "url", plain_text_input: "text" };

export function inputElement(surface, block, one, onChange) {
  switch (one.type) {
    case "plain_text_input":
    case "email_text_input":
    case "url_text_input":
      return textInput(surface, block, one);
    case "number_input":
      return numberInput(surface, block, one);
    case "rich_text_input":
      return richTextInput(surface, block, one);
    case "datepicker":
      return picker(surface, block, one, onChange, "date");
    case "timepicker":
      return picker(surface, block, one, onChange, "time");
    case "datetimepicker":
      return dateTimePicker(surface, block, one, onChange);
    case "file_input":
      return fileInput(surface, block, one);
    default:
      return h("span", { class: "unknown" }, `Unknown element: ${one.type}`);
  }
}

/** Attributes that tie an input to its label, hint and error. */
export function described(surface, block, one) {
  const id = inputId(surface, block);
  const error = surface.local.errors[block.block_id];
  return {
    key: one.action_id,
    id: block.type === "input" ? id : null,
    "aria-label": block.type === "input" ? null : (one.placeholder?.text ?? one.action_id),
    "aria-describedby":
      [error ? `${id}-error` : null, block.hint ? `${id}-hint` : null].filter(Boolean).join(" ") || null,
    "aria-invalid": error ? "true" : null,
    "aria-required": block.type === "input" && !block.optional ? "true" : null,
    "data-focus": one.focus_on_load ? "" : null,
  };
}

export const inputId = (surface, block) => `${surface.key}/${block.block_id}`.replace(/[^\w-]/g, "-");

function keep(surface, block, one, value) {
  const had = surface.local.errors[block.block_id];
  setValue(surface, block, one, { [valueKey(one)]: value });
  if (had) touch(surface);
}

const tell = (surface, block, one) => {
  const held = valueOf(surface, block, one);
  return act(surface, block, one, { value: simpleValue(one, held), selected: held });
};

/** Input events keep the text; the app hears of it on Enter or at each character, as the element says. */
function typing(surface, block, one, { multiline = false } = {}) {
  const when = one.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"];
  return {
    input: (event) => {
      keep(surface, block, one, event.target.value || null);
      if (dispatches(block) && when.includes("on_character_entered")) tell(surface, block, one);
    },
    keydown: (event) => {
      if (
        event.key !== "Enter" ||
        event.isComposing ||
        !dispatches(block) ||
        !when.includes("on_enter_pressed") ||
        (multiline && event.shiftKey)
      )
        return;
      event.preventDefault();
      tell(surface, block, one);
    },
  };
}

function textInput(surface, block, one) {
  const value = valueOf(surface, block, one).value ?? "";
  const shared = {
    ...described(surface, block, one),
    class: "text-input",
    placeholder: one.placeholder?.text,
    maxlength: one.max_length,
    minlength: one.min_length,
    prop: { value },
  };
  if (one.multiline)
    return h("textarea", { ...shared, rows: 4, on: typing(surface, block, one, { multiline: true }) });
  const precise = one.type !== "plain_text_input";
  return h("input", {
    ...shared,
    type: HTML_TYPE[one.type],
    autocomplete: "off",
    autocapitalize: precise ? "off" : null,
    spellcheck: precise ? "false" : null,
    on: typing(surface, block, one),
  });
}

function numberInput(surface, block, one) {
  const value = valueOf(surface, block, one).value ?? "";
  return h("input", {
    ...described(surface, block, one),
    class: "text-input is-number",
    type: "number",
    inputmode: one.is_decimal_allowed ? "decimal" : "numeric",
    step: one.is_decimal_allowed ? "any" : "1",
    min: one.min_value,
    max: one.max_value,
    placeholder: one.placeholder?.text,
    prop: { value: String(value) },
    on: typing(surface, block, one),
  });
}

/** Typed as plain lines, handed over as a rich_text block with one section. */
function richTextInput(surface, block, one) {
  const held = valueOf(surface, block, one).rich_text_value;
  const text = plain(held);
  const keepRich = (event) => {
    const typed = event.target.value;
    const section = { type: "rich_text_section", elements: [{ type: "text", text: typed }] };
    keep(surface, block, one, typed ? { type: "rich_text", elements: [section] } : null);
  };
  return h("textarea", {
    ...described(surface, block, one),
    class: "text-input",
    rows: one.min_lines ?? 4,
    placeholder: one.placeholder?.text,
    prop: { value: text },
    on: { input: keepRich },
  });
}

const plain = (node) =>
  node ? (node.text ?? (node.elements ?? []).map(plain).join(node.type === "rich_text" ? "\n" : "")) : "";

function picker(surface, block, one, onChange, type) {
  const key = valueKey(one);
  const value = valueOf(surface, block, one)[key] ?? "";
  const pick = (event) => onChange(surface, block, one, { [key]: event.target.value || null });
  return h("input", {
    ...described(surface, block, one),
    class: "text-input is-picker",
    type,
    title: one.placeholder?.text,
    prop: { value },
    on: { change: pick },
  });
}

const pad = (n) => String(n).padStart(2, "0");

function dateTimePicker(surface, block, one, onChange) {
  const seconds = valueOf(surface, block, one).selected_date_time;
  const date = seconds ? new Date(seconds * 1000) : null;
  const value = date
    ? `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}T${pad(date.getHours())}:${pad(date.getMinutes())}`
    : "";
  const pick = (event) =>
    onChange(surface, block, one, {
      selected_date_time: event.target.value
        ? Math.floor(new Date(event.target.value).getTime() / 1000)
        : null,
    });
  return h("input", {
    ...described(surface, block, one),
    class: "text-input is-picker",
    type: "datetime-local",
    prop: { value },
    on: { change: pick },
  });
}

function fileInput(surface, block, one) {
  const files = valueOf(surface, block, one).files;
  const most = one.max_files ?? 10;
  const add = async (event) => {
    const picked = await Promise.all([...event.target.files].map(read));
    keep(surface, block, one, [...files, ...picked].slice(0, most));
    event.target.value = "";
    touch(surface);
  };
  const drop = (index) => {
    keep(
      surface,
      block,
      one,
      files.filter((_, i) => i !== index),
    );
    touch(surface);
  };
  return h(
    "div",
    { class: "file-input", key: one.action_id },
    files.map((file, i) =>
      h(
        "div",
        { class: "file-row", key: `${file.name}-${i}` },
        icon("file"),
        h("span", { class: "file-name" }, file.name),
        iconButton("close", `Remove ${file.name}`, () => drop(i)),
      ),
    ),
    files.length < most
      ? h("input", {
          ...described(surface, block, one),
          type: "file",
          multiple: most > 1,
          accept: one.filetypes?.map((type) => `.${type}`).join(","),
          on: { change: add },
        })
      : null,
  );
}

async function read(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return { name: file.name, mimetype: file.type, size: file.size, content: btoa(text) };
}
