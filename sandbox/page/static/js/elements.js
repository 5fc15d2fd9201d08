// Block Kit's interactive elements. Menus with a list live in select.js, typed input in inputs.js.

import { h } from "./vdom.js";
import { iconButton, menuButton, menuItem, spinner } from "./controls.js";
import { icon } from "./icons.js";
import { inputElement } from "./inputs.js";
import { textObject } from "./mrkdwn.js";
import { viewerId } from "./people.js";
import { picture } from "./picture.js";
import { act, clearValue, isPending, setValue, touch, valueOf } from "./surfaces.js";
import { select } from "./select.js";
import { simpleValue } from "./values.js";

/** An element of an actions, section, context_actions, card or input block. */
export function element(surface, block, one) {
  switch (one.type) {
    case "button":
      return button(surface, block, one);
    case "workflow_button":
      return h(
        "button",
        {
          type: "button",
          class: buttonClass(one),
          title: "Workflows do not run in the sandbox",
          disabled: true,
        },
        textObject(one.text),
      );
    case "overflow":
      return overflow(surface, block, one);
    case "checkboxes":
      return choices(surface, block, one, "checkbox");
    case "radio_buttons":
      return choices(surface, block, one, "radio");
    case "feedback_buttons":
      return feedback(surface, block, one);
    case "icon_button":
      return onlyIcon(surface, block, one);
    case "image":
      return picture(one, "is-accessory");
    default:
      if (one.type?.endsWith("_select")) return select(surface, block, one, changedByPerson);
      return inputElement(surface, block, one, changedByPerson);
  }
}

/** Does a change of this element reach the app at once? In an input block only if the block says so. */
export const dispatches = (block) => block.type !== "input" || block.dispatch_action === true;

/** Keep a new value and, where the block dispatches, tell the app. A refused confirm puts the old one back. */
export async function changedByPerson(surface, block, one, value) {
  const before = valueOf(surface, block, one);
  setValue(surface, block, one, value);
  touch(surface);
  if (!dispatches(block)) return;
  const done = await act(surface, block, one, { value: simpleValue(one, value), selected: value });
  if (done) return;
  setValue(surface, block, one, before);
  touch(surface);
}

const buttonClass = (one) =>
  `button ${one.style === "primary" ? "is-primary" : one.style === "danger" ? "is-danger" : ""}`;

function button(surface, block, one) {
  const pending = isPending(surface, one);
  const label = one.accessibility_label ?? null;
  if (one.url && /^https?:/i.test(one.url)) {
    return h(
      "a",
      {
        key: one.action_id,
        class: buttonClass(one),
        href: one.url,
        target: "_blank",
        rel: "noreferrer noopener",
        "aria-label": label,
        on: { click: () => act(surface, block, { ...one, confirm: undefined }) },
      },
      textObject(one.text),
      icon("out", "is-trailing"),
    );
  }
  return h(
    "button",
    {
      key: one.action_id,
      type: "button",
      class: `${buttonClass(one)} ${pending ? "is-pending" : ""}`,
      "aria-label": label,
      "aria-busy": pending ? "true" : null,
      on: { click: () => act(surface, block, one) },
    },
    h("span", { class: "button-label" }, textObject(one.text)),
    pending ? spinner() : null,
  );
}

function overflow(surface, block, one) {
  const id = `${surface.key}/${block.block_id}/${one.action_id}`;
  const choose = (option) => {
    if (option.url) window.open(option.url, "_blank", "noopener,noreferrer");
    act(surface, block, one, { value: option.value, selected: { selected_option: option } });
  };
  const items = () =>
    one.options.map((option) =>
      menuItem(textObject(option.text), () => choose(option), { note: option.description?.text }),
    );
  const look = { align: "end", class: "is-overflow" };
  const redraw = () => touch(surface);
  return h(
    "span",
    { class: "anchored", key: one.action_id },
    menuButton(id, redraw, "dots", "More choices", items, look),
  );
}

function choices(surface, block, one, type) {
  const held = valueOf(surface, block, one);
  const chosen = type === "radio" ? [held.selected_option] : held.selected_options;
  const isChosen = (option) => chosen.some((other) => other?.value === option.value);
  const name = `${surface.key}/${block.block_id}/${one.action_id}`;
  const pick = (option, on) => {
    if (type === "radio") return changedByPerson(surface, block, one, { selected_option: option });
    const selected_options = one.options.filter((other) =>
      other.value === option.value ? on : isChosen(other),
    );
    return changedByPerson(surface, block, one, { selected_options });
  };
  return h(
    "div",
    {
      class: "choices",
      key: one.action_id,
      role: type === "radio" ? "radiogroup" : "group",
      "aria-label": block.label?.text ?? null,
    },
    one.options.map((option, i) =>
      h(
        "label",
        { class: "choice", key: option.value },
        h("input", {
          type,
          name,
          prop: { checked: isChosen(option) },
          "data-focus": one.focus_on_load && i === 0 ? "" : null,
          on: { change: (event) => pick(option, event.target.checked) },
        }),
        h(
          "span",
          {},
          textObject(option.text),
          option.description ? h("span", { class: "choice-note" }, textObject(option.description)) : null,
        ),
      ),
    ),
  );
}

function feedback(surface, block, one) {
  const given = valueOf(surface, block, one).given;
  const side = (which, glyph) => {
    const half = one[which];
    const on = given === which;
    const press = async () => {
      setValue(surface, block, one, { given: which });
      if (!(await act(surface, block, one, { value: half.value }))) clearValue(surface, block, one);
      touch(surface);
    };
    const props = { key: which, class: `is-bordered ${on ? "is-on" : ""}`, "aria-pressed": String(on) };
    return iconButton(glyph, half.accessibility_label ?? half.text.text, press, props);
  };
  return h(
    "span",
    { class: "feedback", key: one.action_id },
    side("positive_button", "up"),
    side("negative_button", "thumbdown"),
  );
}

/** Some are meant for some people only. */
function onlyIcon(surface, block, one) {
  if (one.visible_to_user_ids && !one.visible_to_user_ids.includes(viewerId())) return null;
  const props = { key: one.action_id, class: `is-bordered ${isPending(surface, one) ? "is-pending" : ""}` };
  const glyph = one.icon === "trash" ? "trash" : "bolt";
  return iconButton(glyph, one.accessibility_label ?? one.text.text, () => act(surface, block, one), props);
}
