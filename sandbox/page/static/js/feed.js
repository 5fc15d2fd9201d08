// A scrolling list of messages: stays at the bottom when it was there, stays where it was otherwise.

import { h, memo } from "./vdom.js";
import { day, fromTs, sameDay } from "./dates.js";
import { echoRow } from "./echo.js";
import { previewVersion } from "./files.js";
import { authorOf, messageRow, surfaceKey } from "./message.js";
import { changed, state } from "./store.js";
import { versionOf } from "./surfaces.js";

const NEAR = 60; // px from the bottom that still count as "at the bottom"
const SAME_AUTHOR = 5 * 60; // s within which a second message needs no second head
const memos = new Map();
const scrolling = new Map(); // feed key → {stuck, el, observer, behind}

/** `items` are messages and echoes, oldest first. */
export function feed({ key, pane, channelId, items, before = null, newSince = null, label }) {
  if (!memos.has(key)) memos.set(key, new Map());
  const cache = memos.get(key);
  const lastMessage = items.findLast((one) => one.ts);
  const rows = [];
  let previous = null;
  items.forEach((item, i) => {
    const when = item.ts ? fromTs(item.ts) : item.at;
    if (pane === "list" && (!previous || !sameDay(previous.when, when)))
      rows.push(
        h("li", { key: `day-${day(when)}`, class: "day", role: "separator" }, h("span", {}, day(when))),
      );
    if (pane === "thread" && i === 1 && items[0].ts)
      rows.push(
        h(
          "li",
          { key: "replies", class: "day is-left", role: "separator" },
          h("span", {}, counted(items.length - 1)),
        ),
      );
    const isNew = newSince !== null && item.ts === newSince;
    if (isNew)
      rows.push(h("li", { key: "new", class: "day is-new", role: "separator" }, h("span", {}, "New")));
    if (item.echo) rows.push(echoRow(item));
    else {
      const compact = Boolean(
        previous?.ts &&
        !isNew &&
        pane + i !== "thread1" &&
        previous.author === authorOf(item) + item.user &&
        Number(item.ts) - Number(previous.ts) < SAME_AUTHOR &&
        !previous.ephemeral &&
        sameDay(previous.when, when),
      );
      const focusable = item === lastMessage;
      const version = versionOf(surfaceKey(pane, channelId, item));
      rows.push(
        memo(
          cache,
          item.ts,
          [item, compact, focusable, version, state.workspace, state.viewer, previewVersion(item.files)],
          () => messageRow(pane, channelId, item, { compact, focusable }),
        ),
      );
    }
    previous = {
      when,
      ts: item.ts,
      author: item.ts ? authorOf(item) + item.user : null,
      ephemeral: item.ephemeral,
    };
  });

  const behind = scrolling.get(key)?.behind;
  return h(
    "div",
    { class: "feed-frame", key },
    h(
      "div",
      {
        class: "feed",
        hook: { created: (el) => follow(key, el), removed: () => unfollow(key) },
        on: { keydown: moveBetween },
      },
      h("div", { class: "feed-content" }, before, h("ol", { class: "messages", "aria-label": label }, rows)),
    ),
    behind
      ? h("button", { type: "button", class: "jump", on: { click: () => jump(key) } }, "Newer messages ↓")
      : null,
  );
}

const counted = (n) => `${n} ${n === 1 ? "reply" : "replies"}`;

function follow(key, el) {
  const kept = scrolling.get(key);
  const view = { el, stuck: kept?.stuck ?? true, top: kept?.top ?? 0, behind: false };
  scrolling.set(key, view);
  const settle = () => {
    view.size = `${el.scrollHeight}/${el.clientHeight}`;
    if (view.stuck) el.scrollTop = el.scrollHeight;
  };
  view.observer = new ResizeObserver(settle);
  view.observer.observe(el.firstElementChild);
  view.observer.observe(el);
  if (!view.stuck) el.scrollTop = view.top;
  el.addEventListener(
    "scroll",
    () => {
      // A pane that changed its size scrolls too; that is nobody's wish to leave the end.
      if (view.stuck && view.size !== `${el.scrollHeight}/${el.clientHeight}`) return settle();
      const distance = el.scrollHeight - el.clientHeight - el.scrollTop;
      view.stuck = distance < NEAR;
      view.top = el.scrollTop;
      const behind = distance > el.clientHeight;
      if (behind !== view.behind) {
        view.behind = behind;
        changed();
      }
    },
    { passive: true },
  );
  settle();
}

function unfollow(key) {
  const view = scrolling.get(key);
  view?.observer?.disconnect();
  if (view) scrolling.set(key, { stuck: view.stuck, top: view.top, behind: false });
}

/** To the newest message: after sending, and from the button. */
export function jump(key) {
  const view = scrolling.get(key);
  if (!view?.el) return;
  view.stuck = true;
  view.el.scrollTop = view.el.scrollHeight;
}

export const isAtEnd = (key) => scrolling.get(key)?.stuck ?? true;

/** Bring one message into view and point at it, e.g. after following a link to it. */
export function reveal(key, ts) {
  const view = scrolling.get(key);
  const row = view?.el?.querySelector(`[data-ts="${CSS.escape(ts)}"]`);
  if (!row) return false;
  view.stuck = false;
  row.scrollIntoView({ block: "center" });
  row.classList.add("is-pointed-at");
  setTimeout(() => row.classList.remove("is-pointed-at"), 2500);
  row.focus({ preventScroll: true });
  return true;
}

function moveBetween(event) {
  if (!event.target.matches?.(".message") || !["ArrowUp", "ArrowDown", "Home", "End"].includes(event.key))
    return;
  const rows = [...event.currentTarget.querySelectorAll(".message[data-ts]")];
  const at = rows.indexOf(event.target);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
  if (!rows[to]) return;
  event.preventDefault();
  rows[to].focus();
  rows[to].scrollIntoView({ block: "nearest" });
}
