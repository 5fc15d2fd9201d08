// The latest requests to the stand-ins: who was asked for what, and what came back.

import * as api from "./api.js";
import { h } from "./vdom.js";
import { preformatted } from "./copy.js";
import { exact, full } from "./dates.js";
import { changed, latest, state } from "./store.js";
import { complain } from "./toast.js";

const SHOWN = 300;

const load = latest(async () => {
  try {
    const known = new Map(state.journal.entries.map((one) => [one.seq, one]));
    // Lines that had no answer yet are asked for again.
    const open = state.journal.entries.filter((one) => one.duration_ms === null).map((one) => one.seq);
    const newest = state.journal.entries[0]?.seq ?? Math.max(0, state.journal.hinted - SHOWN);
    const { entries } = await api.journal(Math.min(newest, ...open.map((seq) => seq - 1)));
    for (const one of entries) known.set(one.seq, one);
    const latestFirst = [...known.values()].sort((a, b) => b.seq - a.seq).slice(0, SHOWN);
    state.journal = { ...state.journal, entries: latestFirst, loaded: true };
    changed();
  } catch (error) {
    complain(error);
  }
  await new Promise((done) => setTimeout(done, 1000)); // a busy bot asks several times a second
});

const isShown = () => state.panel.tab === "journal" && (state.panel.open || state.route.screen === "journal");

export function openJournal() {
  load();
}

export function onJournalHint(hint) {
  state.journal.hinted = hint.seq;
  if (isShown() && !document.hidden) load();
}

export function journal() {
  const { entries, open, vendor, loaded } = state.journal;
  const vendors = ["all", ...new Set(entries.map((one) => one.vendor))];
  const shown = entries.filter((one) => vendor === "all" || one.vendor === vendor);
  const choose = (event) => {
    state.journal = { ...state.journal, vendor: event.target.value };
    changed();
  };
  if (!loaded) return h("p", { class: "empty" }, "Looking…");
  return h(
    "div",
    { class: "journal" },
    h(
      "div",
      { class: "journal-head" },
      h(
        "label",
        {},
        "Vendor ",
        h(
          "select",
          { class: "select-native", prop: { value: vendor }, on: { change: choose } },
          vendors.map((name) => h("option", { value: name, key: name }, name)),
        ),
      ),
      h("span", { class: "muted" }, `${shown.length} latest`),
    ),
    shown.length
      ? h(
          "ol",
          { class: "journal-list" },
          shown.map((one) => line(one, open === one.seq)),
        )
      : h("p", { class: "empty" }, "No requests yet."),
  );
}

function line(one, isOpen) {
  const waiting = one.duration_ms === null;
  const bad = one.fault || (!waiting && (one.status === null || one.status >= 400));
  const toggle = () => {
    state.journal = { ...state.journal, open: isOpen ? null : one.seq };
    changed();
  };
  const at = new Date(one.at);
  return h(
    "li",
    { key: one.seq, class: `journal-line ${isOpen ? "is-open" : ""}` },
    h(
      "button",
      { type: "button", class: "journal-button", "aria-expanded": String(isOpen), on: { click: toggle } },
      h("time", { class: "journal-time", datetime: one.at, title: full(at) }, exact(at)),
      h("span", { class: `journal-vendor is-${one.vendor}` }, one.vendor),
      h("span", { class: "journal-operation" }, one.operation),
      h(
        "span",
        {
          class: `journal-status ${bad ? "is-bad" : ""}`,
          title: one.fault ? `Planned fault: ${one.fault}` : "HTTP status",
        },
        one.fault ?? one.status ?? (waiting ? "…" : "lost"),
      ),
    ),
    isOpen ? details(one) : null,
  );
}

function details(one) {
  const part = (title, text) => (text ? [h("h4", {}, title), preformatted(text)] : null);
  return h(
    "div",
    { class: "journal-details" },
    one.duration_ms === null || one.duration_ms === undefined
      ? null
      : h("p", { class: "muted" }, `Answered after ${one.duration_ms} ms`),
    part("Document", one.document),
    part("Variables", pretty(one.variables)),
    part("Answer", pretty(one.answer)),
  );
}

function pretty(value) {
  if (value === null || value === undefined) return null;
  if (typeof value !== "string") return Object.keys(value).length ? JSON.stringify(value, null, 2) : null;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
