// data_visualization blocks as inline SVG: bar, line, area and pie. Every chart also carries its numbers
// as a table for those who cannot see it.

import { h } from "./vdom.js";

const WIDTH = 560;
const HEIGHT = 260;
const PAD = { left: 56, right: 12, top: 12, bottom: 34 };
const NUMBER = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const SHORT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

export function dataVisualization(block) {
  const { chart, title } = block;
  const names =
    chart.type === "pie" ? chart.segments.map((one) => one.label) : chart.series.map((one) => one.name);
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, title),
    chart.type === "pie" ? pie(chart, title) : axes(chart, title),
    names.length > 1 || chart.type === "pie" ? legend(chart, names) : null,
    numbers(chart, title),
  );
}

function legend(chart, names) {
  const total = chart.type === "pie" ? chart.segments.reduce((sum, one) => sum + one.value, 0) : 0;
  return h(
    "ul",
    { class: "chart-legend" },
    names.map((name, i) =>
      h(
        "li",
        {},
        h("span", { class: `swatch series-${i % 12}` }),
        name,
        total
          ? h("span", { class: "muted" }, ` ${Math.round((chart.segments[i].value / total) * 100)}%`)
          : null,
      ),
    ),
  );
}

function axes(chart, title) {
  const { series, axis_config: axis = {} } = chart;
  const categories = axis.categories ?? series[0].data.map((one) => one.label);
  const value = (one, label) => one.data.find((point) => point.label === label)?.value;
  const values = series.flatMap((one) => one.data.map((point) => point.value));
  const scale = niceScale(Math.min(0, ...values), Math.max(0, ...values));
  const plotWidth = WIDTH - PAD.left - PAD.right;
  const plotHeight = HEIGHT - PAD.top - PAD.bottom - (axis.x_label ? 18 : 0);
  const y = (v) => PAD.top + plotHeight * (1 - (v - scale.low) / (scale.high - scale.low));
  const band = plotWidth / categories.length;
  const middle = (i) => PAD.left + band * (i + 0.5);
  const every = Math.ceil(categories.length / 10);

  return h(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${title}: ${chart.type} chart` },
    scale.ticks.map((tick) => [
      h("line", {
        class: tick === 0 ? "axis" : "grid",
        x1: PAD.left,
        x2: WIDTH - PAD.right,
        y1: y(tick),
        y2: y(tick),
      }),
      h("text", { class: "tick", x: PAD.left - 8, y: y(tick) + 4, "text-anchor": "end" }, SHORT.format(tick)),
    ]),
    categories.map((label, i) =>
      i % every
        ? null
        : h(
            "text",
            { class: "tick", x: middle(i), y: PAD.top + plotHeight + 18, "text-anchor": "middle" },
            clipped(label, Math.max(4, Math.floor((band * every) / 7))),
          ),
    ),
    axis.x_label
      ? h(
          "text",
          { class: "axis-label", x: PAD.left + plotWidth / 2, y: HEIGHT - 4, "text-anchor": "middle" },
          axis.x_label,
        )
      : null,
    axis.y_label
      ? h(
          "text",
          {
            class: "axis-label",
            transform: `translate(12 ${PAD.top + plotHeight / 2}) rotate(-90)`,
            "text-anchor": "middle",
          },
          axis.y_label,
        )
      : null,
    chart.type === "bar" ? bars() : series.map((one, s) => curve(one, s)),
  );

  function bars() {
    const gap = Math.min(14, band * 0.25);
    const width = Math.min(64, (band - gap) / series.length);
    return series.map((one, s) =>
      categories.map((label, i) => {
        const v = value(one, label);
        if (v === undefined) return null;
        const x = middle(i) - (width * series.length) / 2 + s * width;
        return h(
          "rect",
          {
            class: `series-${s % 12}`,
            x: x + 1,
            width: Math.max(1, width - 2),
            y: Math.min(y(v), y(0)),
            height: Math.max(1, Math.abs(y(v) - y(0))),
            rx: 2,
          },
          h("title", {}, `${one.name}, ${label}: ${NUMBER.format(v)}`),
        );
      }),
    );
  }

  function curve(one, s) {
    const points = categories
      .map((label, i) => [middle(i), value(one, label), label])
      .filter(([, v]) => v !== undefined);
    const path = points.map(([x, v], i) => `${i ? "L" : "M"}${round(x)} ${round(y(v))}`).join("");
    const ends = points.length ? [points[0][0], points.at(-1)[0]] : [0, 0];
    return h(
      "g",
      { class: `series-${s % 12}` },
      chart.type === "area"
        ? h("path", { class: "area", d: `${path}L${ends[1]} ${y(0)}L${ends[0]} ${y(0)}Z` })
        : null,
      h("path", { class: "line", d: path }),
      points.map(([x, v, label]) =>
        h(
          "circle",
          { cx: x, cy: y(v), r: 3.5 },
          h("title", {}, `${one.name}, ${label}: ${NUMBER.format(v)}`),
        ),
      ),
    );
  }
}

function pie({ segments }, title) {
  const total = segments.reduce((sum, one) => sum + one.value, 0);
  const at = (turn, r) =>
    `${round(130 + r * Math.sin(turn * 2 * Math.PI))} ${round(130 - r * Math.cos(turn * 2 * Math.PI))}`;
  let start = 0;
  const slices = segments.map((one, i) => {
    const end = start + one.value / total;
    const large = end - start > 0.5 ? 1 : 0;
    const whole = end - start > 0.9999;
    const d = whole
      ? `M130 10A120 120 0 1 1 129.99 10ZM130 64A66 66 0 1 0 130.01 64Z`
      : `M${at(start, 120)}A120 120 0 ${large} 1 ${at(end, 120)}L${at(end, 66)}A66 66 0 ${large} 0 ${at(start, 66)}Z`;
    start = end;
    return h(
      "path",
      { class: `slice series-${i % 12}`, d, "fill-rule": "evenodd" },
      h("title", {}, `${one.label}: ${NUMBER.format(one.value)}`),
    );
  });
  return h(
    "svg",
    { viewBox: "0 0 260 260", class: "pie", role: "img", "aria-label": `${title}: pie chart` },
    slices,
    h("text", { class: "pie-total", x: 130, y: 136, "text-anchor": "middle" }, SHORT.format(total)),
  );
}

function numbers(chart, title) {
  const rows =
    chart.type === "pie"
      ? chart.segments.map((one) => [one.label, one.value])
      : chart.series.flatMap((one) => one.data.map((point) => [`${one.name}, ${point.label}`, point.value]));
  return h(
    "table",
    { class: "visually-hidden" },
    h("caption", {}, title),
    h(
      "tbody",
      {},
      rows.map(([name, v]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, NUMBER.format(v)))),
    ),
  );
}

const round = (n) => Math.round(n * 10) / 10;
const clipped = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

/** Round axis bounds and four to six ticks around the values. */
function niceScale(least, most) {
  const span = most - least || 1;
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((n) => n * power >= rough) * power;
  const low = Math.floor(least / step) * step;
  const high = Math.ceil((most || 1) / step) * step || step;
  const ticks = [];
  for (let tick = low; tick <= high + step / 2; tick += step) ticks.push(Number(tick.toFixed(10)));
  return { low, high, ticks };
}
