// table and data_table blocks. A data table can be sorted by a column and turned page by page.

import { h } from "./vdom.js";
import { iconButton } from "./controls.js";
import { icon } from "./icons.js";
import { richText } from "./rich_text.js";
import { touch } from "./surfaces.js";

function cell(one) {
  if (one?.type === "rich_text") return richText(one);
  return one?.text ?? (one?.value === undefined ? "" : String(one.value));
}

const wordsOf = (one) =>
  one?.elements ? one.elements.map(wordsOf).join(" ") : (one?.text ?? one?.url ?? String(one?.value ?? ""));

export function table(block) {
  const look = (i) => {
    const setting = block.column_settings?.[i];
    return `is-${setting?.align ?? "left"} ${setting?.is_wrapped ? "is-wrapped" : ""}`;
  };
  const [head, ...rows] = block.rows;
  return h(
    "div",
    { class: "table-scroll", tabindex: "0", role: "region", "aria-label": "Table" },
    h(
      "table",
      { class: "table" },
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((one, i) => h("th", { scope: "col", class: look(i) }, cell(one))),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((one, i) => h("td", { class: look(i) }, cell(one))),
          ),
        ),
      ),
    ),
  );
}

export function dataTable(surface, block) {
  const key = `data_table/${block.block_id}`;
  const view = surface.local.values.get(key) ?? { page: 0, column: null, down: false };
  const change = (next) => {
    surface.local.values.set(key, { ...view, ...next });
    touch(surface);
  };
  const [head, ...rows] = block.rows;
  const sorted =
    view.column === null
      ? rows
      : rows.toSorted((a, b) => compare(a[view.column], b[view.column]) * (view.down ? -1 : 1));
  const pageSize = block.page_size ?? 5;
  const pages = Math.max(1, Math.ceil(rows.length / pageSize));
  const page = Math.min(view.page, pages - 1);
  const numeric = head.map((_, i) => rows.every((row) => row[i]?.type === "raw_number"));
  const sortBy = (i) =>
    change(
      view.column === i
        ? view.down
          ? { column: null, down: false, page: 0 }
          : { down: true, page: 0 }
        : { column: i, down: false, page: 0 },
    );
  const first = page * pageSize;

  return h(
    "div",
    { class: "data-table" },
    h(
      "div",
      { class: "table-scroll", tabindex: "0", role: "region", "aria-label": block.caption },
      h(
        "table",
        { class: "table" },
        h("caption", {}, block.caption),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            head.map((one, i) => {
              const on = view.column === i;
              return h(
                "th",
                {
                  scope: "col",
                  class: numeric[i] ? "is-right" : "",
                  "aria-sort": on ? (view.down ? "descending" : "ascending") : null,
                },
                h(
                  "button",
                  { type: "button", class: "sort", on: { click: () => sortBy(i) } },
                  wordsOf(one),
                  on ? icon("down", view.down ? "" : "is-flipped") : null,
                ),
              );
            }),
          ),
        ),
        h(
          "tbody",
          {},
          sorted.slice(first, first + pageSize).map((row) =>
            h(
              "tr",
              {},
              row.map((one, i) =>
                h(
                  i === block.row_header_column_index ? "th" : "td",
                  {
                    scope: i === block.row_header_column_index ? "row" : null,
                    class: numeric[i] ? "is-right" : "",
                  },
                  cell(one),
                ),
              ),
            ),
          ),
        ),
      ),
    ),
    pages > 1 ? pager(page, pages, first, pageSize, rows.length, (to) => change({ page: to })) : null,
  );
}

function pager(page, pages, first, size, count, turn) {
  const look = { class: "is-bordered" };
  return h(
    "div",
    { class: "pager" },
    iconButton("back", "Previous page", () => turn(page - 1), { ...look, disabled: page === 0 }),
    h("span", { class: "muted" }, `${first + 1}–${Math.min(first + size, count)} of ${count}`),
    iconButton("right", "Next page", () => turn(page + 1), { ...look, disabled: page === pages - 1 }),
  );
}

function compare(a, b) {
  if (a?.type === "raw_number" && b?.type === "raw_number") return a.value - b.value;
  return wordsOf(a).localeCompare(wordsOf(b), undefined, { numeric: true });
}
