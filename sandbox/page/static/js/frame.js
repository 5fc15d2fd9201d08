// The frame around the panes: top bar, list, main pane, thread, panel.

import { h } from "./vdom.js";
import { channelPane } from "./channel.js";
import { iconButton, iconLink, spinner } from "./controls.js";
import { home } from "./home.js";
import { icon } from "./icons.js";
import { panel, showPanel } from "./panel.js";
import { avatar, persons } from "./people.js";
import { shownChannel } from "./refresh.js";
import { sidebar } from "./sidebar.js";
import { changed, state } from "./store.js";
import { threadPane } from "./thread.js";
import { switchTo } from "./viewer.js";

export function frame() {
  const { route, panel: aside } = state;
  const room = shownChannel();
  const panelScreen = route.screen === "railway" || route.screen === "journal";
  const withPanel = aside.open || panelScreen;
  const withThread = Boolean(room && route.thread);
  const front = withThread && withPanel ? (aside.front ? "front-panel" : "front-thread") : "";
  const screen = withThread
    ? "thread"
    : panelScreen
      ? "panel"
      : route.screen === "channels"
        ? "list"
        : "main";
  return h(
    "div",
    {
      class: `workspace ${front} ${withThread ? "has-thread" : ""} ${withPanel ? "has-panel" : ""}`,
      "data-screen": screen,
    },
    topBar(),
    sidebar(),
    mainPane(room),
    withThread ? threadPane(room, route.thread) : null,
    withPanel ? panel() : null,
  );
}

function mainPane(room) {
  if (state.route.screen === "home") return home();
  if (room) return channelPane(room);
  const words = "There is no such channel.";
  return h("main", { class: "main", key: "nothing", id: "main" }, h("p", { class: "empty" }, words));
}

function topBar() {
  const { team } = state.workspace;
  const dark = window.sandboxTheme.isDark();
  const toggleTheme = () => {
    window.sandboxTheme.toggle();
    changed();
  };
  return h(
    "header",
    { class: "topbar", key: "topbar" },
    h(
      "a",
      { class: "brand", href: "#/channels", "aria-label": `${team.name}, local workspace` },
      h("img", { src: new URL("../icon.svg", import.meta.url).href, alt: "", width: "24", height: "24" }),
      h("span", {}, team.name),
      h("span", { class: "brand-note muted" }, "local workspace"),
    ),
    linkState(),
    h(
      "div",
      { class: "topbar-tools" },
      viewers(),
      iconButton(dark ? "sun" : "moon", dark ? "Light colours" : "Dark colours", toggleTheme),
      panelToggle(),
      iconLink("panel", "Railway", "#/railway", { class: "only-phone" }),
    ),
  );
}

/** Quiet while hints arrive. */
function linkState() {
  const words = { live: null, connecting: "Connecting…", lost: "Reconnecting…" }[state.link];
  const look = `link-state ${words ? "" : "is-quiet"}`;
  return h("span", { class: look, role: "status" }, words ? [spinner(), words] : null);
}

/** On a phone the switch between people stays at the top. */
function viewers() {
  const dot = (one) => {
    const props = {
      key: one.id,
      type: "button",
      class: "viewer-dot",
      "aria-pressed": String(one.name === state.viewer),
      "aria-label": `See as ${one.name}`,
      on: { click: () => switchTo(one.name) },
    };
    return h("button", props, avatar(one.id, null, "is-small"));
  };
  const props = { class: "viewer-short only-phone", role: "group", "aria-label": "You are" };
  return h("div", props, persons().map(dot));
}

function panelToggle() {
  const { open, front } = state.panel;
  const seen = open && (front || !state.route.thread);
  const props = {
    type: "button",
    class: "button is-quiet panel-toggle not-phone",
    "aria-expanded": String(open),
    on: { click: () => showPanel(!seen) },
  };
  return h("button", props, icon("panel"), "Railway");
}
