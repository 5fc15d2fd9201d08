// Block Kit: one small function per block type, from Slack's JSON to nodes.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { alertBlock, card, carousel, container, fileBlock, video, authProvider } from "./cards.js";
import { dataVisualization } from "./charts.js";
import { element } from "./elements.js";
import { inputId } from "./inputs.js";
import { markdown } from "./markdown.js";
import { textObject } from "./mrkdwn.js";
import { picture } from "./picture.js";
import { richText } from "./rich_text.js";
import { dataTable, table } from "./tables.js";
import { plan, taskCard } from "./tasks.js";

const RENDERERS = {
  actions: (surface, block) =>
    h(
      "div",
      { class: "actions" },
      block.elements.map((one) => element(surface, block, one)),
    ),
  alert: (_, block) => alertBlock(block),
  auth_provider: authProvider,
  card,
  carousel,
  container: (surface, block) => container(surface, block, blocks),
  context: (_, block) => h("div", { class: "context" }, block.elements.map(contextElement)),
  context_actions: (surface, block) =>
    h(
      "div",
      { class: "context-actions" },
      block.elements.map((one) => element(surface, block, one)),
    ),
  data_table: dataTable,
  data_visualization: (_, block) => dataVisualization(block),
  divider: () => h("hr"),
  file: (_, block) => fileBlock(block),
  header: (_, block) =>
    h(
      `h${Math.min(Math.max(block.level ?? 3, 1) + (block.level ? 2 : 0), 6)}`,
      { class: "header" },
      textObject(block.text),
    ),
  image: (_, block) => image(block),
  input,
  markdown: (_, block) => h("div", { class: "markdown" }, markdown(block.text)),
  plan: (_, block) => plan(block),
  rich_text: (_, block) => richText(block),
  section,
  table: (_, block) => table(block),
  task_card: (_, block) => taskCard(block),
  video: (_, block) => video(block),
};

/** All blocks of a surface, in order. */
export function blocks(surface, list) {
  return (list ?? []).map((block, i) => {
    const render = RENDERERS[block.type] ?? unknown;
    return h(
      "div",
      { key: `${block.type}/${block.block_id ?? i}`, class: `block is-${block.type}` },
      safely(render, surface, block),
    );
  });
}

/** A block that breaks its renderer must not take the whole page with it. */
function safely(render, surface, block) {
  try {
    return render(surface, block);
  } catch (error) {
    console.error("This block cannot be drawn", block, error);
    return unknown(surface, block);
  }
}

function unknown(_, block) {
  return h(
    "details",
    { class: "unknown" },
    h("summary", {}, `This page cannot draw a “${block.type}” block`),
    h("pre", {}, JSON.stringify(block, null, 2)),
  );
}

function section(surface, block) {
  return h(
    "div",
    { class: `section ${block.accessory ? "has-accessory" : ""}` },
    h(
      "div",
      { class: "section-words" },
      block.text ? h("div", { class: "text" }, textObject(block.text)) : null,
      block.fields
        ? h(
            "div",
            { class: "fields" },
            block.fields.map((field) => h("div", { class: "field text" }, textObject(field))),
          )
        : null,
    ),
    block.accessory ? h("div", { class: "accessory" }, element(surface, block, block.accessory)) : null,
  );
}

const contextElement = (one) =>
  one.type === "image" ? picture(one, "is-inline") : h("span", { class: "text" }, textObject(one));

function image(block) {
  const title = block.title ? h("figcaption", {}, textObject(block.title)) : null;
  return h("figure", { class: "image" }, title, picture(block));
}

/** Whether the label can name its element by `for`; groups and menus carry their own name. */
const nameable = (one) => /_input$|picker$/.test(one.type);

function input(surface, block) {
  const id = inputId(surface, block);
  const error = surface.local.errors[block.block_id];
  const label = [
    textObject(block.label),
    block.optional ? h("span", { class: "optional" }, " (optional)") : null,
  ];
  return h(
    "div",
    { class: `input ${error ? "has-error" : ""}` },
    nameable(block.element)
      ? h("label", { class: "input-label", for: id }, label)
      : h("span", { class: "input-label" }, label),
    element(surface, block, block.element),
    error
      ? h(
          "p",
          { class: "input-error", id: `${id}-error`, role: "alert" },
          icon("alert"),
          h("span", {}, error),
        )
      : null,
    block.hint ? h("p", { class: "input-hint", id: `${id}-hint` }, textObject(block.hint)) : null,
  );
}
