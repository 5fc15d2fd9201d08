// Start: fetch the workspace, follow the address bar and the server's hints, draw.

import { h, mount } from "./vdom.js";
import * as api from "./api.js";
import { channelPane } from "./channel.js";
import { confirmDialog } from "./confirm.js";
import { setDraft } from "./composer.js";
import { keepRelativeTimes } from "./dates.js";
import { feedKey } from "./channel.js";
import { isAtEnd, reveal } from "./feed.js";
import { home, openHome } from "./home.js";
import { icon } from "./icons.js";
import { onJournalHint } from "./journal.js";
import { modal } from "./modal.js";
import { panel, showPanel } from "./panel.js";
import { avatar, channelTitle, persons, viewerId } from "./people.js";
import { closeMenu, watchMenus } from "./popover.js";
import { forgetViewer, onSlackHint, refreshAllChannels, refreshEverything, refreshMessages, refreshRailway, refreshThread, refreshViews, refreshWorkspace, shownChannel } from "./refresh.js";
import { go, parse } from "./router.js";
import { sidebar } from "./sidebar.js";
import { recall, remember } from "./storage.js";
import { changed, onChange, state } from "./store.js";
import { threadPane } from "./thread.js";
import { toasts } from "./toast.js";
import { firstUnread, lastRead, markRead, totalUnread } from "./unread.js";

const FIRST_COMMAND = "/luthien create acme";
const root = document.getElementById("app");

async function start() {
  onChange(render);
  render();
  watchMenus();
  keepRelativeTimes();
  await untilThere();
  if (!persons().some((one) => one.name === state.viewer)) state.viewer = persons()[0]?.name ?? state.viewer;
  addEventListener("hashchange", follow);
  document.querySelector(".skip-link").addEventListener("click", skip);
  document.addEventListener("visibilitychange", changed);
  api.listen(onHint, onLink);
  await refreshAllChannels();
  beginReading();
  firstVisit();
  follow();
  refreshViews();
  refreshRailway();
}

/** The address belongs to the router, so the skip link only moves the focus. */
function skip(event) {
  event.preventDefault();
  (document.getElementById("composer") ?? document.getElementById("main"))?.focus();
}

/** The page may be opened while the sandbox is still starting. */
async function untilThere() {
  while (!state.workspace) {
    try {
      state.workspace = await api.workspace();
    } catch {
      state.link = "lost";
      changed();
      await new Promise((done) => setTimeout(done, 700));
    }
  }
}

/** What is there when a person comes for the first time counts as read. */
function beginReading() {
  for (const one of state.workspace.channels) if (lastRead(one.id) === null) markRead(one.id);
}

function firstVisit() {
  if (recall("visited", false)) return;
  remember("visited", true);
  const room = shownChannel();
  if (room) setDraft(feedKey(room.id), FIRST_COMMAND);
}

function onLink(link) {
  const back = link === "live" && state.link === "lost";
  state.link = link;
  if (back) refreshWorkspace().then(refreshEverything);
  changed();
}

let railwaySoon = null;

function onHint(hint) {
  if (hint.type === "slack") onSlackHint(hint);
  else if (hint.type === "railway") {
    railwaySoon ??= setTimeout(() => {
      railwaySoon = null;
      refreshRailway();
    }, 150);
  } else if (hint.type === "journal") onJournalHint(hint);
}

/** Make the state agree with the address bar. */
async function follow() {
  closeMenu();
  const before = state.route;
  const route = parse(location.hash);
  if (route.screen === "channel" && route.channel) state.lastChannel = route.channel;
  state.route = route;
  if (route.screen === "railway" || route.screen === "journal") showPanel(true, route.screen);
  if (route.screen === "home" && before.screen !== "home") openHome().then(refreshViews);
  const room = shownChannel();
  if (room) {
    if (before.channel !== route.channel || before.screen !== route.screen) state.firstUnread.set(room.id, firstUnread(room.id));
    if (!state.messages.has(room.id)) refreshMessages(room.id);
    if (route.thread) {
      if (route.thread !== before.thread) state.panel = { ...state.panel, front: false };
      await refreshThread(room.id, route.thread);
    }
  }
  changed();
  if (route.message && room) queueMicrotask(() => reveal(`${state.viewer}/${feedKey(room.id)}`, route.message));
  else if (matchMedia("(pointer: fine)").matches && !document.querySelector("dialog[open]")) queueMicrotask(() => document.getElementById(route.thread ? "thread-composer" : "composer")?.focus());
}

