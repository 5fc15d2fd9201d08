// plan and task_card blocks: what is being done, what is done, what went wrong.

import { h } from "./vdom.js";
import { icon } from "./icons.js";
import { link } from "./links.js";
import { richText } from "./rich_text.js";

const STATUS_WORDS = { pending: "Waiting", in_progress: "Running", complete: "Done", error: "Failed" };
const SHORT = 200; // characters that are shown without being unfolded

export function plan(block) {
  const tasks = block.tasks ?? [];
  const done = tasks.filter((task) => task.status === "complete").length;
  const failed = tasks.some((task) => task.status === "error");
  const running = tasks.some((task) => task.status === "in_progress");
  const whole = failed
    ? "error"
    : done === tasks.length && tasks.length
      ? "complete"
      : running
        ? "in_progress"
        : "pending";
  return h(
    "details",
    { class: "plan", init: { open: true } },
    h(
      "summary",
      {},
      statusIcon(whole),
      h("span", { class: "plan-title" }, words(block.title)),
      tasks.length ? h("span", { class: "muted plan-count" }, `${done} of ${tasks.length}`) : null,
      icon("down", "twist"),
    ),
    h(
      "ol",
      { class: "plan-tasks" },
      tasks.map((task) =>
        h(
          "li",
          { key: task.task_id, class: `task is-${task.status ?? "pending"}` },
          statusIcon(task.status),
          body(task),
        ),
      ),
    ),
  );
}

export const taskCard = (block) =>
  h("div", { class: `task is-card is-${block.status ?? "pending"}` }, statusIcon(block.status), body(block));

function body(task) {
  const parts = [task.details, task.output].filter((part) => part && textOf(part).trim());
  const long = parts.reduce((sum, part) => sum + textOf(part).length, 0) > SHORT;
  const more = parts.map((part) =>
    h("div", { class: "task-part" }, typeof part === "string" ? words(part) : richText(part)),
  );
  return h(
    "div",
    { class: "task-body" },
    h("div", { class: "task-title" }, words(task.title)),
    parts.length === 0
      ? null
      : long
        ? h(
            "details",
            { class: "task-more", init: { open: task.status === "error" } },
            h("summary", {}, "Details"),
            more,
          )
        : h("div", { class: "task-more" }, more),
    task.sources?.length
      ? h(
          "div",
          { class: "sources" },
          task.sources.map((source) => link(source.url, [source.text ?? source.url])),
        )
      : null,
  );
}

const words = (text) => (typeof text === "object" ? (text?.text ?? "") : (text ?? ""));
const textOf = (node) =>
  typeof node === "string" ? node : (node.text ?? (node.elements ?? []).map(textOf).join(" "));

export function statusIcon(status = "pending") {
  const glyph = { complete: "check", error: "close" }[status];
  return h(
    "span",
    {
      class: `status is-${status}`,
      role: "img",
      "aria-label": STATUS_WORDS[status] ?? status,
      title: STATUS_WORDS[status] ?? status,
    },
    glyph ? icon(glyph) : null,
  );
}
