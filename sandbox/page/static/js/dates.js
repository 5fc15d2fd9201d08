// Dates as people read them, and Slack's `<!date^…>` tokens.

import { h } from "./vdom.js";

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const TIME_SECONDS = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const DAY_YEAR = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "long", day: "numeric" });
const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY_MS = 24 * HOUR;

export const fromTs = (ts) => new Date(Number(ts) * 1000);
export const clock = (date) => TIME.format(date);
export const full = (date) => FULL.format(date);
export const exact = (date) => TIME_SECONDS.format(date);
const dayNumber = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
export const sameDay = (a, b) => dayNumber(a) === dayNumber(b);

/** "Today", "Yesterday", or the date. */
export function day(date, now = new Date()) {
  const days = Math.round((dayNumber(now) - dayNumber(date)) / DAY_MS);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.getFullYear() === now.getFullYear() ? DAY.format(date) : DAY_YEAR.format(date);
}

export function relative(date, now = new Date()) {
  const past = now - date;
  const size = Math.abs(past);
  if (size < 45_000) return "just now";
  if (size < HOUR) return RELATIVE.format(-Math.round(past / MINUTE), "minute");
  if (size < DAY_MS) return RELATIVE.format(-Math.round(past / HOUR), "hour");
  return RELATIVE.format(-Math.round(past / DAY_MS), "day");
}

/** A `<time>` whose words grow older by themselves (see `keepRelativeTimes`). */
export function ago(date, props = {}) {
  return h(
    "time",
    { ...props, datetime: date.toISOString(), title: full(date), "data-relative": "" },
    relative(date),
  );
}

export function keepRelativeTimes() {
  setInterval(() => {
    for (const el of document.querySelectorAll("time[data-relative]")) {
      const text = relative(new Date(el.dateTime));
      if (el.firstChild.data !== text) el.firstChild.data = text;
    }
  }, 15_000);
}

const FORMATS = {
  date_num: (d) => `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`,
  date_slash: (d) => `${pad(d.getMonth() + 1)}/${pad(d.getDate())}/${d.getFullYear()}`,
  date_long: (d) =>
    d.toLocaleDateString(undefined, { weekday: "long", year: "numeric", month: "long", day: "numeric" }),
  date_long_full: (d) =>
    d.toLocaleDateString(undefined, { weekday: "long", year: "numeric", month: "long", day: "numeric" }),
  date_long_pretty: (d) => pretty(d, FORMATS.date_long),
  date: (d) => d.toLocaleDateString(undefined, { year: "numeric", month: "long", day: "numeric" }),
  date_pretty: (d) => pretty(d, FORMATS.date),
  date_short: (d) => d.toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" }),
  date_short_pretty: (d) => pretty(d, FORMATS.date_short),
  time: (d) => TIME.format(d),
  time_secs: (d) => TIME_SECONDS.format(d),
  ago: (d) => relative(d),
  day_divider_pretty: (d) => pretty(d, FORMATS.date_long),
};

const pad = (n) => String(n).padStart(2, "0");

function pretty(date, otherwise) {
  const days = Math.round((dayNumber(date) - dayNumber(new Date())) / DAY_MS);
  return { 0: "today", 1: "tomorrow", "-1": "yesterday" }[days] ?? otherwise(date);
}

/** The text of `<!date^seconds^format>`, or null when it cannot be read (the fallback is shown then). */
export function slackDate(seconds, format) {
  const date = new Date(Number(seconds) * 1000);
  if (!/^\d+$/.test(seconds) || Number.isNaN(date.getTime())) return null;
  const text = format.replace(/\{(\w+)\}/g, (token, name) => FORMATS[name]?.(date) ?? token);
  return format.startsWith("{") ? capital(text) : text;
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