function switchTo(name) {
  if (name === state.viewer) return;
  state.viewer = name;
  remember("viewer", name);
  forgetViewer();
  state.firstUnread.clear();
  changed();
  refreshEverything();
  refreshAllChannels().then(beginReading);
  if (state.route.screen === "home") openHome().then(refreshViews);
  const room = shownChannel();
  if (room?.is_im && !room.members?.includes(viewerId())) go("#/channel/ops");
}

function topBar() {
  const { team } = state.workspace;
  const live = { live: null, connecting: "Connecting…", lost: "Reconnecting…" }[state.link];
  const dark = window.sandboxTheme.isDark();
  const others = persons();
  return h(
    "header",
    { class: "topbar", key: "topbar" },
    h("a", { class: "brand", href: "#/channels", "aria-label": `${team.name}, local workspace` }, h("img", { src: new URL("../icon.svg", import.meta.url).href, alt: "", width: "24", height: "24" }), h("span", {}, team.name), h("span", { class: "brand-note muted" }, "local workspace")),
    h("span", { class: `link-state ${live ? "" : "is-quiet"}`, role: "status" }, live ? [h("span", { class: "spinner", "aria-hidden": "true" }), live] : null),
    h(
      "div",
      { class: "topbar-tools" },
      h("div", { class: "viewer-short only-phone", role: "group", "aria-label": "You are" }, others.map((one) => h("button", { key: one.id, type: "button", class: "viewer-dot", "aria-pressed": String(one.name === state.viewer), "aria-label": `See as ${one.name}`, on: { click: () => switchTo(one.name) } }, avatar(one.id, null, "is-small")))),
      h("button", { type: "button", class: "icon-button", "aria-label": dark ? "Light colours" : "Dark colours", title: dark ? "Light colours" : "Dark colours", on: { click: () => { window.sandboxTheme.toggle(); changed(); } } }, icon(dark ? "sun" : "moon")),
      h("button", { type: "button", class: "button is-quiet panel-toggle not-phone", "aria-expanded": String(state.panel.open), on: { click: () => showPanel(!(state.panel.open && (state.panel.front || !state.route.thread))) } }, icon("panel"), "Railway"),
      h("a", { class: "icon-button only-phone", href: "#/railway", "aria-label": "Railway" }, icon("panel")),
    ),
  );
}

function layout() {
  const { route } = state;
  const room = route.screen === "home" ? null : shownChannel();
  const panelScreen = route.screen === "railway" || route.screen === "journal";
  const withPanel = state.panel.open || panelScreen;
  const withThread = Boolean(room && route.thread);
  const side = withThread && withPanel ? (state.panel.front ? "front-panel" : "front-thread") : "";
  const screen = withThread ? "thread" : panelScreen ? "panel" : route.screen === "channels" ? "list" : "main";
  return h(
    "div",
    { class: `workspace ${side} ${withThread ? "has-thread" : ""} ${withPanel ? "has-panel" : ""}`, "data-screen": screen },
    topBar(),
    sidebar({ switchTo }),
    route.screen === "home" ? home() : room ? channelPane(room) : h("main", { class: "main", key: "nothing" }, h("p", { class: "empty" }, "There is no such channel.")),
    withThread ? threadPane(room, route.thread) : null,
    withPanel ? panel() : null,
  );
}

function render() {
  if (!state.workspace) {
    mount(root, h("div", { class: "starting", role: "status" }, h("span", { class: "spinner" }), state.link === "lost" ? "The sandbox does not answer yet. Trying again…" : "Opening the workspace…"));
    return;
  }
  const room = shownChannel();
  if (room && !document.hidden && state.route.screen === "channel" && isAtEnd(`${state.viewer}/${feedKey(room.id)}`)) markRead(room.id);
  const unread = totalUnread();
  document.title = `${unread ? `(${unread}) ` : ""}${room ? channelTitle(room) : "App Home"} · ${state.workspace.team.name}`;
  mount(root, [layout(), modal(), confirmDialog(), toasts()]);
}

start();
