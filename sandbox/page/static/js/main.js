// Start: fetch the workspace, follow the address bar and the server's hints, draw.

import { h, mount } from "./vdom.js";
import * as api from "./api.js";
import { feedKey } from "./channel.js";
import { setDraft } from "./composer.js";
import { confirmDialog } from "./confirm.js";
import { watchConsoleLinks } from "./console_links.js";
import { spinner } from "./controls.js";
import { keepRelativeTimes } from "./dates.js";
import { isAtEnd, reveal } from "./feed.js";
import { frame } from "./frame.js";
import { openHome } from "./home.js";
import { onJournalHint } from "./journal.js";
import { modal } from "./modal.js";
import { showPanel } from "./panel.js";
import { channelTitle, persons } from "./people.js";
import { closeMenu, watchMenus } from "./popover.js";
import * as refresh from "./refresh.js";
import { parse } from "./router.js";
import { recall, remember } from "./storage.js";
import { changed, onChange, state } from "./store.js";
import { toasts } from "./toast.js";
import { beginReading, firstUnread, markRead, totalUnread } from "./unread.js";

const FIRST_COMMAND = "/luthien create acme";
const ANSWER_PAUSE = 700; // ms between two tries while the sandbox is still starting
const RAILWAY_PAUSE = 150; // ms in which hints of Railway share one look at it
const root = document.getElementById("app");

async function start() {
  onChange(render);
  render();
  watchMenus();
  watchConsoleLinks();
  keepRelativeTimes();
  await untilThere();
  if (!persons().some((one) => one.name === state.viewer)) state.viewer = persons()[0]?.name ?? state.viewer;
  addEventListener("hashchange", follow);
  document.querySelector(".skip-link").addEventListener("click", skip);
  document.addEventListener("visibilitychange", changed);
  api.listen(onHint, onLink);
  await refresh.refreshEverything();
  beginReading();
  firstVisit();
  follow();
}

/** The page may be opened before the sandbox answers. */
async function untilThere() {
  while (!state.workspace) {
    try {
      state.workspace = await api.workspace();
    } catch {
      state.link = "lost";
      changed();
      await new Promise((done) => setTimeout(done, ANSWER_PAUSE));
    }
  }
}

function firstVisit() {
  if (recall("visited", false)) return;
  remember("visited", true);
  const room = refresh.shownChannel();
  if (room) setDraft(feedKey(room.id), FIRST_COMMAND);
}

/** The address belongs to the router, so the skip link only moves the focus. */
function skip(event) {
  event.preventDefault();
  (document.getElementById("composer") ?? document.getElementById("main"))?.focus();
}

function onLink(link) {
  const back = link === "live" && state.link === "lost";
  state.link = link;
  if (back) refresh.refreshWorkspace().then(refresh.refreshEverything);
  changed();
}

let railwaySoon = null;

function onHint(hint) {
  if (hint.type === "slack") refresh.onSlackHint(hint);
  else if (hint.type === "journal") onJournalHint(hint);
  else if (hint.type === "railway") {
    railwaySoon ??= setTimeout(() => {
      railwaySoon = null;
      refresh.refreshRailway();
    }, RAILWAY_PAUSE);
  }
}

/** Make the state agree with the address bar. */
function follow() {
  closeMenu();
  const before = state.route;
  const route = parse(location.hash);
  state.route = route;
  if (route.screen === "channel" && route.channel) state.lastChannel = route.channel;
  if (route.screen === "railway" || route.screen === "journal") showPanel(true, route.screen);
  if (route.screen === "home" && before.screen !== "home") openHome().then(refresh.refreshViews);
  if (route.thread && route.thread !== before.thread) state.panel = { ...state.panel, front: false };
  const room = refresh.shownChannel();
  if (room) {
    const entered = before.channel !== route.channel || before.screen !== route.screen;
    if (entered) state.firstUnread.set(room.id, firstUnread(room.id));
    if (!state.messages.has(room.id)) refresh.refreshMessages(room.id);
    if (route.thread) refresh.refreshThread(room.id, route.thread);
  }
  changed();
  queueMicrotask(() => moveFocus(room, route)); // after the panes are there
}

function moveFocus(room, route) {
  if (route.message && room) return reveal(`${state.viewer}/${feedKey(room.id)}`, route.message);
  const typing = matchMedia("(pointer: fine)").matches; // a phone's keyboard would cover what was opened
  if (typing && !document.querySelector("dialog[open]")) {
    document.getElementById(route.thread ? "thread-composer" : "composer")?.focus();
  }
}

function render() {
  if (!state.workspace) {
    const words =
      state.link === "lost" ? "The sandbox does not answer yet. Trying again…" : "Opening the workspace…";
    mount(root, h("div", { class: "starting", role: "status" }, spinner(), words));
    return;
  }
  const room = refresh.shownChannel();
  const read = room && !document.hidden && state.route.screen === "channel";
  if (read && isAtEnd(`${state.viewer}/${feedKey(room.id)}`)) markRead(room.id);
  const unread = totalUnread();
  const place = room ? channelTitle(room) : "App Home";
  document.title = `${unread ? `(${unread}) ` : ""}${place} · ${state.workspace.team.name}`;
  mount(root, [frame(), modal(), confirmDialog(), toasts()]);
}

start();
